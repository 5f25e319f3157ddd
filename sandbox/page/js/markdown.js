// Discord's markdown as elements. Blocks first (code, quotes, lists, headings), then what stands within a line.

import { h, hexColour } from "./dom.js";
import { momentElement } from "./clock.js";
import { t } from "./i18n.js";
import { state, nameOf } from "./state.js";

const FENCE = /^```(?:([\w+-]*)\n)?([\s\S]*?)\n?```/;

export function markdown(text, { inline = false } = {}) {
  const box = document.createDocumentFragment();
  if (inline) box.append(...spans(text, 0));
  else blocks(text, box, 0);
  return box;
}

function blocks(text, box, depth) {
  let rest = text;
  let plain = "";
  const flush = () => {
    if (plain) lines(plain, box, depth);
    plain = "";
  };
  while (rest) {
    const fence = rest.startsWith("```") && FENCE.exec(rest);
    if (fence) {
      flush();
      box.append(h("pre", { dir: "ltr" }, h("code", {}, fence[2])));
      rest = rest.slice(fence[0].length).replace(/^\n/, "");
      continue;
    }
    const next = rest.indexOf("```", 1);
    const cut = next > 0 ? next : rest.length;
    plain += rest.slice(0, cut);
    rest = rest.slice(cut);
  }
  flush();
}

