// Puts the page together.

import { h, $, kept } from "./dom.js";
import { look } from "./api.js";
import { emit, on } from "./bus.js";
import { loadWords, switchLanguage, t, translatePage } from "./i18n.js";
import { setClock } from "./clock.js";
import { channelOf, keepMessage, roomFor, state, takeState } from "./state.js";
import { Stream } from "./stream.js";
import { keepViolation, startChat, toBottom } from "./chat.js";
import { startComposer } from "./composer.js";
import { startSidebar } from "./sidebar.js";
import { startMenus } from "./menus.js";
import { complain } from "./interactions.js";
import { peoplePanel } from "./people.js";
import { takeFacts } from "./panels/kit.js";
import { kickPanel } from "./panels/kick.js";
import { wagersPanel } from "./panels/wagers.js";
import { beaconPanel, faultsPanel } from "./panels/trouble.js";
import { clockPanel, smallClock, startTicking } from "./panels/clock.js";
import { botPanel } from "./panels/bot.js";
import { startStarting } from "./starting.js";
import { startTour } from "./tour.js";
import { startTourView } from "./tour_view.js";
import { openDrawer, startLayout, startTabs, startToasts } from "./layout.js";

const SETTLE = 150;
let stream = null;
let refreshing = 0;

async function boot() {
  await loadWords();
  translatePage();
  $("#language").addEventListener("click", switchLanguage);
  startLayout();
  startToasts();
  startMenus();
  startChat();
  startComposer();
  startSidebar(go);
  startStarting();
  const openTab = startTabs({ kick: kickPanel, wagers: wagersPanel, beacon: beaconPanel, faults: faultsPanel, clock: clockPanel, bot: botPanel, people: peoplePanel });
  startTour();
  startTourView($("#tab-tour"), openTab);
  smallClock($("#small-clock"));
  startTicking(emit);
  $("#jump").addEventListener("click", toBottom);
  $("#small-clock").addEventListener("click", () => openTab("clock"));
  document.addEventListener("click", followMention);
  on("become", become);
  new Stream("/panels/socket", { onEvent: panelsChanged });
  watch();
}

// -- who and where ---------------------------------------------------------------------------------

function watch() {
  stream?.close();
  stream = new Stream(`/discord/control/socket?as=${encodeURIComponent(state.me)}`, {
    onEvent: happened,
    onOpen: () => (connection(true), everything().catch(complain)),
    onLost: () => connection(false),
  });
}

function connection(up) {
  $("#connection").hidden = up;
}

// Look at everything anew: at the start, after a gap, and as somebody else.
async function everything() {
  state.loaded.clear();
  state.messages.clear();
  await refresh();
  if (!channelOf(state.current)) state.current = (state.channels.find((one) => one.name === "raffle") ?? state.channels[0])?.id ?? "";
  for (const one of await look("violations")) keepViolation(one);
  emit("channel");
  await commands();
}

async function refresh() {
  try {
    takeState(await look("state", { as: state.me }));
  } catch (error) {
    if (state.me === "viewer1") throw error;
    state.me = "viewer1";
    kept.set("me", state.me);
    watch();
  }
}

async function commands() {
  if (!state.current) return;
  state.commands = await look("commands", { as: state.me, channel: state.current });
  emit("commands");
}

function become(username) {
  state.me = username;
  kept.set("me", username);
  watch();
}

async function go(channelId) {
  let id = channelId;
  if (id === "dm") {
    if (!state.dm) {
      await look("messages", { channel: "dm", as: state.me, limit: 1 });
      await refresh();
    }
    id = state.dm.id;
  }
  state.current = id;
  kept.set("channel", id);
  openDrawer(null);
  emit("channel");
  await commands();
}

function followMention(event) {
  const pill = event.target.closest(".pill.place[data-channel]");
  if (pill && channelOf(pill.dataset.channel)) go(pill.dataset.channel);
}

// -- what happens ----------------------------------------------------------------------------------

function panelsChanged(changed) {
  if (changed.clock) setClock(changed.clock);
  takeFacts(changed);
}

function happened({ name, data }) {
  if (name === "MESSAGE_CREATE" || name === "MESSAGE_UPDATE") return messageChanged(data, name === "MESSAGE_CREATE");
  if (name === "MESSAGE_DELETE") return forgetMessages(data.channel_id, [data.id]);
  if (name === "MESSAGE_DELETE_BULK") return forgetMessages(data.channel_id, data.ids);
  if (name.startsWith("MESSAGE_REACTION_")) return reacted(name, data);
  if (name === "VIOLATION") return keepViolation(data);
  if (name === "COMMANDS_UPDATE") return commands().catch(complain);
  if (/^(GUILD|CHANNEL|USER|BOT)_/.test(name)) return refreshSoon();
  return undefined;
}

function refreshSoon() {
  clearTimeout(refreshing);
  refreshing = setTimeout(() => refresh().then(commands).catch(complain), SETTLE);
}

function messageChanged(message, fresh) {
  const before = roomFor(message.channel_id).get(message.id);
  if (before?.reactions && message.reactions) message.reactions = before.reactions;
  keepMessage(message);
  const channel = channelOf(message.channel_id);
  if (!channel && !message.guild_id) refreshSoon();
  if (channel && fresh && !(message.flags & 64)) channel.last_message_id = message.id;
  emit("arrived", message);
  emit("message", { channel: message.channel_id, id: message.id });
  emit("unread");
}

function forgetMessages(channel, ids) {
  for (const id of ids) {
    roomFor(channel).delete(id);
    emit("message", { channel, id });
  }
}

function reacted(name, data) {
  const message = roomFor(data.channel_id).get(data.message_id);
  if (!message) return;
  const list = new Map((message.reactions ?? []).map((one) => [one.emoji.name, { ...one, people: [...(one.people ?? [])] }]));
  if (name === "MESSAGE_REACTION_REMOVE_ALL") list.clear();
  else {
    const one = list.get(data.emoji.name) ?? { emoji: data.emoji, people: [], count: 0 };
    const people = one.people.filter((id) => id !== data.user_id);
    if (name === "MESSAGE_REACTION_ADD") people.push(data.user_id);
    list.set(data.emoji.name, { ...one, people, count: people.length });
  }
  message.reactions = [...list.values()].filter((one) => one.count);
  emit("message", { channel: data.channel_id, id: data.message_id });
}

boot().catch((error) => {
  console.error(error);
  document.body.prepend(h("p", { class: "bad", role: "alert" }, String(error.message)));
});
