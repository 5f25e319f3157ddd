// What opens on a name and on a message's dots.

import { h, $, $$, avatar, hexColour } from "./dom.js";
import { emit } from "./bus.js";
import { doAct, interact, toast } from "./interactions.js";
import { isMine, nameOf, state } from "./state.js";
import { t } from "./i18n.js";

const QUICK = ["👍", "🎉", "❤️", "😂"];
const USER_COMMAND = 2;
const MESSAGE_COMMAND = 3;
let open = null;

export function closeMenu() {
  open?.element.remove();
  open?.anchor.setAttribute("aria-expanded", "false");
  open = null;
}

function show(anchor, ...content) {
  closeMenu();
  const element = h("div", { class: "menu-popup", role: "menu" }, content);
  document.body.append(element);
  const from = anchor.getBoundingClientRect();
  const width = element.offsetWidth;
  const rtl = document.documentElement.dir === "rtl";
  const wanted = rtl ? from.right - width : from.left;
  const left = Math.max(8, Math.min(wanted, innerWidth - width - 8));
  const below = from.bottom + 4 + element.offsetHeight < innerHeight;
  element.style.left = `${left}px`;
  element.style.top = `${below ? from.bottom + 4 : Math.max(8, from.top - element.offsetHeight - 4)}px`;
  anchor.setAttribute("aria-expanded", "true");
  open = { element, anchor };
  $("[role=menuitem]", element)?.focus();
}

export function startMenus() {
  document.addEventListener("pointerdown", (event) => open && !open.element.contains(event.target) && closeMenu());
  document.addEventListener("keydown", (event) => {
    if (!open) return;
    if (event.key === "Escape") {
      const { anchor } = open;
      closeMenu();
      anchor.focus();
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") move(event);
  });
}

function move(event) {
  event.preventDefault();
  const items = $$("[role=menuitem]", open.element);
  const at = items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
  items[(at + items.length) % items.length]?.focus();
}

function item(text, work, kind = "") {
  const onclick = () => {
    closeMenu();
    work();
  };
  return h("button", { type: "button", role: "menuitem", class: `menu-item ${kind}`, onclick }, h("span", { dir: "auto" }, text));
}

export function openUserMenu(userId, anchor) {
  const user = state.users.get(userId);
  if (!user) return;
  const roles = (state.members.get(userId)?.roles ?? []).map((id) => state.roles.get(id)).filter(Boolean);
  const chips = roles.map((one) => h("span", { class: "role-chip", vars: one.color ? { "--role": hexColour(one.color) } : {} }, one.name));
  const card = h("div", { class: "user-card" }, avatar(nameOf(user), user.bot ? "bot big" : "big"), h("div", {}, h("strong", { dir: "auto" }, nameOf(user)), h("div", { class: "handle", dir: "ltr" }, `@${user.username}`)), h("div", { class: "chips" }, chips));
  const channel = state.current;
  const commands = state.commands.filter((one) => one.type === USER_COMMAND).map((one) => item(t("menu.command", { name: one.name }), () => interact("context", { channel, name: one.name, target: userId })));
  show(anchor, card, commands, item(t("menu.mention"), () => emit("compose", { insert: `@${user.username} ` })), !user.bot && user.id !== state.meId && item(t("menu.become", { name: nameOf(user) }), () => emit("become", user.username)));
}

export function openMessageMenu(message, anchor) {
  const ephemeral = Boolean(message.flags & 64);
  const moderates = Boolean(BigInt(state.members.get(state.meId)?.permissions ?? 0) & (1n << 13n));
  const commands = state.commands.filter((one) => one.type === MESSAGE_COMMAND).map((one) => item(t("menu.command", { name: one.name }), () => interact("context", { channel: message.channel_id, name: one.name, target: message.id })));
  const quick = QUICK.map((emoji) => h("button", { type: "button", role: "menuitem", class: "quick", "aria-label": t("menu.react", { emoji }), onclick: () => (closeMenu(), doAct("react", { message: message.id, emoji })) }, emoji));
  show(
    anchor,
    !ephemeral && h("div", { class: "quick-row" }, quick),
    !ephemeral && item(t("menu.reply"), () => emit("compose", { reply: message })),
    isMine(message) && item(t("menu.edit"), () => emit("compose", { edit: message })),
    commands,
    item(t("menu.copy_id"), () => copy(message.id)),
    (isMine(message) || moderates) && !ephemeral && item(t("menu.delete"), () => doAct("delete", { message: message.id }), "danger-text"),
  );
}

async function copy(text) {
  await navigator.clipboard.writeText(text).catch(() => null);
  toast(t("menu.copied", { text }));
}
