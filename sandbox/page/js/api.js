// Talking to the sandbox: JSON in, JSON out; a refusal is an Error with the reason as its message.

export class Refused extends Error {}

async function read(response) {
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  throw new Refused(body?.error ?? `${response.status} ${response.statusText}`);
}

export async function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const search = new URLSearchParams(given).toString();
  return read(await fetch(search ? `${path}?${search}` : path));
}

export async function post(path, body = {}) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return read(await fetch(path, options));
}

export const look = (name, query) => get(`/discord/control/${name}`, query);
export const act = (name, body) => post(`/discord/control/act/${name}`, body);
export const kick = (name, body) => post(`/kick/control/${name}`, body);

// The stand-in names files by whatever host it was asked under; the page stays on its own.
export function ownPath(url) {
  try {
    const found = new URL(url, location.href);
    return found.pathname.startsWith("/discord/cdn/") ? found.pathname : null;
  } catch {
    return null;
  }
}

export async function fileBody(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return { filename: file.name, base64: btoa(binary) };
}
