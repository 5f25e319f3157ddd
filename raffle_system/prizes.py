"""The prizes of a period, 1 to 20, which the draw fills in order."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core import guilds
from core.clock import Clock
from core.db import Connection
from core.errors import UserError
from core.guilds import GuildSettings
from core.texts import one_line, plain
from raffle_system import periods, prize_store
from raffle_system.models import Period

MOST_PRIZES, LONGEST_PRIZE = 20, 100
NONE = frozenset({"none", "-", "بدون"})
_BETWEEN = re.compile(r"[|\n;؛]")
# Between two digits a comma belongs to a number ($1,000).
_COMMA = re.compile(r"(?<!\d)[,،]|[,،](?!\d)")
_QUOTED = re.compile(r'["“”«](.*)["“”»]')


def split(written: str, *, commas: bool = True, longest: int = LONGEST_PRIZE) -> list[str]:
    """`First, Second, $1,000` or `$500 | $200 | a hoodie` as a list; one in quotes, or behind a `|`, keeps its commas.

    Errors: `prizes.too_many`, `prizes.too_long`.
    """
    written = plain(written).strip()
    if written.casefold() in NONE:
        return []
    whole = _QUOTED.fullmatch(written)
    by_comma = commas and not whole and _BETWEEN.search(written) is None
    parts = [written] if whole else (_COMMA if by_comma else _BETWEEN).split(written)
    found = [part for part in (one_line(whole[1] if whole else part) for part in parts) if part]
    if len(found) > MOST_PRIZES:
        raise UserError("prizes.too_many", most=MOST_PRIZES)
    if any(len(one) > longest for one in found):
        raise UserError("prizes.too_long", most=longest)
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