const BLOCKS = [
  [/^(#{1,3}) +(.+)$/, (found, depth) => h(`h${found[1].length + 2}`, { dir: "auto" }, spans(found[2], depth))],
  [/^-# +(.+)$/, (found, depth) => h("small", { dir: "auto" }, spans(found[1], depth))],
];

function lines(text, box, depth) {
  const rows = text.replace(/^\n|\n$/g, "").split("\n");
  let run = [];
  const flush = () => {
    if (run.length) box.append(h("p", { dir: "auto" }, spans(run.join("\n"), depth)));
    run = [];
  };
  for (let at = 0; at < rows.length; at += 1) {
    const taken = quote(rows, at, box, depth, flush) || list(rows, at, box, depth, flush);
    if (taken) {
      at += taken - 1;
      continue;
    }
    const block = BLOCKS.map(([pattern, make]) => [pattern.exec(rows[at]), make]).find(([found]) => found);
    if (!block) {
      run.push(rows[at]);
      continue;
    }
    flush();
    box.append(block[1](block[0], depth));
  }
  flush();
}

// How many rows the quote took; 0 where none begins.
function quote(rows, at, box, depth, flush) {
  if (depth > 0) return 0;
  let inside = null;
  let taken = 0;
  if (rows[at].startsWith(">>> ")) {
    inside = [rows[at].slice(4), ...rows.slice(at + 1)];
    taken = inside.length;
  } else if (rows[at].startsWith("> ")) {
    inside = [];
    while (rows[at + taken]?.startsWith("> ")) inside.push(rows[at + taken++].slice(2));
  }
  if (!inside) return 0;
  flush();
  const element = h("blockquote", { dir: "auto" });
  lines(inside.join("\n"), element, depth + 1);
  box.append(element);
  return taken;
}

const ITEM = /^( *)([-*]|\d{1,9}\.) +(.+)$/;

function list(rows, at, box, depth, flush) {
  const first = ITEM.exec(rows[at]);
  if (!first) return 0;
  flush();
  const ordered = /\d/.test(first[2]);
  const element = h(ordered ? "ol" : "ul", { dir: "auto", start: ordered ? parseInt(first[2], 10) : null });
  let taken = 0;
  for (let found = first; found && /\d/.test(found[2]) === ordered; found = ITEM.exec(rows[at + taken] ?? "")) {
    const deep = Math.min(Math.floor(found[1].length / 2), 4);
    element.append(h("li", { class: deep ? `deep-${deep}` : null }, spans(found[3], depth)));
    taken += 1;
  }
  box.append(element);
  return taken;
}

// -- within a line ---------------------------------------------------------------------------------

const wrap = (tag, props = {}) => (found, depth) => h(tag, props, spans(found[1], depth + 1));

const RULES = [
  [/^\\([^\p{L}\p{N}\s])/u, (found) => found[1]],
  [/^(`+)([\s\S]*?[^`])\1(?!`)/, (found) => h("code", { dir: "auto" }, found[2].trim() || found[2])],
  [/^<@!?(\d{1,20})>/, (found) => userPill(found[1])],
  [/^<@&(\d{1,20})>/, (found) => rolePill(found[1])],
  [/^<#(\d{1,20})>/, (found) => channelPill(found[1])],
  [/^<t:(-?\d{1,17})(?::([tTdDfFRsS]))?>/, (found) => momentElement(found[1], found[2] ?? "f")],
  [/^<\/([^:>]{1,100}):\d{1,20}>/, (found) => h("span", { class: "pill" }, `/${found[1]}`)],
  [/^<a?:(\w{2,32}):\d{1,20}>/, (found) => h("span", { class: "custom-emoji" }, `:${found[1]}:`)],
  [/^@(everyone|here)\b/, (found) => h("span", { class: "pill" }, `@${found[1]}`)],
  [/^\[([^\]\n]+)\]\(<?(https?:\/\/[^\s)>]+)>?(?: "[^"]*")?\)/, (found, depth) => link(found[2], spans(found[1], depth + 1))],
  [/^<(https?:\/\/[^\s>]+)>/, (found) => link(found[1], found[1])],
  [/^https?:\/\/[^\s<]*[^\s<.,:;"')\]!?*_~|]/, (found) => link(found[0], found[0])],
  [/^\|\|([\s\S]+?)\|\|/, (found, depth) => spoiler(spans(found[1], depth + 1))],
  [/^\*\*\*([\s\S]+?)\*\*\*(?!\*)/, (found, depth) => h("strong", {}, h("em", {}, spans(found[1], depth + 1)))],
  [/^\*\*([\s\S]+?)\*\*(?!\*)/, wrap("strong")],
  [/^__([\s\S]+?)__(?!_)/, wrap("u")],
  [/^\*(?!\s)([\s\S]*?[^\s*])\*(?!\*)/, wrap("em")],
  [/^_(?!\s)([\s\S]*?[^\s_])_(?![\p{L}\p{N}_])/u, wrap("em")],
  [/^~~([\s\S]+?)~~/, wrap("s")],
];
const SPECIAL = /[\\`<@[|*_~h]/;

export function spans(text, depth) {
  if (depth > 12) return [text];
  const found = [];
  let plain = "";
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const start = rest.search(SPECIAL);
    if (start !== 0) {
      const skip = start < 0 ? rest.length : start;
      plain += rest.slice(0, skip);
      at += skip;
      continue;
    }
    const hit = match(rest, text[at - 1]);
    if (!hit) {
      plain += text[at];
      at += 1;
      continue;
    }
    const made = hit[1](hit[0], depth);
    if (typeof made === "string") plain += made;
    else {
      if (plain) found.push(plain);
      plain = "";
      found.push(made);
    }
    at += hit[0][0].length;
  }
  if (plain) found.push(plain);
  return found;
}

function match(rest, before) {
  if (rest[0] === "_" && rest[1] !== "_" && before && /[\p{L}\p{N}]/u.test(before)) return null;
  for (const [pattern, make] of RULES) {
    const found = pattern.exec(rest);
    if (found) return [found, make];
  }
  return null;
}

function link(url, content) {
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow", dir: "ltr" }, content);
}

function spoiler(content) {
  const reveal = (event) => {
    event.currentTarget.classList.add("open");
    event.currentTarget.removeAttribute("role");
  };
  const onkeydown = (event) => event.key === "Enter" && reveal(event);
  return h("span", { class: "spoiler", role: "button", tabindex: "0", "aria-label": t("chat.spoiler"), onclick: reveal, onkeydown }, h("span", {}, content));
}

function userPill(id) {
  const user = state.users.get(id);
  return h("span", { class: `pill user${id === state.meId ? " me" : ""}`, data: { user: id } }, `@${user ? nameOf(user) : t("chat.unknown_user")}`);
}

function rolePill(id) {
  const role = state.roles.get(id);
  const vars = role?.color ? { "--role": hexColour(role.color) } : {};
  return h("span", { class: "pill role", vars }, `@${(role?.name ?? t("chat.unknown_role")).replace(/^@/, "")}`);
}

function channelPill(id) {
  const channel = state.channels.find((one) => one.id === id);
  return h("span", { class: "pill place", data: { channel: id } }, `#${channel?.name ?? t("chat.unknown_channel")}`);
}
