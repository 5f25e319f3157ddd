// The channel that is open: its messages in order, the newest in sight, and only so many of them.

import { h, $, fill, nextFrame } from "./dom.js";
import { look } from "./api.js";
import { on, emit } from "./bus.js";
import { messageElement } from "./message.js";
import { currentChannel, idAt, keepMessage, markRead, MOST, nameOf, older, roomFor, state } from "./state.js";
import { complain } from "./interactions.js";
import { t } from "./i18n.js";

const NEAR = 60;
const TOGETHER = 7 * 60_000;
const list = () => $("#messages");
const elements = new Map();
let changes = new Map();
let sticking = true;

export function startChat() {
  new ResizeObserver(() => sticking && toBottom()).observe(list());
  scroller().addEventListener("scroll", scrolled, { passive: true });
  on("channel", showChannel);
  on("message", (change) => {
    if (change.channel !== state.current) return;
    changes.set(change.id, change);
    nextFrame("messages", applyChanges);
  });
}

// -- one channel as a whole ------------------------------------------------------------------------

export async function showChannel() {
  const channel = currentChannel();
  if (!channel) return;
  header(channel);
  if (!state.loaded.has(channel.id)) await load(channel);
  if (state.current === channel.id) renderAll();
}

function header(channel) {
  const inDm = !channel.guild_id;
  $("#channel-name").textContent = inDm ? `@ ${nameOf(state.bot)}` : `# ${channel.name}`;
  $("#channel-topic").textContent = inDm ? t("chat.dm_topic") : (channel.topic ?? "");
}

async function load(channel) {
  try {
    const found = await look("messages", { channel: channel.id, as: state.me, limit: MOST });
    for (const one of found) {
      keepMessage(one);
      emit("arrived", one);
    }
    state.loaded.add(channel.id);
  } catch (error) {
    complain(error);
  }
}

function renderAll() {
  const room = roomFor(state.current);
  const ids = [...room.keys()].filter((id) => !state.hidden.has(id)).sort(older).slice(-MOST);
  elements.clear();
  changes = new Map();
  for (const id of ids) elements.set(id, messageElement(room.get(id)));
  fill(list(), ids.length ? [...elements.values()] : h("li", { class: "empty" }, t("chat.empty")));
  regroup();
  toBottom();
  seen();
  emit("rendered");
}

// -- changes, a frame at a time --------------------------------------------------------------------

function applyChanges() {
  const stick = sticking;
  const room = roomFor(state.current);
  for (const [id] of changes) place(id, room.get(id));
  changes = new Map();
  prune();
  regroup();
  if (stick) toBottom();
  else $("#jump").hidden = false;
  seen();
  emit("rendered");
}

function place(id, message) {
  const before = elements.get(id);
  if (!message || state.hidden.has(id)) {
    before?.remove();
    elements.delete(id);
    return;
  }
  const made = messageElement(message);
  if (before) {
    keepOpen(before, made);
    before.replaceWith(made);
  } else insert(id, made);
  elements.set(id, made);
}

// An edit must not close what the reader has open, nor take the keyboard away.
function keepOpen(before, after) {
  const opened = [...before.querySelectorAll("details")].map((one) => one.open);
  [...after.querySelectorAll("details")].forEach((one, at) => (one.open = Boolean(opened[at])));
  const focused = before.contains(document.activeElement) && document.activeElement.dataset.button;
  if (focused) queueMicrotask(() => after.querySelector(`[data-button="${CSS.escape(focused)}"]`)?.focus());
}

function insert(id, made) {
  $(".empty", list())?.remove();
  let after = list().lastElementChild;
  while (after && older(after.dataset.id ?? "0", id) > 0) after = after.previousElementSibling;
  if (after) after.after(made);
  else list().prepend(made);
}

function prune() {
  while (elements.size > MOST) {
    const [id] = elements.keys();
    elements.get(id).remove();
    elements.delete(id);
  }
}

// Messages of one author in short succession stand under one name.
function regroup() {
  let last = null;
  for (const element of list().children) {
    const joined = last && element.dataset.author && element.dataset.author === last.dataset.author && !element.dataset.alone && !element.classList.contains("ephemeral") && !last.classList.contains("ephemeral") && Date.parse(element.dataset.at) - Date.parse(last.dataset.at) < TOGETHER;
    element.classList.toggle("grouped", Boolean(joined));
    last = element.dataset.author ? element : null;
  }
}

// -- where the reader stands -----------------------------------------------------------------------

const scroller = () => $("#scroller");

export function toBottom() {
  sticking = true;
  scroller().scrollTop = scroller().scrollHeight;
  $("#jump").hidden = true;
}

// Who scrolls up wants to read there; at the end the newest stays in sight, however it grows.
function scrolled() {
  sticking = scroller().scrollHeight - scroller().scrollTop - scroller().clientHeight < NEAR;
  if (sticking) $("#jump").hidden = true;
}

function seen() {
  const channel = currentChannel();
  if (channel) markRead(channel.id, channel.last_message_id);
  emit("unread");
}

// A refused request as a card in the channel that it was meant for, else in the one that is open.
export function keepViolation(violation) {
  if (violation.status !== 400) return;
  const named = /\/channels\/(\d+)/.exec(violation.path)?.[1];
  const channel = named && roomFor(named) ? named : state.current;
  const id = idAt(Date.parse(violation.at)).slice(0, -4) + String(violations++ % 10_000).padStart(4, "0");
  keepMessage({ id, channel_id: channel, violation });
  emit("message", { channel, id });
}

let violations = 0;
