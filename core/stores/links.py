"""Discord <-> Kick links and the one-time codes that make them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from core.db import Connection, Row


async def add_code(
    conn: Connection, *, guild_id: int, code: str, discord_id: int, channel_id: int | None,
    now: datetime, expires_at: datetime,
) -> None:  # fmt: skip
    """Store a new code; the member's older unused ones stop working."""
    await conn.execute(
        text(
            "UPDATE link_codes SET expires_at = :now "
            "WHERE guild_id = :guild_id AND discord_id = :discord_id AND used_at IS NULL AND expires_at > :now"
        ),
        {"guild_id": guild_id, "discord_id": discord_id, "now": now},
    )
    await conn.execute(
        text(
            "INSERT INTO link_codes (guild_id, code, discord_id, channel_id, created_at, expires_at) "
            "VALUES (:guild_id, :code, :discord_id, :channel_id, :now, :expires_at)"
        ),
        {
            "guild_id": guild_id, "code": code, "discord_id": discord_id, "channel_id": channel_id,
            "now": now, "expires_at": expires_at,
        },
    )  # fmt: skip


async def good_codes(
    conn: Connection, guild_ids: Sequence[int], codes: Sequence[str], now: datetime
) -> set[tuple[int, str]]:
    result = await conn.execute(
        text(
            "SELECT c.guild_id, c.code FROM link_codes c "
            "JOIN unnest(CAST(:guild_ids AS bigint[]), CAST(:codes AS text[])) t (guild_id, code) "
            "ON c.guild_id = t.guild_id AND c.code = t.code WHERE c.used_at IS NULL AND c.expires_at > :now"
        ),
        {"guild_ids": list(guild_ids), "codes": list(codes), "now": now},
    )
    return {(int(guild_id), str(code)) for guild_id, code in result}


