"""Draws from the commitment to the record, for raffles and giveaways alike (the draw protocol's steps)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from core import fair_draw
from core.beacon import BeaconChain, BeaconClient, BeaconUnavailable
from core.clock import Clock
from core.db import Connection, Database, Row, log_failure
from core.errors import UserError
from core.stores import draws as store

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
DELAY_WORTH_TELLING = timedelta(seconds=60)
RESERVES_LOOKED_AT = 10

# Of some members, the reasons of those who cannot have a prize now.
WhyNot = Callable[[Collection[int]], Mapping[int, str]]


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """What is fixed when the entry closes. `entrants` is the protocol's entrant text."""

    title: str
    prize: str
    winners: int
    entrants: bytes
    entrant_count: int
    total_tickets: int
    excluded: Sequence[tuple[int, str]]
    requested_by: int | None
    channel_id: int | None


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """What is published at the freeze; `round` and `round_at` are None in `commit` mode."""

    draw_id: str
    entrants_sha256: str
    entrant_count: int
    total_tickets: int
    round: int | None
    round_at: datetime | None
    other_chain: str | None = None  # the hash of the beacon's chain where that is not drand's own


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A finished draw as its publisher gets it: the row, the winners' picks and what each held."""

    row: Row
    picks: Sequence[fair_draw.Pick]
    entrants: fair_draw.Entrants
    drawn_at: datetime


class Publisher(Protocol):
    """The feature that a draw belongs to; called in the transaction that stores the result."""

    async def publish(self, conn: Connection, drawn: Drawn) -> None: ...

    async def tell_delay(self, conn: Connection, row: Row) -> None: ...


def kind_of(draw_id: str) -> str:
    return draw_id.partition("/")[0]


async def open_draw(
    conn: Connection, clock: Clock, *, draw_id: str, guild_id: int, mode: str,
    period_id: int | None = None, giveaway_id: int | None = None,
) -> str:  # fmt: skip
    """Step 1: keep a secret seed and return the commitment to it, to be shown from the first minute."""
    seed = secrets.token_bytes(fair_draw.SEED_BYTES)
    commitment = fair_draw.commitment(seed)
    await store.open_(
        conn, draw_id=draw_id, guild_id=guild_id, period_id=period_id, giveaway_id=giveaway_id,
        mode=mode, server_seed=seed, commitment=commitment, now=clock.now(),
    )  # fmt: skip
    return commitment


async def freeze_draw(conn: Connection, clock: Clock, chain: BeaconChain, draw_id: str, freeze: Freeze) -> Frozen:
    """Step 2: fix the entrants and name the beacon round. Errors: `draw.already_frozen`."""
    row = await store.get(conn, draw_id, for_update=True)
    if row is None or row["frozen_at"] is not None:
        raise UserError("draw.already_frozen")
    now = clock.now()
    round_ = chain.first_round_after(now) if row["mode"] == "beacon" else None
    digest = fair_draw.entrants_sha256(freeze.entrants)
    await store.freeze(
        conn,
        draw_id,
        {
            "title": freeze.title, "prize": freeze.prize, "winners": freeze.winners,
            "requested_by": freeze.requested_by, "channel_id": freeze.channel_id, "frozen_at": now,
            "entrants": freeze.entrants, "entrants_sha256": digest, "entrant_count": freeze.entrant_count,
            "total_tickets": freeze.total_tickets, "beacon_round": round_,
            "excluded": [{"id": str(who), "reason": reason} for who, reason in freeze.excluded],
        },
    )  # fmt: skip
    return Frozen(
        draw_id=draw_id, entrants_sha256=digest, entrant_count=freeze.entrant_count,
        total_tickets=freeze.total_tickets, round=round_,
        round_at=None if round_ is None else chain.time_of(round_),
        other_chain=None if round_ is None or chain.is_quicknet else chain.chain_hash,
    )  # fmt: skip


