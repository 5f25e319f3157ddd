// The button on a draw's record.

import { h, fill } from "./dom.js";
import { emit } from "./bus.js";
import { sound, standing, verifyRecord } from "./verify.js";
import { nameOf, state } from "./state.js";
import { t } from "./i18n.js";

export const isRecord = (file) => /^(raffle|giveaway)-.*\.json(\.gz)?$/.test(file.filename);

async function readRecord(path) {
  const response = await fetch(path);
  if (!path.endsWith(".gz")) return response.json();
  return new Response(response.body.pipeThrough(new DecompressionStream("gzip"))).json();
}

export function recordChecker(path) {
  const result = h("div", { class: "record-result", role: "status" });
  const onclick = async () => {
    fill(result, t("record.checking"));
    try {
      const record = await readRecord(path);
      const checks = await verifyRecord(record);
      fill(result, verdict(record, checks));
      result.scrollIntoView({ block: "nearest" });
      emit("verified", { ok: sound(checks), draw: record.draw_id });
    } catch (error) {
      fill(result, h("p", { class: "bad" }, t("record.unreadable", { why: error.message })));
    }
  };
  return h("div", { class: "record" }, h("button", { class: "primary", type: "button", onclick, data: { tour: "verify" } }, `✓ ${t("record.check")}`), result);
}

const MARKS = new Map([
  [true, ["✓", "good"]],
  [false, ["✗", "bad"]],
  [null, ["→", "open"]],
]);

function verdict(record, checks) {
  const lines = checks.map(({ name, ok }) => {
    const [mark, kind] = MARKS.get(ok);
    return h("li", { class: kind }, `${mark} ${t(`record.${name}`)}`);
  });
  const winners = standing(record).map((one) => {
    const user = state.users.get(one.id);
    return t("record.winner", { name: user ? nameOf(user) : one.id, ticket: one.ticket, total: record.total_tickets });
  });
  const good = sound(checks);
  return [h("p", { class: good ? "good strong" : "bad strong" }, t(good ? "record.sound" : "record.broken")), h("ul", {}, lines), winners.map((line) => h("p", { dir: "auto" }, line))];
}
