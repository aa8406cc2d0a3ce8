// What a pointer does on the picture: a click, a box, a stroke.

import { show } from "./edits.js";
import { drawBox, isShown, pixelAt, setDraft } from "./stage.js";
import { on, set, store } from "./store.js";

const canvas = document.getElementById("canvas"), radius = document.getElementById("radius");
const MOVED = 5; // screen pixels from which a press is a drag
export const TOOLS = ["add", "less", "box", "brush", "eraser"];
let drag = null; // {tool, points, start, isLess}

const boxOf = ([[ax, ay], [bx, by]]) =>
  [Math.min(ax, bx), Math.min(ay, by), Math.abs(ax - bx) + 1, Math.abs(ay - by) + 1];
const reach = () => Math.max(1, Math.round(radius.value * store.clip.width / 800)); // of the brush, the frame's pixels

function draw() {
  const { tool, points } = drag;
  setDraft((context, scale, size) => {
    if (tool === "box") { drawBox(context, boxOf(points).map(value => value * scale), size); return; }
    context.lineWidth = 2 * reach() * scale;
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = tool === "eraser" ? "#c6282890" : "#1b7f4b90";
    context.beginPath();
    points.forEach(([x, y]) => context.lineTo((x + 0.5) * scale, (y + 0.5) * scale));
    if (points.length === 1) context.lineTo((points[0][0] + 0.6) * scale, (points[0][1] + 0.5) * scale);
    context.stroke();
  });
}

canvas.addEventListener("pointerdown", event => {
  if (event.button !== 0 || !isShown()) return; // what is under the pointer is of another frame
  canvas.setPointerCapture(event.pointerId);
  const at = pixelAt(event);
  drag = { tool: store.tool, points: [at], start: [event.clientX, event.clientY], isLess: event.shiftKey || store.tool === "less" };
  if (["brush", "eraser"].includes(drag.tool)) draw();
});

canvas.addEventListener("pointermove", event => {
  if (!drag) return;
  const moved = Math.hypot(event.clientX - drag.start[0], event.clientY - drag.start[1]);
  if (drag.tool === "add" && moved > MOVED && !drag.isLess) drag.tool = "box"; // a drag is a box, whatever the tool
  if (drag.tool === "box") drag.points = [drag.points[0], pixelAt(event)];
  else if (["brush", "eraser"].includes(drag.tool)) drag.points.push(pixelAt(event));
  else return;
  draw();
});

canvas.addEventListener("pointerup", () => {
  if (!drag) return;
  const { tool, points, isLess } = drag;
  drag = null;
  setDraft(null);
  if (tool === "box") { if (points.length > 1) show({ box: boxOf(points) }); }
  else if (tool === "brush" || tool === "eraser") show({ stroke: points, radius: reach(), erase: tool === "eraser" });
  else show({ point: [...points[0], isLess ? 0 : 1] });
});

canvas.addEventListener("pointercancel", () => { drag = null; setDraft(null); });

const buttons = [...document.querySelectorAll("#tools button")];
buttons.forEach(button => button.addEventListener("click", () => set({ tool: button.dataset.tool })));
on("tool", () => {
  for (const button of buttons) button.setAttribute("aria-checked", button.dataset.tool === store.tool);
  document.getElementById("brush-size").hidden = !["brush", "eraser"].includes(store.tool);
});
