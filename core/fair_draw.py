"""Draw protocol 1: how winners are picked, and the record that lets anybody check it.

Pure and standard library only. Everything random comes in as an argument, so that the same facts give
the same picks on any machine.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import accumulate, islice
from math import isqrt
from operator import lt
from typing import Any, TypeVar

PROTOCOL = 1
SEED_BYTES = 32
MODES = ("beacon", "commit")
EVENT_KINDS = ("reroll", "unclaimed", "disqualified")

_SPACE = 1 << 256
_BLOCK_ROWS = 1 << 15
_BLOCK_BYTES = 1 << 20
_DIGITS = b"0123456789"
_DRAW_ID = re.compile(r"[!-~]+")
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")

Record = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Entrants:
    """Who takes part with how many tickets, in the numbering order (ids ascending).

    Ids are 1..2^64-1, tickets at least 1, their total below 2^63. Raises ValueError for anything else,
    for an id that stands twice and for ids out of order. Held in flat arrays: a million take 16 MB.
    """

    ids: Sequence[int]
    tickets: Sequence[int]

    def __post_init__(self) -> None:
        try:
            ids, tickets = array("Q", self.ids), array("q", self.tickets)
        except OverflowError as error:
            raise ValueError(f"an id or a number of tickets is out of range: {error}") from error
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "tickets", tickets)
        self._validate()

    def _validate(self) -> None:
        if len(self.ids) != len(self.tickets):
            raise ValueError("every entrant needs an id and a number of tickets")
        if not all(map(lt, self.ids, islice(self.ids, 1, None))):
            raise ValueError("the ids are not strictly ascending (out of order, or one stands twice)")
        if self.ids and self.ids[0] < 1:
            raise ValueError("an id is 1 or more")
        if self.tickets and min(self.tickets) < 1:
            raise ValueError("an entrant has 1 ticket or more")
        if self.total >= 1 << 63:
            raise ValueError("the tickets together are 2^63 or more")

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[int, int]]) -> Entrants:
        """From (id, tickets) in any order."""
        rows = sorted(pairs)
        return cls([row[0] for row in rows], [row[1] for row in rows])

    @cached_property
    def total(self) -> int:
        """All tickets in the drum."""
        return sum(self.tickets)

    @cached_property
    def text(self) -> bytes:
        """The entrant text, the bytes that are hashed: `<id> <tickets>\\n` for each."""
        return b"".join(self._blocks())

    def _blocks(self) -> Iterator[bytes]:
        for start in range(0, len(self.ids), _BLOCK_ROWS):
            end = start + _BLOCK_ROWS
            rows = zip(self.ids[start:end], self.tickets[start:end], strict=True)
            yield "".join(map("%d %d\n".__mod__, rows)).encode("ascii")

    def tickets_of(self, entrant: int) -> int:
        """How many tickets the id holds; 0 for a stranger."""
        index = bisect_right(self.ids, entrant) - 1
        return self.tickets[index] if index >= 0 and self.ids[index] == entrant else 0

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Pick:
    """Pick number `index` (from 0): the holder and the ticket, numbered from 1 before any pick."""

    index: int
    id: int
    ticket: int


@dataclass(frozen=True)
class DrawFacts:
    """All that a record tells. Times are aware; `excluded` is (id, reason).

    `beacon` is what `core.beacon.BeaconChain.record` gives, None in `commit` mode; `picks` are the winners
    and any number of reserves; `events` are made by `draw_event`.
    """

    draw_id: str
    title: str
    prize: str
    guild_id: int
    mode: str
    opened_at: datetime
    frozen_at: datetime
    drawn_at: datetime
    server_seed: bytes
    entrants: Entrants
    excluded: Sequence[tuple[int, str]]
    beacon: Mapping[str, Any] | None
    winners: int
    picks: Sequence[Pick]
    events: Sequence[Mapping[str, Any]] = ()


def commitment(server_seed: bytes) -> str:
    """SHA-256 of the 32 secret bytes, hex: published when the entry opens."""
    if len(server_seed) != SEED_BYTES:
        raise ValueError(f"a server seed has {SEED_BYTES} bytes, not {len(server_seed)}")
    return hashlib.sha256(server_seed).hexdigest()


def entrants_sha256(text: bytes) -> str:
    """The entrant digest, published at the freeze."""
    return hashlib.sha256(text).hexdigest()


def parse_entrant_text(text: bytes) -> Entrants:
    """Read an entrant text; ValueError unless it is the one canonical form, byte for byte."""
    _require_canonical(text)
    ids, tickets = array("Q"), array("q")
    try:
        for block in _line_blocks(text):
            numbers = list(map(int, block.split()))
            ids.extend(numbers[0::2])
            tickets.extend(numbers[1::2])
    except OverflowError as error:
        raise ValueError(f"an id or a number of tickets is out of range: {error}") from error
    entrants = Entrants(ids, tickets)
    vars(entrants)["text"] = text  # primes the cached property: the canonical form is what was read
    return entrants


def _require_canonical(text: bytes) -> None:
    """Two plain decimal numbers to a line, by whole-text scans: cheap for 24 MB, lean in memory."""
    separators = text.translate(None, _DIGITS)
    if separators != b" \n" * (len(separators) // 2) or (text and not text.endswith(b"\n")):
        raise ValueError("an entrant text has lines of `<id> <tickets>` and nothing else")
    if text[:1] in (b" ", b"0") or any(bad in text for bad in (b" \n", b"\n ", b"\n0", b" 0")):
        raise ValueError("an entrant text has no empty number and none that begins with 0")


def _line_blocks(text: bytes) -> Iterator[bytes]:
    """The text in pieces of about a megabyte, cut at line ends, so that few numbers live at once."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", min(start + _BLOCK_BYTES, len(text) - 1)) + 1 or len(text)
        yield text[start:end]
        start = end


