"""SQL of what has served its purpose: bodies and secrets go by age, the keys by which nothing counts twice stay."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text

from core.db import Connection


def _cleared(table: str, change: str, of_age: str) -> str:
    """A batch of rows changed. The condition names only rows that are not changed yet."""
    found = f"SELECT ctid FROM {table} WHERE {of_age} LIMIT :limit FOR UPDATE SKIP LOCKED"
    return f"{change} WHERE ctid = ANY (ARRAY({found}))"


STATEMENTS: Mapping[str, str] = {
    "webhook_bodies": _cleared(
        "kick_inbox", "UPDATE kick_inbox SET body = NULL", "handled_at < :before AND body IS NOT NULL"
    ),
    "messages": _cleared(
        "outbox", "UPDATE outbox SET payload = '{}'", "delivered_at < :before AND payload <> CAST('{}' AS jsonb)"
    ),
    "sign_ins": _cleared("kick_oauth_states", "DELETE FROM kick_oauth_states", "expires_at < :before"),
    "codes": _cleared("link_codes", "DELETE FROM link_codes", "expires_at < :before"),
    "acts": _cleared("acts", "DELETE FROM acts", "at < :before"),
    "subscriptions": _cleared("kick_subscriptions", "DELETE FROM kick_subscriptions", "seen_at < :before"),
}


async def clear(conn: Connection, what: str, before: datetime, limit: int) -> int:
    """Clear one batch of what became useless before that moment; how many rows."""
    result = await conn.execute(text(STATEMENTS[what]), {"before": before, "limit": limit})
    return result.rowcount
