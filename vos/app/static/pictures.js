// Frames, masks and soft masks from the server, the latest ones kept.

import { bytes, picture } from "./api.js";
import { path, store } from "./store.js";

class Kept {
  constructor(most, load, drop = () => {}) { Object.assign(this, { most, load, drop, all: new Map() }); }

  get(key, ...rest) {
    let found = this.all.get(key);
    if (found) this.all.delete(key); // and put at the end again: the first is the one that was not used for longest
    else {
      found = this.load(key, ...rest);
      found.catch(() => this.all.delete(key));
    }
    this.all.set(key, found);
    while (this.all.size > this.most) {
      const [oldest, promise] = this.all.entries().next().value;
      this.all.delete(oldest);
      promise.then(this.drop, () => {});
    }
    return found;
  }

  clear() { this.all.forEach(promise => promise.then(this.drop, () => {})); this.all.clear(); }
}

const frames = new Kept(90, frame => picture(path(`frame/${frame}`)), bitmap => bitmap.close());
const labels = new Kept(40, key => bytes(path(`labels/${key}`)));
const alphas = new Kept(10, key => bytes(path(`alpha/${key}`)));

export const frameOf = frame => frames.get(frame);
export const labelsOf = frame => labels.get(`${frame}?v=${store.version}`);
export const alphaOf = frame => alphas.get(`${frame}?v=${store.version}`);

export function forget() { frames.clear(); labels.clear(); alphas.clear(); }
