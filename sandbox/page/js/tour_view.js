// The tour as a checklist, a strip with the next thing to do, and a mark on where to press.

import { h, $, $$, fill, kept, nextFrame } from "./dom.js";
import { on } from "./bus.js";
import { codeToType, currentPart, currentStep, forget, stepDone, STEPS } from "./tour.js";
import { spans } from "./markdown.js";
import { t } from "./i18n.js";

let closed = kept.get("tour_closed", false);
let showTab = () => {};

export function startTourView(box, openTab) {
  showTab = openTab;
  const draw = () => nextFrame("tour", () => render(box));
  for (const name of ["tour", "state", "channel", "tab", "rendered", "panel"]) on(name, draw);
  draw();
}

const words = (step, part) => spans(t(`tour.${step.name}.${part.key}`, { code: codeToType() || "…" }), 0);

function render(box) {
  const step = currentStep();
  fill(box, h("p", { class: "quiet" }, t("tour.about")), h("ol", { class: "tour" }, STEPS.map((one, at) => stepElement(one, at, one === step))), !step && h("p", { class: "good strong" }, t("tour.all_done")), h("button", { type: "button", class: "text-button", onclick: forget }, t("tour.again")));
  strip(step);
  highlight();
}

function stepElement(step, at, current) {
  const done = stepDone(step);
  const title = h("div", { class: "tour-title" }, h("span", { class: "tick", "aria-hidden": "true" }, done ? "✓" : String(at + 1)), h("strong", {}, t(`tour.${step.name}`)), done && h("span", { class: "sr" }, t("tour.done")));
  const parts = step.parts.map((part) => h("li", { class: part.done() ? "done" : part === currentPart() ? "now" : "" }, words(step, part)));
  return h("li", { class: done ? "done" : current ? "now" : "" }, title, current && h("p", { class: "quiet" }, spans(t(`tour.${step.name}.why`), 0)), current && h("ul", {}, parts));
}

function strip(step) {
  const element = $("#tour-strip");
  element.hidden = closed || !step;
  if (element.hidden) return;
  const close = () => {
    closed = true;
    kept.set("tour_closed", true);
    element.hidden = true;
    highlight();
  };
  fill(
    element,
    h("button", { type: "button", class: "strip-step", onclick: () => showTab("tour"), "aria-label": t("tour.open") }, `${STEPS.indexOf(step) + 1}/${STEPS.length}`),
    h("span", { class: "strip-text", role: "status" }, h("b", {}, t(`tour.${step.name}`)), " ", words(step, currentPart())),
    h("button", { type: "button", class: "icon-button", "aria-label": t("form.close"), onclick: close }, "×"),
  );
}

// On a phone what is to be pressed may be in a drawer: then its button is marked.
function highlight() {
  for (const one of $$(".here")) one.classList.remove("here");
  const part = closed ? null : currentPart();
  if (!part) return;
  const found = part.at.map((selector) => $$(selector).filter((one) => one.getClientRects().length).at(-1)).find(Boolean);
  if (found) {
    found.classList.add("here");
    const drawer = found.closest("#side, #panel");
    if (drawer && getComputedStyle(drawer).visibility === "hidden") $(`[data-opens="${drawer.id}"]`)?.classList.add("here");
  }
}
