// The list of objects: chosen, named, coloured, removed.

import { edit, hasCandidates, other } from "./edits.js";
import { on, promptsHere, set, store } from "./store.js";

const place = document.getElementById("objects");

function make(one) {
  const item = document.createElement("li"), colour = document.createElement("input"), name = document.createElement("input");
  item.dataset.object = one.id;
  colour.type = "color";
  colour.value = one.colour;
  colour.setAttribute("aria-label", `Colour of ${one.name}`);
  colour.addEventListener("change", () => edit("recolour", { object: one.id, colour: colour.value }));
  name.type = "text";
  name.value = one.name;
  name.maxLength = 60;
  name.setAttribute("aria-label", "Name");
  name.addEventListener("focus", () => set({ object: one.id }));
  name.addEventListener("change", () => name.value.trim() ? edit("rename", { object: one.id, name: name.value.trim() }) : (name.value = one.name));
  const remove = document.createElement("button");
  remove.textContent = "\u00d7";
  remove.title = `Remove ${one.name}`;
  remove.setAttribute("aria-label", remove.title);
  remove.addEventListener("click", event => { event.stopPropagation(); edit("remove", { object: one.id }); });
  item.append(colour, name, remove);
  item.addEventListener("click", () => set({ object: one.id }));
  return item;
}

let known = "";
on("state clip", () => {
  const now = JSON.stringify(store.objects);
  if (now !== known) place.replaceChildren(...store.objects.map(make));
  known = now;
  mark();
});
on("object frame", mark);

function mark() {
  for (const item of place.children) item.classList.toggle("chosen", Number(item.dataset.object) === store.object);
  const hint = document.getElementById("hint");
  if (!store.objects.length) hint.textContent = "Click on what is to be followed, or drag a box around it.";
  else hint.textContent = promptsHere()[store.object] ? (store.doubts ?? []).map(doubt => doubt.split(";")[0]).join("; ") : "";
  document.getElementById("other").hidden = !hasCandidates();
}

document.getElementById("other").addEventListener("click", other);
document.getElementById("new-object").addEventListener("click", async () => {
  await edit("objects");
  set({ object: store.objects.at(-1)?.id ?? null });
});
