"""A minute is credited once per viewer, whatever restarts, runs twice or happens to the clock; never offline."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.db import Connection, Database
from core.kick_events import Hosting, KickChannelIds, LiveStatus
from raffle_system import live
from raffle_system.kick_intake import KickIntake
from raffle_system.live import LiveState
from tests.postgres import PostgresServer
from tests.raffle.support import MEMBER, MINUTE, SECOND, FakeClock, World, chat

ROOM = 4_000_001
NOW = datetime(2026, 11, 30, 23, 40, tzinfo=UTC)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.integers(1, 400)),
        st.tuples(st.just("chat"), st.integers(0, 1), st.integers(1, 3)),
        st.tuples(st.just("tick"), st.integers(0, 1)),
        st.tuples(st.just("restart"), st.integers(0, 1)),
        st.tuples(st.just("live"), st.booleans()),
        st.tuples(st.just("host")),
        st.tuples(st.just("jump"), st.integers(-900, 900)),
    ),
    max_size=40,
)


class Both:
    """Two processes on one database, and what a strict observer saw of the stream."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.live = False
        self.processes = [self._process(), self._process()]
        self.spans: list[tuple[datetime, datetime]] = []

    def _process(self) -> KickIntake:
        made = KickIntake(self.world.db, self.world.clock, self.world.guilds, "off")
        made.follow({self.world.guild_id: KickChannelIds("streamer", 1, ROOM, 9)})
        return made

    async def tell(self) -> None:
        status = LiveStatus(1, ROOM, self.live, "socket", None, self.world.clock.now())
        for process in self.processes:
            await process.on_event(status)

    async def do(self, step: tuple[object, ...]) -> None:
        clock = self.world.clock
        match step:
            case ("pass" | "jump", int(seconds)):
                clock.advance(timedelta(seconds=seconds))
            case ("chat", int(which), int(viewer)):
                await self.processes[which].on_event(chat(clock, user_id=viewer))
            case ("tick", int(which)):
                await self.processes[which].tick_minutes()
            case ("restart", int(which)):
                self.processes[which] = self._process()
                await self.tell()
            case ("live", bool(live)):
                self.live = live
                await self.tell()
            case ("host",):
                for process in self.processes:
                    await process.on_event(Hosting(1, ROOM, True, "other", 5, clock.now()))


async def _check(server: PostgresServer, template: str, steps: list[tuple[object, ...]]) -> None:
    world = await World(Database(server.url(template)), clock=FakeClock(NOW)).open()
    await world.execute("CREATE TABLE IF NOT EXISTS seen (kick_user_id BIGINT, minute TIMESTAMPTZ)")
    await world.execute(
        "CREATE OR REPLACE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO seen VALUES (NEW.kick_user_id, NEW.last_minute); RETURN NULL; END $$"
    )
    await world.execute("CREATE OR REPLACE TRIGGER see AFTER INSERT OR UPDATE ON watchtime FOR EACH ROW "
                        "WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION see()")  # fmt: skip
    both = Both(world)
    try:
        for step in steps:
            await both.do(step)
        twice = await world.rows("SELECT kick_user_id, minute FROM seen GROUP BY 1, 2 HAVING count(*) > 1")
        assert twice == []
        totals = await world.rows(
            "SELECT w.kick_user_id, w.minutes, (SELECT count(*) FROM seen s WHERE s.kick_user_id = w.kick_user_id) "
            "AS seen, (SELECT sum(p.minutes) FROM watchtime_periods p WHERE p.kick_user_id = w.kick_user_id) AS parts "
            "FROM watchtime w"
        )
        assert all(row["minutes"] == row["seen"] == row["parts"] for row in totals)
    finally:
        await world.execute("DROP TRIGGER see ON watchtime")
        await world.execute("DROP FUNCTION see")
        await world.execute("DROP TABLE seen")
        await world.db.close()


def _fresh(server: PostgresServer, template: str) -> Iterator[str]:
    name = server.lend(template)
    yield name
    server.take_back(name)


@pytest.mark.thorough
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_no_minute_twice(
    postgres_server: PostgresServer, template_database: str, steps: list[tuple[object, ...]]
) -> None:
    for name in _fresh(postgres_server, template_database):
        asyncio.run(_check(postgres_server, name, [("live", True), *steps, ("tick", 0), ("tick", 1)]))


