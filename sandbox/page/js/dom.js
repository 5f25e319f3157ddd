// Elements without markup strings: text can never become HTML.

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) setProp(element, key, value);
  append(element, children);
  return element;
}

function setProp(element, key, value) {
  if (value === undefined || value === null || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "data") Object.assign(element.dataset, value);
  else if (key === "vars") for (const [name, one] of Object.entries(value)) element.style.setProperty(name, one);
  else if (key === "value" || key === "checked" || key === "selected") element[key] = value;
  else element.setAttribute(key, value === true ? "" : String(value));
}

export function append(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// Work for the next frame; the same key twice is done once. A hidden page has no frames, so it gets a timer.
const waiting = new Map();
let planned = false;

export function nextFrame(key, work) {
  waiting.set(key, work);
  if (planned) return;
  planned = true;
  if (document.hidden) setTimeout(flush, 250);
  else requestAnimationFrame(flush);
}

function flush() {
  planned = false;
  const works = [...waiting.values()];
  waiting.clear();
  for (const work of works) {
    try {
      work();
    } catch (error) {
      console.error(error);
    }
  }
}

// A colour for a name, the same each time.
export function hueOf(text) {
  let hash = 7;
  for (const char of text) hash = (hash * 31 + char.codePointAt(0)) % 3600;
  return (hash * 137) % 360;
}

export function avatar(name, extra = "") {
  const letters = [...name.replace(/[^\p{L}\p{N}]+/gu, " ").trim()];
  const digits = name.match(/\d+$/);
  const text = digits ? letters[0] + digits[0].slice(-2) : letters.slice(0, 2).join("");
  return h("span", { class: `avatar ${extra}`, "aria-hidden": "true", vars: { "--hue": String(hueOf(name)) } }, text.toUpperCase());
}

export function hexColour(number) {
  return `#${Number(number).toString(16).padStart(6, "0")}`;
}

export const kept = {
  get(key, otherwise = null) {
    try {
      const raw = localStorage.getItem(`drumroll.${key}`);
      return raw === null ? otherwise : JSON.parse(raw);
    } catch {
      return otherwise;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`drumroll.${key}`, JSON.stringify(value));
    } catch (error) {
      console.warn("not kept", key, error);
    }
  },
};
