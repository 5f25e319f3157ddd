// Slash commands as the bot registered them: a list to choose from, then a row with the options.

import { h, $, fill } from "./dom.js";
import { fileBody } from "./api.js";
import { choices, complain, interact } from "./interactions.js";
import { channelsList, people, rolesList } from "./pickers.js";
import { state } from "./state.js";
import { t } from "./i18n.js";

const SUB = 1;
const GROUP = 2;
const TYPE = { string: 3, integer: 4, boolean: 5, user: 6, channel: 7, role: 8, mentionable: 9, number: 10, file: 11 };
const MOST_SHOWN = 40;
const TYPING = 250;

// [{path, description, options}] of everything that can be sent with a slash.
export function slashCommands() {
  return state.commands
    .filter((one) => (one.type ?? 1) === 1)
    .flatMap((one) => leaves(one, one.name))
    .sort((a, b) => a.path.localeCompare(b.path));
}

function leaves(node, path) {
  const inner = (node.options ?? []).filter((one) => one.type === SUB || one.type === GROUP);
  if (!inner.length) return [{ path, description: node.description ?? "", options: node.options ?? [] }];
  return inner.flatMap((one) => leaves(one, `${path} ${one.name}`));
}

export function matching(typed) {
  const wanted = typed.replace(/^\//, "").trim().toLowerCase();
  const all = slashCommands();
  const starts = all.filter((one) => one.path.startsWith(wanted));
  return [...starts, ...all.filter((one) => !starts.includes(one) && one.path.includes(wanted))].slice(0, MOST_SHOWN);
}

export function commandRow(command, at, choose) {
  const hints = command.options.map((one) => h("span", { class: `hint${one.required ? " needed" : ""}`, dir: "auto" }, one.name));
  return h("li", { role: "option", id: `command-${at}`, data: { path: command.path }, onpointerdown: (event) => (event.preventDefault(), choose(command)) }, h("span", { class: "command-name", dir: "ltr" }, `/${command.path}`), hints, h("small", { dir: "auto" }, command.description));
}

// The form for one command; `done` is called when it was sent or given up.
export function optionForm(command, done) {
  const fields = command.options.map((one) => optionField(one, () => gathered(fields), command));
  const problem = h("p", { class: "bad", role: "alert" });
  const run = h("button", { type: "submit", class: "primary" }, t("slash.run"));
  const cancel = h("button", { type: "button", class: "icon-button", "aria-label": t("form.cancel"), onclick: done }, "×");
  const form = h("form", { class: "option-form", novalidate: true }, h("div", { class: "option-head" }, h("strong", { dir: "ltr" }, `/${command.path}`), h("small", { dir: "auto" }, command.description), cancel), fields.length ? h("div", { class: "option-fields" }, fields.map((one) => one.element)) : null, problem, h("div", { class: "option-send" }, h("small", {}, t("slash.enter")), run));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") done();
    // Enter would open a menu; here it sends, as in every other field.
    if (event.key === "Enter" && event.target.tagName === "SELECT") {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const missing = fields.find((one) => one.missing());
    if (missing) {
      problem.textContent = t("form.missing", { label: missing.name });
      missing.focus();
      return;
    }
    const options = await gathered(fields);
    done();
    await interact("slash", { channel: state.current, name: command.path, options });
  });
  return { element: form, focus: () => ($(".option-fields input, .option-fields select", form) ?? run).focus() };
}

async function gathered(fields) {
  const options = {};
  for (const one of fields) {
    const value = await one.value();
    if (value !== undefined && value !== "") options[one.name] = value;
  }
  return options;
}

function optionField(option, others, command) {
  const made = input(option, others, command);
  const missing = () => option.required && made.empty();
  const hint = option.required ? option.description : t("slash.optional", { text: option.description ?? "" });
  const element = h("label", { class: `option-field${option.required ? " needed" : ""}`, title: option.description }, h("span", { dir: "auto" }, option.name), made.element, h("small", { dir: "auto" }, hint));
  return { name: option.name, element, missing, value: made.value, focus: () => $("input, select", element).focus() };
}

