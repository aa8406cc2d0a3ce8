// Goes from frame to frame: playing, stepping, scrubbing. A frame is shown before the next one is asked for.

import { post } from "./api.js";
import { frameOf } from "./pictures.js";
import { show } from "./stage.js";
import { on, path, set, store } from "./store.js";

const REST = 250; // milliseconds on a frame after which it is encoded, so that a click is answered at once
const AHEAD = 12; // frames fetched before they are shown
const find = id => document.getElementById(id);
let speed = 0, resting = 0; // frames at a time, below 0 = backward

export const last = () => store.clip.count - 1;

export function go(frame) {
  const inside = Math.min(last(), Math.max(0, Math.round(frame)));
  if (store.clip && inside !== store.frame) set({ frame: inside });
}

export const step = count => { stop(); go(store.frame + count); };
export const stop = () => { speed = 0; setPressed(); };
export const isPlaying = () => speed !== 0;
export const toggle = () => speed ? stop() : run(1);
export const faster = way => run(Math.sign(speed) === way ? Math.min(8, Math.abs(speed) * 2) * way : way);

function setPressed() {
  find("play").setAttribute("aria-pressed", speed !== 0);
  find("play").setAttribute("aria-label", speed ? "Pause" : "Play");
}

async function run(wanted) {
  const wasStill = speed === 0;
  speed = wanted;
  setPressed();
  if (!wasStill) return;
  if (speed > 0 && store.frame === last()) set({ frame: 0 });
  let due = performance.now();
  while (speed) {
    const next = store.frame + speed;
    if (next < 0 || next > last()) { stop(); break; }
    for (let k = 1; k <= AHEAD; k++) if (next + k * speed <= last() && next + k * speed >= 0) frameOf(next + k * speed).catch(() => {});
    store.frame = next;
    try { await show(); } catch { stop(); }
    place();
    due = Math.max(due + 1000 / store.clip.fps, performance.now() - 100);
    await new Promise(done => setTimeout(done, Math.max(0, due - performance.now())));
  }
  set({ frame: store.frame });
}

function place() {
  const { frame, clip } = store;
  find("scrub").value = frame;
  if (document.activeElement !== find("number")) find("number").value = frame;
  find("time").value = `of ${clip.count}, ${clip.times[frame].toFixed(2)} s`;
  document.documentElement.style.setProperty("--at", clip.count > 1 ? frame / (clip.count - 1) : 0);
}

function rest() { // the frame that the user stays at is made ready for clicks
  clearTimeout(resting);
  const { frame, id } = store;
  resting = setTimeout(() => {
    if (store.id === id && store.frame === frame && !speed && !store.job) post(path("prepare"), { frame }).catch(() => {});
  }, REST);
}

export const setIn = () => set({ from: store.frame, until: Math.max(store.frame, store.until) });
export const setOut = () => set({ until: store.frame, from: Math.min(store.frame, store.from) });
export const setWhole = () => set({ from: 0, until: last() });

on("frame", () => { if (store.clip) { place(); rest(); } });
on("clip", () => {
  if (!store.clip) { stop(); return; }
  find("scrub").max = find("number").max = last();
  place();
  rest();
});
find("scrub").addEventListener("input", event => { stop(); go(event.target.valueAsNumber); });
find("number").addEventListener("change", event => { stop(); go(event.target.valueAsNumber || 0); place(); });
find("play").addEventListener("click", toggle);
find("previous").addEventListener("click", () => step(-1));
find("next").addEventListener("click", () => step(1));
find("in").addEventListener("click", setIn);
find("out").addEventListener("click", setOut);
find("whole").addEventListener("click", setWhole);