async def _hour(world: World, *, live: bool, host_after: int | None = None) -> int:
    both = Both(world)
    both.live = live
    await both.tell()
    for minute in range(60):
        if minute == host_after:
            await both.do(("host",))
        await both.do(("chat", 0, 1))
        world.clock.advance(MINUTE)
        await both.do(("tick", 0))
    return int(await world.scalar("SELECT coalesce(sum(minutes), 0) FROM watchtime"))


@pytest.mark.thorough
async def test_an_hour_of_chatting_is_sixty_minutes_across_midnight_and_months_end(database_url: str) -> None:
    world = await World(Database(database_url), clock=FakeClock(NOW)).open()
    try:
        assert await _hour(world, live=True) == 60
        await world.schedule.close_due_periods()
        await _hour(world, live=True)
        rows = await world.rows("SELECT minutes FROM watchtime_periods ORDER BY period_id")
        assert sum(row["minutes"] for row in rows) >= 119
        assert len(rows) == 2
    finally:
        await world.db.close()


async def test_none_while_offline_and_none_while_hosting(database_url: str) -> None:
    world = await World(Database(database_url), clock=FakeClock(NOW)).open()
    try:
        assert await _hour(world, live=False) == 0
        assert await _hour(world, live=True, host_after=0) == 0
    finally:
        await world.db.close()


async def test_a_restart_in_the_middle_of_a_stream_loses_no_minute(database_url: str) -> None:
    world = await World(Database(database_url), clock=FakeClock(NOW)).open()
    try:
        both = Both(world)
        both.live = True
        await both.tell()
        await both.do(("chat", 0, 1))
        for _ in range(4):
            world.clock.advance(MINUTE)
            await both.do(("tick", 0))
        both.processes[0] = both._process()
        for _ in range(4):
            world.clock.advance(MINUTE)
            await both.do(("tick", 0))
        assert await world.scalar("SELECT minutes FROM watchtime") == 8
        assert both.processes[0].live_of(world.guild_id) == (True, "socket")
    finally:
        await world.db.close()


async def test_an_outage_longer_than_the_window_loses_no_minute_of_it(database_url: str) -> None:
    world = await World(Database(database_url), clock=FakeClock(NOW)).open()
    try:
        both = Both(world)
        both.live = True
        await both.tell()
        world.clock.advance(SECOND)
        await both.do(("chat", 0, 1))
        world.clock.advance(2 * MINUTE)
        await both.do(("tick", 0))
        world.clock.advance(30 * MINUTE)
        await both.do(("restart", 0))
        await both.do(("tick", 0))
        assert await world.scalar("SELECT minutes FROM watchtime") == world.settings.watch_window_minutes
        both.live = False
        await both.do(("chat", 0, 1))
        await both.tell()
        await both.do(("tick", 0))
        both.live = True
        world.clock.advance(30 * MINUTE)
        await both.do(("restart", 0))
        await both.do(("tick", 0))
        assert await world.scalar("SELECT minutes FROM watchtime") == world.settings.watch_window_minutes
    finally:
        await world.db.close()


def _said(live: bool, source: str, at: datetime, started: datetime | None = None) -> LiveStatus:
    return LiveStatus(1, ROOM, live, source, started, at)  # type: ignore[arg-type]


def test_the_newest_word_decides_whoever_says_it() -> None:
    state = LiveState()
    state.hear(_said(True, "site", NOW))
    assert state.decide(NOW, chat_says=False) == (True, "site")
    state.hear(_said(False, "socket", NOW))
    assert state.decide(NOW, chat_says=True) == (False, "socket")
    state.hear(_said(True, "api", NOW))
    assert state.decide(NOW, chat_says=None) == (True, "api")
    state.hear(_said(False, "webhook", NOW + SECOND))
    assert state.decide(NOW + SECOND, chat_says=None) == (False, "webhook")
    state.hear(_said(True, "api", NOW + 30 * SECOND))
    assert state.decide(NOW + MINUTE, chat_says=None) == (True, "api")
    state.hear(_said(False, "socket", NOW + MINUTE))
    assert state.decide(NOW + MINUTE, chat_says=None) == (False, "socket")
    assert state.decide(NOW + 20 * MINUTE, chat_says=True) == (False, "socket")


