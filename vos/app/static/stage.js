// The picture: a frame, and over it what is known of the objects, in one of several views.

import { alphaOf, frameOf, labelsOf } from "./pictures.js";
import { complain } from "./message.js";
import { on, promptsHere, store, tell } from "./store.js";

const canvas = document.getElementById("canvas");
const screen = canvas.getContext("2d");
const layer = new OffscreenCanvas(1, 1);
const layerContext = layer.getContext("2d", { willReadFrequently: true });
const TINT = 0.45, SQUARE = 12; // share of the object's colour; pixels of the checkerboard's squares
const draft = { paint: null }; // what a tool draws over everything while it is used
let asked = 0, drawn = 0, shown = -1; // the frame that is on the screen

export const isShown = () => shown === store.frame;

const rgb = colour => [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));

// Objects' colours by their ids, as pixels of ImageData: red in the lowest byte, the opacity in the highest.
function colours(opacity) {
  const table = new Uint32Array(256);
  for (const one of store.objects) {
    const [red, green, blue] = rgb(one.colour);
    table[one.id] = (opacity << 24 | blue << 16 | green << 8 | red) >>> 0;
  }
  return table;
}

// Masks in their objects' colours, faint with a full outline, to be laid over the frame.
function overlay(pixels, labels, width) {
  const faint = colours(Math.round(255 * TINT)), full = colours(255);
  for (let at = 0; at < labels.length; at++) {
    const id = labels[at];
    if (!id) continue;
    const x = at % width, isEdge = labels[at - width] !== id || labels[at + width] !== id
      || x === 0 || labels[at - 1] !== id || x === width - 1 || labels[at + 1] !== id;
    pixels[at] = isEdge ? full[id] : faint[id];
  }
}

function masks(pixels, labels) {
  const table = colours(255);
  table[0] = 0xff000000;
  for (let at = 0; at < labels.length; at++) pixels[at] = table[labels[at]];
}

function matte(pixels, alpha) {
  for (let at = 0, to = 0; at < alpha.length; at++, to += 4)
    pixels[to] = pixels[to + 1] = pixels[to + 2] = alpha[at];
}

function over(pixels, alpha, width, ground) {
  for (let at = 0, to = 0; at < alpha.length; at++, to += 4) {
    const share = alpha[at] / 255, dark = ((at % width) / SQUARE ^ at / width / SQUARE) & 1;
    for (let k = 0; k < 3; k++) {
      const behind = ground ? ground[k] : dark ? 140 : 200;
      pixels[to + k] = behind + share * (pixels[to + k] - behind);
    }
  }
}

function wanted(frame, view) {
  if (view === "frame" || !store.objects.length) return [frameOf(frame), null];
  return [frameOf(frame), ["overlay", "mask"].includes(view) ? labelsOf(frame) : alphaOf(frame)];
}

function colour(labels, view, width, height) {
  const image = new ImageData(width, height), sheet = new OffscreenCanvas(width, height);
  (view === "overlay" ? overlay : masks)(new Uint32Array(image.data.buffer), labels, width);
  sheet.getContext("2d").putImageData(image, 0, 0);
  layerContext.drawImage(sheet, 0, 0);
}

// Fetches and draws the current frame; the frame and its masks appear together.
export async function show() {
  const turn = ++asked, { frame, view } = store;
  if (!store.clip) return;
  const [picture, mask] = await Promise.all(wanted(frame, view));
  if (turn < drawn || !store.clip) return; // a later one was faster, or the clip was closed
  drawn = turn;
  const { width, height } = picture;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = layer.width = width;
    canvas.height = layer.height = height;
    canvas.style.setProperty("--ratio", width / height);
  }
  layerContext.drawImage(picture, 0, 0);
  if (mask && mask.length === width * height) {
    if (view === "overlay" || view === "mask") colour(mask, view, width, height);
    else {
      const image = layerContext.getImageData(0, 0, width, height);
      if (view === "matte") matte(image.data, mask);
      else over(image.data, mask, width, view === "colour" ? rgb(store.ground) : null);
      layerContext.putImageData(image, 0, 0);
    }
  }
  shown = Number(canvas.dataset.frame = frame);
  repaint();
  tell("shown");
}

// Draws clicks, boxes and what a tool is at over the picture that is there.
export function repaint() {
  screen.drawImage(layer, 0, 0);
  const scale = canvas.width / store.clip.width, size = Math.max(1, canvas.width / Math.max(1, canvas.clientWidth));
  if (isShown() && ["overlay", "frame"].includes(store.view))
    for (const [id, shownBy] of Object.entries(promptsHere())) drawPrompt(Number(id), shownBy, scale, size);
  draft.paint?.(screen, scale, size);
}

function drawPrompt(id, { points = [], box }, scale, size) {
  const isChosen = id === store.object;
  screen.globalAlpha = isChosen ? 1 : 0.45;
  if (box) drawBox(screen, box.map(value => value * scale), size);
  for (const [x, y, label] of points) {
    const at = [(x + 0.5) * scale, (y + 0.5) * scale], reach = 3.2 * size;
    screen.beginPath();
    screen.arc(...at, 6.5 * size, 0, 2 * Math.PI);
    screen.fillStyle = label === 0 ? "#c62828" : "#1b7f4b";
    screen.fill();
    screen.lineWidth = 1.6 * size;
    screen.strokeStyle = "#fff";
    screen.moveTo(at[0] - reach, at[1]);
    screen.lineTo(at[0] + reach, at[1]);
    if (label !== 0) { screen.moveTo(at[0], at[1] - reach); screen.lineTo(at[0], at[1] + reach); }
    screen.stroke();
  }
  screen.globalAlpha = 1;
}

export function drawBox(context, [x, y, width, height], size) {
  context.lineWidth = 3 * size;
  context.strokeStyle = "#000a";
  context.strokeRect(x, y, width, height);
  context.lineWidth = 1.5 * size;
  context.strokeStyle = "#fff";
  context.strokeRect(x, y, width, height);
}

// Pixel of the frame under a pointer, whole numbers, kept inside.
export function pixelAt(event) {
  const place = canvas.getBoundingClientRect(), { width, height } = store.clip;
  const inside = (value, size) => Math.min(size - 1, Math.max(0, Math.floor(value * size)));
  return [inside((event.clientX - place.left) / place.width, width), inside((event.clientY - place.top) / place.height, height)];
}

export function setDraft(paint) { draft.paint = paint; repaint(); }

on("clip", () => { shown = -1; });
on("frame masks view ground clip", () => show().catch(complain));
on("state object", () => store.clip && isShown() && repaint());
