"""The raffle's draw: end, freeze, publish, reroll. Winners come from `core.draws` alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from core import draws, guilds, outbox
from core.beacon import BeaconChain
from core.clock import Clock
from core.db import Connection, Row
from core.draws import Drawn, Freeze, Frozen, Replacement
from core.errors import UserError
from core.guilds import Guilds, GuildSettings
from core.messages import Message
from core.reserves import LEFT_SERVER, Look
from core.texts import mention
from raffle_system import (
    announcements,
    claims,
    entrants,
    entrants_store,
    ledger_store,
    periods,
    prize_store,
    prizes,
    store,
    winner_announcements,
)
from raffle_system.config import PRIZE_LENGTH, REASON_LENGTH
from raffle_system.entrants import Present
from raffle_system.models import ARCHIVED, LastDraw, Period
from raffle_system.periods import LastCall

BELOW_MINIMUM = "fewer tickets than the minimum"


@dataclass(frozen=True, kw_only=True)
class DrawPlan:
    """What `raffle draw` would do now; shown before the admin confirms."""

    period: Period
    ends_now: bool
    participants: int
    tickets: int
    prizes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class DrawStarted:
    period: Period
    opened: Period | None
    frozen: Frozen


@dataclass(frozen=True, kw_only=True)
class DrawRequest:
    """Who asked for a draw, where, and for what. `present` knows the members now, None if they cannot be listed."""

    actor: int | None
    channel_id: int | None
    prize: str
    present: Present


def prizes_of(written: str) -> list[str]:
    """What `raffle draw <prize>` says: one prize, commas and all, or several with `|` between them."""
    return prizes.split(written, commas=False, longest=PRIZE_LENGTH)


async def plan(conn: Connection, settings: GuildSettings, number: int | None, present: Present) -> DrawPlan:
    """The period that a draw would take, the named one, else the oldest that waits, else the running one; with whom.

    Errors: `raffle.no_such_period`, `draw.already_frozen`, `raffle.nobody_entered`.
    """
    if number is not None:
        period = await periods.by_number(conn, settings.guild_id, number)
    else:
        waiting = await entrants.undrawn(conn, settings, present)
        period = waiting[0] if waiting else await periods.active(conn, settings.guild_id)
    if period.frozen_at is not None:
        raise UserError("draw.already_frozen")
    stats = await entrants.stats(conn, period, await entrants.entering(conn, settings, period, present))
    if not stats.participants:
        raise UserError("raffle.nobody_entered", number=str(period.number))
    return DrawPlan(
        period=period, ends_now=period.status == "active", participants=stats.participants,
        tickets=stats.total, prizes=await prize_store.prizes(conn, period.id),
    )  # fmt: skip


async def start(
    conn: Connection, clock: Clock, settings: GuildSettings, chain: BeaconChain, guilds_: Guilds,
    period_id: int, request: DrawRequest, last_call: LastCall, shown: DrawPlan | None = None,
) -> DrawStarted:  # fmt: skip
    """Freeze a period, ending it first where it still runs; the draw then finishes by itself.

    `shown` is what the admin agreed to. Errors: `draw.already_frozen` (another admin was faster),
    `draw.ended_meanwhile`, `draw.set_aside_meanwhile`, `draw.prizes_meanwhile`, `raffle.nobody_entered`,
    `error.too_long`.
    """
    if len(request.prize) > PRIZE_LENGTH:
        raise UserError("error.too_long", most=PRIZE_LENGTH)
    period = await periods.by_id(conn, period_id, for_update=True)
    if period.guild_id != settings.guild_id or period.frozen_at is not None:
        raise UserError("draw.already_frozen")
    if shown is not None:
        await _still_as_shown(conn, shown, period)
    opened = None
    if period.status == "active":
        period, opened = await periods.end_now(conn, clock, settings, period, last_call)
    else:
        await last_call(conn, settings, period)
    wanted = await _prizes(conn, period, request)
    frozen = await _freeze(conn, clock, settings, chain, period, request, wanted)
    reader = guilds_.reader(settings.guild_id)
    message = announcements.freeze(reader, settings, period, frozen, prizes.joined(wanted))
    await _post_both(conn, clock, settings, request.channel_id, message)
    detail = {"period": period.number, "entrants_sha256": frozen.entrants_sha256}
    await guilds.audit(conn, settings.guild_id, request.actor, "draw", detail, clock.now())
    return DrawStarted(period=period, opened=opened, frozen=frozen)


async def _still_as_shown(conn: Connection, plan: DrawPlan, period: Period) -> None:
    """What the admin was shown is what will be drawn."""
    if period.status != plan.period.status:
        key = "draw.set_aside_meanwhile" if period.status == ARCHIVED else "draw.ended_meanwhile"
        raise UserError(key, number=str(period.number))
    if list(await prize_store.prizes(conn, period.id)) != list(plan.prizes):
        raise UserError("draw.prizes_meanwhile")


async def _prizes(conn: Connection, period: Period, request: DrawRequest) -> list[str]:
    """What is drawn for: the prizes of the request, which replace those of the period, else the period's."""
    if request.prize:
        await prize_store.set_prizes(conn, period.id, prizes_of(request.prize))
    return await prize_store.prizes(conn, period.id)


