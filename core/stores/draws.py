"""Draws from the commitment to the stored picks."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import text

from core.db import Connection, Row

_WITHOUT_ENTRANTS = (
    "draw_id, guild_id, period_id, giveaway_id, mode, server_seed, commitment, opened_at, title, prize, winners, "
    "requested_by, channel_id, frozen_at, entrants_sha256, entrant_count, total_tickets, excluded, beacon_round, "
    "beacon, delay_told_at, drawn_at, picks, events"
)


async def open_(
    conn: Connection, *, draw_id: str, guild_id: int, period_id: int | None, giveaway_id: int | None,
    mode: str, server_seed: bytes, commitment: str, now: datetime,
) -> None:  # fmt: skip
    await conn.execute(
        text(
            "INSERT INTO draws (draw_id, guild_id, period_id, giveaway_id, mode, server_seed, commitment, opened_at) "
            "VALUES (:draw_id, :guild_id, :period_id, :giveaway_id, :mode, :server_seed, :commitment, :now)"
        ),
        {
            "draw_id": draw_id, "guild_id": guild_id, "period_id": period_id, "giveaway_id": giveaway_id,
            "mode": mode, "server_seed": server_seed, "commitment": commitment, "now": now,
        },
    )  # fmt: skip


async def freeze(conn: Connection, draw_id: str, values: dict[str, Any]) -> bool:
    """Store the frozen entrants once; False when they were frozen before."""
    result = await conn.execute(
        text(
            "UPDATE draws SET title = :title, prize = :prize, winners = :winners, requested_by = :requested_by, "
            "channel_id = :channel_id, frozen_at = :frozen_at, entrants = :entrants, "
            "entrants_sha256 = :entrants_sha256, entrant_count = :entrant_count, total_tickets = :total_tickets, "
            "excluded = CAST(:excluded AS jsonb), beacon_round = :beacon_round "
            "WHERE draw_id = :draw_id AND frozen_at IS NULL"
        ),
        {"draw_id": draw_id, **values, "excluded": json.dumps(values["excluded"])},
    )
    return result.rowcount == 1


async def finish(
    conn: Connection,
    draw_id: str,
    *,
    beacon: dict[str, Any] | None,
    picks: list[dict[str, Any]],
    now: datetime,
) -> bool:
    """Store beacon and picks once; False when the draw was finished before."""
    result = await conn.execute(
        text(
            "UPDATE draws SET beacon = CAST(:beacon AS jsonb), picks = CAST(:picks AS jsonb), drawn_at = :now "
            "WHERE draw_id = :draw_id AND frozen_at IS NOT NULL AND drawn_at IS NULL"
        ),
        {
            "draw_id": draw_id, "beacon": None if beacon is None else json.dumps(beacon),
            "picks": json.dumps(picks), "now": now,
        },
    )  # fmt: skip
    return result.rowcount == 1


async def set_reserves(
    conn: Connection, draw_id: str, picks: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    """Store further picks of the same sequence and the events that used them."""
    await conn.execute(
        text(
            "UPDATE draws SET picks = CAST(:picks AS jsonb), events = CAST(:events AS jsonb) WHERE draw_id = :draw_id"
        ),
        {"draw_id": draw_id, "picks": json.dumps(picks), "events": json.dumps(events)},
    )


async def get(conn: Connection, draw_id: str, *, for_update: bool = False) -> Row | None:
    """A draw without its entrants."""
    lock = " FOR UPDATE" if for_update else ""
    result = await conn.execute(
        text(f"SELECT {_WITHOUT_ENTRANTS} FROM draws WHERE draw_id = :draw_id{lock}"), {"draw_id": draw_id}
    )
    row = result.mappings().first()
    return dict(row) if row else None


async def state(conn: Connection, draw_id: str) -> str | None:
    """The row's version, which every change of it replaces; None for a draw that is not finished."""
    result = await conn.execute(
        text("SELECT CAST(xmin AS text) FROM draws WHERE draw_id = :draw_id AND drawn_at IS NOT NULL"),
        {"draw_id": draw_id},
    )
    found = result.scalar()
    return found if isinstance(found, str) else None


async def entrants(conn: Connection, draw_id: str) -> bytes:
    """The frozen entrant text."""
    result = await conn.execute(text("SELECT entrants FROM draws WHERE draw_id = :draw_id"), {"draw_id": draw_id})
    return bytes(result.scalar_one())


async def waiting(conn: Connection) -> list[Row]:
    """Draws that are frozen and not drawn, oldest first; not where the bot was removed: nobody would hear of it."""
    result = await conn.execute(
        text(
            f"SELECT {_WITHOUT_ENTRANTS} FROM draws WHERE frozen_at IS NOT NULL AND drawn_at IS NULL "
            "AND guild_id NOT IN (SELECT guild_id FROM guild_settings WHERE left_at IS NOT NULL) ORDER BY frozen_at"
        )
    )
    return [dict(row) for row in result.mappings()]


async def claim_delay_notice(conn: Connection, draw_id: str, now: datetime) -> bool:
    """True once per draw: for whoever says that it waits for the beacon."""
    result = await conn.execute(
        text(
            "UPDATE draws SET delay_told_at = :now "
            "WHERE draw_id = :draw_id AND delay_told_at IS NULL AND drawn_at IS NULL"
        ),
        {"draw_id": draw_id, "now": now},
    )
    return result.rowcount == 1
