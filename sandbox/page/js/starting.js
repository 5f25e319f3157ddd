// Says that the bot is not there yet, or not any more; commands in that time would be lost.

import { $ } from "./dom.js";
import { get } from "./api.js";
import { on } from "./bus.js";
import { state } from "./state.js";
import { facts } from "./panels/kit.js";
import { t } from "./i18n.js";

const EVERY = 400;
const KICK_PATIENCE = 20_000;
let ready = false;
let asking = false;

export function startStarting() {
  on("state", look);
}

function look() {
  if (!state.bot.online) ready = false;
  else if (!ready && !asking) ask();
  show();
}

function show() {
  const bar = $("#starting");
  bar.hidden = ready;
  bar.textContent = t(state.bot.online ? "bot.no_health" : "bot.offline");
}

// Connected is not ready: its /health says when it is, and Kick's chat should be heard by then (it may be
// unreachable on purpose). Where nobody passes its health on, connected must do.
async function ask() {
  asking = true;
  try {
    const { health } = await get("/bot/state");
    const heard = Boolean(facts.kick?.listening) || performance.now() > KICK_PATIENCE;
    ready = Boolean(health?.discord?.up) && heard;
  } catch {
    ready = state.bot.online;
  }
  asking = false;
  show();
  if (!ready) setTimeout(look, EVERY);
}