def derive_seed(server_seed: bytes, draw_id: str, entrants_sha256: str, randomness: str | None) -> bytes:
    """The draw's 32-byte seed; `randomness` is the beacon round's, lower-case hex, None in `commit` mode."""
    if len(server_seed) != SEED_BYTES or not _DRAW_ID.fullmatch(draw_id):
        raise ValueError("the server seed has 32 bytes, the draw id is printable ASCII without spaces")
    if not all(_HEX_64.fullmatch(given) for given in (entrants_sha256, randomness) if given is not None):
        raise ValueError("the entrant digest and the randomness are 64 lower-case hex digits")
    beacon = "-" if randomness is None else randomness
    message = f"drumroll/draw/{PROTOCOL}\n{draw_id}\n{entrants_sha256}\n{beacon}\n"
    return hmac.digest(server_seed, message.encode("ascii"), "sha256")


def picks(seed: bytes, entrants: Entrants, count: int) -> list[Pick]:
    """The first `count` picks in order; all entrants where there are fewer. ValueError if count < 0."""
    if count < 0:
        raise ValueError("a draw picks 0 or more")
    drum = _Drum(entrants)
    found = []
    for index in range(min(count, len(entrants))):
        entrant, ticket = drum.take(_uniform(seed, index, drum.left))
        found.append(Pick(index, entrant, ticket))
    return found


def _uniform(seed: bytes, index: int, total: int) -> int:
    """A number in 0..total-1 without modulo bias: values of the incomplete last stretch are drawn again."""
    limit = _SPACE - _SPACE % total
    attempt = 0
    while True:
        digest = hmac.digest(seed, f"{index}:{attempt}".encode("ascii"), "sha256")
        if (value := int.from_bytes(digest, "big")) < limit:
            return value % total
        attempt += 1


class _Drum:
    """The tickets left, summed in about sqrt(n) blocks, so that a take costs O(sqrt n) in C loops."""

    def __init__(self, entrants: Entrants) -> None:
        self._entrants = entrants
        self._held = array("q", entrants.tickets)
        self._size = size = isqrt(len(entrants)) + 1
        starts = range(0, len(entrants), size)
        self._blocks = [sum(self._held[start : start + size]) for start in starts]
        self._block_starts = list(accumulate(self._blocks, initial=0))
        self.left = entrants.total

    def take(self, rest: int) -> tuple[int, int]:
        """Remove the holder of the (rest+1)-th ticket left; gives the id and the ticket's first number."""
        block, rest = _locate(self._blocks, rest)
        start = block * self._size
        offset, rest = _locate(self._held[start : start + self._size], rest)
        holder = start + offset
        before = self._block_starts[block] + sum(self._entrants.tickets[start:holder])
        self._blocks[block] -= self._held[holder]
        self.left -= self._held[holder]
        self._held[holder] = 0
        return self._entrants.ids[holder], before + rest + 1


def _locate(parts: Sequence[int], rest: int) -> tuple[int, int]:
    """Which part holds position `rest` of all parts laid end to end, and the position inside it."""
    ends = list(accumulate(parts))
    part = bisect_right(ends, rest)
    return part, rest - (ends[part - 1] if part else 0)


