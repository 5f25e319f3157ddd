// The guided tour: eight steps, each a few things to do. What was done is read off what happened.

import { kept } from "./dom.js";
import { emit, on } from "./bus.js";
import { facts } from "./panels/kit.js";
import { state } from "./state.js";
import { isRecord } from "./record.js";

const HERO = "viewer1";
const CODE = /`([A-Z0-9-]{4,16})`/;

// Facts by name. They stay true once seen, and are kept for this guild.
const seen = new Set();
let code = "";

export const codeToType = () => code;
export const happened = (name) => seen.has(name);

function fact(name) {
  if (seen.has(name)) return;
  seen.add(name);
  kept.set(`tour.${state.guild?.id}`, [...seen]);
  emit("tour");
}

export function forget() {
  seen.clear();
  kept.set(`tour.${state.guild?.id}`, []);
  emit("tour");
}

// Each part: what was done (`done`), and where to press (`at`: the first selector that is there).
const on_ = (name) => () => state.me === name;
const tab = (name) => `[data-tab="${name}"]:not([aria-selected="true"])`;
const channel = (name) => `[data-tour="channel-${name}"]:not(.on)`;
const INPUT = "#command-form .option-form, #input:enabled";

export const STEPS = [
  {
    name: "link",
    parts: [
      { key: "be_viewer", done: () => on_(HERO)() || seen.has("code"), at: ["#who"] },
      { key: "link_command", done: () => seen.has("code"), at: [INPUT, channel("raffle")] },
      { key: "type_code", done: () => seen.has("linked"), at: [tab("kick"), '[data-tour="kick-text"]'] },
    ],
  },
  {
    name: "chat",
    parts: [
      { key: "go_live", done: () => Boolean(facts.kick?.live) || seen.has("chatted"), at: [tab("kick"), '[data-tour="kick-live"]'] },
      { key: "say", done: () => seen.has("chatted"), at: [tab("kick"), '[data-tour="kick-text"]'] },
    ],
  },
  { name: "gift", parts: [{ key: "give", done: () => seen.has("gifted"), at: [tab("kick"), '[data-tour="kick-gift"]'] }] },
  { name: "tickets", parts: [{ key: "ask", done: () => seen.has("tickets"), at: [INPUT, channel("raffle")] }] },
  { name: "wager", parts: [{ key: "raise", done: () => seen.has("wagered"), at: [tab("wagers"), '[data-tour="wager"]'] }] },
  {
    name: "draw",
    parts: [
      { key: "be_streamer", done: () => on_("streamer")() || seen.has("asked_draw"), at: ["#who"] },
      { key: "command", done: () => seen.has("asked_draw"), at: [INPUT, channel("raffle")] },
      { key: "confirm", done: () => seen.has("confirmed") || seen.has("drawn"), at: ["#messages li:last-child button.success", "#messages"] },
      { key: "wait", done: () => seen.has("drawn"), at: [channel("announcements"), "#messages li:last-child"] },
    ],
  },
  { name: "verify", parts: [{ key: "press", done: () => seen.has("verified"), at: ['[data-tour="verify"]', channel("announcements")] }] },
  {
    name: "giveaway",
    parts: [
      { key: "create", done: () => seen.has("giveaway") || seen.has("entered"), at: [INPUT, channel("raffle")] },
      { key: "enter", done: () => seen.has("entered"), at: ['[data-button^="giveaway:enter"]', channel("giveaways")] },
    ],
  },
];

export const stepDone = (step) => step.parts.every((part) => part.done());
export const currentStep = () => STEPS.find((step) => !stepDone(step)) ?? null;
export const currentPart = () => currentStep()?.parts.find((part) => !part.done()) ?? null;

// -- watching --------------------------------------------------------------------------------------

export function startTour() {
  on("lines", (fresh) => fresh.forEach(heard));
  on("kick", () => emit("tour"));
  on("wagers", (wagers) => wagers.rows.some((one) => one.who === HERO) && fact("wagered"));
  on("interacted", interacted);
  on("arrived", arrived);
  on("verified", ({ ok }) => ok && fact("verified"));
  on("state", remember);
}

let remembered = "";

function remember() {
  const id = state.guild?.id;
  if (id && id !== remembered) {
    remembered = id;
    for (const name of kept.get(`tour.${id}`, [])) seen.add(name);
  }
  emit("tour");
}

function heard(line) {
  if (line.who !== HERO) return;
  if (line.kind === "chat" && facts.kick?.live && line.text !== code) fact("chatted");
  if (line.kind === "gift") fact("gifted");
}

function interacted({ act, body, view }) {
  if (view.state !== "answered") return;
  if (act === "slash") {
    const path = body.name;
    if (path === "link kick") findCode(view.answer);
    if (path === "tickets" && view.answer) fact("tickets");
    if (path === "raffle draw" && view.answer?.components.length) fact("asked_draw");
  }
  if (act === "click" && body.button.startsWith("giveaway:enter")) fact("entered");
  else if (act === "click" && seen.has("asked_draw") && body.as === "streamer") fact("confirmed");
}

function findCode(answer) {
  const text = JSON.stringify(answer?.embeds ?? []) + (answer?.content ?? "");
  const found = CODE.exec(text);
  if (!found) return;
  code = found[1];
  fact("code");
}

// A message that came in or was read for the first time.
function arrived(message) {
  if (message.author?.id !== state.bot.id) return;
  const text = `${message.content} ${JSON.stringify(message.embeds)}`;
  const hero = [...state.users.values()].find((one) => one.username === HERO);
  const open = !(message.flags & 64) && !message.message_reference;
  if (open && text.includes(`**${HERO}**`) && (!hero || text.includes(`<@${hero.id}>`))) {
    fact("code");
    fact("linked");
  }
  if (message.attachments.some(isRecord)) {
    fact("asked_draw");
    fact("drawn");
  }
  const asked = message.interaction_metadata?.name ?? message.referenced_message?.content ?? "";
  if (/^!?tickets\b/.test(asked) && message.embeds.length) fact("tickets");
  if (JSON.stringify(message.components).includes('"giveaway:enter')) fact("giveaway");
}
