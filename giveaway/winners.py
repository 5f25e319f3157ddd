"""After the draw: reserves that take places, prizes that are claimed or not, winners' roles."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from core import draws, outbox, reserves, tries
from core.db import Connection, Database, Row
from core.draws import Replacement, WhyNot
from core.errors import NotReady, UserError
from core.lanes import Lanes
from core.letters import DangerousRole
from core.messages import RED, Embed, Message
from core.reserves import Look, Member
from core.texts import escape, mention
from giveaway import announcements, journal, letters, requirements, settings, store, wishes
from giveaway import winner_store as places_store
from giveaway.announcements import Change, Place
from giveaway.facts import Tools
from giveaway.models import ENDED, Giveaway, Winner

log = logging.getLogger(__name__)

ROLE_BATCH, ROLE_SECONDS = 50, 5.0
JUST_NOW = timedelta(seconds=10)


async def places(conn: Connection, giveaway_id: int) -> list[Winner]:
    """Who holds the winning places today, by place."""
    return [Winner(**row) for row in await places_store.standing(conn, giveaway_id)]


async def _drawn(conn: Connection, giveaway: Giveaway) -> Giveaway:
    row = await store.get(conn, giveaway.giveaway_id, for_update=True)
    if row is None or row["guild_id"] != giveaway.guild_id or row["status"] != ENDED:
        raise UserError("draw.not_drawn")
    return Giveaway.from_row(row)


async def reroll_giveaway(
    conn: Connection, tools: Tools, giveaway: Giveaway, actor: int, look: Look, reason: str = "", *,
    winner: int | None = None, count: int | None = None, kind: str = "reroll", seen: Sequence[int] | None = None,
) -> list[Change]:  # fmt: skip
    """Reserves take the place of one winner, or of the first `count` places; never a former winner.

    Reserves who left or are blacklisted since the freeze are passed over (`look`). `kind` is reroll or disqualified;
    `seen` are those who held the places when it was asked for. Errors: `Unseen`; `giveaway.places_meanwhile` where one
    of the leaving took the place after that, or so shortly before that somebody else may have asked for the same;
    `draw.not_drawn`, `draw.no_reserves` (nothing is changed then),
    `giveaway.not_a_winner`, `giveaway.reroll_which` (several winners and none named), `giveaway.bad_count`.
    """
    reason = wishes.checked_reason(reason)
    giveaway = await _drawn(conn, giveaway)
    standing = await places(conn, giveaway.giveaway_id)
    leaving = _leaving(standing, winner, count)
    if seen is not None and winner is None:
        since = tools.clock.now() - JUST_NOW
        _as_seen(leaving, seen, await draws.passed_on(conn, giveaway.draw_id, since, but_by=actor))
    why_not = await _why_not(conn, giveaway, look)
    changes = []
    for old in leaving:
        taken = await draws.take_reserve(
            conn, tools.clock, giveaway.draw_id, position=old.position, kind=kind, by=actor, reason=reason,
            own_id=look.own_id, why_not=why_not,
        )  # fmt: skip
        changes.append(await _replace(conn, tools, giveaway, old, kind, taken))
    await _tell(conn, tools, giveaway, changes, kind, actor, reason)
    return changes


def _leaving(standing: Sequence[Winner], winner: int | None, count: int | None) -> list[Winner]:
    if not standing:
        raise UserError("draw.not_drawn")
    if winner is not None:
        found = [held for held in standing if held.user_id == winner]
        if not found:
            raise UserError("giveaway.not_a_winner")
        return found
    if count is None and len(standing) > 1:
        raise UserError("giveaway.reroll_which")
    wanted = 1 if count is None else count
    if not 1 <= wanted <= len(standing):
        raise UserError("giveaway.bad_count", most=len(standing))
    return list(standing[:wanted])


async def _why_not(conn: Connection, giveaway: Giveaway, look: Look) -> WhyNot:
    """Who cannot have a prize of the giveaway now."""
    guild = await settings.load(conn, giveaway.guild_id)

    def blacklisted(user_id: int, member: Member) -> bool:
        return requirements.is_blacklisted(guild, user_id, member.role_ids)

    return partial(look.why_not, blacklisted=blacklisted)


def _as_seen(leaving: Sequence[Winner], seen: Sequence[int], passed_on: set[int]) -> None:
    """Who was not named by the caller is whom the caller saw: two hands do not pass one prize on twice."""
    for held in leaving:
        if held.user_id not in seen or held.position in passed_on:
            raise UserError("giveaway.places_meanwhile", member=mention(held.user_id), place=str(held.position + 1))


async def _replace(
    conn: Connection, tools: Tools, giveaway: Giveaway, old: Winner, kind: str, taken: Replacement
) -> Change:  # fmt: skip
    now = tools.clock.now()
    await places_store.replace(conn, giveaway.giveaway_id, old.user_id, kind, now)
    claim_until = claim_deadline(giveaway, now)
    await places_store.add(
        conn, giveaway_id=giveaway.giveaway_id, guild_id=giveaway.guild_id, claim_until=claim_until,
        places=[(taken.winner.id, old.position, taken.tickets)],
        with_role=giveaway.options.winner_role_id is not None, now=now,
    )  # fmt: skip
    place = Place(user_id=taken.winner.id, tickets=taken.tickets)
    return Change(old=old.user_id, new=place, claim_until=claim_until, passed=taken.passed)


def claim_deadline(giveaway: Giveaway, won_at: datetime) -> datetime | None:
    return reserves.claim_until(giveaway.options.claim_hours, won_at)


async def _tell(
    conn: Connection, tools: Tools, giveaway: Giveaway, changes: Sequence[Change], kind: str, actor: int | None,
    reason: str,
) -> None:  # fmt: skip
    """The message, the channel, the new winners, the log."""
    reader = tools.guilds.reader(giveaway.guild_id)
    await show_places(conn, tools, giveaway)
    message = announcements.replaced(reader, giveaway, changes, kind, reason)
    await outbox.post(conn, tools.clock, giveaway.guild_id, giveaway.channel_id, message)
    for change in changes:
        await tell_winner(conn, tools, giveaway, change.new.user_id, change.claim_until)
    swaps = [[str(change.old), str(change.new.user_id)] for change in changes]
    passed = [[str(who), why] for change in changes for who, why in change.passed]
    await journal.note(conn, tools, giveaway, kind, actor, reason, swaps=swaps, passed=passed)


async def show_places(conn: Connection, tools: Tools, giveaway: Giveaway) -> None:
    """Bring the giveaway's message up to date with its winners."""
    standing = [Place(user_id=w.user_id, tickets=w.tickets) for w in await places(conn, giveaway.giveaway_id)]
    message = announcements.ended(tools.guilds.reader(giveaway.guild_id), giveaway, standing)
    await outbox.post(conn, tools.clock, giveaway.guild_id, giveaway.channel_id, message)


