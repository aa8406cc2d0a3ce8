// The keyboard, wherever the focus is, except where text is typed.

import { clear, other, redo, undo } from "./edits.js";
import { faster, go, last, setIn, setOut, step, stop, toggle } from "./player.js";
import { set, store } from "./store.js";
import { TOOLS } from "./tools.js";
import { cancel, nextCheck, track } from "./tracking.js";

const VIEWS = [...document.getElementById("view").options].map(option => option.value);
const find = id => document.getElementById(id);

const KEYS = [ // keys, what they do in words, what they do
  [[" "], "play, pause", toggle],
  [["ArrowLeft", ","], "frame before", () => step(-1)],
  [["ArrowRight", "."], "next frame", () => step(1)],
  [["Shift+ArrowLeft"], "ten frames back", () => step(-10)],
  [["Shift+ArrowRight"], "ten frames on", () => step(10)],
  [["Home"], "first frame", () => { stop(); go(0); }],
  [["End"], "last frame", () => { stop(); go(last()); }],
  [["j"], "play backward; again: faster", () => faster(-1)],
  [["k"], "stop", stop],
  [["l"], "play forward; again: faster", () => faster(1)],
  [["i"], "in: tracking begins here", setIn],
  [["o"], "out: tracking ends here", setOut],
  [["n"], "next frame that needs a look", nextCheck],
  [["t"], "track", track],
  [["Escape"], "cancel tracking", () => store.job && cancel()],
  ...TOOLS.map((tool, k) => [[`${k + 1}`], ["add", "remove", "box", "brush", "eraser"][k], () => set({ tool })]),
  [["c"], "another of the masks that the clicks could mean", other],
  [["v"], "next view", () => set({ view: VIEWS[(VIEWS.indexOf(store.view) + 1) % VIEWS.length] })],
  [["Delete", "Backspace"], "take back what was shown of the object in this frame", clear],
  [["Control+z", "Meta+z"], "undo", undo],
  [["Control+Shift+z", "Control+y", "Meta+Shift+z"], "redo", redo],
  [["?", "Shift+?"], "these keys", () => find("keys-dialog").showModal()],
];
const SAID = { " ": "Space", ArrowLeft: "\u2190", ArrowRight: "\u2192", "Shift+ArrowLeft": "Shift \u2190", "Shift+ArrowRight": "Shift \u2192" };

addEventListener("keydown", event => {
  if (!store.clip || document.querySelector("dialog[open]")) return;
  const { target } = event, isTyping = target.matches("input[type=text], input[type=number], select");
  if (isTyping && !(event.ctrlKey || event.metaKey)) return;
  if (target.matches("button, summary") && [" ", "Enter"].includes(event.key)) return; // presses it
  const held = [["Control", event.ctrlKey], ["Meta", event.metaKey], ["Shift", event.shiftKey]].filter(([, is]) => is).map(([name]) => name);
  const name = [...held, event.key.length === 1 ? event.key.toLowerCase() : event.key].join("+");
  const found = KEYS.find(([names]) => names.includes(name));
  if (!found) return;
  event.preventDefault();
  found[2]();
});

find("keys").append(...KEYS.flatMap(([names, words]) => {
  const key = document.createElement("dt"), does = document.createElement("dd");
  key.textContent = SAID[names[0]] ?? names[0].replace("Control", "Ctrl").replace(/^[a-z]$|(?<=\+)[a-z]$/, letter => letter.toUpperCase());
  does.textContent = words;
  return [key, does];
}));
find("keys").append(...[["Click", "on the object"], ["Shift click", "not the object"], ["Drag", "a box around it"]].flatMap(pair =>
  pair.map((text, k) => Object.assign(document.createElement(k ? "dd" : "dt"), { textContent: text }))));
find("help").addEventListener("click", () => find("keys-dialog").showModal());
find("undo").addEventListener("click", () => undo());
find("redo").addEventListener("click", () => redo());
