// Requests to the server. What goes wrong is an Error whose message can be shown.

export const TAB = crypto.getRandomValues(new Uint32Array(2)).join("-");
const HEADERS = { "X-Vos-Tab": TAB };

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { ...HEADERS, ...options.headers } });
  } catch {
    throw new Error("the program does not answer; is it still running?");
  }
  if (response.ok) return response;
  const text = await response.text();
  let message = text;
  try { message = JSON.parse(text).error; } catch { /* plain text */ }
  throw Object.assign(new Error(message || response.statusText), { status: response.status });
}

export const get = async path => (await request(path)).json();
export const bytes = async path => new Uint8Array(await (await request(path)).arrayBuffer());
export const picture = async path => createImageBitmap(await (await request(path)).blob());

export async function post(path, body = {}) {
  const json = { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  return (await request(path, json)).json();
}

// Sends a file; onPart hears the share that is sent.
export function upload(file, onPart) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", `api/upload?name=${encodeURIComponent(file.name)}`);
    sending.setRequestHeader("X-Vos-Tab", TAB);
    sending.upload.onprogress = event => onPart(event.loaded / event.total);
    sending.onerror = () => reject(new Error("the file could not be sent; it may be too large"));
    sending.onload = () => {
      let answer;
      try { answer = JSON.parse(sending.responseText); } catch { answer = { error: sending.responseText }; }
      if (sending.status === 200) resolve(answer); else reject(new Error(answer.error));
    };
    sending.send(file);
  });
}

// Tells the server that this tab is left, so that another may go on without asking.
export const leave = id => fetch(`api/leave/${id}`, { method: "POST", headers: HEADERS, keepalive: true });
