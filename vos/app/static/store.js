// What the page knows of the clip. The server has the truth; take() copies its answers, and on() says what changed.

export const store = {
  id: null, // of the clip on the server
  clip: null, // {name, count, width, height, fps, times}
  objects: [], // {id, name, colour}
  prompts: {}, // frame -> object -> {points, box, mask}
  rows: {}, // object -> {score, presence, current}
  checks: [], // {frame, object, name, reason}
  job: null, // {kind, done, total, left, frame}
  version: 0, // of the masks: another one, and they have to be fetched again
  canUndo: false, canRedo: false,
  frame: 0, object: null, tool: "add", view: "overlay", ground: "#00b140",
  from: 0, until: 0, // in and out, the last frame inside
};

const listeners = {};

export function on(names, listener) {
  for (const name of names.split(" ")) (listeners[name] ??= []).push(listener);
}

export function tell(...names) {
  for (const listener of new Set(names.flatMap(name => listeners[name] ?? []))) listener();
}

// Throws what long work has failed with; everything else is taken over all the same.
export function take(answer) {
  const before = store.version;
  for (const name of ["objects", "prompts", "rows", "checks", "job", "version", "canUndo", "canRedo"])
    if (name in answer) store[name] = answer[name];
  if (!store.objects.some(one => one.id === store.object)) store.object = store.objects.at(-1)?.id ?? null;
  const error = store.job?.error;
  if (error) store.job = null;
  tell("state", ...(store.version === before ? [] : ["masks"]), ...("rows" in answer ? ["rows"] : []));
  if (error) throw new Error(error);
}

export function set(changes) {
  Object.assign(store, changes);
  tell(...Object.keys(changes));
}

export const promptsHere = () => store.prompts[store.frame] ?? {};
export const path = rest => `api/clips/${store.id}/${rest}`;
