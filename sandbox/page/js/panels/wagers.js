// What the affiliate's statistics say.

import { h, fill } from "../dom.js";
import { post } from "../api.js";
import { on } from "../bus.js";
import { t } from "../i18n.js";
import { button, facts, field, form, number, section } from "./kit.js";

const TROUBLES = ["", "too_many", "html", "empty", "error", "not_a_list", "half_gone", "started_afresh", "bad_rows", "slow", "redirect"];
const turn = (body) => post("/affiliate/control/turn", body);

export function wagersPanel(box) {
  const name = h("input", { value: "viewer1", maxlength: 40, "aria-label": t("wagers.name"), autocomplete: "off", dir: "ltr" });
  const amount = h("input", { type: "number", value: "250", step: "0.01", min: "0.01", "aria-label": t("wagers.amount") });
  const raise = () => turn({ username: name.value.trim(), amount: amount.value });
  const rows = h("table", { class: "rows" });
  const draw = () => fill(rows, table());
  on("wagers", draw);
  draw();
  fill(
    box,
    h("p", { class: "quiet" }, t("wagers.about")),
    section(t("wagers.rows"), rows),
    section(t("wagers.raise"), form(raise, h("div", { class: "panel-row" }, field(t("wagers.name"), name), field(t("wagers.amount"), amount), h("button", { type: "submit", class: "primary", data: { tour: "wager" } }, t("wagers.go"))))),
    section(t("wagers.answers"), troubles()),
  );
}

function table() {
  const rows = facts.wagers?.rows ?? [];
  if (!rows.length) return h("tbody", {}, h("tr", {}, h("td", { class: "quiet" }, t("wagers.none"))));
  const more = (who) => button("+100", () => turn({ username: who, amount: "100" }), { "aria-label": t("wagers.more", { name: who }) });
  return h("tbody", {}, rows.map((one) => h("tr", {}, h("td", { dir: "auto" }, one.who), h("td", { class: "amount", dir: "ltr" }, `$${Number(one.amount).toLocaleString("en", { minimumFractionDigits: 2 })}`), h("td", {}, more(one.who)))));
}

function troubles() {
  const select = h("select", { "aria-label": t("wagers.answers"), onchange: () => turn({ trouble: select.value }) }, TROUBLES.map((one) => h("option", { value: one }, t(`wagers.trouble_${one || "none"}`))));
  const draw = () => (select.value = facts.wagers?.trouble ?? "");
  on("wagers", draw);
  draw();
  return select;
}