async def tell_winner(
    conn: Connection, tools: Tools, giveaway: Giveaway, user_id: int, claim_until: datetime | None
) -> None:  # fmt: skip
    """The winner's direct message, unless the giveaway goes without."""
    if giveaway.options.dm_winner:
        reader = tools.guilds.reader(giveaway.guild_id, user_id)
        message = letters.won(reader, giveaway, user_id, claim_until)
        await outbox.post_to_member(conn, tools.clock, giveaway.guild_id, user_id, message)


async def claim(conn: Connection, tools: Tools, giveaway_id: int, user_id: int) -> Giveaway:
    """A winner takes the prize. The press may come from a direct message, so no guild is asked for.

    Errors: `giveaway.claim_not_yours`, `claim.passed_on`, `giveaway.claimed_already`, `giveaway.claim_too_late`.
    """
    row = await store.get(conn, giveaway_id, for_update=True)
    held = {w.user_id: w for w in await places(conn, giveaway_id)}.get(user_id)
    if row is None or held is None:
        former = await draws.was_picked(conn, f"giveaway/{giveaway_id}", user_id)
        raise UserError("claim.passed_on" if former else "giveaway.claim_not_yours")
    if held.claimed:
        raise UserError("giveaway.claimed_already")
    if not await places_store.claim(conn, giveaway_id, user_id, tools.clock.now()):
        raise UserError("giveaway.claim_too_late")
    giveaway = Giveaway.from_row(row)
    await journal.note(conn, tools, giveaway, "claim", user_id)
    return giveaway


async def overdue_claims(conn: Connection, now: datetime) -> list[tuple[int, int, int]]:
    """(guild, giveaway, user) of places whose claim time has passed, in servers that the bot is in."""
    return [(row["guild_id"], row["giveaway_id"], row["user_id"]) for row in await places_store.unclaimed(conn, now)]


