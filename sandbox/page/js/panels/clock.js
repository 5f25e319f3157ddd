// The clock that can be turned, and its small copy that is always in sight.

import { h, $, fill } from "../dom.js";
import { post } from "../api.js";
import { on } from "../bus.js";
import { dateOf, now, setClock, speed, tickMoments, timeOf } from "../clock.js";
import { t } from "../i18n.js";
import { button, section } from "./kit.js";

const SPEEDS = [1, 60, 600, 3600];
const HOUR = 3600;
const turn = async (body) => setClock(await post("/clock", body));

export function clockPanel(box) {
  const date = h("div", { class: "big-date" });
  const time = h("div", { class: "big-time", dir: "ltr" });
  const speeds = SPEEDS.map((one) => [one, button(`×${one}`, () => turn({ speed: one }))]);
  const draw = () => {
    if (box.hidden) return;
    date.textContent = dateOf(now());
    time.textContent = timeOf(now());
    for (const [one, element] of speeds) element.setAttribute("aria-pressed", String(one === speed()));
  };
  on("tick", draw);
  on("tab", draw);
  fill(
    box,
    h("div", { class: "big-clock" }, date, time),
    section(t("clock.speed"), h("div", { class: "panel-row even" }, speeds.map(([, one]) => one))),
    section(t("clock.jump"), h("div", { class: "panel-row even" }, button(t("clock.hour"), () => turn({ forward: HOUR })), button(t("clock.day"), () => turn({ forward: 24 * HOUR })), button(t("clock.month_end"), () => turn({ to: "month_end" })))),
    h("p", { class: "quiet" }, t("clock.about")),
  );
}

export function smallClock(element) {
  on("tick", () => {
    const text = `${dateOf(now())} · ${timeOf(now())}${speed() === 1 ? "" : ` · ×${speed()}`}`;
    if (element.textContent !== text) element.textContent = text;
  });
}

export function startTicking(emit) {
  setInterval(() => {
    tickMoments();
    emit("tick");
  }, 250);
}
