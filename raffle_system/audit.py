"""The auditor: recomputes every balance from the ledger."""

from __future__ import annotations

from core.db import Database
from raffle_system import tickets


async def report(url: str) -> tuple[list[str], bool]:
    """(lines to print, whether all balances agree with the sum of their ledger rows)."""
    db = Database(url, pool_size=1)
    try:
        async with db.transaction() as conn:
            size = await tickets.ledger_size(conn)
            differences = await tickets.audit_differences(conn)
    finally:
        await db.close()
    lines = [
        f"period {row['period_id']} member {row['discord_id']}: balance {row['balance']}, ledger {row['ledger']}"
        for row in differences
    ]
    verdict = f"{len(differences)} differ" if differences else "all agree with the ledger"
    return [*lines, f"{size['balances']} balances, {size['rows']} ledger rows: {verdict}."], not differences
