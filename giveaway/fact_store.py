"""SQL of facts about members that requirements ask for, for many members at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import text

from core.db import Connection


async def linked(conn: Connection, guild_id: int, user_ids: Collection[int]) -> set[int]:
    """Who of them has a linked Kick account."""
    result = await conn.execute(
        text(
            "SELECT discord_id FROM links WHERE guild_id = :guild AND discord_id = ANY(:users) AND unlinked_at IS NULL"
        ),
        {"guild": guild_id, "users": list(user_ids)},
    )
    return {row.discord_id for row in result}


async def last_wins(conn: Connection, guild_id: int, user_ids: Collection[int]) -> dict[int, datetime]:
    """When each of them last won a giveaway that they still hold."""
    result = await conn.execute(
        text(
            "SELECT user_id, max(won_at) AS won_at FROM giveaway_winners "
            "WHERE guild_id = :guild AND user_id = ANY(:users) AND replaced_at IS NULL GROUP BY user_id"
        ),
        {"guild": guild_id, "users": list(user_ids)},
    )
    return {row.user_id: row.won_at for row in result}


async def counted_messages(conn: Connection, guild_id: int, user_ids: Collection[int]) -> dict[int, int]:
    """The messages of each that count towards a level."""
    result = await conn.execute(
        text("SELECT user_id, counted FROM member_messages WHERE guild_id = :guild AND user_id = ANY(:users)"),
        {"guild": guild_id, "users": list(user_ids)},
    )
    return {row.user_id: row.counted for row in result}


async def messages_since(conn: Connection, guild_id: int, user_ids: Collection[int], since: date) -> dict[int, int]:
    """All messages of each on the days from `since` on (UTC days)."""
    result = await conn.execute(
        text(
            "SELECT user_id, sum(messages) AS messages FROM member_message_days "
            "WHERE guild_id = :guild AND user_id = ANY(:users) AND day >= :since GROUP BY user_id"
        ),
        {"guild": guild_id, "users": list(user_ids), "since": since},
    )
    return {row.user_id: int(row.messages) for row in result}


async def add_messages(conn: Connection, rows: Sequence[tuple[int, int, date, int, int]]) -> None:
    """Add (guild, user, UTC day, messages, of them counted for the level), each key once, in two statements."""
    columns = list(zip(*sorted(rows), strict=True))
    parameters = {
        name: list(column) for name, column in zip(("guilds", "users", "days", "all", "counted"), columns, strict=True)
    }
    source = (
        "FROM unnest(CAST(:guilds AS bigint[]), CAST(:users AS bigint[]), CAST(:days AS date[]), "
        "CAST(:all AS integer[]), CAST(:counted AS integer[])) AS n (guild_id, user_id, day, messages, counted)"
    )
    await conn.execute(
        text(
            "INSERT INTO member_messages AS m (guild_id, user_id, counted) "
            f"SELECT guild_id, user_id, sum(counted) {source} GROUP BY guild_id, user_id ORDER BY guild_id, user_id "
            "ON CONFLICT (guild_id, user_id) DO UPDATE SET counted = m.counted + excluded.counted"
        ),
        {name: parameters[name] for name in parameters},
    )
    await conn.execute(
        text(
            "INSERT INTO member_message_days AS m (guild_id, user_id, day, messages) "
            f"SELECT guild_id, user_id, day, messages {source} ORDER BY guild_id, user_id, day "
            "ON CONFLICT (guild_id, user_id, day) DO UPDATE SET messages = m.messages + excluded.messages"
        ),
        parameters,
    )
