"""Guild and member settings, and the audit log."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import text

from core.db import Connection, Row

COLUMNS = (
    "locale", "timezone", "prefix", "announcement_channel_id", "manager_role_id",
    "kick_channel", "kick_channel_id", "kick_chatroom_id", "kick_broadcaster_user_id",
    "watchtime_tickets_per_hour", "gifted_sub_tickets", "watch_window_minutes",
    "watchtime_conversion_interval", "minimum_tickets_to_enter", "ticket_notification_threshold",
    "auto_draw_on_reset", "reset_day_of_month", "reset_hour", "draw_mode",
    "new_sub_tickets", "kicks_tickets_per_100", "webhook_trusted_gifts", "watch_minutes_per_day", "link_role_id",
    "admin_channel_id", "shuffle_affiliate_url", "wager_sources", "shuffle_campaign_code",
    "shuffle_tickets_per_1000_usd", "shuffle_check_interval", "link_shuffle_cooldown",
    "max_shuffle_links_per_user", "remind_before_end", "claim_hours",
)  # fmt: skip


async def load_all(conn: Connection) -> list[Row]:
    result = await conn.execute(text("SELECT * FROM guild_settings ORDER BY created_at, guild_id"))
    return [dict(row) for row in result.mappings()]


async def add_guild(conn: Connection, guild_id: int, values: dict[str, Any], now: datetime) -> bool:
    """Insert a guild with its first values; False when it was there already."""
    names = [name for name in values if name in COLUMNS]
    columns = "".join(f", {name}" for name in names)
    parameters = "".join(f", :{name}" for name in names)
    result = await conn.execute(
        text(
            f"INSERT INTO guild_settings (guild_id, created_at, updated_at{columns}) "
            f"VALUES (:guild_id, :now, :now{parameters}) ON CONFLICT (guild_id) DO NOTHING"
        ),
        {"guild_id": guild_id, "now": now, **values},
    )
    return result.rowcount == 1


async def set_left(conn: Connection, guild_id: int, left_at: datetime | None) -> bool:
    """Since when the bot is in the guild no more (None: it is there); False where that was known."""
    result = await conn.execute(
        text(
            "UPDATE guild_settings SET left_at = :left_at "
            "WHERE guild_id = :guild_id AND (left_at IS NULL) <> (CAST(:left_at AS timestamptz) IS NULL)"
        ),
        {"guild_id": guild_id, "left_at": left_at},
    )
    return result.rowcount == 1


async def change(conn: Connection, guild_id: int, name: str, value: Any, now: datetime) -> None:
    if name not in COLUMNS:
        raise KeyError(name)
    await conn.execute(
        text(f"UPDATE guild_settings SET {name} = :value, updated_at = :now WHERE guild_id = :guild_id"),
        {"value": value, "now": now, "guild_id": guild_id},
    )


async def all_member_locales(conn: Connection) -> dict[tuple[int, int], str]:
    result = await conn.execute(
        text("SELECT guild_id, discord_id, locale FROM member_settings WHERE locale IS NOT NULL")
    )
    return {(row.guild_id, row.discord_id): row.locale for row in result}


async def set_member_locale(conn: Connection, guild_id: int, discord_id: int, locale: str | None) -> None:
    await conn.execute(
        text(
            "INSERT INTO member_settings (guild_id, discord_id, locale) VALUES (:guild_id, :discord_id, :locale) "
            "ON CONFLICT (guild_id, discord_id) DO UPDATE SET locale = excluded.locale"
        ),
        {"guild_id": guild_id, "discord_id": discord_id, "locale": locale},
    )


async def audit(
    conn: Connection, guild_id: int, actor: int | None, action: str, detail: dict[str, Any], now: datetime
) -> None:
    """Remember who did what, in the transaction of the act."""
    await conn.execute(
        text(
            "INSERT INTO audit_log (guild_id, actor, action, detail, at) "
            "VALUES (:guild_id, :actor, :action, CAST(:detail AS jsonb), :now)"
        ),
        {"guild_id": guild_id, "actor": actor, "action": action, "detail": json.dumps(detail), "now": now},
    )