class DrawFinisher:
    """Step 3 for every frozen draw, whoever froze it and however often the process died since."""

    def __init__(
        self, db: Database, clock: Clock, beacon: BeaconClient, publishers: Mapping[str, Publisher]
    ) -> None:  # fmt: skip
        self._db = db
        self._clock = clock
        self._beacon = beacon
        self._publishers = publishers

    async def run(self) -> None:
        while True:
            if not await self.finish_due():
                await asyncio.sleep(POLL_SECONDS)

    async def finish_due(self) -> int:
        """Finish every waiting draw whose round is out; how many were finished.

        A draw that fails keeps no other one waiting; its error is raised when all were tried.
        """
        async with self._db.transaction() as conn:
            rows = await store.waiting(conn)
        finished, failed = 0, None
        for row in rows:
            try:
                finished += await self._finish(row)
            except Exception as error:  # noqa: BLE001 - logged, and raised when all were tried
                log_failure(log, "draw_failed", error, draw_id=row["draw_id"])
                failed = error
        if failed is not None:
            raise failed
        return finished

    async def _finish(self, row: Row) -> bool:
        beacon: dict[str, Any] | None = None
        if row["mode"] == "beacon":
            beacon = await self._fetched(row)
            if beacon is None:
                return False
        async with self._db.transaction() as conn:
            text = await store.entrants(conn, row["draw_id"])
        entrants, picks = await asyncio.to_thread(_drawn, row, text, beacon, row["winners"])
        return await self._store(row, entrants, picks, beacon)

    async def _store(
        self,
        row: Row,
        entrants: fair_draw.Entrants,
        picks: list[fair_draw.Pick],
        beacon: dict[str, Any] | None,
    ) -> bool:
        now = self._clock.now()
        async with self._db.transaction() as conn:
            stored = await store.finish(conn, row["draw_id"], beacon=beacon, picks=_pick_rows(picks), now=now)
            if stored:
                drawn = Drawn(row=row, picks=picks, entrants=entrants, drawn_at=now)
                await self._publishers[kind_of(row["draw_id"])].publish(conn, drawn)
        return stored

    async def _fetched(self, row: Row) -> dict[str, Any] | None:
        chain, number = self._beacon.chain, row["beacon_round"]
        late = self._clock.now() - chain.time_of(number)
        if late < timedelta(0):
            return None
        try:
            found = await self._beacon.fetch(number)
        except BeaconUnavailable as error:
            log.warning("beacon_unavailable", extra={"round": number, "error": str(error)})
            found = None
            await asyncio.sleep(POLL_SECONDS)
        if found is None and late > DELAY_WORTH_TELLING:
            await self._tell_delay(row)
        return None if found is None else chain.record(found)

    async def _tell_delay(self, row: Row) -> None:
        async with self._db.transaction() as conn:
            if await store.claim_delay_notice(conn, row["draw_id"], self._clock.now()):
                await self._publishers[kind_of(row["draw_id"])].tell_delay(conn, row)


def _drawn(
    row: Row, text: bytes, beacon: dict[str, Any] | None, count: int
) -> tuple[fair_draw.Entrants, list[fair_draw.Pick]]:
    entrants = fair_draw.parse_entrant_text(text)
    randomness = None if beacon is None else beacon["randomness"]
    seed = fair_draw.derive_seed(row["server_seed"], row["draw_id"], row["entrants_sha256"], randomness)
    return entrants, fair_draw.picks(seed, entrants, count)


def _pick_rows(picks: Sequence[fair_draw.Pick]) -> list[dict[str, Any]]:
    return [{"id": str(pick.id), "ticket": pick.ticket} for pick in picks]


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """A reserve that took a winner's place; `passed` are (id, reason) of those who came before and cannot have it."""

    position: int
    replaced: int
    winner: fair_draw.Pick
    tickets: int
    passed: Sequence[tuple[int, str]] = ()


async def take_reserve(
    conn: Connection, clock: Clock, draw_id: str, *, position: int, kind: str, by: int, reason: str, own_id: int,
    why_not: WhyNot,
) -> Replacement:  # fmt: skip
    """The next pick of the same sequence that can have the prize takes the place; nothing new is drawn.

    `kind` is reroll, unclaimed or disqualified. Who is passed over takes the place for an event's length, and loses
    it by the next event, which says why: a record has every pick in its turn. Errors: `draw.not_drawn`,
    `draw.no_reserves`.
    """
    row = await store.get(conn, draw_id, for_update=True)
    if row is None or row["drawn_at"] is None:
        raise UserError("draw.not_drawn")
    first, now = row["winners"] + len(row["events"]), clock.now()
    entrants, picks, passed = await _next_fit(row, await store.entrants(conn, draw_id), first, why_not)
    events = [fair_draw.draw_event(now, kind, position, first, by, reason)]
    events += [
        fair_draw.draw_event(now, "disqualified", position, first + number, own_id, why)
        for number, (_who, why) in enumerate(passed, 1)
    ]
    replaced = fair_draw.standing([pick.id for pick in picks], row["winners"], row["events"])[position]
    await store.set_reserves(conn, draw_id, _pick_rows(picks), [*row["events"], *events])
    winner = picks[-1]
    return Replacement(
        position=position, replaced=replaced, winner=winner, tickets=entrants.tickets_of(winner.id), passed=passed
    )


