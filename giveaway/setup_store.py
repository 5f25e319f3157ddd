"""SQL of what a guild sets up for its giveaways: settings, presets, tiers, boosts, templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text

from core.db import Connection, Row

SETTINGS = (
    "default_entities_enabled", "default_entities_mode", "default_role_entities", "default_entities_cap",
    "log_channel_id", "manager_role_ids", "ping_role_id", "winner_role_id", "claim_hours", "blacklist",
    "blacklist_roles", "bypass_roles", "max_active", "default_template_id",
)  # fmt: skip
_TEMPLATE = (
    "template_id, name, owner_id, prize, description, duration, winners_count, entities, requirements, look, "
    "settings, recurrence, favourite, used_count, created_at"
)


async def settings(conn: Connection, guild_id: int) -> Row | None:
    result = await conn.execute(
        text(f"SELECT guild_id, {', '.join(SETTINGS)} FROM giveaway_settings WHERE guild_id = :guild"),
        {"guild": guild_id},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def change_settings(conn: Connection, guild_id: int, values: Mapping[str, Any]) -> None:
    """Set some settings; the row is made where there is none. KeyError for a name that is not a setting."""
    if unknown := values.keys() - set(SETTINGS):
        raise KeyError(", ".join(sorted(unknown)))
    bound = {n: json.dumps(v) if n == "default_role_entities" else v for n, v in values.items()}
    shown = [f"CAST(:{n} AS jsonb)" if n == "default_role_entities" else f":{n}" for n in values]
    await conn.execute(
        text(
            f"INSERT INTO giveaway_settings (guild_id, {', '.join(values)}) VALUES (:guild, {', '.join(shown)}) "
            f"ON CONFLICT (guild_id) DO UPDATE SET {', '.join(f'{n} = excluded.{n}' for n in values)}"
        ),
        {**bound, "guild": guild_id},
    )


async def change_list(conn: Connection, guild_id: int, name: str, value: int, *, add: bool) -> bool:
    """Add to or remove from a list of ids; False when nothing changed."""
    if name not in ("manager_role_ids", "blacklist", "blacklist_roles", "bypass_roles"):
        raise KeyError(name)
    await conn.execute(
        text("INSERT INTO giveaway_settings (guild_id) VALUES (:guild) ON CONFLICT DO NOTHING"), {"guild": guild_id}
    )
    changed = f"{name} || CAST(:value AS bigint)" if add else f"array_remove({name}, CAST(:value AS bigint))"
    result = await conn.execute(
        text(
            f"UPDATE giveaway_settings SET {name} = {changed} "
            f"WHERE guild_id = :guild AND (CAST(:value AS bigint) = ANY({name})) <> :add"
        ),
        {"guild": guild_id, "value": value, "add": add},
    )
    return result.rowcount == 1


async def put_preset(
    conn: Connection, guild_id: int, name: str, entities: Mapping[str, Any], actor: int, now: datetime
) -> None:  # fmt: skip
    await conn.execute(
        text(
            "INSERT INTO giveaway_presets (guild_id, name, entities, created_by, created_at) "
            "VALUES (:guild, :name, CAST(:entities AS jsonb), :actor, :now) "
            "ON CONFLICT (guild_id, name) DO UPDATE SET entities = excluded.entities"
        ),
        {"guild": guild_id, "name": name, "entities": json.dumps(entities), "actor": actor, "now": now},
    )


async def presets(conn: Connection, guild_id: int) -> list[Row]:
    result = await conn.execute(
        text("SELECT name, entities FROM giveaway_presets WHERE guild_id = :guild ORDER BY name"), {"guild": guild_id}
    )
    return [dict(row) for row in result.mappings()]


async def remove_preset(conn: Connection, guild_id: int, name: str) -> bool:
    result = await conn.execute(
        text("DELETE FROM giveaway_presets WHERE guild_id = :guild AND name = :name"),
        {"guild": guild_id, "name": name},
    )
    return result.rowcount == 1


async def put_tier(conn: Connection, guild_id: int, name: str, points: int) -> None:
    await conn.execute(
        text(
            "INSERT INTO giveaway_tiers (guild_id, name, points) VALUES (:guild, :name, :points) "
            "ON CONFLICT (guild_id, name) DO UPDATE SET points = excluded.points"
        ),
        {"guild": guild_id, "name": name, "points": points},
    )


async def tiers(conn: Connection, guild_id: int) -> list[tuple[str, int]]:
    result = await conn.execute(
        text("SELECT name, points FROM giveaway_tiers WHERE guild_id = :guild ORDER BY points, name"),
        {"guild": guild_id},
    )
    return [(row.name, row.points) for row in result]


async def remove_tier(conn: Connection, guild_id: int, name: str) -> bool:
    result = await conn.execute(
        text("DELETE FROM giveaway_tiers WHERE guild_id = :guild AND name = :name"), {"guild": guild_id, "name": name}
    )
    return result.rowcount == 1


async def add_boost(
    conn: Connection, guild_id: int, role_id: int | None, factor: int, start: datetime, until: datetime, actor: int
) -> int:  # fmt: skip
    result = await conn.execute(
        text(
            "INSERT INTO giveaway_boosts (guild_id, role_id, factor, starts_at, until, created_by) "
            "VALUES (:guild, :role_id, :factor, :start, :until, :actor) RETURNING boost_id"
        ),
        {
            "guild": guild_id, "role_id": role_id, "factor": factor, "start": start, "until": until, "actor": actor,
        },
    )  # fmt: skip
    return int(result.scalar_one())


async def boosts(conn: Connection, guild_id: int, now: datetime) -> list[Row]:
    """Boosts that run or are still to come."""
    result = await conn.execute(
        text(
            "SELECT boost_id, role_id, factor, starts_at, until FROM giveaway_boosts "
            "WHERE guild_id = :guild AND removed_at IS NULL AND until > :now ORDER BY until, boost_id"
        ),
        {"guild": guild_id, "now": now},
    )
    return [dict(row) for row in result.mappings()]


async def boosts_between(conn: Connection, guild_id: int, start: datetime, end: datetime) -> list[Row]:
    """Boosts that ran at some time between the moments; one that was removed ends there."""
    result = await conn.execute(
        text(
            "SELECT boost_id, role_id, factor, starts_at, least(until, coalesce(removed_at, until)) AS until "
            "FROM giveaway_boosts WHERE guild_id = :guild AND starts_at <= :end "
            "AND least(until, coalesce(removed_at, until)) > :start ORDER BY boost_id"
        ),
        {"guild": guild_id, "start": start, "end": end},
    )
    return [dict(row) for row in result.mappings()]


async def remove_boost(conn: Connection, guild_id: int, boost_id: int, now: datetime) -> bool:
    result = await conn.execute(
        text(
            "UPDATE giveaway_boosts SET removed_at = :now "
            "WHERE guild_id = :guild AND boost_id = :boost AND removed_at IS NULL AND until > :now"
        ),
        {"guild": guild_id, "boost": boost_id, "now": now},
    )
    return result.rowcount == 1


async def put_template(conn: Connection, guild_id: int, values: Mapping[str, Any]) -> int | None:
    """Insert a template; None when the name is taken."""
    result = await conn.execute(
        text(
            "INSERT INTO giveaway_templates (guild_id, name, owner_id, prize, description, duration, winners_count, "
            "entities, requirements, look, settings, recurrence, created_at) VALUES (:guild, :name, :owner_id, :prize, "
            ":description, :duration, :winners_count, CAST(:entities AS jsonb), CAST(:requirements AS jsonb), "
            "CAST(:look AS jsonb), CAST(:settings AS jsonb), :recurrence, :now) "
            "ON CONFLICT (guild_id, name) DO NOTHING RETURNING template_id"
        ),
        {
            **values, "guild": guild_id,
            **{name: json.dumps(values[name]) for name in ("entities", "requirements", "look", "settings")},
        },
    )  # fmt: skip
    value = result.scalar()
    return value if isinstance(value, int) else None


async def templates(conn: Connection, guild_id: int) -> list[Row]:
    """Favourites first, then the most used, then the newest."""
    result = await conn.execute(
        text(
            f"SELECT {_TEMPLATE} FROM giveaway_templates WHERE guild_id = :guild "
            "ORDER BY favourite DESC, used_count DESC, created_at DESC, template_id DESC"
        ),
        {"guild": guild_id},
    )
    return [dict(row) for row in result.mappings()]


async def template(conn: Connection, guild_id: int, template_id: int) -> Row | None:
    result = await conn.execute(
        text(f"SELECT {_TEMPLATE} FROM giveaway_templates WHERE guild_id = :guild AND template_id = :id"),
        {"guild": guild_id, "id": template_id},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def count_use(conn: Connection, guild_id: int, template_id: int) -> None:
    await conn.execute(
        text("UPDATE giveaway_templates SET used_count = used_count + 1 WHERE guild_id = :guild AND template_id = :id"),
        {"guild": guild_id, "id": template_id},
    )


async def set_favourite(conn: Connection, guild_id: int, template_id: int, favourite: bool) -> bool:
    result = await conn.execute(
        text("UPDATE giveaway_templates SET favourite = :favourite WHERE guild_id = :guild AND template_id = :id"),
        {"guild": guild_id, "id": template_id, "favourite": favourite},
    )
    return result.rowcount == 1


async def remove_template(conn: Connection, guild_id: int, template_id: int) -> str | None:
    """The name of the template that was removed."""
    result = await conn.execute(
        text("DELETE FROM giveaway_templates WHERE guild_id = :guild AND template_id = :id RETURNING name"),
        {"guild": guild_id, "id": template_id},
    )
    value = result.scalar()
    return value if isinstance(value, str) else None
