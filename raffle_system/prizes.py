"""The prizes of a period, 1 to 20, which the draw fills in order."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core import guilds
from core.clock import Clock
from core.db import Connection
from core.errors import UserError
from core.guilds import GuildSettings
from raffle_system import periods, prize_store
from raffle_system.models import Period

MOST_PRIZES, LONGEST_PRIZE = 20, 100
NONE = frozenset({"none", "-", "بدون"})
_BETWEEN = re.compile(r"\s*[|\n;]\s*")


def split(written: str) -> list[str]:
    """`$500 | $200 | a hoodie` as a list. Errors: `prizes.too_many`, `prizes.too_long`."""
    if written.strip().casefold() in NONE:
        return []
    found = [part for part in _BETWEEN.split(" ".join(written.split(" ")).strip()) if part]
    if len(found) > MOST_PRIZES:
        raise UserError("prizes.too_many", most=MOST_PRIZES)
    if any(len(one) > LONGEST_PRIZE for one in found):
        raise UserError("prizes.too_long", most=LONGEST_PRIZE)
    return found


def joined(prizes: Sequence[str]) -> str:
    """The prizes as the record's one text: numbered where there are several."""
    if len(prizes) < 2:
        return prizes[0] if prizes else ""
    return " · ".join(f"{index}. {prize}" for index, prize in enumerate(prizes, start=1))


async def of(conn: Connection, period: Period) -> list[str]:
    return await prize_store.prizes(conn, period.id)


async def set_(
    conn: Connection, clock: Clock, settings: GuildSettings, number: int | None, wanted: Sequence[str], actor: int
) -> Period:  # fmt: skip
    """Set the prizes of the named period, else of the running one.

    Errors: `draw.already_frozen`, `raffle.no_such_period`, `raffle.not_open_yet`.
    """
    if number is None:
        found = await periods.active(conn, settings.guild_id)
    else:
        found = await periods.by_number(conn, settings.guild_id, number)
    period = await periods.by_id(conn, found.id, for_update=True)
    if period.frozen_at is not None:
        raise UserError("draw.already_frozen")
    await prize_store.set_prizes(conn, period.id, wanted)
    detail = {"period": period.number, "prizes": list(wanted)}
    await guilds.audit(conn, settings.guild_id, actor, "prizes", detail, clock.now())
    return period
