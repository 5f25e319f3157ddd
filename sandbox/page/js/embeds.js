// Embeds and attachments.

import { h, hexColour } from "./dom.js";
import { ownPath } from "./api.js";
import { markdown } from "./markdown.js";
import { stampElement } from "./clock.js";
import { recordChecker, isRecord } from "./record.js";
import { t } from "./i18n.js";

const PREVIEW_BYTES = 20_000;

export function embedElement(embed) {
  const colour = embed.color ?? null;
  return h(
    "article",
    { class: "embed", vars: colour === null ? {} : { "--bar": hexColour(colour) } },
    h("div", { class: "embed-body" }, author(embed), title(embed), description(embed), fields(embed.fields ?? []), image(embed.image, "embed-image")),
    image(embed.thumbnail, "embed-thumbnail"),
    footer(embed),
  );
}

const author = (embed) => embed.author?.name && h("div", { class: "embed-author", dir: "auto" }, embed.author.name);
const title = (embed) => {
  if (!embed.title) return null;
  const text = markdown(embed.title, { inline: true });
  return h("div", { class: "embed-title", dir: "auto" }, embed.url ? h("a", { href: embed.url, target: "_blank", rel: "noopener noreferrer" }, text) : text);
};
const description = (embed) => embed.description && h("div", { class: "embed-text" }, markdown(embed.description));

// Inline fields stand three in a row; whatever is not inline begins a new row.
function fields(list) {
  if (!list.length) return null;
  const box = h("div", { class: "embed-fields" });
  let run = [];
  const flush = () => {
    for (let at = 0; at < run.length; at += 3) {
      const row = run.slice(at, at + 3);
      for (const one of row) box.append(field(one, row.length));
    }
    run = [];
  };
  for (const one of list) {
    if (one.inline) run.push(one);
    else {
      flush();
      box.append(field(one, 1));
    }
  }
  flush();
  return box;
}

function field(one, inRow) {
  return h("div", { class: `embed-field of-${inRow}`, dir: "auto" }, h("div", { class: "field-name" }, markdown(one.name, { inline: true })), h("div", {}, markdown(one.value)));
}

export function image(part, kind) {
  if (!part?.url) return null;
  const path = ownPath(part.url);
  if (path) return h("img", { class: kind, src: path, alt: part.description ?? "", loading: "lazy" });
  return h("span", { class: `${kind} not-loaded`, title: part.url }, t("chat.image_elsewhere"));
}

function footer(embed) {
  if (!embed.footer?.text && !embed.timestamp) return null;
  const parts = [embed.footer?.text && h("span", { dir: "auto" }, embed.footer.text), embed.timestamp && stampElement(embed.timestamp)].filter(Boolean);
  if (parts.length === 2) parts.splice(1, 0, " · ");
  return h("div", { class: "embed-footer" }, parts);
}

// -- files -----------------------------------------------------------------------------------------

const READABLE = /\.(json|txt|csv|md|log|ya?ml)$/i;

export function attachmentElement(file) {
  const path = ownPath(file.url);
  const type = file.content_type ?? "";
  if (type.startsWith("image/") && path) {
    return h("a", { class: "attached-image", href: path, download: file.filename }, h("img", { src: path, alt: file.description ?? file.filename, loading: "lazy" }));
  }
  const readable = path && (READABLE.test(file.filename) || type.startsWith("text/") || type.startsWith("application/json"));
  return h(
    "div",
    { class: "file" },
    h("div", { class: "file-head" }, h("span", { class: "file-icon", "aria-hidden": "true" }, "▤"), h("span", { class: "file-name", dir: "ltr" }, file.filename), h("span", { class: "file-size", dir: "ltr" }, size(file.size)), path && h("a", { class: "small-button", href: path, download: file.filename }, t("file.download"))),
    path && isRecord(file) && recordChecker(path),
    readable && preview(path),
  );
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

function preview(path) {
  const text = h("pre", { dir: "ltr", tabindex: "0" });
  const ontoggle = async (event) => {
    if (!event.currentTarget.open || text.textContent) return;
    const body = await (await fetch(path)).text();
    text.textContent = body.length > PREVIEW_BYTES ? `${body.slice(0, PREVIEW_BYTES)}…` : body;
  };
  return h("details", { ontoggle }, h("summary", {}, t("file.preview")), text);
}