def test_chat_decides_only_where_nothing_else_does() -> None:
    assert LiveState().decide(NOW, chat_says=True) == (True, "chat")
    assert LiveState().decide(NOW, chat_says=False) == (False, "chat")
    assert LiveState().decide(NOW, chat_says=None) == (False, None)


def test_hosting_ends_with_a_stream_that_began_after_it() -> None:
    state = LiveState()
    state.hear(_said(True, "api", NOW, NOW - MINUTE))
    state.hear(Hosting(1, ROOM, True, "other", 5, NOW))
    state.hear(_said(True, "api", NOW + MINUTE, NOW - MINUTE))
    assert state.decide(NOW + MINUTE, chat_says=None) == (False, "api")
    state.hear(_said(True, "api", NOW + 3 * MINUTE, NOW + 2 * MINUTE))
    assert state.decide(NOW + 3 * MINUTE, chat_says=None) == (True, "api")


@pytest.mark.thorough
@pytest.mark.parametrize("at", ["infinity", "-infinity", "0001-01-01", "1970-01-01", "9999-12-31", "4713-01-01 BC"])
async def test_a_kept_word_without_a_moment_stops_neither_minutes_nor_health(database_url: str, at: str) -> None:
    """It is set aside, counted and shown, and gives way to the next word."""
    world = await World(Database(database_url), clock=FakeClock(NOW)).open()
    try:
        for source in ("webhook", "decided"):
            await world.execute(
                f"INSERT INTO kick_live (guild_id, source, live, started_at, at, said_by) "
                f"VALUES (:guild, :source, true, '{at}', '{at}', 'webhook')",
                guild=world.guild_id, source=source,
            )  # fmt: skip
        await world.execute("INSERT INTO process_state VALUES ('kick_heard', '9999-12-31T23:59:59+00:00')")
        assert await _hour(world, live=True) == 60
        process = Both(world).processes[0]
        await world.execute(f"UPDATE kick_live SET at = '{at}'")
        await process.heard()
        await process.tick_minutes()
        assert process.live_by_slug() == {"streamer": {"live": False, "source": None, "set_aside": 2}}
        word = LiveStatus(1, ROOM, False, "webhook", None, world.clock.now(), 9)
        async with world.db.transaction() as conn:
            await process.on_webhook(conn, word, "m")
        assert await world.scalar("SELECT at FROM kick_live WHERE source = 'webhook'") == word.at
    finally:
        await world.db.close()


async def test_one_guilds_trouble_leaves_the_others_their_minutes(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await World(Database(database_url), clock=FakeClock(NOW)).open()
    try:
        await world.guilds.ensure(5)
        both = Both(world)
        process = both.processes[0]
        process.follow({5: KickChannelIds("ill", 2, 77, 10), world.guild_id: KickChannelIds("streamer", 1, ROOM, 9)})
        restored = live.restore

        async def ill(conn: Connection, guild_id: int, state: LiveState, now: datetime) -> None:
            if guild_id == 5:
                raise ValueError("a row that nobody foresaw")
            await restored(conn, guild_id, state, now)

        monkeypatch.setattr(live, "restore", ill)
        both.live = True
        await both.tell()
        await both.do(("chat", 0, 1))
        world.clock.advance(2 * MINUTE)
        await process.tick_minutes()
        assert await world.scalar("SELECT minutes FROM watchtime") >= 1
        assert process.counters["minutes_failed"] == 1
    finally:
        await world.db.close()


async def test_a_link_made_by_the_name_in_an_address_finds_its_account(database_url: str) -> None:
    """Kick tells both in each chat message: a slug may have `-` where the name has `_`."""
    world = await World(Database(database_url), clock=FakeClock(NOW)).open()
    try:
        await world.link(MEMBER, "night-owl", None)
        both = Both(world)
        both.live = True
        await both.tell()
        await both.processes[0].on_event(chat(world.clock, user_id=71, username="Night_Owl", slug="night-owl"))
        world.clock.advance(2 * MINUTE)
        await both.processes[0].tick_minutes()
        links = await world.rows("SELECT kick_user_id, kick_name, name_key FROM links")
        assert links == [{"kick_user_id": 71, "kick_name": "Night_Owl", "name_key": "night_owl"}]
    finally:
        await world.db.close()
