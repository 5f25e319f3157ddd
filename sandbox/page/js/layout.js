// Drawers on a phone, tabs at the side, and short notices.

import { h, $, $$, kept } from "./dom.js";
import { emit, on } from "./bus.js";
import { t } from "./i18n.js";

const NOTICE = 6000;

export function openDrawer(id) {
  for (const name of ["side", "panel"]) {
    $(`#${name}`).classList.toggle("open", name === id);
    $(`[data-opens="${name}"]`).setAttribute("aria-expanded", String(name === id));
  }
  $("#veil").hidden = !id;
  emit("panel");
}

export function startLayout() {
  for (const one of $$("[data-opens]")) one.addEventListener("click", () => openDrawer($(`#${one.dataset.opens}`).classList.contains("open") ? null : one.dataset.opens));
  for (const one of $$("[data-closes]")) one.addEventListener("click", () => openDrawer(null));
  $("#veil").addEventListener("click", () => openDrawer(null));
  document.addEventListener("keydown", (event) => event.key === "Escape" && !$("#veil").hidden && openDrawer(null));
  const draw = () => emit("panel");
  for (const one of ["side", "panel"]) $(`#${one}`).addEventListener("transitionend", draw);
}

// Tabs after the ARIA pattern: arrow keys move, one panel is shown. Returns a function that opens one.
export function startTabs(makers) {
  const tabs = $$("[role=tab]");
  for (const [name, make] of Object.entries(makers)) make($(`#tab-${name}`));
  const show = (name) => {
    for (const one of tabs) {
      const on_ = one.dataset.tab === name;
      one.setAttribute("aria-selected", String(on_));
      one.tabIndex = on_ ? 0 : -1;
      $(`#tab-${one.dataset.tab}`).hidden = !on_;
    }
    kept.set("tab", name);
    emit("tab", name);
  };
  const open = (name) => {
    show(name);
    if (getComputedStyle($("#panel")).position === "fixed") openDrawer("panel");
  };
  tabs.forEach((one, at) => {
    one.addEventListener("click", () => show(one.dataset.tab));
    one.addEventListener("keydown", (event) => {
      const forward = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
      const step = event.key === forward ? 1 : ["ArrowLeft", "ArrowRight"].includes(event.key) ? -1 : 0;
      if (!step) return;
      const next = tabs[(at + step + tabs.length) % tabs.length];
      show(next.dataset.tab);
      next.focus();
    });
  });
  const wanted = kept.get("tab", "tour");
  show(tabs.some((one) => one.dataset.tab === wanted) ? wanted : "tour");
  return open;
}

export function startToasts() {
  on("toast", ({ text, kind }) => {
    const element = h("div", { class: `toast ${kind}`, role: kind === "bad" ? "alert" : "status", dir: "auto" }, text, h("button", { type: "button", class: "icon-button", "aria-label": t("form.close"), onclick: () => element.remove() }, "×"));
    $("#toasts").append(element);
    setTimeout(() => element.remove(), NOTICE);
  });
}
