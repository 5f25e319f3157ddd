"""Acts whose COMMIT is cut off on the wire: done once, and told as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from core import acts as acts_module
from core.acts import Act, Acts, Outcome
from core.clock import SystemClock
from core.db import Connection, Database, UnknownOutcome, is_away
from core.errors import UserError
from core.stores import process_state
from tests.cut_proxy import CutProxy
from tests.patience import in_time

ACT = Act(key="request:1", name="test", guild_id=1, actor=2)


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[CutProxy]:
    made = CutProxy(database_url)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def db(proxy: CutProxy) -> AsyncIterator[Database]:
    made = Database(proxy.url)
    yield made
    await made.close()


async def _count(conn: Connection) -> Outcome:
    """An act that shows when it is done twice."""
    number = int(await process_state.get(conn, "count") or "0") + 1
    await process_state.put(conn, "count", str(number))
    return {"number": number}


async def _counted(database_url: str) -> str | None:
    db = Database(database_url)
    async with db.reading() as conn:
        found = await process_state.get(conn, "count")
    await db.close()
    return found


async def test_a_commit_that_is_cut_off_is_unknown_and_a_statement_is_not(proxy: CutProxy, db: Database) -> None:
    proxy.cut_after(b"COMMIT")
    with pytest.raises(UnknownOutcome) as lost:
        async with db.transaction() as conn:
            await process_state.put(conn, "count", "7")
    assert is_away(lost.value)
    proxy.cut_before(b"process_state")
    with pytest.raises(Exception, match=r"(?s).") as away:
        async with db.transaction() as conn:
            await process_state.put(conn, "count", "8")
    assert is_away(away.value)
    assert not isinstance(away.value, UnknownOutcome)
    assert await _counted(proxy.target) == "7"


async def test_two_acts_that_wait_for_each_other_are_both_done_once(db: Database) -> None:
    acts, met = Acts(db, SystemClock()), asyncio.Barrier(2)

    async def crossed(number: int) -> Outcome:
        first = True

        async def work(conn: Connection) -> Outcome:
            nonlocal first
            for key in ("a", "b") if number else ("b", "a"):
                await process_state.put(conn, key, str(number))
                if first:
                    first = False
                    await met.wait()
            return await _count(conn)

        return await acts.do(Act(key=f"request:{number}", name="test", guild_id=1, actor=2), work)

    async with in_time(20):
        done = await asyncio.gather(crossed(0), crossed(1))
    assert sorted(outcome["number"] for outcome in done) == [1, 2]


@pytest.mark.parametrize("arrives", [True, False])
async def test_an_act_is_done_once_whether_its_commit_arrived_or_not(
    proxy: CutProxy, db: Database, arrives: bool
) -> None:  # fmt: skip
    acts = Acts(db, SystemClock())
    (proxy.cut_after if arrives else proxy.cut_before)(b"COMMIT")
    assert await acts.do(ACT, _count) == {"number": 1}
    assert proxy.cuts == 1
    assert await acts.do(ACT, _count) == {"number": 1}, "the same request again"
    assert await _counted(proxy.target) == "1"


async def test_a_refusal_changes_nothing_and_is_no_outcome(db: Database) -> None:
    acts = Acts(db, SystemClock())

    async def refused(conn: Connection) -> Outcome:
        await _count(conn)
        raise UserError("giveaway.not_found")

    with pytest.raises(UserError):
        await acts.do(ACT, refused)
    assert await acts.do(ACT, _count) == {"number": 1}


async def test_a_server_that_stays_away_leaves_the_outcome_unknown(
    proxy: CutProxy, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts_module, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(acts_module, "RETRY_SECONDS", 0.01)
    proxy.cut_after(b"COMMIT", closes=True)
    with pytest.raises(UnknownOutcome):
        await Acts(db, SystemClock()).do(ACT, _count)
    assert await _counted(proxy.target) == "1"


async def test_the_same_request_twice_at_once_is_one_act(db: Database) -> None:
    acts = Acts(db, SystemClock())
    assert await asyncio.gather(*(acts.do(ACT, _count) for _ in range(4))) == [{"number": 1}] * 4


async def test_what_reads_cannot_write(db: Database) -> None:
    with pytest.raises(Exception, match="read-only transaction"):
        async with db.reading() as conn:
            await process_state.put(conn, "count", "1")
    async with db.transaction() as conn:
        await process_state.put(conn, "count", "2")


async def test_a_server_that_is_only_slow_is_not_lost(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts_module, "PATIENCE_SECONDS", 0.01)

    async def slow(conn: Connection) -> int:
        await conn.execute(text("SELECT pg_sleep(0.3)"))
        return 7

    assert await Acts(db, SystemClock()).repeat(slow) == 7
