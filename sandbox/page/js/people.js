// Who one is, who is there, and their roles.

import { h, $, fill, avatar, hexColour, nextFrame } from "./dom.js";
import { act } from "./api.js";
import { emit, on } from "./bus.js";
import { complain, doAct } from "./interactions.js";
import { colourOf, nameOf, state } from "./state.js";
import { openUserMenu } from "./menus.js";
import { t } from "./i18n.js";

const MOST = 120;

// -- who one is ------------------------------------------------------------------------------------

export function openWho() {
  const search = h("input", { type: "search", placeholder: t("who.search"), "aria-label": t("who.search"), oninput: () => draw() });
  const rows = h("ul", { class: "who-list" });
  const close = h("button", { type: "button", class: "icon-button", "aria-label": t("form.close"), onclick: () => dialog.close() }, "×");
  const dialog = h("dialog", { class: "who", "aria-labelledby": "who-title" }, h("div", { class: "dialog-head" }, h("h2", { id: "who-title" }, t("who.title")), close), h("p", { class: "quiet" }, t("who.hint")), search, rows, newAccount());
  const draw = () => {
    const wanted = search.value.trim().toLowerCase();
    const found = [...state.users.values()].filter((one) => !one.bot && `${one.username} ${nameOf(one)}`.toLowerCase().includes(wanted));
    fill(rows, found.slice(0, MOST).map((one) => personRow(one, dialog)));
  };
  const redraw = () => dialog.isConnected && draw();
  on("state", redraw);
  dialog.addEventListener("close", () => dialog.remove());
  search.hidden = state.users.size < 15;
  draw();
  document.body.append(dialog);
  dialog.showModal();
}

function personRow(user, dialog) {
  const current = user.id === state.meId;
  const onclick = () => {
    dialog.close();
    emit("become", user.username);
  };
  return h("li", { class: current ? "on" : null }, h("button", { type: "button", class: "person", "aria-pressed": String(current), onclick }, avatar(nameOf(user)), h("span", { dir: "auto" }, nameOf(user)), h("small", { dir: "ltr" }, `@${user.username}`)), roleChips(user));
}

// The roles of somebody, each to be taken away, and a menu to give another.
export function roleChips(user) {
  const member = state.members.get(user.id);
  if (!member) return h("button", { type: "button", class: "text-button", onclick: () => doAct("join", { who: user.username }) }, t("who.join"));
  const owned = member.roles.map((id) => state.roles.get(id)).filter(Boolean);
  const owner = state.guild.owner_id === user.id && h("span", { class: "role-chip crown" }, `♛ ${t("who.owner")}`);
  const chips = owned.map((one) => h("span", { class: "role-chip", vars: one.color ? { "--role": hexColour(one.color) } : {} }, one.name, h("button", { type: "button", "aria-label": t("who.take_role", { role: one.name }), onclick: () => doAct("roles", { who: user.username, remove: [one.name] }) }, "×")));
  const others = [...state.roles.values()].filter((one) => one.id !== state.guild.id && !owned.includes(one) && !one.tags?.bot_id);
  const onchange = (event) => event.target.value && doAct("roles", { who: user.username, add: [event.target.value] });
  const give = h("select", { class: "give-role", "aria-label": t("who.give_role", { name: nameOf(user) }), onchange }, h("option", { value: "" }, `+ ${t("who.role")}`), others.map((one) => h("option", { value: one.name }, one.name)));
  return h("span", { class: "chips" }, owner, chips, others.length ? give : null);
}

function newAccount() {
  const name = h("input", { required: true, minlength: 2, maxlength: 32, pattern: "[A-Za-z0-9_.]+", placeholder: t("who.new_name"), "aria-label": t("who.new_name"), autocomplete: "off", dir: "ltr" });
  const age = h("input", { type: "number", min: 0, max: 4000, value: "0", "aria-label": t("who.age") });
  const form = h("form", { class: "inline-form" }, name, h("label", {}, h("span", {}, t("who.age")), age), h("button", { type: "submit", class: "secondary" }, t("who.create")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await act("user", { username: name.value, age_days: Number(age.value) });
      name.value = "";
    } catch (error) {
      complain(error);
    }
  });
  return form;
}

// -- who is there ----------------------------------------------------------------------------------

export function peoplePanel(box) {
  const search = h("input", { type: "search", placeholder: t("who.search"), "aria-label": t("who.search") });
  const groups = h("div", {});
  const draw = () => nextFrame("people", () => !box.hidden && fill(groups, grouped(search.value.trim().toLowerCase())));
  search.addEventListener("input", draw);
  fill(box, search, groups);
  on("state", draw);
  on("tab", draw);
  draw();
}

function grouped(wanted) {
  const hoisted = [...state.roles.values()].filter((one) => one.hoist).sort((a, b) => b.position - a.position);
  const groups = new Map(hoisted.map((one) => [one.id, { name: one.name, members: [] }]));
  const bots = { name: t("people.bots"), members: [] };
  const rest = { name: t("people.members"), members: [] };
  for (const member of state.members.values()) {
    if (!`${member.user.username} ${nameOf(member.user)}`.toLowerCase().includes(wanted)) continue;
    const top = hoisted.find((one) => member.roles.includes(one.id));
    (member.user.bot ? bots : top ? groups.get(top.id) : rest).members.push(member.user);
  }
  return [...groups.values(), bots, rest].filter((one) => one.members.length).map(groupElement);
}

function groupElement({ name, members }) {
  const shown = members.slice(0, MOST);
  const more = members.length > shown.length && h("p", { class: "quiet" }, t("people.more", { n: members.length - shown.length }));
  return h("section", { class: "people-group" }, h("h3", {}, h("bdi", {}, name), ` · ${members.length}`), h("ul", {}, shown.map(memberRow)), more);
}

function memberRow(user) {
  const colour = colourOf(user.id);
  const face = h("button", { type: "button", class: "person", "aria-haspopup": "menu", onclick: (event) => openUserMenu(user.id, event.currentTarget) }, avatar(nameOf(user), user.bot ? "bot small" : "small"), h("span", { dir: "auto", class: "name", vars: colour ? { "--name": hexColour(colour) } : {} }, nameOf(user)));
  return h("li", {}, face, user.bot ? null : roleChips(user));
}
