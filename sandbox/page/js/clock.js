// The sandbox's time in the page, and moments in the reader's zone.

import { h, $$ } from "./dom.js";
import { locale, t } from "./i18n.js";

const clock = { at: Date.now(), speed: 1, seen: performance.now(), known: false };

export function setClock(state) {
  clock.at = Date.parse(state.now);
  clock.speed = state.speed;
  clock.seen = performance.now();
  clock.known = true;
}

export const now = () => clock.at + (performance.now() - clock.seen) * clock.speed;
export const speed = () => clock.speed;

const STYLES = {
  t: { hour: "numeric", minute: "2-digit" },
  T: { hour: "numeric", minute: "2-digit", second: "2-digit" },
  d: { year: "numeric", month: "2-digit", day: "2-digit" },
  D: { year: "numeric", month: "long", day: "numeric" },
  f: { year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit" },
  F: { weekday: "long", year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit" },
};
const formats = new Map();

function format(style, milliseconds) {
  if (!formats.has(style)) formats.set(style, new Intl.DateTimeFormat(locale(), STYLES[style]));
  return formats.get(style).format(milliseconds);
}

const UNITS = [
  ["year", 31536000],
  ["month", 2592000],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];
let relative;

function ago(milliseconds) {
  relative ??= new Intl.RelativeTimeFormat(locale(), { numeric: "always" });
  const seconds = (milliseconds - now()) / 1000;
  const [unit, size] = UNITS.find(([, one]) => Math.abs(seconds) >= one) ?? UNITS.at(-1);
  return relative.format(Math.round(seconds / size), unit);
}

// The element of <t:1700000000:R> and its siblings.
export function momentElement(seconds, style) {
  const milliseconds = Number(seconds) * 1000;
  if (!Number.isFinite(milliseconds) || Math.abs(milliseconds) > 8.64e15) return document.createTextNode(t("time.broken"));
  const known = style === "R" || style in STYLES ? style : "f";
  const text = known === "R" ? ago(milliseconds) : format(known, milliseconds);
  return h("time", { class: "moment", datetime: new Date(milliseconds).toISOString(), title: format("F", milliseconds), data: known === "R" ? { ago: String(milliseconds) } : {} }, text);
}

// When a message was written: the hour for today, else the date as well.
export function stampElement(iso) {
  const milliseconds = Date.parse(iso);
  const sameDay = format("d", milliseconds) === format("d", now());
  const text = sameDay ? format("t", milliseconds) : `${format("d", milliseconds)} ${format("t", milliseconds)}`;
  return h("time", { class: "stamp", datetime: iso, title: format("F", milliseconds) }, text);
}

export const hourOf = (iso) => format("t", Date.parse(iso));
export const dateOf = (milliseconds) => format("D", milliseconds);
export const timeOf = (milliseconds) => format("T", milliseconds);

export function tickMoments() {
  for (const element of $$("time[data-ago]")) {
    const text = ago(Number(element.dataset.ago));
    if (element.textContent !== text) element.textContent = text;
  }
}
