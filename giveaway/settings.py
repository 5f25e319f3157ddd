"""A guild's settings for giveaways: who manages them, where acts are logged, defaults, blacklist."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any

from core import guilds
from core.clock import Clock
from core.db import Connection, Row
from core.errors import UserError
from giveaway import entities
from giveaway import setup_store as store
from giveaway.models import CUMULATIVE, Entities, Settings, role_entities

MOST_ACTIVE, MOST_CLAIM_HOURS, LONGEST_LIST = 100, 720, 1000
LISTS = ("manager_role_ids", "blacklist", "blacklist_roles", "bypass_roles")
_PLAIN = ("log_channel_id", "ping_role_id", "winner_role_id", "claim_hours", "max_active")


def from_row(row: Row) -> Settings:
    """A row of `giveaway_settings` (or the door's selection of it)."""
    values: dict[str, Any] = {f.name: row[f.name] for f in fields(Settings) if f.name in row}
    for name in ("blacklist", "blacklist_roles"):
        values[name] = frozenset(row[name] or ())
    for name in ("manager_role_ids", "bypass_roles"):
        values[name] = tuple(row.get(name) or ())
    if "default_role_entities" in row:
        values["default_entities"] = Entities(
            enabled=row["default_entities_enabled"], mode=row["default_entities_mode"] or CUMULATIVE,
            roles=role_entities(row["default_role_entities"]), cap=row["default_entities_cap"],
        )  # fmt: skip
    return Settings(**values)


async def load(conn: Connection, guild_id: int) -> Settings:
    """The guild's settings; the defaults where nothing was set."""
    row = await store.settings(conn, guild_id)
    return from_row(row) if row else Settings(guild_id=guild_id)


def is_manager(settings: Settings, role_ids: Collection[int]) -> bool:
    """Whether somebody with these roles may manage giveaways by the guild's own choice."""
    return any(role in role_ids for role in settings.manager_role_ids)


async def change(conn: Connection, clock: Clock, guild_id: int, name: str, value: int | None, actor: int) -> None:
    """Set one of log channel, ping role, winner role, claim hours, most active.

    Errors: `giveaway.bad_max_active`, `giveaway.bad_claim_hours`; KeyError for another name.
    """
    if name not in _PLAIN:
        raise KeyError(name)
    if name == "max_active" and not 1 <= (value or 0) <= MOST_ACTIVE:
        raise UserError("giveaway.bad_max_active", most=MOST_ACTIVE)
    if name == "claim_hours" and value is not None and not 1 <= value <= MOST_CLAIM_HOURS:
        raise UserError("giveaway.bad_claim_hours", most=MOST_CLAIM_HOURS)
    await store.change_settings(conn, guild_id, {name: value})
    await _audit(conn, clock, guild_id, actor, {"name": name, "value": value})


async def change_defaults(conn: Connection, clock: Clock, guild_id: int, wanted: Entities, actor: int) -> None:
    """The entities that new giveaways start from. Errors: as `entities.checked`."""
    entities.checked(wanted)
    values = {
        "default_entities_enabled": wanted.enabled, "default_entities_mode": wanted.mode,
        "default_role_entities": wanted.to_json()["roles"], "default_entities_cap": wanted.cap,
    }  # fmt: skip
    await store.change_settings(conn, guild_id, values)
    await _audit(conn, clock, guild_id, actor, {"name": "default_entities", "value": wanted.to_json()})


async def change_list(
    conn: Connection, clock: Clock, guild_id: int, name: str, value: int, *, add: bool, actor: int
) -> bool:  # fmt: skip
    """Add a member or role to one of `LISTS`, or remove it; False when it was so already.

    Errors: `giveaway.list_full`.
    """
    current = await load(conn, guild_id)
    if add and len(getattr(current, name)) >= LONGEST_LIST:
        raise UserError("giveaway.list_full", most=LONGEST_LIST)
    changed = await store.change_list(conn, guild_id, name, value, add=add)
    if changed:
        await _audit(conn, clock, guild_id, actor, {"name": name, "add" if add else "remove": str(value)})
    return changed


async def _audit(conn: Connection, clock: Clock, guild_id: int, actor: int, detail: dict[str, Any]) -> None:
    await guilds.audit(conn, guild_id, actor, "giveaway_setting", detail, clock.now())
