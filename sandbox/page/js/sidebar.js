// Servers, channels, the conversation with the bot, and who one is.

import { h, $, fill, avatar, nextFrame } from "./dom.js";
import { on } from "./bus.js";
import { isUnread, nameOf, state } from "./state.js";
import { openWho } from "./people.js";
import { t } from "./i18n.js";

export function startSidebar(go) {
  const draw = () => nextFrame("sidebar", () => render(go));
  for (const name of ["state", "channel", "unread"]) on(name, draw);
}

function render(go) {
  fill($("#servers"), server(go), bubble("dm", nameOf(state.bot), state.dm ? isUnread(state.dm) : false, go));
  $("#guild-name").textContent = state.guild?.name ?? "";
  fill($("#channels"), state.channels.map((one) => entry(one, go)));
  fill($("#dms"), dmEntry(go));
  fill($("#me"), me());
  const unread = state.channels.filter(isUnread).length + (state.dm && isUnread(state.dm) ? 1 : 0);
  $("#menu-unread").hidden = !unread;
}

function server(go) {
  const first = state.channels[0]?.id;
  const name = state.guild?.name ?? "?";
  return h("button", { type: "button", class: "server on", "aria-label": name, title: name, onclick: () => first && go(first) }, [...name].slice(0, 1).join(""));
}

function bubble(id, name, unread, go) {
  return h("button", { type: "button", class: `server${unread ? " unread" : ""}`, "aria-label": t("side.dm_with", { name }), title: t("side.dm_with", { name }), onclick: () => go(id) }, "✉");
}

function entry(channel, go) {
  const current = channel.id === state.current;
  const unread = isUnread(channel);
  return h(
    "li",
    {},
    h("button", { type: "button", class: `channel${current ? " on" : ""}${unread ? " unread" : ""}`, "aria-current": current ? "page" : null, data: { channel: channel.id, tour: `channel-${channel.name}` }, onclick: () => go(channel.id) }, h("span", { class: "hash", "aria-hidden": "true" }, channel.type === 5 ? "📣" : "#"), h("span", { dir: "auto" }, channel.name), unread && h("span", { class: "sr" }, ` (${t("side.unread")})`)),
  );
}

function dmEntry(go) {
  const current = state.dm !== null && state.dm.id === state.current;
  const unread = state.dm !== null && isUnread(state.dm);
  return h("li", {}, h("button", { type: "button", class: `channel${current ? " on" : ""}${unread ? " unread" : ""}`, "aria-current": current ? "page" : null, onclick: () => go("dm") }, avatar(nameOf(state.bot), "bot small"), h("span", {}, nameOf(state.bot)), h("span", { class: `dot${state.bot.online ? " up" : ""}`, title: t(state.bot.online ? "side.online" : "side.offline") })));
}

function me() {
  const user = state.users.get(state.meId);
  return h("button", { type: "button", id: "who", "aria-haspopup": "dialog", data: { tour: "who" }, onclick: openWho }, avatar(nameOf(user)), h("span", { class: "who-text" }, h("small", {}, t("side.you_are")), h("strong", { dir: "auto" }, nameOf(user))), h("span", { "aria-hidden": "true" }, "⇅"));
}
