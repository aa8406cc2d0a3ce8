// A row for each object under the player: predicted IoU over the frames, in the colour of its presence.

import { go, stop } from "./player.js";
import { on, set, store } from "./store.js";

const place = document.getElementById("rows");
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const ABSENT = 0.15; // of a row's height, where there is no score to draw
const PRESENCES = { p: "present", u: "uncertain", a: "absent" };

function makeRows() {
  place.replaceChildren(...store.objects.map(one => {
    const row = document.createElement("div"), name = document.createElement("span"), canvas = document.createElement("canvas");
    row.className = "track-row";
    name.textContent = one.name;
    canvas.dataset.object = one.id;
    canvas.setAttribute("role", "img");
    row.append(name, canvas);
    listen(canvas, one.id);
    return row;
  }));
  draw();
}

function listen(canvas, id) {
  const seek = event => {
    const box = canvas.getBoundingClientRect();
    stop();
    go((event.clientX - box.left) / box.width * (store.clip.count - 1));
  };
  canvas.addEventListener("pointerdown", event => { canvas.setPointerCapture(event.pointerId); set({ object: id }); seek(event); });
  canvas.addEventListener("pointermove", event => { if (event.buttons) seek(event); });
}

function draw() {
  if (!store.clip) return;
  const ratio = window.devicePixelRatio || 1, tint = Object.fromEntries(["present", "uncertain", "absent", "look", "shown", "ink", "line"].map(name => [name, colour(name)]));
  for (const canvas of place.querySelectorAll("canvas")) {
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    drawRow(canvas, Number(canvas.dataset.object), tint, ratio);
  }
}

function drawRow(canvas, id, tint, ratio) {
  const context = canvas.getContext("2d"), { width, height } = canvas, row = store.rows[id], count = store.clip.count;
  const wide = width / Math.max(1, count - 1), x = frame => count > 1 ? frame * wide : width / 2;
  if (row) drawScores(context, row, wide, height, tint);
  context.fillStyle = tint.look;
  const own = store.checks.filter(check => check.object === id);
  for (const { frame } of own) triangle(context, x(frame), 0, 5 * ratio);
  context.fillStyle = tint.shown;
  for (const [frame, shown] of Object.entries(store.prompts)) if (id in shown) context.fillRect(x(Number(frame)) - 1.5 * ratio, 0, 3 * ratio, height);
  context.fillStyle = tint.line;
  context.globalAlpha = 0.75;
  context.fillRect(0, 0, x(store.from) - (store.from ? wide / 2 : 0), height);
  if (store.until < count - 1) context.fillRect(x(store.until) + wide / 2, 0, width, height);
  context.globalAlpha = 1;
  context.fillStyle = tint.ink;
  context.fillRect(x(store.frame) - ratio / 2, 0, Math.max(1, ratio), height);
  const found = row ? [...row.presence].filter(sign => sign === "p" || sign === "u").length : 0;
  canvas.setAttribute("aria-label", `object ${id}: found in ${found} of ${count} frames, ${own.length} need a look`);
}

function drawScores(context, row, wide, height, tint) {
  for (let frame = 0; frame < row.presence.length; frame++) {
    const presence = PRESENCES[row.presence[frame]];
    if (!presence) continue;
    const score = presence === "absent" ? ABSENT : Math.max(ABSENT, row.score[frame] / 100);
    context.fillStyle = tint[presence];
    context.globalAlpha = row.current[frame] === "1" ? 1 : 0.35; // found before the latest change
    const left = Math.floor((frame - 0.5) * wide), right = Math.ceil((frame + 0.5) * wide);
    context.fillRect(left, height * (1 - 0.9 * score), right - left, height);
  }
  context.globalAlpha = 1;
}

function triangle(context, x, y, size) {
  context.beginPath();
  context.moveTo(x - size, y);
  context.lineTo(x + size, y);
  context.lineTo(x, y + 1.6 * size);
  context.fill();
}

let names = "";
on("state clip", () => { // rows are made anew only when the objects are others
  const now = store.objects.map(one => `${one.id} ${one.name}`).join("\n");
  if (now !== names || !store.clip) { names = now; makeRows(); } else draw();
});
on("rows frame from until", draw);
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
