// The page's own words. What the bot says is the bot's affair (its command is /language).

import { kept } from "./dom.js";

let words = {};
export let language = kept.get("language") ?? (navigator.language.startsWith("ar") ? "ar" : "en");
if (!["en", "ar"].includes(language)) language = "en";
export const locale = () => (language === "ar" ? "ar-u-nu-latn" : navigator.language.startsWith("en") ? navigator.language : "en");

export async function loadWords() {
  words = await (await fetch(`/static/lang/${language}.json`)).json();
  document.documentElement.lang = language;
  document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
}

export function t(key, values = {}) {
  const text = words[key];
  if (text === undefined) {
    console.error("no words for", key);
    return key;
  }
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function switchLanguage() {
  kept.set("language", language === "ar" ? "en" : "ar");
  location.reload();
}

// Elements of index.html name their words: data-t for text, data-t-label for the accessible name.
export function translatePage() {
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
    element.title = t(element.dataset.tLabel);
  }
}