function input(option, others, command) {
  if (option.choices?.length) return chooser(option.choices.map((one) => ({ value: String(one.value), label: one.name })), option);
  if (option.autocomplete) return completing(option, others, command);
  switch (option.type) {
    case TYPE.boolean:
      return chooser([{ value: "true", label: t("slash.true") }, { value: "false", label: t("slash.false") }], option);
    case TYPE.user:
      return chooser(people(), option);
    case TYPE.role:
      return chooser(rolesList(), option);
    case TYPE.mentionable:
      return chooser([...people(), ...rolesList()], option);
    case TYPE.channel:
      return chooser(channelsList(option.channel_types), option);
    case TYPE.file:
      return filer();
    default:
      return typed(option);
  }
}

function chooser(list, option) {
  const select = h("select", {}, h("option", { value: "", disabled: option.required }, t("form.choose")), list.map((one) => h("option", { value: one.value }, one.hint ? `${one.label} (${one.hint})` : one.label)));
  select.value = "";
  return { element: select, empty: () => !select.value, value: () => select.value };
}

function typed(option) {
  const numeric = option.type === TYPE.integer || option.type === TYPE.number;
  const box = h("input", { type: numeric ? "number" : "text", dir: "auto", min: option.min_value, max: option.max_value, step: option.type === TYPE.number ? "any" : null, minlength: option.min_length, maxlength: option.max_length, autocomplete: "off", placeholder: numeric && option.min_value !== undefined ? `${option.min_value}…${option.max_value ?? ""}` : null });
  return { element: box, empty: () => !box.value, value: () => box.value };
}

function filer() {
  const box = h("input", { type: "file" });
  return { element: box, empty: () => !box.files.length, value: () => (box.files.length ? fileBody(box.files[0]) : undefined) };
}

// What the bot offers while one types. A choice shows its name and sends its value.
function completing(option, others, command) {
  let chosen = null;
  let timer = 0;
  let asked = 0;
  const listId = `choices-${option.name}`;
  const list = h("ul", { class: "choices", role: "listbox", id: listId, hidden: true });
  const box = h("input", { type: "text", dir: "auto", autocomplete: "off", role: "combobox", "aria-controls": listId, "aria-expanded": "false" });
  const shut = () => {
    list.hidden = true;
    box.setAttribute("aria-expanded", "false");
  };
  const take = (choice) => {
    chosen = choice;
    box.value = choice.name;
    shut();
  };
  const ask = async () => {
    const mine = ++asked;
    try {
      const options = await others();
      delete options[option.name];
      const found = await choices({ channel: state.current, name: command.path, option: option.name, value: box.value, options });
      if (mine !== asked) return;
      fill(list, found.map((one) => h("li", { role: "option", onpointerdown: (event) => (event.preventDefault(), take(one)) }, one.name)));
      list.hidden = !found.length;
      box.setAttribute("aria-expanded", String(!list.hidden));
    } catch (error) {
      complain(error);
    }
  };
  const later = () => {
    chosen = null;
    clearTimeout(timer);
    timer = setTimeout(ask, TYPING);
  };
  box.addEventListener("input", later);
  box.addEventListener("focus", later);
  box.addEventListener("blur", () => (clearTimeout(timer), (asked += 1), shut()));
  box.addEventListener("keydown", (event) => arrows(event, list, (at) => list.children[at]?.dispatchEvent(new PointerEvent("pointerdown", { cancelable: true }))));
  return { element: h("span", { class: "completing" }, box, list), empty: () => !box.value, value: () => (chosen ? chosen.value : box.value) };
}

// Arrow keys in a list of options; Enter or Tab takes the marked one.
export function arrows(event, list, take) {
  if (list.hidden || !list.children.length) return false;
  const items = [...list.children];
  const at = items.findIndex((one) => one.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const next = (at + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length;
    mark(list, next);
    return true;
  }
  if ((event.key === "Enter" || event.key === "Tab") && at >= 0) {
    event.preventDefault();
    take(at);
    return true;
  }
  return false;
}

export function mark(list, at) {
  [...list.children].forEach((one, index) => one.setAttribute("aria-selected", String(index === at)));
  list.children[at]?.scrollIntoView({ block: "nearest" });
}