async def lapse(conn: Connection, tools: Tools, giveaway_id: int, user_id: int, look: Look) -> bool:
    """The next reserve takes a place that was not claimed in time; False when it is not (or no longer) overdue."""
    row = await store.get(conn, giveaway_id, for_update=True)
    now = tools.clock.now()
    if row is None or (row["guild_id"], giveaway_id, user_id) not in await overdue_claims(conn, now):
        return False
    giveaway = Giveaway.from_row(row)
    old = {w.user_id: w for w in await places(conn, giveaway_id)}[user_id]
    why_not = await _why_not(conn, giveaway, look)
    taken = await reserves.unclaimed(conn, tools.clock, giveaway.draw_id, old.position, look, why_not)
    if taken is None:
        await places_store.set_lapsed(conn, giveaway_id, user_id, now)
        await journal.note(conn, tools, giveaway, "lapse", None, member=str(user_id))
        await journal.tell_host(conn, tools, giveaway, "giveaway.host_lapsed", member=mention(user_id))
        return True
    change = await _replace(conn, tools, giveaway, old, "unclaimed", taken)
    await _tell(conn, tools, giveaway, [change], "unclaimed", None, reserves.NOT_CLAIMED)
    return True


class Roles(Protocol):
    """The edge that gives and takes roles; both may be repeated."""

    async def give(self, guild_id: int, user_id: int, role_id: int) -> None:
        """Errors: `NotReady`; `core.letters.Refused`; after others nobody knows whether it was done."""
        ...

    async def take(self, guild_id: int, user_id: int, role_id: int) -> None:
        """Errors: `NotReady`; `core.letters.Refused`; after others nobody knows whether it was done."""
        ...


class WinnerRoles:
    """Gives winners their role and takes it from those who lost their place; the host hears what cannot be done."""

    def __init__(self, db: Database, tools: Tools, roles: Roles) -> None:
        self._db = db
        self._tools = tools
        self._roles = roles
        self._lanes: Lanes[tuple[int, int]] = Lanes()

    async def settle_due(self) -> int:
        """Try every role that is due once, side by side; how many are settled in time. Others go on by themselves."""
        async with self._db.transaction() as conn:
            rows = await places_store.due_roles(
                conn, self._tools.clock.now(), ROLE_BATCH, self._lanes.busy, self._lanes.full
            )
        tasks = [
            self._lanes.start((row["giveaway_id"], row["user_id"]), row["guild_id"], partial(self._settle, row))
            for row in rows
        ]
        if not tasks:
            return 0
        ended, _running = await asyncio.wait(tasks, timeout=ROLE_SECONDS)
        return sum(task.result() for task in ended)

    async def _settle(self, row: Row) -> bool:
        act = self._roles.give if row["role_state"] == "give" else self._roles.take
        try:
            await act(row["guild_id"], row["user_id"], row["role_id"])
        except NotReady:
            return False
        except Exception as error:  # noqa: BLE001 - the row outlives whatever the network does
            return await self._failed(row, error)
        await self._store(row, "given" if row["role_state"] == "give" else "taken", None)
        return True

    async def _store(self, row: Row, state: str, next_at: datetime | None) -> None:
        async with self._db.transaction() as conn:
            await places_store.settle_role(conn, row["giveaway_id"], row["user_id"], row["role_state"], state, next_at)

    async def _failed(self, row: Row, error: Exception) -> bool:
        log.warning("winner_role_failed", extra={"fields": {"user": row["user_id"], "error": repr(error)}})
        wait, tell = tries.after(error, row["attempts"])
        now = self._tools.clock.now()
        if wait is None:
            await self._store(row, "failed", None)
        else:
            await self._store(row, row["role_state"], now + wait)
        if tell:
            await self._tell_host(row, now, error)
        return wait is None

    async def _tell_host(self, row: Row, now: datetime, error: Exception) -> None:
        """Once for each role."""
        async with self._db.transaction() as conn:
            found = await store.get(conn, row["giveaway_id"])
            if found is not None and await places_store.claim_role_notice(
                conn, row["giveaway_id"], row["user_id"], now
            ):  # fmt: skip
                giveaway = Giveaway.from_row(found)
                who, role = mention(row["user_id"]), announcements.role_mention(row["role_id"])
                await journal.tell_host(conn, self._tools, giveaway, "giveaway.host_role_failed", member=who, role=role)
                if isinstance(error, DangerousRole):
                    await self._warn_admins(conn, giveaway, member=who, role=role)

    async def _warn_admins(self, conn: Connection, giveaway: Giveaway, **args: object) -> None:
        """The host may be the one whom it must not help."""
        guild = self._tools.guilds.get(giveaway.guild_id)
        reader = self._tools.guilds.reader(giveaway.guild_id)
        text = reader(
            "giveaway.admins_role_refused", prize=escape(giveaway.prize), number=str(giveaway.giveaway_id),
            why=reader("role.dangerous_now"), **args,
        )  # fmt: skip
        message = Message(embeds=(Embed(description=text, colour=RED),))
        await outbox.post(conn, self._tools.clock, giveaway.guild_id, guild.admins_hear_in, message)
