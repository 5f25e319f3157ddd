"""Saved entity sets, tiers (named steps of points) and boosts for a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from core import guilds
from core.clock import Clock
from core.db import Connection
from core.durations import LONGEST, plain
from core.errors import UserError
from giveaway import entities
from giveaway import setup_store as store
from giveaway import store as giveaway_store
from giveaway.entities import MOST_POINTS
from giveaway.models import Boost, Entities, RoleEntity

NAME_LENGTH, MOST_PRESETS, MOST_TIERS, MOST_BOOSTS = 50, 25, 10, 10
SMALLEST_FACTOR, LARGEST_FACTOR = 2, 10
_MENTION = re.compile(r"<@&([0-9]{1,20})>")
_ROLE = re.compile(r"(?P<name>.+?)[\s:=]+(?P<points>\S+)")


def checked_name(name: str) -> str:
    """A name without outer or double spaces. Errors: `giveaway.bad_name`."""
    tidy = " ".join(name.split())
    if not 1 <= len(tidy) <= NAME_LENGTH:
        raise UserError("giveaway.bad_name", most=NAME_LENGTH)
    return tidy


def parse_roles(text: str, roles: Mapping[str, int], tiers: Sequence[tuple[str, int]] = ()) -> tuple[RoleEntity, ...]:
    """`@VIP 5, @Booster 3` or `VIP gold` as points of roles; `roles` gives the id for a name as `plain` makes it.

    Errors: `giveaway.role_unreadable`, `giveaway.role_unknown`, `giveaway.bad_points`, `giveaway.role_twice`,
    `giveaway.too_many_roles`.
    """
    parts = [part.strip() for part in re.split(r"[,،;\n]", text) if part.strip()]
    found = tuple(_parsed_role(part, roles, {plain(name): (name, points) for name, points in tiers}) for part in parts)
    entities.checked(Entities(roles=found))
    return found


def _parsed_role(part: str, roles: Mapping[str, int], tiers: Mapping[str, tuple[str, int]]) -> RoleEntity:
    read = _ROLE.fullmatch(part)
    if read is None:
        raise UserError("giveaway.role_unreadable", text=part[:100])
    points, tier = _points(read["points"], tiers, part)
    return RoleEntity(role_id=_role_id(read["name"].strip(), roles), points=points, tier=tier)


def _role_id(name: str, roles: Mapping[str, int]) -> int:
    known = set(roles.values())
    mentioned = _MENTION.fullmatch(name)
    found = int(mentioned[1]) if mentioned else roles.get(plain(name.removeprefix("@")))
    if found is None or found not in known:
        raise UserError("giveaway.role_unknown", name=name[:100])
    return found


def _points(word: str, tiers: Mapping[str, tuple[str, int]], part: str) -> tuple[int, str]:
    tidy = plain(word)
    if tidy in tiers:
        name, points = tiers[tidy]
        return points, name
    if not re.fullmatch(r"[0-9]{1,6}", tidy):
        raise UserError("giveaway.role_unreadable", text=part[:100])
    return int(tidy), ""


async def save(conn: Connection, clock: Clock, guild_id: int, name: str, wanted: Entities, actor: int) -> None:
    """Keep a set of entities under a name. Errors: `giveaway.bad_name`, `giveaway.too_many_presets`, `entities`."""
    name = checked_name(name)
    entities.checked(wanted)
    known = await listing(conn, guild_id)
    if name not in known and len(known) >= MOST_PRESETS:
        raise UserError("giveaway.too_many_presets", most=MOST_PRESETS)
    await store.put_preset(conn, guild_id, name, wanted.to_json(), actor, clock.now())
    await guilds.audit(conn, guild_id, actor, "giveaway_preset", {"name": name}, clock.now())


async def listing(conn: Connection, guild_id: int) -> dict[str, Entities]:
    """The saved sets by name."""
    return {row["name"]: Entities.from_json(row["entities"]) for row in await store.presets(conn, guild_id)}


async def remove(conn: Connection, clock: Clock, guild_id: int, name: str, actor: int) -> None:
    """Errors: `giveaway.no_such_preset`."""
    if not await store.remove_preset(conn, guild_id, " ".join(name.split())):
        raise UserError("giveaway.no_such_preset", name=name[:NAME_LENGTH])
    await guilds.audit(conn, guild_id, actor, "giveaway_preset_removed", {"name": name}, clock.now())


async def set_tier(conn: Connection, clock: Clock, guild_id: int, name: str, points: int, actor: int) -> None:
    """Name a step of points. Errors: `giveaway.bad_name`, `giveaway.bad_points`, `giveaway.too_many_tiers`."""
    name = checked_name(name)
    if not 1 <= points <= MOST_POINTS:
        raise UserError("giveaway.bad_points", most=MOST_POINTS)
    known = dict(await store.tiers(conn, guild_id))
    if name not in known and len(known) >= MOST_TIERS:
        raise UserError("giveaway.too_many_tiers", most=MOST_TIERS)
    await store.put_tier(conn, guild_id, name, points)
    await guilds.audit(conn, guild_id, actor, "giveaway_tier", {"name": name, "points": points}, clock.now())


async def tiers(conn: Connection, guild_id: int) -> list[tuple[str, int]]:
    """(name, points), lowest first."""
    return await store.tiers(conn, guild_id)


async def remove_tier(conn: Connection, clock: Clock, guild_id: int, name: str, actor: int) -> None:
    """Errors: `giveaway.no_such_tier`."""
    if not await store.remove_tier(conn, guild_id, " ".join(name.split())):
        raise UserError("giveaway.no_such_tier", name=name[:NAME_LENGTH])
    await guilds.audit(conn, guild_id, actor, "giveaway_tier_removed", {"name": name}, clock.now())


async def add_boost(
    conn: Connection, clock: Clock, guild_id: int, *, factor: int, until: datetime, role_id: int | None, actor: int,
    start: datetime | None = None,
) -> Boost:  # fmt: skip
    """Multiply points until a moment; of one role, or of all. Errors: `giveaway.bad_factor`, `giveaway.bad_boost_end`,
    `giveaway.too_many_boosts`."""
    now = clock.now()
    start = max(start or now, now)
    if not SMALLEST_FACTOR <= factor <= LARGEST_FACTOR:
        raise UserError("giveaway.bad_factor", least=SMALLEST_FACTOR, most=LARGEST_FACTOR)
    if not start < until <= start + LONGEST:
        raise UserError("giveaway.bad_boost_end")
    if len(await store.boosts(conn, guild_id, now)) >= MOST_BOOSTS:
        raise UserError("giveaway.too_many_boosts", most=MOST_BOOSTS)
    boost_id = await store.add_boost(conn, guild_id, role_id, factor, start, until, actor)
    detail = {"boost": boost_id, "factor": factor, "role": role_id and str(role_id), "until": until.isoformat()}
    await guilds.audit(conn, guild_id, actor, "giveaway_boost", detail, now)
    await giveaway_store.show_again(conn, guild_id)
    return Boost(boost_id=boost_id, role_id=role_id, factor=factor, starts_at=start, until=until)


async def boosts(conn: Connection, guild_id: int, now: datetime) -> tuple[Boost, ...]:
    """Boosts that run or are still to come."""
    return tuple(Boost(**row) for row in await store.boosts(conn, guild_id, now))


async def boosts_of(conn: Connection, guild_id: int, start: datetime, end: datetime) -> tuple[Boost, ...]:
    """Boosts that ran at some time between the moments, as long as they really ran."""
    return tuple(Boost(**row) for row in await store.boosts_between(conn, guild_id, start, end))


async def remove_boost(conn: Connection, clock: Clock, guild_id: int, boost_id: int, actor: int) -> None:
    """Errors: `giveaway.no_such_boost`."""
    if not await store.remove_boost(conn, guild_id, boost_id, clock.now()):
        raise UserError("giveaway.no_such_boost")
    await guilds.audit(conn, guild_id, actor, "giveaway_boost_removed", {"boost": boost_id}, clock.now())
    await giveaway_store.show_again(conn, guild_id)
