// What the page knows of the small Discord, as the person sees it that one is at the moment.

import { kept } from "./dom.js";
import { emit } from "./bus.js";

export const MOST = 200;

export const state = {
  me: kept.get("me", "viewer1"),
  meId: "",
  bot: { id: "", username: "", online: false },
  users: new Map(),
  members: new Map(),
  roles: new Map(),
  guild: null,
  channels: [],
  dm: null,
  current: kept.get("channel", ""),
  messages: new Map(),
  loaded: new Set(),
  commands: [],
  hidden: new Set(kept.get("dismissed", [])),
};

export function takeState(body) {
  state.bot = body.bot;
  state.users = new Map(body.users.map((one) => [one.id, one]));
  const me = body.users.find((one) => one.username === state.me);
  state.meId = me?.id ?? "";
  state.guild = body.guilds[0] ?? null;
  state.channels = state.guild?.channels ?? [];
  state.roles = new Map((state.guild?.roles ?? []).map((one) => [one.id, one]));
  state.members = new Map((state.guild?.members ?? []).map((one) => [one.user.id, one]));
  state.dm = body.dms[0] ?? null;
  emit("state");
}

export const nameOf = (user) => user?.global_name || user?.username || "?";
export const isMine = (message) => message.author.id === state.meId;
export const channelOf = (id) => (state.dm?.id === id ? state.dm : state.channels.find((one) => one.id === id));
export const currentChannel = () => channelOf(state.current);

export function colourOf(userId) {
  const member = state.members.get(userId);
  const roles = (member?.roles ?? []).map((id) => state.roles.get(id)).filter((role) => role?.color);
  roles.sort((a, b) => b.position - a.position);
  return roles[0]?.color ?? 0;
}

// Snowflakes are longer than a number holds; of two decimal strings the longer is the greater.
export const older = (a, b) => (a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length);

export function idAt(milliseconds) {
  return String((BigInt(Math.floor(milliseconds)) - 1420070400000n) << 22n);
}

export function roomFor(channelId) {
  if (!state.messages.has(channelId)) state.messages.set(channelId, new Map());
  return state.messages.get(channelId);
}

export function keepMessage(message) {
  const room = roomFor(message.channel_id);
  const fresh = !room.has(message.id);
  room.set(message.id, message);
  if (room.size > MOST + 50) {
    const ids = [...room.keys()].sort(older);
    for (const id of ids.slice(0, ids.length - MOST)) room.delete(id);
  }
  return fresh;
}

export function dismiss(id) {
  state.hidden.add(id);
  kept.set("dismissed", [...state.hidden].slice(-300));
}

// -- unread ----------------------------------------------------------------------------------------

const read = kept.get("read", {});
const readKey = (channelId) => `${state.me}:${channelId}`;

export function markRead(channelId, messageId) {
  if (!messageId || older(messageId, read[readKey(channelId)] ?? "0") <= 0) return;
  read[readKey(channelId)] = messageId;
  kept.set("read", read);
}

// A channel met for the first time counts as read up to there; a conversation does not.
export function isUnread(channel) {
  const key = readKey(channel.id);
  if (read[key] === undefined) read[key] = (channel.guild_id && channel.last_message_id) || "0";
  return channel.id !== state.current && older(channel.last_message_id ?? "0", read[key]) > 0;
}
