// The dialog that writes results: which, with which options, and where to.

import { get, post } from "./api.js";
import { path, store, take } from "./store.js";
import { stop } from "./player.js";

const find = id => document.getElementById(id), dialog = find("export-dialog");
const NAMES = { // how outputs are called here; others by their own name
  masks: "Masks (PNG)", overlay: "Overlay (video)", matte: "Matte (video)", composite: "On a background", rle: "RLE (JSON)",
  png_rgba: "Cut-outs (PNG)", png_alpha: "Soft masks (PNG)", exr: "OpenEXR", gif: "GIF", webp: "WebP", coco: "COCO",
  ytvis: "YouTube-VIS", yolo: "YOLO", mots: "MOTS", mot: "MOT", csv: "CSV", cvat: "CVAT", cvat_images: "CVAT, images", npz: "NumPy", prompts: "Clicks (JSON)",
};

async function open() {
  stop();
  if (!find("outputs").children.length) {
    const { outputs, root } = await get("api/hello");
    find("root").textContent = `${root}/`;
    find("outputs").append(...outputs.map(name => {
      const label = document.createElement("label"), box = document.createElement("input");
      label.className = "inline";
      Object.assign(box, { type: "checkbox", name: "output", value: name, checked: ["masks", "overlay"].includes(name) });
      label.append(box, ` ${NAMES[name] ?? name}`);
      return label;
    }));
  }
  find("into-name").value ||= `outputs/${store.clip.name.replace(/\.\w+$/, "").replaceAll(" ", "-")}`;
  say("");
  dialog.showModal();
}

function say(text) { find("export-problem").hidden = !text; find("export-problem").textContent = text; }

const where = () => dialog.querySelector("[name=where]:checked").value;

async function go() {
  const output = [...dialog.querySelectorAll("[name=output]:checked")].map(box => box.value);
  const folder = where() === "folder" ? find("into-name").value : null;
  say("");
  wait(true);
  try {
    take(await post(path("export"), { output, options: find("options").value, folder, start: store.from, end: store.until + 1 }));
    while (store.job) {
      find("export-progress").value = store.job.total ? store.job.done / store.job.total : 0;
      await new Promise(done => setTimeout(done, 150));
      take(await get(path("state")));
    }
    const { exported } = await get(path("exported"));
    if (!exported) return; // cancelled
    if (folder !== null) { say(`Written into ${exported}`); return; }
    Object.assign(document.createElement("a"), { href: path("results.zip"), download: "" }).click();
    dialog.close();
  } catch (error) { say(error.message); } finally { wait(false); }
}

function wait(isBusy) {
  find("export-progress").hidden = !isBusy;
  find("export-go").disabled = isBusy;
}

find("export").addEventListener("click", open);
find("export-go").addEventListener("click", go);
for (const radio of dialog.querySelectorAll("[name=where]")) radio.addEventListener("change", () => { find("into").hidden = where() !== "folder"; });
