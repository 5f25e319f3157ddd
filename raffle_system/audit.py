"""The auditor: recomputes every balance from the ledger."""

from __future__ import annotations

import sys
from pathlib import Path

from core.db import Database, is_away, lacks_schema
from core.embedded_postgres import EmbeddedInUse, EmbeddedPostgres, EmbeddedUnavailable
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


async def main(url: str | None, folder: Path) -> int:
    """Print the report on the database at `url`, else on the embedded one in `folder`.

    Returns 0 when all balances agree, 1 with a line for each that does not, 2 when the database cannot be had.
    """
    embedded = None if url else EmbeddedPostgres(folder)
    try:
        lines, agree = await report(url or (await embedded.start() if embedded else ""))
    except (EmbeddedInUse, EmbeddedUnavailable) as error:
        return _refused(str(error))
    except Exception as error:
        if lacks_schema(error):
            return _refused("The database has no tables yet: start the bot once, or run `python bot.py migrate`.")
        if not is_away(error):
            raise
        return _refused(f"PostgreSQL cannot be reached: {error}".splitlines()[0])
    finally:
        if embedded is not None:
            await embedded.stop()
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0 if agree else 1


def _refused(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 2