def utc_text(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS[.ffffff]Z` of an aware moment; ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a moment in a record is aware")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_utc(text: str) -> datetime:
    """The moment that `utc_text` wrote; ValueError for any other form."""
    if not _TIME.fullmatch(text):
        raise ValueError("a time is written YYYY-MM-DDTHH:MM:SS[.ffffff]Z")
    return datetime.fromisoformat(text)


def draw_event(at: datetime, kind: str, position: int, replaced_by: int, by: int, reason: str) -> Record:
    """A reserve (`picks[replaced_by]`) takes the place `position` (from 0); `by` is who decided it."""
    if kind not in EVENT_KINDS:
        raise ValueError(f"an event is one of {', '.join(EVENT_KINDS)}")
    moment = utc_text(at)
    return {
        "at": moment,
        "kind": kind,
        "position": position,
        "replaced_by": replaced_by,
        "by": str(by),
        "reason": reason,
    }


def standing(ordered: Sequence[T], winners: int, events: Iterable[Mapping[str, Any]]) -> list[T]:
    """Who holds each winning place after the events; `ordered` are the picks, in any form."""
    places = list(ordered[:winners])
    for event in events:
        places[event["position"]] = ordered[event["replaced_by"]]
    return places


def record_bytes(facts: DrawFacts) -> bytes:
    """The record with `checksums` as UTF-8 JSON for people: one field below the other, an entrant to a line.

    No object is made for each of a million entrants. ValueError where mode and beacon contradict each other.
    """
    return _dump(_record(facts), _entrant_json(facts.entrants.text, b",\n  "))


def _record(facts: DrawFacts) -> Record:
    """All fields in their order; `entrants` is filled in when it is written."""
    if facts.mode not in MODES or (facts.mode == "beacon") != (facts.beacon is not None):
        raise ValueError("mode `beacon` has a beacon round, mode `commit` has none")
    randomness = facts.beacon["randomness"] if facts.beacon is not None else None
    digest = entrants_sha256(facts.entrants.text)
    record: Record = {
        "protocol": PROTOCOL,
        "draw_id": facts.draw_id,
        "title": facts.title,
        "prize": facts.prize,
        "guild_id": str(facts.guild_id),
        "mode": facts.mode,
        "opened_at": utc_text(facts.opened_at),
        "frozen_at": utc_text(facts.frozen_at),
        "drawn_at": utc_text(facts.drawn_at),
        "commitment": commitment(facts.server_seed),
        "server_seed": facts.server_seed.hex(),
        "entrants": None,
        "entrants_sha256": digest,
        "total_tickets": facts.entrants.total,
        "excluded": [{"id": str(entrant), "reason": reason} for entrant, reason in facts.excluded],
        "beacon": dict(facts.beacon) if facts.beacon is not None else None,
        "seed": derive_seed(facts.server_seed, facts.draw_id, digest, randomness).hex(),
        "winners": facts.winners,
        "picks": [{"id": str(pick.id), "ticket": pick.ticket} for pick in facts.picks],
        "events": [dict(event) for event in facts.events],
    }
    sums = {name: checksum(value) for name, value in record.items() if name != "entrants"}
    sums["entrants"] = hashlib.sha256(_entrant_json(facts.entrants.text, b",")).hexdigest()
    return {**record, "checksums": dict(sorted(sums.items()))}


def checksum(value: object) -> str:
    """SHA-256, hex, of the value's canonical JSON: keys sorted, no spaces, non-ASCII escaped."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()


def _entrant_json(text: bytes, between: bytes) -> bytes:
    """The `entrants` field as JSON, straight from the entrant text."""
    if not text:
        return b"[]"
    lead = between[1:]
    rows = text[:-1].replace(b" ", b'",').replace(b"\n", b"]" + between + b'["')
    return b"[" + lead + b'["' + rows + b"]" + (b"\n ]" if lead else b"]")


def _dump(record: Mapping[str, Any], entrants: bytes) -> bytes:
    fields = [
        json.dumps(name).encode() + b": " + (entrants if name == "entrants" else _indented(value))
        for name, value in record.items()
    ]
    return b"{\n " + b",\n ".join(fields) + b"\n}\n"


def _indented(value: object) -> bytes:
    text = json.dumps(value, indent=1, ensure_ascii=False).replace("\n", "\n ")
    # Half a surrogate pair has no UTF-8; this writes it as JSON's own escape.
    return text.encode("utf-8", "backslashreplace")
