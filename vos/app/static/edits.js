// What the user shows, takes back and names: each a request, whose answer is the new state.

import { post } from "./api.js";
import { hush, tried } from "./message.js";
import { path, promptsHere, store, take, tell } from "./store.js";

let last = Promise.resolve(); // edits are done in the order in which they were made

export const settled = () => last;

export function edit(what, body = {}) {
  const done = last.then(tried(async () => {
    const answer = await post(path(what), body);
    hush();
    store.doubts = answer.doubts ?? [];
    take(answer);
    tell("edited");
  }));
  last = done;
  return done;
}

async function chosen() { // the first click makes the first object
  if (store.object === null) await edit("objects");
  return store.object;
}

export async function show(what) {
  const frame = store.frame, object = await chosen();
  if (object !== null) await edit("show", { frame, object, ...what });
}

export const other = () => hasCandidates() && show({ other: true });
export const hasCandidates = () => ["points", "box"].some(how => how in (promptsHere()[store.object] ?? {}));
export const clear = () => promptsHere()[store.object] && edit("clear", { frame: store.frame, object: store.object });
export const undo = () => store.canUndo && edit("undo");
export const redo = () => store.canRedo && edit("redo");