async def _next_fit(
    row: Row, text: bytes, first: int, why_not: WhyNot
) -> tuple[fair_draw.Entrants, list[fair_draw.Pick], list[tuple[int, str]]]:
    """The entrants, the picks up to the first reserve from `first` on that can have the prize, and who cannot."""
    passed: list[tuple[int, str]] = []
    while True:
        looked_at = first + len(passed) + RESERVES_LOOKED_AT
        entrants, picks = await asyncio.to_thread(_drawn, row, text, row["beacon"], looked_at)
        coming = picks[first + len(passed) :]
        reasons = why_not([pick.id for pick in coming])
        for pick in coming:
            if pick.id not in reasons:
                return entrants, picks[: pick.index + 1], passed
            passed.append((pick.id, reasons[pick.id]))
        if len(picks) < looked_at:
            raise UserError("draw.no_reserves")


async def current_winners(conn: Connection, draw_id: str) -> list[int]:
    """Who holds each winning place today; empty while the draw waits."""
    row = await store.get(conn, draw_id)
    if row is None or row["picks"] is None:
        return []
    return fair_draw.standing([int(pick["id"]) for pick in row["picks"]], row["winners"], row["events"])


async def was_picked(conn: Connection, draw_id: str, user_id: int) -> bool:
    """Whether somebody holds a winning place, or ever did."""
    row = await store.get(conn, draw_id)
    return row is not None and str(user_id) in {pick["id"] for pick in row["picks"] or ()}


async def passed_on(conn: Connection, draw_id: str, since: datetime, *, but_by: int) -> set[int]:
    """The places (from 0) that changed hands last after a moment, and on somebody else's word."""
    row = await store.get(conn, draw_id)
    last = {event["position"]: event for event in (row["events"] if row is not None else ())}
    return {
        position
        for position, event in last.items()
        if event["by"] != str(but_by) and datetime.fromisoformat(event["at"]) > since
    }


async def has_reserve(conn: Connection, draw_id: str) -> bool:
    """Whether somebody who took part has had no turn yet."""
    row = await store.get(conn, draw_id)
    return row is not None and row["winners"] + len(row["events"]) < row["entrant_count"]


async def get_draw(conn: Connection, draw_id: str) -> Row | None:
    return await store.get(conn, draw_id)


async def waiting_draws(conn: Connection) -> list[Row]:
    return await store.waiting(conn)


async def state_of(conn: Connection, draw_id: str) -> str:
    """Names what a finished draw is now: as long as it is the same, so is the record. Errors: `draw.not_drawn`."""
    state = await store.state(conn, draw_id)
    if state is None:
        raise UserError("draw.not_drawn")
    return state


async def record_of(conn: Connection, draw_id: str) -> bytes:
    """The published record as a JSON file. Errors: `draw.not_drawn`."""
    row = await store.get(conn, draw_id)
    if row is None or row["drawn_at"] is None:
        raise UserError("draw.not_drawn")
    text = await store.entrants(conn, draw_id)
    return await asyncio.to_thread(_record, row, text)


def _read_before(text: bytes, total: int) -> fair_draw.Entrants:
    """The entrants of a finished draw as its record needs them: their text and total, without reading a million again.

    They were read when the picks were made, so nothing is left to check; ids and tickets are not there.
    """
    entrants = object.__new__(fair_draw.Entrants)
    vars(entrants).update(text=text, total=total)
    return entrants


def _record(row: Row, text: bytes) -> bytes:
    facts = fair_draw.DrawFacts(
        draw_id=row["draw_id"], title=row["title"], prize=row["prize"], guild_id=row["guild_id"],
        mode=row["mode"], opened_at=row["opened_at"], frozen_at=row["frozen_at"], drawn_at=row["drawn_at"],
        server_seed=bytes(row["server_seed"]), entrants=_read_before(text, row["total_tickets"]),
        excluded=[(int(item["id"]), item["reason"]) for item in row["excluded"]],
        beacon=row["beacon"], winners=row["winners"],
        picks=[
            fair_draw.Pick(index, int(pick["id"]), pick["ticket"]) for index, pick in enumerate(row["picks"])
        ],
        events=row["events"],
    )  # fmt: skip
    return fair_draw.record_bytes(facts)
