// The box at the bottom: messages, prefix commands, and the way into slash commands.

import { h, $, fill } from "./dom.js";
import { fileBody } from "./api.js";
import { on } from "./bus.js";
import { doAct, toast } from "./interactions.js";
import { arrows, commandRow, mark, matching, optionForm } from "./slash.js";
import { currentChannel, nameOf, state } from "./state.js";
import { toBottom } from "./chat.js";
import { t } from "./i18n.js";

const HIGHEST = 180;
const draft = { reply: null, edit: null, files: [] };
const box = () => $("#input");
const list = () => $("#command-list");

export function startComposer() {
  box().addEventListener("input", typed);
  box().addEventListener("keydown", pressed);
  box().addEventListener("blur", () => shut());
  $("#composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  $("#attach").addEventListener("change", (event) => {
    draft.files = [...event.target.files];
    showNote();
  });
  on("compose", compose);
  on("channel", () => (endCommand(), clear(), showRights()));
  on("state", showRights);
  on("commands", () => box().value.startsWith("/") && typed());
}

function showRights() {
  const channel = currentChannel();
  const allowed = !channel || channel.can_send !== false;
  box().disabled = !allowed;
  const name = channel?.guild_id ? `#${channel.name}` : `@${nameOf(state.bot)}`;
  const place = document.documentElement.dir === "rtl" ? `\u200e${name}\u200e` : name;
  box().placeholder = allowed ? t("composer.placeholder", { place }) : t("composer.read_only");
}

function compose({ insert, reply, edit }) {
  if (insert) box().value += insert;
  draft.reply = reply ?? draft.reply;
  draft.edit = edit ?? null;
  if (edit) box().value = edit.content;
  showNote();
  box().focus();
  grow();
}

function showNote() {
  const text = draft.edit ? t("composer.editing") : draft.reply ? t("composer.replying", { name: nameOf(draft.reply.author) }) : draft.files.length ? t("composer.files", { names: draft.files.map((one) => one.name).join(", ") }) : "";
  const note = $("#composer-note");
  note.hidden = !text;
  if (text) fill(note, h("span", { dir: "auto" }, text), h("button", { type: "button", class: "icon-button", "aria-label": t("form.cancel"), onclick: clear }, "×"));
}

function clear() {
  if (draft.edit) box().value = "";
  Object.assign(draft, { reply: null, edit: null, files: [] });
  $("#attach").value = "";
  showNote();
}

function grow() {
  box().style.height = "auto";
  box().style.height = `${Math.min(box().scrollHeight, HIGHEST)}px`;
}

function typed() {
  grow();
  const text = box().value;
  if (!text.startsWith("/") || text.includes("\n") || draft.edit) return shut();
  const found = matching(text);
  fill(list(), found.map((one, at) => commandRow(one, at, choose)));
  list().hidden = !found.length;
  box().setAttribute("aria-expanded", String(found.length > 0));
  if (found.length) mark(list(), 0);
  return undefined;
}

function shut() {
  list().hidden = true;
  box().setAttribute("aria-expanded", "false");
}

function pressed(event) {
  if (event.isComposing) return;
  if (arrows(event, list(), (at) => choose(matching(box().value)[at]))) return;
  if (event.key === "Escape") {
    shut();
    clear();
  }
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    send();
  }
}

function choose(command) {
  if (!command) return;
  shut();
  box().value = "";
  grow();
  const form = optionForm(command, endCommand);
  fill($("#command-form"), form.element);
  $("#composer").hidden = true;
  form.focus();
}

function endCommand() {
  if (!$("#command-form").firstChild) return;
  fill($("#command-form"));
  $("#composer").hidden = false;
  box().focus();
}

async function send() {
  const content = box().value;
  if (!content.trim() && !draft.files.length) return;
  if (content.startsWith("/") && !state.commands.length) {
    toast(t("slash.none"), "bad");
    return;
  }
  const { reply, edit, files } = draft;
  let done;
  if (edit) done = await doAct("edit", { message: edit.id, content });
  else {
    const sent = await Promise.all(files.map(fileBody));
    done = await doAct("say", { channel: state.current, content, reply_to: reply?.id, files: sent.length ? sent : undefined });
  }
  if (!done) return;
  box().value = "";
  clear();
  grow();
  toBottom();
}
