// The beacon's and Discord's troubles.

import { h, fill } from "../dom.js";
import { act, post } from "../api.js";
import { on } from "../bus.js";
import { t } from "../i18n.js";
import { button, facts, field, number, section } from "./kit.js";

export function beaconPanel(box) {
  const seconds = number(60, 1, 86_400, t("beacon.seconds"));
  const says = h("p", { role: "status" });
  const turn = (mode) => post("/panels/beacon", { mode, seconds: Number(seconds.value) });
  const buttons = ["running", "delayed", "down"].map((mode) => [mode, button(t(`beacon.${mode}`), () => turn(mode))]);
  const draw = () => {
    const mode = facts.beacon?.mode ?? "running";
    says.textContent = t(`beacon.is_${mode}`, { n: facts.beacon?.seconds ?? 0 });
    for (const [name, one] of buttons) one.setAttribute("aria-pressed", String(name === mode));
  };
  on("beacon", draw);
  draw();
  fill(box, h("p", { class: "quiet" }, t("beacon.about")), section(t("beacon.title"), says, h("div", { class: "panel-row" }, buttons.map(([, one]) => one)), field(t("beacon.seconds"), seconds)));
}

const PATTERNS = [
  ["*", "faults.any"],
  ["POST /channels/*", "faults.sending"],
  ["POST /interactions/*", "faults.answering"],
  ["PATCH *", "faults.editing"],
];

export function faultsPanel(box) {
  const count = number(3, 1, 1000, t("faults.count"));
  const pattern = h("select", { "aria-label": t("faults.which") }, PATTERNS.map(([value, key]) => h("option", { value }, t(key))));
  const seconds = number(5, 1, 600, t("faults.seconds"));
  const fail = (kind) => act("fault", { kind, pattern: pattern.value, count: Number(count.value), seconds: kind === "slow" ? Number(seconds.value) : 1 });
  const gateway = (body) => post("/discord/control/gateway", body);
  const pending = h("ul", { class: "plain" });
  const draw = () => fill(pending, facts.faults.length ? facts.faults.map((one) => h("li", {}, h("code", { dir: "ltr" }, `${one.kind} · ${one.pattern} · ×${one.count}`))) : h("li", { class: "quiet" }, t("faults.none")));
  on("faults", draw);
  draw();
  fill(
    box,
    h("p", { class: "quiet" }, t("faults.about")),
    section(t("faults.requests"), h("div", { class: "panel-row" }, field(t("faults.which"), pattern), field(t("faults.count"), count)), h("div", { class: "panel-row" }, ["429", "500", "lost", "slow"].map((kind) => button(t(`faults.kind_${kind}`), () => fail(kind))))),
    section(t("faults.gateway"), h("div", { class: "panel-row" }, field(t("faults.seconds"), seconds)), h("div", { class: "panel-row" }, button(t("faults.close"), () => gateway({ action: "close" })), button(t("faults.down"), () => gateway({ action: "down", seconds: Number(seconds.value) })), button(t("faults.invalidate"), () => gateway({ action: "invalidate" })))),
    section(t("faults.waiting"), pending, button(t("faults.heal"), () => act("no-faults"))),
  );
}
