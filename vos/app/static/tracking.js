// Following the objects: begun, watched while it goes on, cancelled; and the frames that need a look afterwards.

import { get, post } from "./api.js";
import { settled } from "./edits.js";
import { complain, tried } from "./message.js";
import { go, last, stop } from "./player.js";
import { show } from "./stage.js";
import { on, path, set, store, take } from "./store.js";

const find = id => document.getElementById(id);
const PAUSE = 120; // milliseconds between two looks at the work
let isWatching = false;

export const track = tried(async () => {
  stop();
  await settled();
  if (store.job || !Object.keys(store.prompts).length) return;
  const { from, until } = store, direction = find("direction").value;
  take(await post(path("track"), { start: from, end: until + 1, direction }));
  watch();
});

export const cancel = tried(async () => take(await post(path("cancel"))));

// Looks again and again how far the work is, and shows the frame that it is at.
export async function watch() {
  if (isWatching) return;
  isWatching = true;
  const { id } = store;
  try {
    while (store.job && store.id === id) {
      if (store.job.kind === "track" && find("follow").checked && store.job.frame !== null) {
        store.frame = store.job.frame;
        set({ frame: store.frame });
        await show();
      }
      await new Promise(done => setTimeout(done, PAUSE));
      if (store.id === id) take(await get(path("state")));
    }
  } catch (error) { complain(error); } finally { isWatching = false; }
}

const seconds = value => value >= 90 ? `${Math.round(value / 60)} minutes` : `${Math.max(1, Math.round(value))} s`;

on("state", () => {
  const job = store.job;
  find("track").hidden = job?.kind === "track";
  find("track").disabled = !store.objects.length || !Object.keys(store.prompts).length || job !== null;
  find("cancel").hidden = find("progress").hidden = job?.kind !== "track";
  find("busy").hidden = job === null;
  find("busy").textContent = job?.text ?? "";
  if (job?.kind !== "track") { find("progress-text").textContent = tracked(); return; }
  find("progress").value = job.total ? job.done / job.total : 0;
  const left = job.left === null ? "" : `, ${seconds(job.left)} left`;
  find("progress-text").textContent = job.done ? `${job.done} of ${job.total} frames${left}` : job.text;
  watch();
});

function tracked() {
  const rows = Object.values(store.rows);
  if (!rows.length || !store.clip) return "";
  const done = [...Array(store.clip.count).keys()].filter(frame => rows.every(row => row.current[frame] === "1")).length;
  if (done === store.clip.count) return "All frames are tracked.";
  return done ? `${done} of ${store.clip.count} frames are up to date.` : "";
}

let at = -1; // the check that was gone to last
export function nextCheck() {
  if (!store.checks.length) return;
  at = (at + 1) % store.checks.length;
  look(store.checks[at]);
}

function look(check) {
  stop();
  at = store.checks.indexOf(check);
  set({ object: check.object });
  go(check.frame);
  mark();
}

function mark() {
  [...find("checks").querySelectorAll("button")].forEach((button, k) => {
    button.setAttribute("aria-current", k === at && store.checks[k].frame === store.frame);
  });
}

function fill() {
  at = -1;
  find("checks").replaceChildren(...store.checks.map(check => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.textContent = `Frame ${check.frame}, ${check.name}: ${check.reason}`;
    button.addEventListener("click", () => look(check));
    item.append(button);
    return item;
  }));
  find("next-check").disabled = !store.checks.length;
}

let known = "";
on("rows clip", () => {
  const now = JSON.stringify(store.checks);
  if (now !== known) fill();
  known = now;
});
on("frame", mark);
find("track").addEventListener("click", track);
find("cancel").addEventListener("click", cancel);
find("next-check").addEventListener("click", nextCheck);
on("clip", () => store.clip && set({ from: 0, until: last() }));
