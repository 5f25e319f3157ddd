"""The ledger service: the only way to change anybody's tickets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime

from core import guilds, identity
from core.db import Connection, IntegrityError, Row, violated_constraint
from core.errors import InsufficientTickets, PeriodFrozen, UserError
from raffle_system import ledger_store as store
from raffle_system.config import LARGEST_BONUS
from raffle_system.models import BONUS, Grant, Granted, Period

NOT_NEGATIVE = "raffle_tickets_total_not_negative"
FROZEN = "raffle_period_frozen"


@contextmanager
def ledger_refusals() -> Iterator[None]:
    """The database's refusals as typed errors. Errors: `PeriodFrozen`."""
    try:
        yield
    except IntegrityError as error:
        if violated_constraint(error) == FROZEN:
            raise PeriodFrozen from error
        raise


async def grant_many(conn: Connection, grants: Sequence[Grant], now: datetime) -> list[Granted]:
    """Make all changes in one statement; those paid before are skipped and not returned.

    Errors: `PeriodFrozen`; IntegrityError when a balance would fall below zero.
    """
    if not grants:
        return []
    with ledger_refusals():
        rows = await store.grant_many(conn, grants, now)
    return [Granted(**row) for row in rows]


async def grant(conn: Connection, one: Grant, now: datetime) -> Granted | None:
    """`grant_many` with one; None when it was paid before."""
    made = await grant_many(conn, [one], now)
    return made[0] if made else None


def check_amount(amount: int) -> None:
    """Errors: `error.ticket_amount` unless 1 <= amount <= LARGEST_BONUS."""
    if not 1 <= amount <= LARGEST_BONUS:
        raise UserError("error.ticket_amount", amount=str(amount), most=LARGEST_BONUS)


async def give(
    conn: Connection, period: Period, discord_id: int, amount: int, *, reason: str, actor: int, ref: str, now: datetime
) -> Granted | None:  # fmt: skip
    """A bonus by an admin. `ref` names the request: asked twice, it is given once (None then)."""
    check_amount(amount)
    return await _bonus(conn, period, discord_id, amount, reason, actor, ref, now)


async def remove(
    conn: Connection, period: Period, discord_id: int, amount: int, *, reason: str, actor: int, ref: str, now: datetime
) -> Granted | None:  # fmt: skip
    """A negative bonus. Errors: `InsufficientTickets` with the balance when it is smaller than the amount."""
    check_amount(amount)
    async with _no_more_than_held(conn, period.id, discord_id, amount):
        return await _bonus(conn, period, discord_id, -amount, reason, actor, ref, now)


@asynccontextmanager
async def _no_more_than_held(conn: Connection, period_id: int, discord_id: int, amount: int) -> AsyncIterator[None]:
    """Take tickets in a savepoint. Errors: `InsufficientTickets` where the member has fewer."""
    try:
        async with conn.begin_nested():
            yield
    except IntegrityError as error:
        if violated_constraint(error) != NOT_NEGATIVE:
            raise
        balance = await store.total(conn, period_id, discord_id)
        raise InsufficientTickets(balance, amount) from error


async def reverse(
    conn: Connection, period_id: int, source: str, ref: str, *, actor: int | None, why: str, now: datetime
) -> int:
    """Take a payment back by a new ledger row; the tickets, 0 where there is no such payment or it was taken before.

    Errors: `PeriodFrozen`, `InsufficientTickets` when the member has fewer left than it paid.
    """
    paid = await store.paid_row(conn, period_id, source, ref)
    if paid is None:
        return 0
    back = Grant(
        guild_id=paid["guild_id"], period_id=period_id, discord_id=paid["discord_id"],
        kick_name=paid["kick_name"], change=-paid["ticket_change"], source=source,
        source_ref=f"reversal:{paid['id']}", description=why, actor=actor, reverses=paid["id"], occurred_at=now,
    )  # fmt: skip
    async with _no_more_than_held(conn, period_id, paid["discord_id"], paid["ticket_change"]):
        made = await grant(conn, back, now)
    return int(paid["ticket_change"]) if made else 0


async def _bonus(
    conn: Connection, period: Period, discord_id: int, change: int, reason: str, actor: int, ref: str, now: datetime
) -> Granted | None:  # fmt: skip
    link = await identity.link_of(conn, period.guild_id, discord_id)
    made = await grant(
        conn,
        Grant(
            guild_id=period.guild_id, period_id=period.id, discord_id=discord_id,
            kick_name=link.kick_name if link else "", change=change, source=BONUS, source_ref=ref,
            description=reason, actor=actor, occurred_at=now,
        ),
        now,
    )  # fmt: skip
    if made:
        detail = {"member": str(discord_id), "change": change, "reason": reason, "period": period.number}
        await guilds.audit(conn, period.guild_id, actor, "bonus", detail, now)
    return made


async def audit_differences(conn: Connection) -> list[Row]:
    """Balances that differ from the sum of their ledger rows: none, unless somebody wrote past us."""
    return await store.differences(conn)


async def ledger_size(conn: Connection) -> Row:
    return await store.size(conn)
