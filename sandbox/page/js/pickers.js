// Choosing people, roles and channels: native menus, so that keyboards, screen readers and phones know them.

import { h } from "./dom.js";
import { nameOf, state } from "./state.js";
import { t } from "./i18n.js";

const STRING = 3;
const MOST_PEOPLE = 300;

export const people = ({ bots = true } = {}) =>
  [...state.users.values()]
    .filter((one) => bots || !one.bot)
    .slice(0, MOST_PEOPLE)
    .map((one) => ({ value: one.id, label: nameOf(one), hint: `@${one.username}` }));

export const rolesList = () =>
  [...state.roles.values()]
    .filter((one) => one.id !== state.guild?.id)
    .sort((a, b) => b.position - a.position)
    .map((one) => ({ value: one.id, label: `@${one.name}` }));

export const channelsList = (kinds) => state.channels.filter((one) => !kinds?.length || kinds.includes(one.type)).map((one) => ({ value: one.id, label: `#${one.name}` }));

// What a select component of that type offers: [{value, label, hint?, chosen?}].
export function optionsOf(component) {
  const defaults = new Set((component.default_values ?? []).map((one) => one.id));
  const mark = (list) => list.map((one) => ({ ...one, chosen: defaults.has(one.value) }));
  switch (component.type) {
    case STRING:
      return component.options.map((one) => ({ value: one.value, label: `${one.emoji?.name ? `${one.emoji.name} ` : ""}${one.label}`, hint: one.description, chosen: one.default }));
    case 5:
      return mark(people());
    case 6:
      return mark(rolesList());
    case 7:
      return mark([...people(), ...rolesList()]);
    default:
      return mark(channelsList(component.channel_types));
  }
}

// A menu for one value. `values()` gives what is chosen as a list.
function single(component, { label, onchange, placeholder }) {
  const options = optionsOf(component);
  const empty = placeholder ?? component.placeholder ?? t("form.choose");
  const select = h(
    "select",
    { "aria-label": label ?? empty, disabled: component.disabled, onchange },
    h("option", { value: "", disabled: component.min_values > 0 && component.required !== false }, empty),
    options.map((one) => h("option", { value: one.value, selected: Boolean(one.chosen) }, one.hint ? `${one.label} (${one.hint})` : one.label)),
  );
  if (!options.some((one) => one.chosen)) select.value = "";
  return { element: select, values: () => (select.value ? [select.value] : []), reset: () => (select.value = "") };
}

// A list of boxes for several values, with a limit.
function several(component, { label }) {
  const low = component.min_values ?? 1;
  const high = component.max_values ?? 1;
  const boxes = optionsOf(component).map((one) => ({ one, box: h("input", { type: "checkbox", value: one.value, checked: Boolean(one.chosen), disabled: component.disabled }) }));
  const values = () => boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
  const count = h("span", { class: "count" });
  const recount = () => {
    const full = values().length >= high;
    for (const { box } of boxes) box.disabled = component.disabled || (full && !box.checked);
    count.textContent = t("form.chosen", { n: values().length, low, high });
  };
  const rows = boxes.map(({ one, box }) => h("label", { class: "option" }, box, h("span", { dir: "auto" }, one.label), one.hint && h("small", { dir: "auto" }, one.hint)));
  const element = h("details", { class: "several", onchange: recount }, h("summary", {}, h("span", { dir: "auto" }, label ?? component.placeholder ?? t("form.choose")), " ", count), h("div", { class: "options" }, rows));
  recount();
  return { element, values, reset: () => {} };
}

export const picker = (component, options = {}) => ((component.max_values ?? 1) > 1 ? several(component, options) : single(component, options));
