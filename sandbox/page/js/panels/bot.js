// How the bot is: what its /health says, its last words, and the ways to end it.

import { h, fill } from "../dom.js";
import { get, post } from "../api.js";
import { on } from "../bus.js";
import { state } from "../state.js";
import { t } from "../i18n.js";
import { button, section } from "./kit.js";

const EVERY = 2000;

export function botPanel(box) {
  const status = h("p", { role: "status" });
  const health = h("ul", { class: "health" });
  const words = h("pre", { dir: "ltr", tabindex: "0" });
  const controls = h("div", { class: "panel-row" }, button(t("bot.restart"), () => post("/bot/restart")), button(t("bot.kill"), () => post("/bot/kill"), { kind: "danger" }));
  const log = h("details", {}, h("summary", {}, t("bot.log")), words);
  fill(box, status, health, controls, log);
  let asking = false;
  const ask = async () => {
    if (box.hidden || asking) return;
    asking = true;
    try {
      const found = await get("/bot/state");
      status.textContent = sentence(found);
      fill(health, found.health ? parts(found.health) : null);
      words.textContent = (found.lines ?? []).join("\n");
      controls.hidden = log.hidden = false;
    } catch {
      status.textContent = t(state.bot.online ? "bot.online" : "bot.offline");
      controls.hidden = log.hidden = true;
    }
    asking = false;
  };
  setInterval(ask, EVERY);
  on("tab", ask);
  on("state", ask);
}

function sentence(found) {
  if (!found.running) return t("bot.stopped");
  return t(found.health ? `bot.role_${found.health.role === "leader" ? "leader" : "other"}` : "bot.no_health", { role: found.health?.role ?? "" });
}

// Each part of /health as a line, green where it says that it is up.
function parts(health) {
  return Object.entries(health)
    .filter(([, value]) => value !== null && typeof value === "object")
    .map(([name, value]) => {
      const good = goodness(value);
      return h("li", { class: good ? "good" : "bad" }, h("span", { class: "dot", "aria-hidden": "true" }), h("b", { dir: "ltr" }, name), " ", h("code", { dir: "ltr" }, brief(value)));
    });
}

function goodness(value) {
  if ("up" in value) return Boolean(value.up);
  if (value.error || value.last_error || value.alarm) return false;
  const states = Object.values(value).filter((one) => one && typeof one === "object" && "state" in one);
  return states.every((one) => one.state === "running" || one.state === "done");
}

function brief(value) {
  return Object.entries(value)
    .map(([key, one]) => `${key}: ${one !== null && typeof one === "object" ? (one.state ?? JSON.stringify(one)) : one}`)
    .join(", ")
    .slice(0, 220);
}
