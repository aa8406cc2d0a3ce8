// Puts the parts together, and begins.

import "./objects.js";
import "./timeline.js";
import "./exporting.js";
import "./keys.js";
import { start } from "./opening.js";
import { on, set, store, tell } from "./store.js";

const find = id => document.getElementById(id);

find("view").addEventListener("change", event => set({ view: event.target.value }));
find("ground").addEventListener("input", event => set({ ground: event.target.value }));
on("view", () => {
  find("view").value = store.view;
  find("ground").hidden = store.view !== "colour";
});
on("state", () => {
  find("undo").disabled = !store.canUndo;
  find("redo").disabled = !store.canRedo;
  find("export").disabled = !Object.keys(store.rows).length || store.job !== null;
});
tell("tool", "view");
start();