async def use_code(conn: Connection, guild_id: int, code: str, now: datetime) -> Row | None:
    """Take the code if it is still good: the row says whose it is. Nobody else can take it again."""
    result = await conn.execute(
        text(
            "UPDATE link_codes SET used_at = :now "
            "WHERE guild_id = :guild_id AND code = :code AND used_at IS NULL AND expires_at > :now "
            "RETURNING discord_id, channel_id"
        ),
        {"guild_id": guild_id, "code": code, "now": now},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def add(
    conn: Connection, *, guild_id: int, discord_id: int, kick_name: str, name_key: str,
    kick_user_id: int | None, linked_by: int | None, now: datetime,
) -> None:  # fmt: skip
    """Insert a link. Errors: IntegrityError naming `links_one_per_*` when either side is linked already."""
    await conn.execute(
        text(
            "INSERT INTO links (guild_id, discord_id, kick_name, name_key, kick_user_id, linked_at, linked_by) "
            "VALUES (:guild_id, :discord_id, :kick_name, :name_key, :kick_user_id, :now, :linked_by)"
        ),
        {
            "guild_id": guild_id, "discord_id": discord_id, "kick_name": kick_name, "name_key": name_key,
            "kick_user_id": kick_user_id, "now": now, "linked_by": linked_by,
        },
    )  # fmt: skip


async def remove(
    conn: Connection, guild_id: int, discord_id: int, unlinked_by: int | None, now: datetime
) -> Row | None:
    """End the member's link; the row stays as history."""
    result = await conn.execute(
        text(
            "UPDATE links SET unlinked_at = :now, unlinked_by = :unlinked_by "
            "WHERE guild_id = :guild_id AND discord_id = :discord_id AND unlinked_at IS NULL "
            "RETURNING kick_name, kick_user_id"
        ),
        {"guild_id": guild_id, "discord_id": discord_id, "unlinked_by": unlinked_by, "now": now},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def of_member(conn: Connection, guild_id: int, discord_id: int) -> Row | None:
    result = await conn.execute(
        text(
            "SELECT discord_id, kick_name, kick_user_id, linked_at FROM links "
            "WHERE guild_id = :guild_id AND discord_id = :discord_id AND unlinked_at IS NULL"
        ),
        {"guild_id": guild_id, "discord_id": discord_id},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def of_kick(conn: Connection, guild_id: int, kick_user_id: int | None, name_key: str) -> Row | None:
    """The link of a Kick account: by its id; by its name only where one side's id is unknown."""
    result = await conn.execute(
        text(
            "SELECT discord_id, kick_name, kick_user_id, linked_at FROM links "
            "WHERE guild_id = :guild_id AND unlinked_at IS NULL "
            "AND (kick_user_id = CAST(:kick_user_id AS bigint) OR (name_key = :name_key "
            "AND (kick_user_id IS NULL OR CAST(:kick_user_id AS bigint) IS NULL))) "
            "ORDER BY (kick_user_id = CAST(:kick_user_id AS bigint)) DESC NULLS LAST LIMIT 1"
        ),
        {"guild_id": guild_id, "kick_user_id": kick_user_id, "name_key": name_key},
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def release_name(conn: Connection, guild_id: int, name_key: str, kick_user_id: int) -> None:
    """The name belongs to this id now: the link of the id that had it before keeps the id alone, until it is seen."""
    await conn.execute(
        text(
            "UPDATE links SET name_key = name_key || '#' || kick_user_id WHERE guild_id = :guild_id "
            "AND name_key = :name_key AND kick_user_id <> :kick_user_id AND unlinked_at IS NULL"
        ),
        {"guild_id": guild_id, "name_key": name_key, "kick_user_id": kick_user_id},
    )


async def release_seen(conn: Connection, guild_id: int, minute: datetime) -> None:
    """Names of links under which another account was active in the minute: those links keep their id alone."""
    await conn.execute(
        text(
            "UPDATE links l SET name_key = l.name_key || '#' || l.kick_user_id FROM watchtime w "
            "WHERE l.guild_id = :guild_id AND l.kick_user_id <> w.kick_user_id AND l.unlinked_at IS NULL "
            "AND w.guild_id = l.guild_id AND w.name_key = l.name_key AND w.last_minute = :minute"
        ),
        {"guild_id": guild_id, "minute": minute},
    )


async def learn_ids(conn: Connection, guild_id: int, minute: datetime) -> None:
    """Give links made by name alone the id of the account that chats under the name."""
    await conn.execute(
        text(
            "UPDATE links l SET kick_user_id = w.kick_user_id FROM watchtime w "
            "WHERE l.guild_id = :guild_id AND l.kick_user_id IS NULL AND l.unlinked_at IS NULL "
            "AND w.guild_id = l.guild_id AND w.name_key = l.name_key AND w.last_minute = :minute "
            "AND NOT EXISTS (SELECT FROM links o WHERE o.guild_id = l.guild_id AND o.kick_user_id = w.kick_user_id "
            "AND o.unlinked_at IS NULL)"
        ),
        {"guild_id": guild_id, "minute": minute},
    )


async def learn_ids_by_slug(conn: Connection, guild_id: int, ids: Sequence[int], slugs: Sequence[str]) -> None:
    """Give links made by name alone the id of the account that has the name as its slug."""
    await conn.execute(
        text(
            "UPDATE links l SET kick_user_id = s.id "
            "FROM unnest(CAST(:ids AS bigint[]), CAST(:slugs AS text[])) s (id, slug) "
            "WHERE l.guild_id = :guild_id AND l.kick_user_id IS NULL AND l.unlinked_at IS NULL AND l.name_key = s.slug "
            "AND NOT EXISTS (SELECT FROM links o WHERE o.guild_id = l.guild_id AND o.kick_user_id = s.id "
            "AND o.unlinked_at IS NULL)"
        ),
        {"guild_id": guild_id, "ids": list(ids), "slugs": list(slugs)},
    )


async def renamed(conn: Connection, guild_id: int, minute: datetime) -> list[Row]:
    """Linked accounts that were active in the minute under another name than their link's."""
    result = await conn.execute(
        text(
            "SELECT w.kick_user_id, w.kick_name, w.name_key FROM links l JOIN watchtime w "
            "ON w.guild_id = l.guild_id AND w.kick_user_id = l.kick_user_id "
            "WHERE l.guild_id = :guild_id AND l.unlinked_at IS NULL AND w.last_minute = :minute "
            "AND l.name_key <> w.name_key AND NOT EXISTS (SELECT FROM links o WHERE o.guild_id = l.guild_id "
            "AND o.name_key = w.name_key AND o.kick_user_id IS NULL AND o.unlinked_at IS NULL) "
            "ORDER BY w.kick_user_id"
        ),
        {"guild_id": guild_id, "minute": minute},
    )
    return [dict(row) for row in result.mappings()]


async def keep_names(
    conn: Connection, guild_id: int, ids: Sequence[int], names: Sequence[str], keys: Sequence[str],
    seen_at: Sequence[datetime],
) -> None:  # fmt: skip
    """Keep the names under which accounts were seen, unless they were seen under another since."""
    await conn.execute(
        text(
            "INSERT INTO kick_names AS k (guild_id, kick_user_id, kick_name, name_key, seen_at) "
            "SELECT :guild_id, t.* FROM unnest(CAST(:ids AS bigint[]), CAST(:names AS text[]), CAST(:keys AS text[]), "
            "CAST(:seen_at AS timestamptz[])) t (kick_user_id, kick_name, name_key, seen_at) ORDER BY t.kick_user_id "
            "ON CONFLICT (guild_id, kick_user_id) DO UPDATE SET kick_name = excluded.kick_name, "
            "name_key = excluded.name_key, seen_at = excluded.seen_at WHERE k.seen_at <= excluded.seen_at"
        ),
        {
            "guild_id": guild_id, "ids": list(ids), "names": list(names), "keys": list(keys),
            "seen_at": list(seen_at),
        },
    )  # fmt: skip


async def follow_names(conn: Connection, guild_id: int, ids: Sequence[int]) -> None:
    """The links of names that these accounts bear now: another account's keeps its id alone, one without learns it."""
    bearers = (
        "(SELECT n.* FROM kick_names n WHERE n.guild_id = :guild_id AND n.kick_user_id = ANY(CAST(:ids AS bigint[])) "
        "AND NOT EXISTS (SELECT FROM kick_names m WHERE m.guild_id = n.guild_id AND m.name_key = n.name_key "
        "AND m.seen_at > n.seen_at)) t"
    )
    for statement in (
        f"UPDATE links l SET name_key = l.name_key || '#' || l.kick_user_id FROM {bearers} "
        "WHERE l.guild_id = t.guild_id AND l.unlinked_at IS NULL AND l.name_key = t.name_key "
        "AND l.kick_user_id <> t.kick_user_id",
        f"UPDATE links l SET kick_user_id = t.kick_user_id FROM {bearers} "
        "WHERE l.guild_id = t.guild_id AND l.unlinked_at IS NULL AND l.name_key = t.name_key "
        "AND l.kick_user_id IS NULL AND NOT EXISTS (SELECT FROM links o WHERE o.guild_id = l.guild_id "
        "AND o.kick_user_id = t.kick_user_id AND o.unlinked_at IS NULL)",
        f"UPDATE links l SET name_key = t.name_key, kick_name = t.kick_name FROM {bearers} "
        "WHERE l.guild_id = t.guild_id AND l.unlinked_at IS NULL AND l.kick_user_id = t.kick_user_id "
        "AND l.name_key <> t.name_key AND NOT EXISTS (SELECT FROM links o WHERE o.guild_id = l.guild_id "
        "AND o.name_key = t.name_key AND o.unlinked_at IS NULL)",
    ):
        await conn.execute(text(statement), {"guild_id": guild_id, "ids": list(ids)})


async def seen_id(conn: Connection, guild_id: int, name_key: str) -> int | None:
    result = await conn.execute(
        text(
            "SELECT kick_user_id FROM (SELECT kick_user_id, seen_at AS at FROM kick_names "
            "WHERE guild_id = :guild_id AND name_key = :name_key UNION ALL "
            "SELECT kick_user_id, last_minute FROM watchtime w WHERE guild_id = :guild_id AND name_key = :name_key "
            "AND NOT EXISTS (SELECT FROM kick_names n WHERE n.guild_id = w.guild_id "
            "AND n.kick_user_id = w.kick_user_id AND n.name_key <> w.name_key AND n.seen_at > w.last_minute)) s "
            "ORDER BY at DESC LIMIT 1"
        ),
        {"guild_id": guild_id, "name_key": name_key},
    )
    value = result.scalar()
    return int(value) if value is not None else None


async def rename(conn: Connection, guild_id: int, kick_user_id: int, kick_name: str, name_key: str) -> None:
    """A changed Kick name follows the id."""
    await conn.execute(
        text(
            "UPDATE links SET kick_name = :kick_name, name_key = :name_key "
            "WHERE guild_id = :guild_id AND kick_user_id = :kick_user_id AND unlinked_at IS NULL"
        ),
        {"guild_id": guild_id, "kick_user_id": kick_user_id, "kick_name": kick_name, "name_key": name_key},
    )
