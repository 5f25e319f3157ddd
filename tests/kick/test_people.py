"""Somebody's Kick id by name: from the API, else from the site, else not at all and soon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.clock import SystemClock
from kick.api import KickApi
from kick.people import People
from sandbox.kick import CLIENT_ID, CLIENT_SECRET
from tests.kick.conftest import Kick
from tests.patience import in_time


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def _people(session: aiohttp.ClientSession, base: str, *, app: bool = True, patience: float = 4.0) -> People:
    client = (CLIENT_ID, CLIENT_SECRET) if app else (None, None)
    api = KickApi(session, SystemClock(), api_base=base, id_base=base, client_id=client[0], client_secret=client[1])
    return People(session, SystemClock(), api, base, patience)


@pytest.mark.parametrize("app", [True, False])
async def test_either_source_knows_an_account(kick: Kick, session: aiohttp.ClientSession, app: bool) -> None:
    wanted = kick.world.add_person("Night_Owl")
    assert await _people(session, kick.site, app=app).id_of("night_OWL") == wanted
    assert kick.world.official.counts["channels"] == 2 * int(app)  # as written, then with `-`


@pytest.mark.parametrize("app", [True, False])
async def test_two_people_whose_names_differ_in_one_letter(
    kick: Kick, session: aiohttp.ClientSession, app: bool
) -> None:
    people = _people(session, kick.site, app=app)
    dashed = kick.world.add_person("bob-cat", "bob-cat")
    assert await people.id_of("bob_cat") is None
    underscored = kick.world.add_person("bob_cat", "bob_cat")
    assert [await people.id_of("bob_cat"), await people.id_of("Bob-Cat")] == [underscored, dashed]


async def test_the_site_answers_where_the_api_is_down(kick: Kick, session: aiohttp.ClientSession) -> None:
    wanted = kick.world.add_person("Night_Owl")
    kick.world.official.down = 503
    assert await _people(session, kick.site).id_of("Night_Owl") == wanted


async def test_nobody_of_that_name_and_a_kick_that_says_nothing_are_none(
    kick: Kick, session: aiohttp.ClientSession
) -> None:
    people = _people(session, kick.site)
    assert await people.id_of("nobody_here") is None
    kick.world.add_person("Night_Owl")
    kick.world.official.down, kick.world.site_blocked = 403, True
    assert await people.id_of("Night_Owl") is None


async def test_a_kick_that_never_answers_is_not_waited_for(session: aiohttp.ClientSession) -> None:
    release = asyncio.Event()

    async def mute(_request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", mute)
    async with TestServer(app) as server:
        async with in_time(5):
            assert await _people(session, str(server.make_url("/")), patience=0.2).id_of("Night_Owl") is None
        release.set()
