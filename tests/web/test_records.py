"""Records: made once, sent bit by bit, kept by those who have them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from core import draws, fair_draw
from core.stores import draws as draws_store
from tests.patience import until
from tests.raffle.support import ADMIN, MEMBER, OTHER, World
from tests.web.clients import held
from web import records
from web.app import WebServer
from web.records import Records


async def _nobody() -> dict[str, Any]:
    return {}


@pytest.fixture
async def server(raffle: World) -> AsyncIterator[WebServer]:
    made = WebServer("127.0.0.1", 0, _nobody, CollectorRegistry())
    made.records.db = raffle.db
    task = asyncio.create_task(made.run())
    await until(lambda: made.bound_port)
    yield made
    task.cancel()
    await asyncio.wait({task})


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


async def _drawn(raffle: World) -> str:
    for member in (MEMBER, OTHER):
        await raffle.give(member, 10)
    period = (await raffle.start_draw()).period
    await raffle.finish()
    return period.draw_id


async def _asked(
    session: aiohttp.ClientSession, server: WebServer, draw_id: str, method: str = "GET", **headers: str
) -> tuple[int, str, bytes]:
    url = f"http://127.0.0.1:{server.bound_port}/records/{draw_id}.json"
    async with session.request(method, url, headers={name.replace("_", "-"): v for name, v in headers.items()}) as got:
        return got.status, got.headers.get("ETag", ""), await got.read()


async def test_a_record_is_made_once_and_anew_when_a_reserve_takes_the_place(
    raffle: World, server: WebServer, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = 0
    real = draws.record_of

    async def counted(*args: Any) -> bytes:
        nonlocal made
        made += 1
        return await real(*args)

    monkeypatch.setattr(draws, "record_of", counted)
    draw_id = await _drawn(raffle)
    answers = await asyncio.gather(*(_asked(session, server, draw_id) for _ in range(20)))
    assert (made, len(set(answers))) == (1, 1)
    status, tag, body = answers[0]
    assert (status, json.loads(body)["draw_id"]) == (200, draw_id)
    assert await _asked(session, server, draw_id, If_None_Match=tag) == (304, tag, b"")
    assert await _asked(session, server, draw_id, If_None_Match='"other"') == answers[0]
    assert await _asked(session, server, draw_id, "HEAD") == (200, tag, b"")
    async with raffle.db.transaction() as conn:
        row = await draws.get_draw(conn, draw_id)
        assert row is not None
        event = fair_draw.draw_event(raffle.clock.now(), "reroll", 0, 1, ADMIN, "no answer")
        await draws_store.set_reserves(conn, draw_id, row["picks"] * 2, [event])
    changed = await _asked(session, server, draw_id, If_None_Match=tag)
    assert (changed[0], changed[1] != tag, made) == (200, True, 2)
    assert len(json.loads(changed[2])["events"]) == 1


@pytest.mark.thorough
async def test_sixty_readers_of_a_large_record_share_it(
    raffle: World, server: WebServer, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who does not read holds a chunk and a place among few, not a copy; the others go on, small records always."""
    monkeypatch.setattr(records, "LARGE", 1000)
    draw_id = await _drawn(raffle)
    large = b"x" * 8_000_000

    async def much(*_args: Any) -> bytes:
        return large

    monkeypatch.setattr(draws, "record_of", much)
    ask = f"GET /records/{draw_id}.json HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    async with held(server.bound_port, ask, 60):
        await until(lambda: server.records._large.locked())
        assert (await _asked(session, server, draw_id, "HEAD"))[0] == 200
    status, _tag, body = await _asked(session, server, draw_id)
    assert (status, body == large) == (200, True)


def test_what_nobody_asked_for_lately_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "KEPT_BYTES", 10)
    kept = Records()
    for name, size in (("a", 4), ("b", 4)):
        kept._keep(name, records.Record("1", b"x" * size, name))
    assert kept._found("a", "1") is not None
    kept._keep("c", records.Record("1", b"x" * 4, "c"))
    assert list(kept._kept) == ["a", "c"]
    kept._keep("huge", records.Record("1", b"x" * 99, "huge"))
    assert list(kept._kept) == ["huge"]
    assert kept._found("huge", "2") is None