async def _freeze(
    conn: Connection, clock: Clock, settings: GuildSettings, chain: BeaconChain, period: Period, request: DrawRequest,
    wanted: Sequence[str],
) -> Frozen:  # fmt: skip
    rule = await entrants.entering(conn, settings, period, request.present)
    text, count, tickets = await entrants_store.entrant_text(conn, period.id, rule)
    too_few = await entrants_store.below_minimum(conn, period.id, rule.minimum)
    excluded = [*((who, BELOW_MINIMUM) for who in too_few), *((who, LEFT_SERVER) for who in rule.gone)]
    if not count:
        raise UserError("raffle.nobody_entered", number=str(period.number))
    await store.mark_frozen(conn, period.id, tickets, clock.now())
    return await draws.freeze_draw(
        conn, clock, chain, period.draw_id,
        Freeze(
            title=announcements.period_name(period, ZoneInfo(settings.timezone)), prize=prizes.joined(wanted),
            winners=min(max(len(wanted), 1), count),
            entrants=text, entrant_count=count, total_tickets=tickets,
            excluded=sorted(excluded), requested_by=request.actor, channel_id=request.channel_id,
        ),
    )  # fmt: skip


async def _post_both(
    conn: Connection, clock: Clock, settings: GuildSettings, channel_id: int | None, message: Message
) -> None:
    """To the announcement channel, and where the command was given if that is another one."""
    for target in dict.fromkeys((settings.announcement_channel_id, channel_id)):
        await outbox.post(conn, clock, settings.guild_id, target, message)


class RafflePublisher:
    """Called by the draw's finisher in the transaction that stores the picks."""

    def __init__(self, clock: Clock, guilds_: Guilds, web_base_url: str | None = None) -> None:
        self._clock = clock
        self._guilds = guilds_
        self._web_base_url = web_base_url

    async def publish(self, conn: Connection, drawn: Drawn) -> None:
        row, pick = drawn.row, drawn.picks[0]
        settings = self._guilds.get(row["guild_id"])
        held = await store.tickets_of(conn, row["period_id"], pick.id)
        await store.set_winner(conn, row["period_id"], pick.id, held["kick_name"], pick.ticket)
        await store.add_draw(
            conn, guild_id=row["guild_id"], period_id=row["period_id"], total_tickets=drawn.entrants.total,
            participants=len(drawn.entrants), winner=pick.id, kick_name=held["kick_name"], ticket=pick.ticket,
            prize=row["prize"], drawn_at=drawn.drawn_at, drawn_by=row["requested_by"],
        )  # fmt: skip
        wanted = await prize_store.prizes(conn, row["period_id"])
        deadline = await self._hold(conn, settings, drawn, wanted)
        reader, url = self._guilds.reader(row["guild_id"]), self._record_url(row["draw_id"])
        if len(drawn.picks) > 1:
            sources = [await store.tickets_of(conn, row["period_id"], one.id) for one in drawn.picks]
            message = winner_announcements.several(reader, drawn, wanted, sources, url)
        else:
            message = announcements.winner(reader, drawn, held, url)
        message = winner_announcements.with_claim(reader, message, row["period_id"], deadline)
        await _post_both(conn, self._clock, settings, row["channel_id"], message)

    async def _hold(
        self, conn: Connection, settings: GuildSettings, drawn: Drawn, wanted: Sequence[str]
    ) -> datetime | None:  # fmt: skip
        """Put every winner on the place that was drawn; until when they have to claim."""
        deadline = None
        for position, pick in enumerate(drawn.picks):
            held = await store.tickets_of(conn, drawn.row["period_id"], pick.id)
            deadline = await claims.hold(
                conn, self._clock, self._guilds, settings, period_id=drawn.row["period_id"], position=position,
                discord_id=pick.id, kick_name=held["kick_name"], ticket=pick.ticket,
                prize=wanted[position] if position < len(wanted) else "",
            )  # fmt: skip
        return deadline

    def _record_url(self, draw_id: str) -> str | None:
        return f"{self._web_base_url}/records/{draw_id}.json" if self._web_base_url else None

    async def tell_delay(self, conn: Connection, row: Row) -> None:
        settings = self._guilds.get(row["guild_id"])
        message = announcements.delay(self._guilds.reader(row["guild_id"]), row)
        await _post_both(conn, self._clock, settings, row["channel_id"], message)


