// A Kick channel: its chat, gifts, a crowd, and a socket that can fail.

import { fill, h, hueOf, kept, nextFrame } from "../dom.js";
import { kick } from "../api.js";
import { on } from "../bus.js";
import { t } from "../i18n.js";
import { button, facts, field, form, number, section } from "./kit.js";

const SHOWN = 100;
const gifts = new Set();
let waiting = [];
let chat;

export function kickPanel(box) {
  chat = h("ol", { class: "kick-chat", role: "log", "aria-label": t("kick.chat"), tabindex: "0" });
  const viewer = h("input", { value: kept.get("viewer", "viewer1"), maxlength: 25, list: "kick-viewers", "aria-label": t("kick.viewer"), autocomplete: "off", dir: "ltr", data: { tour: "kick-viewer" } });
  viewer.addEventListener("change", () => kept.set("viewer", viewer.value));
  fill(box, status(), chat, talk(viewer), giving(viewer), crowd(), trouble());
  on("lines", (fresh) => {
    waiting.push(...fresh);
    nextFrame("kick", showLines);
  });
  if (facts.lines.length) {
    waiting = [...facts.lines];
    showLines();
  }
}

function status() {
  const state = h("strong", {});
  const note = h("span", { class: "quiet" });
  const go = button("", async () => kick(facts.kick?.live ? "offline" : "live"), { tour: "kick-live" });
  const draw = () => {
    const live = Boolean(facts.kick?.live);
    state.textContent = live ? `● ${t("kick.live")}` : `○ ${t("kick.offline")}`;
    state.className = live ? "live" : "";
    go.textContent = t(live ? "kick.go_offline" : "kick.go_live");
    go.className = live ? "secondary" : "success";
    note.textContent = t("kick.connections", { n: facts.kick?.listening ?? 0 });
  };
  on("kick", draw);
  draw();
  return h("div", { class: "kick-status" }, h("div", {}, h("span", { class: "kick-name" }, h("bdi", {}, "kick.com/sandbox-streamer")), state, note), go);
}

function talk(viewer) {
  const text = h("input", { maxlength: 500, placeholder: t("kick.say"), "aria-label": t("kick.say"), autocomplete: "off", dir: "auto", data: { tour: "kick-text" } });
  const send = async () => {
    if (!text.value.trim() || !viewer.value.trim()) return;
    await kick("chat", { username: viewer.value.trim(), text: text.value.trim() });
    text.value = "";
  };
  const names = h("datalist", { id: "kick-viewers" }, ["viewer1", "viewer2", "viewer3", "booster", "vip", "moderator"].map((one) => h("option", { value: one })));
  return form(send, h("div", { class: "kick-talk" }, field(t("kick.viewer"), viewer), names, field(t("kick.message"), text), h("button", { type: "submit", class: "primary", data: { tour: "kick-send" } }, t("kick.send"))));
}

function giving(viewer) {
  const count = number(5, 1, 1000, t("kick.gift_count"));
  const anonymous = h("input", { type: "checkbox" });
  const give = () => kick("gift", { gifter: viewer.value.trim() || "viewer1", count: Number(count.value), anonymous: anonymous.checked });
  const replay = button(t("kick.replay"), () => kick("replay"));
  const draw = () => (replay.disabled = !facts.kick?.can_replay);
  on("kick", draw);
  draw();
  return section(t("kick.gifts"), form(give, h("div", { class: "panel-row" }, field(t("kick.gift_count"), count), h("label", { class: "check" }, anonymous, t("kick.anonymous")), h("button", { type: "submit", class: "primary", data: { tour: "kick-gift" } }, `🎁 ${t("kick.gift")}`), replay)));
}

function crowd() {
  const size = number(500, 1, 20_000, t("kick.crowd_size"));
  const rounds = number(1, 1, 10_000, t("kick.rounds"));
  const send = () => kick("crowd", { size: Number(size.value), rounds: Number(rounds.value), pause: 1 });
  return section(t("kick.crowd"), form(send, h("div", { class: "panel-row" }, field(t("kick.crowd_size"), size), field(t("kick.rounds"), rounds), h("button", { type: "submit", class: "secondary" }, t("kick.crowd_go")))));
}

function trouble() {
  const seconds = number(10, 1, 3600, t("kick.seconds"));
  const length = () => Number(seconds.value);
  return section(
    t("kick.trouble"),
    h("div", { class: "panel-row" }, field(t("kick.seconds"), seconds), button(t("kick.drop"), () => kick("drop", { seconds: length() })), button(t("kick.silence"), () => kick("silence", { seconds: length() })), button(t("kick.garbage"), () => kick("garbage")), button(t("kick.heal"), () => kick("heal"))),
  );
}

// -- the chat --------------------------------------------------------------------------------------

function showLines() {
  const near = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 60;
  const fresh = waiting.slice(-SHOWN);
  waiting = [];
  chat.append(...fresh.map(lineElement));
  while (chat.childElementCount > SHOWN) chat.firstElementChild.remove();
  if (near) chat.scrollTop = chat.scrollHeight;
}

const NOTES = { live: "kick.went_live", offline: "kick.went_offline", host: "kick.hosted" };

function lineElement(line) {
  if (line.kind === "chat") {
    return h("li", { dir: "auto" }, h("b", { vars: { "--hue": String(hueOf(line.who)) } }, line.who), ": ", line.text);
  }
  if (line.kind === "gift") {
    const again = line.gift && gifts.has(line.gift);
    gifts.add(line.gift);
    return h("li", { class: "note" }, `🎁 ${t(again ? "kick.gifted_again" : "kick.gifted", { name: line.who, n: line.count })}`);
  }
  return h("li", { class: "note" }, t(NOTES[line.kind]));
}
