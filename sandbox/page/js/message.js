// One message as an element.

import { h, avatar, hexColour } from "./dom.js";
import { markdown } from "./markdown.js";
import { attachmentElement, embedElement } from "./embeds.js";
import { componentElements } from "./components.js";
import { hourOf, stampElement } from "./clock.js";
import { colourOf, dismiss, isMine, nameOf, state } from "./state.js";
import { openMessageMenu, openUserMenu } from "./menus.js";
import { doAct } from "./interactions.js";
import { t } from "./i18n.js";

const EPHEMERAL = 64;
const LOADING = 128;

export function messageElement(message) {
  if (message.violation) return violationCard(message);
  const ephemeral = Boolean(message.flags & EPHEMERAL);
  const mentionsMe = message.mention_everyone || message.mentions.some((one) => one.id === state.meId);
  const classes = ["message", ephemeral && "ephemeral", mentionsMe && !isMine(message) && "mentioned"].filter(Boolean).join(" ");
  return h(
    "li",
    { class: classes, data: { id: message.id, author: message.author.id, at: message.timestamp, alone: message.message_reference || message.interaction_metadata ? "1" : "" } },
    above(message),
    h("button", { class: "face", type: "button", "aria-label": t("chat.open_user", { name: nameOf(message.author) }), onclick: (event) => openUserMenu(message.author.id, event.currentTarget) }, avatar(nameOf(message.author), message.author.bot ? "bot" : "")),
    h("span", { class: "side-stamp", "aria-hidden": "true" }, hourOf(message.timestamp)),
    h("div", { class: "message-body" }, header(message), content(message), rich(message), reactions(message), ephemeral && onlyYou(message)),
    h("button", { class: "more", type: "button", "aria-label": t("chat.more"), "aria-haspopup": "menu", onclick: (event) => openMessageMenu(message, event.currentTarget) }, "⋯"),
  );
}

function header(message) {
  const colour = colourOf(message.author.id);
  return h(
    "div",
    { class: "message-head" },
    h("button", { type: "button", class: "author", dir: "auto", vars: colour ? { "--name": hexColour(colour) } : {}, onclick: (event) => openUserMenu(message.author.id, event.currentTarget) }, nameOf(message.author)),
    message.author.bot && h("span", { class: "bot-tag" }, t("chat.bot")),
    stampElement(message.timestamp),
  );
}

// The line above: what it replies to, or which command it answers.
function above(message) {
  if (message.message_reference) {
    const target = message.referenced_message;
    if (!target) return h("div", { class: "above" }, t("chat.reply_gone"));
    return h("div", { class: "above" }, h("span", { class: "above-name" }, nameOf(target.author)), h("span", { class: "above-text", dir: "auto" }, (target.content || t("chat.reply_embed")).slice(0, 120)));
  }
  const about = message.interaction_metadata;
  if (about?.type === 2 && about.name) {
    return h("div", { class: "above" }, t("chat.used", { name: nameOf(about.user) }), " ", h("span", { class: "pill" }, about.command_type === 1 ? `/${about.name}` : about.name));
  }
  return null;
}

function content(message) {
  if (message.flags & LOADING) return h("div", { class: "thinking" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), t("chat.thinking", { name: nameOf(message.author) }));
  if (!message.content) return null;
  const edited = message.edited_timestamp && h("span", { class: "edited", title: message.edited_timestamp }, t("chat.edited"));
  return h("div", { class: "content" }, markdown(message.content), edited);
}

function rich(message) {
  const embeds = message.embeds.map(embedElement);
  const files = message.attachments.map(attachmentElement);
  return [embeds, files, h("div", { class: "components" }, componentElements(message))];
}

function reactions(message) {
  if (!message.reactions?.length) return null;
  return h(
    "div",
    { class: "reactions" },
    message.reactions.map((one) => {
      const mine = Boolean(one.people?.includes(state.meId));
      return h("button", { type: "button", class: `reaction${mine ? " mine" : ""}`, "aria-pressed": String(mine), onclick: () => doAct("react", { message: message.id, emoji: one.emoji.name, on: !mine }) }, `${one.emoji.name} ${one.count}`);
    }),
  );
}

function onlyYou(message) {
  const onclick = (event) => {
    dismiss(message.id);
    event.currentTarget.closest("li").remove();
  };
  return h("div", { class: "only-you" }, `👁 ${t("chat.only_you")} `, h("button", { type: "button", class: "text-button", onclick }, t("chat.dismiss")));
}

// -- what Discord would have refused ---------------------------------------------------------------

function violationCard(message) {
  const { violation } = message;
  const reasons = flatten(violation.errors);
  return h(
    "li",
    { class: "violation", role: "alert", data: { id: message.id } },
    h("strong", {}, `⛔ ${t("violation.title")}`),
    h("p", {}, h("code", { dir: "ltr" }, `${violation.method} ${violation.template ?? violation.path}`), ` → ${violation.status} (${violation.code}) ${violation.message}`),
    reasons.length ? h("ul", {}, reasons.map((one) => h("li", {}, h("code", { dir: "ltr" }, one.path), ` ${one.message}`))) : null,
    h("details", {}, h("summary", {}, t("violation.body")), h("pre", { dir: "ltr" }, JSON.stringify(violation.body, null, 2))),
  );
}

function flatten(tree, path = []) {
  if (!tree || typeof tree !== "object") return [];
  return Object.entries(tree).flatMap(([key, value]) => (key === "_errors" ? value.map((one) => ({ path: path.join("."), message: one.message })) : flatten(value, [...path, key])));
}
