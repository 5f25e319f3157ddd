// From a press to what comes of it: an answer in the channel, a form, choices, or nothing within three seconds.

import { act, look, Refused } from "./api.js";
import { emit } from "./bus.js";
import { openForm } from "./modal.js";
import { state } from "./state.js";
import { t } from "./i18n.js";

const PATIENCE = 5;

// Starts an act as the chosen person and waits for the bot; the control API's view, or null where it was refused.
export async function interact(name, body) {
  const asked = { as: state.me, ...body };
  try {
    const started = await act(name, asked);
    const view = await look("interaction", { id: started.interaction, timeout: PATIENCE, until: "answered" });
    emit("interacted", { act: name, body: asked, view });
    if (view.modal) openForm(view);
    if (view.state === "failed") toast(t("chat.no_response"), "bad");
    return view;
  } catch (error) {
    complain(error);
    return null;
  }
}

export async function choices(body) {
  const started = await act("autocomplete", { as: state.me, ...body });
  const view = await look("interaction", { id: started.interaction, timeout: PATIENCE, until: "answered" });
  return view.choices ?? [];
}

export async function doAct(name, body = {}) {
  try {
    return await act(name, { as: state.me, ...body });
  } catch (error) {
    complain(error);
    return null;
  }
}

export function complain(error) {
  if (!(error instanceof Refused)) console.error(error);
  toast(error instanceof TypeError ? t("connection.lost") : error.message, "bad");
}

export const toast = (text, kind = "") => emit("toast", { text, kind });