async def reroll(
    conn: Connection, clock: Clock, settings: GuildSettings, guilds_: Guilds, *,
    number: int | None, actor: int, channel_id: int | None, reason: str, look: Look, position: int = 0,
    holder: int | None = None,
) -> tuple[Period, Replacement]:  # fmt: skip
    """The next reserve of a drawn period takes a prize; announced, with the record's new state attached.

    Who left since the freeze is passed over (`look`). `position` counts the prizes from 0; `holder` is who was to lose
    it when the admin was asked. Errors: `draw.not_drawn`, `draw.no_such_place`, `draw.no_reserves`,
    `raffle.no_such_period`, `error.too_long`, `reroll.holder_meanwhile`; `Unseen`.
    """
    if len(reason) > REASON_LENGTH:
        raise UserError("error.too_long", most=REASON_LENGTH)
    period = await drawn_period(conn, settings, number)
    winners = await draws.current_winners(conn, period.draw_id)
    if position >= max(1, len(winners)):
        raise UserError("draw.no_such_place", place=str(position + 1))
    if winners and holder is not None:
        _require_holder(winners[position], holder)
    replacement = await draws.take_reserve(
        conn, clock, period.draw_id, position=position, kind="reroll", by=actor, reason=reason, own_id=look.own_id,
        why_not=look.why_not,
    )  # fmt: skip
    if holder is not None:  # the draw's row is locked only now
        _require_holder(replacement.replaced, holder)
    pick = replacement.winner
    held = await store.tickets_of(conn, period.id, pick.id)
    if position == 0:
        await store.replace_winner(conn, period.id, pick.id, held["kick_name"], pick.ticket)
    wanted = await prize_store.prizes(conn, period.id)
    deadline = await claims.hold(
        conn, clock, guilds_, settings, period_id=period.id, position=position, discord_id=pick.id,
        kick_name=held["kick_name"], ticket=pick.ticket, prize=wanted[position] if position < len(wanted) else "",
    )  # fmt: skip
    reader = guilds_.reader(settings.guild_id)
    message = announcements.reroll(reader, period, replacement, held, reason)
    message = winner_announcements.with_claim(reader, message, period.id, deadline)
    await _post_both(conn, clock, settings, channel_id, message)
    detail = {
        "period": period.number,
        "from": str(replacement.replaced),
        "to": str(pick.id),
        "reason": reason,
        "passed": [[str(who), why] for who, why in replacement.passed],
    }
    await guilds.audit(conn, settings.guild_id, actor, "reroll", detail, clock.now())
    return period, replacement


async def last_draw(conn: Connection, guild_id: int) -> LastDraw | None:
    """The draw that was finished last, with those who hold its prizes; None where nobody does."""
    period = await periods.last_drawn(conn, guild_id)
    if period is None:
        return None
    places = await prize_store.winners(conn, period.id)
    held = [row["discord_id"] for row in places if row["expired_at"] is None]
    if not places and period.winner_discord_id is not None:  # drawn before places were stored
        held = [period.winner_discord_id]
    winners = [(who, await ledger_store.total(conn, period.id, who)) for who in held]
    return LastDraw(period=period, winners=winners) if winners else None


def _require_holder(current: int, asked_about: int) -> None:
    if current != asked_about:
        raise UserError("reroll.holder_meanwhile", member=mention(current))


async def place_to_reroll(conn: Connection, settings: GuildSettings, position: int) -> tuple[Period, int]:
    """The raffle drawn last, and who holds the place (from 0) there.

    Errors: `draw.not_drawn`, `draw.no_such_place`, `draw.no_reserves`; `reroll.draw_runs` while a later raffle is
    being drawn: its winner is not known yet.
    """
    period = await drawn_period(conn, settings, None)
    running = await store.being_drawn(conn, settings.guild_id)
    if running is not None:
        raise UserError("reroll.draw_runs", number=str(running), last=str(period.number))
    winners = await draws.current_winners(conn, period.draw_id)
    if not 0 <= position < len(winners):
        raise UserError("draw.no_such_place", place=str(position + 1))
    if not await draws.has_reserve(conn, period.draw_id):
        raise UserError("draw.no_reserves")
    return period, winners[position]


async def drawn_period(conn: Connection, settings: GuildSettings, number: int | None) -> Period:
    """The named period, else the one drawn last. Errors: `draw.not_drawn`, `raffle.no_such_period`."""
    if number is not None:
        return await periods.by_number(conn, settings.guild_id, number)
    period = await periods.last_drawn(conn, settings.guild_id)
    if period is None:
        raise UserError("draw.not_drawn")
    return period
