// From no clip to one: a file of the folder, one that is dropped or chosen; and back.

import { get, leave, post, upload } from "./api.js";
import { complain, hush, tried } from "./message.js";
import { forget } from "./pictures.js";
import { watch } from "./tracking.js";
import { set, store, take, tell } from "./store.js";

const find = id => document.getElementById(id);
let folder = "";

async function list(name) {
  const { root, entries } = await get(`api/files?folder=${encodeURIComponent(name)}`);
  folder = name;
  find("folder-title").textContent = name ? `In ${root}/${name}` : `In ${root}`;
  const up = name ? [button("\u2191 back", () => list(name.split("/").slice(0, -1).join("/")))] : [];
  find("files").replaceChildren(...up, ...entries.flatMap(({ name: own, kind }) => {
    const whole = folder ? `${folder}/${own}` : own;
    if (kind === "video") return [button(own, () => openPath(whole))];
    const inside = button(`${own}/`, () => list(whole));
    return kind === "pictures" ? [button(`${own}/ (its pictures are the frames)`, () => openPath(whole)), inside] : [inside];
  }));
}

function button(text, work) {
  const item = document.createElement("li"), own = document.createElement("button");
  own.textContent = text;
  own.addEventListener("click", tried(work));
  item.append(own);
  return item;
}

async function openPath(path) {
  find("upload").hidden = false;
  find("upload").removeAttribute("value");
  try { begin(await post("api/open", { path })); } finally { find("upload").hidden = true; }
}

const send = tried(async file => {
  hush();
  find("upload").hidden = false;
  try { begin(await upload(file, share => { find("upload").value = share; })); } finally { find("upload").hidden = true; find("file").value = ""; }
});

function begin(answer) {
  forget();
  location.hash = answer.id;
  find("open").hidden = true;
  find("work").hidden = find("work-buttons").hidden = false;
  find("clip").textContent = `${answer.clip.name}, ${answer.clip.width} \u00d7 ${answer.clip.height}`;
  document.title = `${answer.clip.name} - vos`;
  hush();
  Object.assign(store, { id: answer.id, clip: answer.clip, frame: 0, object: null, rows: {}, checks: [] });
  take(answer);
  tell("clip", "object", "rows");
  watch();
}

// Shows the list of files, as at the beginning.
export async function toStart() {
  forget();
  history.replaceState(null, "", location.pathname);
  Object.assign(store, { id: null, clip: null, objects: [], prompts: {}, rows: {}, checks: [], job: null });
  find("open").hidden = false;
  find("work").hidden = find("work-buttons").hidden = true;
  find("clip").textContent = "";
  document.title = "vos";
  tell("clip", "state", "rows");
  await list("");
}

async function attach(id, isTaken = false) {
  try { begin(await post(`api/attach/${id}`, { take: isTaken })); } catch (error) {
    if (error.status !== 409) throw error;
    const dialog = find("taken-dialog");
    dialog.returnValue = "away";
    dialog.showModal();
    await new Promise(done => dialog.addEventListener("close", done, { once: true }));
    await (dialog.returnValue === "take" ? attach(id, true) : toStart());
  }
}

export const start = tried(async () => {
  const { begin: path } = await get("api/hello"), id = location.hash.slice(1);
  try {
    if (id) { await attach(id); return; }
    if (path) { await openPath(path); return; }
  } catch (error) { complain(error); }
  await toStart();
});

find("file").addEventListener("change", event => event.target.files[0] && send(event.target.files[0]));
find("close").addEventListener("click", tried(async () => { await post(`api/close/${store.id}`); await toStart(); }));
addEventListener("pagehide", () => store.id && leave(store.id));
addEventListener("pageshow", event => event.persisted && location.reload());
for (const name of ["dragover", "dragleave", "drop"]) {
  addEventListener(name, event => {
    event.preventDefault();
    find("drop").classList.toggle("over", name === "dragover");
    if (name !== "drop" || !event.dataTransfer.files[0]) return;
    if (store.id) complain(new Error("close this clip first"));
    else send(event.dataTransfer.files[0]);
  });
}
