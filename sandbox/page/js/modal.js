// Forms that the bot opens.

import { h, $ } from "./dom.js";
import { act, fileBody, look } from "./api.js";
import { emit } from "./bus.js";
import { markdown } from "./markdown.js";
import { picker } from "./pickers.js";
import { state } from "./state.js";
import { t } from "./i18n.js";

const PATIENCE = 5;

export function openForm(view) {
  const { modal } = view;
  const fields = [];
  const parts = modal.components.map((one) => part(one, fields));
  const problem = h("p", { class: "bad", role: "alert" });
  const submit = h("button", { type: "submit", class: "primary" }, t("form.submit"));
  const form = h("form", { novalidate: true }, h("h2", { dir: "auto", id: "form-title" }, modal.title), parts, problem, h("div", { class: "form-buttons" }, h("button", { type: "button", onclick: () => dialog.close() }, t("form.cancel")), submit));
  const dialog = h("dialog", { class: "form", "aria-labelledby": "form-title", onclose: () => dialog.remove() }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wrong = fields.map((one) => [one, one.problem()]).find(([, text]) => text);
    if (wrong) {
      problem.textContent = wrong[1];
      wrong[0].focus();
      return;
    }
    submit.disabled = true;
    problem.textContent = "";
    try {
      await send(view, fields, dialog);
    } catch (error) {
      problem.textContent = error.message;
    }
    submit.disabled = false;
  });
  document.body.append(dialog);
  dialog.showModal();
  $("input, textarea, select, summary", form)?.focus();
}

async function send(view, fields, dialog) {
  const values = {};
  for (const one of fields) {
    const value = await one.value();
    if (value !== undefined) values[one.id] = value;
  }
  const body = { as: state.me, interaction: view.id, values };
  const started = await act("submit", body);
  const next = await look("interaction", { id: started.interaction, timeout: PATIENCE, until: "answered" });
  emit("interacted", { act: "submit", body, view: next });
  if (next.state === "failed") throw new Error(t("chat.no_response"));
  dialog.close();
  if (next.modal) openForm(next);
}

function part(component, fields) {
  if (component.type === 10) return h("div", { class: "text-display" }, markdown(component.content));
  if (component.type === 1) return component.components.map((one) => labelled(one, one.label, null, fields));
  return labelled(component.component, component.label, component.description, fields);
}

function labelled(field, label, description, fields) {
  const made = { ...MAKERS[kindOf(field)](field, label), id: field.custom_id };
  fields.push(made);
  const required = field.required !== false && field.type !== 23;
  const heading = [h("span", { dir: "auto" }, label), required && h("span", { class: "required", title: t("form.required") }, " *")];
  const note = description && h("small", { dir: "auto" }, description);
  if (made.grouped) return h("fieldset", {}, h("legend", {}, heading), note, made.element);
  return h("label", { class: "field" }, h("span", { class: "field-label" }, heading), note, made.element, made.below);
}

const kindOf = (field) => ({ 4: "text", 19: "file", 21: "radio", 22: "boxes", 23: "box" })[field.type] ?? "menu";

const MAKERS = {
  text(field, label) {
    const tag = field.style === 2 ? "textarea" : "input";
    const low = Math.max(field.min_length ?? 0, field.required ? 1 : 0);
    const high = field.max_length ?? 4000;
    const input = h(tag, { dir: "auto", placeholder: field.placeholder, maxlength: high, rows: tag === "textarea" ? 4 : null, value: field.value ?? "" });
    const count = h("small", { class: "count" });
    const recount = () => (count.textContent = `${input.value.length}/${high}`);
    input.addEventListener("input", recount);
    recount();
    const problem = () => {
      const length = input.value.length;
      if (!length && !field.required) return "";
      if (length >= low && length <= high) return "";
      return length ? t("form.length", { label, low, high }) : t("form.missing", { label });
    };
    return { element: input, below: count, value: () => input.value, problem, focus: () => input.focus() };
  },
  menu(field, label) {
    const found = picker(field, { label });
    const problem = () => limits(field, found.values().length, label);
    return { element: found.element, grouped: (field.max_values ?? 1) > 1, value: () => found.values(), problem, focus: () => found.element.focus() };
  },
  radio(field, label) {
    const boxes = field.options.map((one) => h("input", { type: "radio", name: field.custom_id, value: one.value, checked: one.default }));
    const chosen = () => boxes.find((one) => one.checked)?.value;
    const problem = () => (field.required && !chosen() ? t("form.missing", { label }) : "");
    return { element: choicesList(field, boxes), grouped: true, value: chosen, problem, focus: () => boxes[0].focus() };
  },
  boxes(field, label) {
    const boxes = field.options.map((one) => h("input", { type: "checkbox", value: one.value, checked: one.default }));
    const chosen = () => boxes.filter((one) => one.checked).map((one) => one.value);
    return { element: choicesList(field, boxes), grouped: true, value: chosen, problem: () => limits(field, chosen().length, label), focus: () => boxes[0].focus() };
  },
  box(field) {
    const box = h("input", { type: "checkbox", checked: field.default });
    return { element: box, value: () => box.checked, problem: () => "", focus: () => box.focus() };
  },
  file(field, label) {
    const input = h("input", { type: "file", multiple: field.max_values > 1 });
    const problem = () => limits(field, input.files.length, label);
    return { element: input, value: () => Promise.all([...input.files].map(fileBody)), problem, focus: () => input.focus() };
  },
};

function choicesList(field, boxes) {
  return field.options.map((one, at) => h("label", { class: "option" }, boxes[at], h("span", { dir: "auto" }, one.label), one.description && h("small", { dir: "auto" }, one.description)));
}

function limits(field, count, label) {
  const low = field.min_values ?? 1;
  const high = field.max_values ?? 1;
  if (!count && field.required === false) return "";
  if (!count && field.required) return t("form.missing", { label });
  return count < low || count > high ? t("form.number", { label, low, high }) : "";
}
