// Draw protocol 1 in the browser: everything but the beacon's signature, which `python bot.py verify` checks.

const encoder = new TextEncoder();
const TOP = 1n << 256n;

const hex = (bytes) => [...new Uint8Array(bytes)].map((one) => one.toString(16).padStart(2, "0")).join("");

function fromHex(text) {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new Error(`not hexadecimal: ${text}`);
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

const sha256 = async (bytes) => hex(await crypto.subtle.digest("SHA-256", bytes));

async function hmacKey(bytes) {
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

const hmac = async (key, text) => hex(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));

// One line per entrant; throws where ids are not in order or tickets are no positive whole numbers.
export function entrantText(entrants) {
  let before = -1n;
  return entrants
    .map(([id, tickets]) => {
      const number = BigInt(id);
      if (!/^(0|[1-9]\d*)$/.test(id) || number <= before) throw new Error(`entrant ${id} is out of order`);
      if (!Number.isSafeInteger(tickets) || tickets < 1) throw new Error(`entrant ${id} holds ${tickets} tickets`);
      before = number;
      return `${id} ${tickets}\n`;
    })
    .join("");
}

export function seedOf(record, digest) {
  const randomness = record.mode === "beacon" ? record.beacon.randomness : "-";
  const message = `drumroll/draw/1\n${record.draw_id}\n${digest}\n${randomness}\n`;
  return hmacKey(fromHex(record.server_seed)).then((key) => hmac(key, message));
}

async function numberBelow(key, pick, total) {
  const limit = TOP - (TOP % total);
  for (let attempt = 0; ; attempt += 1) {
    const x = BigInt(`0x${await hmac(key, `${pick}:${attempt}`)}`);
    if (x < limit) return x % total;
  }
}

// The first `count` picks: [{id, ticket}], each holder leaving the drum with all tickets.
export async function picksOf(seed, entrants, count) {
  const key = await hmacKey(fromHex(seed));
  let start = 1n;
  let left = entrants.map(([id, tickets]) => {
    const holder = { id, first: start, tickets: BigInt(tickets) };
    start += holder.tickets;
    return holder;
  });
  const picks = [];
  for (let pick = 0; pick < count && left.length; pick += 1) {
    const total = left.reduce((sum, one) => sum + one.tickets, 0n);
    let rest = await numberBelow(key, pick, total);
    const chosen = left.find((one) => {
      if (rest < one.tickets) return true;
      rest -= one.tickets;
      return false;
    });
    picks.push({ id: chosen.id, ticket: Number(chosen.first + rest) });
    left = left.filter((one) => one !== chosen);
  }
  return picks;
}

// [{name, ok}]: one entry a check, in the protocol's order; `ok` null where the browser cannot tell.
export async function verifyRecord(record) {
  const checks = [];
  const check = async (name, look) => {
    try {
      checks.push({ name, ok: Boolean(await look()) });
    } catch (error) {
      checks.push({ name, ok: false, why: String(error.message ?? error) });
    }
  };
  let digest = "";
  await check("protocol", () => record.protocol === 1 && (record.mode === "beacon" ? record.beacon !== null : record.mode === "commit" && record.beacon === null));
  await check("commitment", async () => (await sha256(fromHex(record.server_seed))) === record.commitment);
  await check("entrants", async () => {
    digest = await sha256(encoder.encode(entrantText(record.entrants)));
    const total = record.entrants.reduce((sum, one) => sum + one[1], 0);
    return digest === record.entrants_sha256 && total === record.total_tickets;
  });
  if (record.mode === "beacon") {
    await check("randomness", async () => (await sha256(fromHex(record.beacon.signature))) === record.beacon.randomness);
  }
  await check("seed", async () => (await seedOf(record, digest)) === record.seed);
  await check("picks", async () => {
    const told = record.picks;
    if (told.length < Math.min(record.winners, record.entrants.length)) return false;
    const found = await picksOf(record.seed, record.entrants, told.length);
    return found.length === told.length && found.every((one, at) => one.id === told[at].id && one.ticket === told[at].ticket);
  });
  if (record.mode === "beacon") checks.push({ name: "signature", ok: null });
  return checks;
}

// Who holds each winning place after rerolls.
export function standing(record) {
  const places = record.picks.slice(0, record.winners);
  for (const event of record.events ?? []) places[event.position] = record.picks[event.replaced_by];
  return places;
}

export const sound = (checks) => checks.every((one) => one.ok !== false);
