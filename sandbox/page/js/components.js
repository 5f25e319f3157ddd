// Buttons, menus and the second version's layout under a message.

import { h, hexColour } from "./dom.js";
import { image } from "./embeds.js";
import { interact } from "./interactions.js";
import { markdown } from "./markdown.js";
import { picker } from "./pickers.js";
import { t } from "./i18n.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "primary" };

export const componentElements = (message) => message.components.map((one) => element(one, message));

function element(component, message) {
  switch (component.type) {
    case 1:
      return h("div", { class: "row" }, component.components.map((one) => element(one, message)));
    case 2:
      return button(component, message);
    case 9:
      return h("div", { class: "section" }, h("div", {}, component.components.map((one) => element(one, message))), element(component.accessory, message));
    case 10:
      return h("div", { class: "text-display" }, markdown(component.content));
    case 11:
      return image({ url: component.media.url, description: component.description }, "embed-thumbnail");
    case 12:
      return h("div", { class: "gallery" }, component.items.map((one) => image({ url: one.media.url, description: one.description }, "embed-image")));
    case 13:
      return h("div", { class: "file" }, component.file.url.replace("attachment://", ""));
    case 14:
      return h("hr", { class: component.divider ? null : "blank" });
    case 17:
      return h("div", { class: "embed container", vars: component.accent_color === null ? {} : { "--bar": hexColour(component.accent_color) } }, h("div", { class: "embed-body" }, component.components.map((one) => element(one, message))));
    default:
      return menu(component, message);
  }
}

function button(component, message) {
  const label = [component.emoji?.name && h("span", { class: "emoji" }, component.emoji.name), component.label && h("span", { dir: "auto" }, component.label)];
  const kind = STYLES[component.style] ?? "secondary";
  if (component.style === 5) {
    return h("a", { class: `component ${kind}`, href: component.url, target: "_blank", rel: "noopener noreferrer" }, label, h("span", { "aria-hidden": "true" }, " ↗"));
  }
  const onclick = async (event) => {
    const pressed = event.currentTarget;
    if (pressed.classList.contains("busy")) return;
    pressed.classList.add("busy");
    await interact("click", { message: message.id, button: component.custom_id });
    pressed.classList.remove("busy");
  };
  return h("button", { type: "button", class: `component ${kind}`, disabled: component.disabled, onclick, data: { button: component.custom_id } }, label);
}

function menu(component, message) {
  const send = () => interact("select", { message: message.id, select: component.custom_id, values: found.values() });
  const found = picker(component, { onchange: send });
  if ((component.max_values ?? 1) <= 1) return h("div", { class: "menu" }, found.element);
  const done = h("button", { type: "button", class: "component secondary", disabled: component.disabled, onclick: send }, t("form.send_choice"));
  return h("div", { class: "menu" }, found.element, done);
}
