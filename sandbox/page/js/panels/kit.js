// What the side panels share: the newest facts from the server, and small forms.

import { h } from "../dom.js";
import { emit } from "../bus.js";
import { complain } from "../interactions.js";

export const facts = { kick: null, wagers: null, beacon: null, faults: [], lines: [] };
const KEPT = 150;

export function takeFacts(changed) {
  for (const key of ["kick", "wagers", "beacon", "faults"]) {
    if (changed[key] === undefined) continue;
    facts[key] = changed[key];
    emit(key, changed[key]);
  }
  if (changed.lines?.length) {
    const last = facts.lines.at(-1)?.number ?? 0;
    const fresh = changed.lines.filter((one) => one.number > last);
    facts.lines.push(...fresh);
    facts.lines.splice(0, facts.lines.length - KEPT);
    if (fresh.length) emit("lines", fresh);
  }
}

export function button(text, work, { kind = "secondary", tour = null, ...more } = {}) {
  const onclick = async (event) => {
    const pressed = event.currentTarget;
    pressed.disabled = true;
    try {
      await work();
    } catch (error) {
      complain(error);
    }
    pressed.disabled = false;
  };
  return h("button", { type: "button", class: kind, onclick, data: tour ? { tour } : {}, ...more }, text);
}

export function field(label, element) {
  return h("label", { class: "panel-field" }, h("span", {}, label), element);
}

export const number = (value, low, high, label) => h("input", { type: "number", value: String(value), min: low, max: high, "aria-label": label });

export function section(title, ...content) {
  return h("section", { class: "panel-section" }, h("h3", {}, title), content);
}

// A form that is sent with Enter or its button.
export function form(send, ...content) {
  const onsubmit = async (event) => {
    event.preventDefault();
    try {
      await send();
    } catch (error) {
      complain(error);
    }
  };
  return h("form", { class: "panel-form", onsubmit }, content);
}
