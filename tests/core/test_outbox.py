"""What must be said: after its fact, in order per channel, once, and kept while nobody can hear it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from core import outbox
from core.db import Database
from core.messages import Embed, EmbedField, Message
from core.outbox import Blocked, Gone, Letter, Outbox, backoff
from tests.raffle.support import CHANNEL, GUILD, MEMBER, SECOND, World

OTHER_CHANNEL = CHANNEL + 1


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    db = Database(database_url)
    yield await World(db).open()
    await db.close()


class Discord:
    """A sender that remembers; `fault` may raise for a letter."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []
        self.told: list[int] = []
        self.fault: Callable[[Letter], None] = lambda letter: None
        self.admin_away = False

    async def send(self, letter: Letter) -> int:
        self.fault(letter)
        self.sent.append(letter)
        return 1000 + len(self.sent)

    async def tell_admin(self, guild_id: int, channel_id: int) -> None:
        if self.admin_away:
            raise RuntimeError("nobody there")
        self.told.append(channel_id)

    @property
    def texts(self) -> list[str]:
        return [letter.message.content for letter in self.sent]


async def post(world: World, text: str, channel: int | None = CHANNEL) -> None:
    async with world.db.transaction() as conn:
        await outbox.post(conn, world.clock, GUILD, channel, Message(content=text))


async def deliver(world: World, discord: Discord, times: int = 1) -> list[int]:
    office = Outbox(world.db, world.clock, discord)
    return [await office.deliver_due() for _ in range(times)]


def raising(error: Exception, only: int | None = None) -> Callable[[Letter], None]:
    def fault(letter: Letter) -> None:
        if only in (None, letter.channel_id):
            raise error

    return fault


async def test_messages_arrive_in_order_and_once(world: World) -> None:
    for text in ("one", "two", "three"):
        await post(world, text)
    discord = Discord()
    assert await deliver(world, discord, 5) == [1, 1, 1, 0, 0]
    assert discord.texts == ["one", "two", "three"]
    rows = await world.rows("SELECT message_id FROM outbox WHERE delivered_at IS NOT NULL ORDER BY id")
    assert [row["message_id"] for row in rows] == [1001, 1002, 1003]


async def test_what_is_rolled_back_is_not_said(world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        await _post_and_fail(world)
    discord = Discord()
    await deliver(world, discord)
    assert discord.sent == []


async def _post_and_fail(world: World) -> None:
    async with world.db.transaction() as conn:
        await outbox.post(conn, world.clock, GUILD, CHANNEL, Message(content="never"))
        raise ZeroDivisionError


async def test_without_a_channel_nothing_is_said(world: World) -> None:
    await post(world, "nowhere", None)
    assert await world.scalar("SELECT count(*) FROM outbox") == 0


async def test_a_direct_message_goes_to_its_member(world: World) -> None:
    async with world.db.transaction() as conn:
        await outbox.post_to_member(conn, world.clock, GUILD, MEMBER, Message(content="you"))
    discord = Discord()
    await deliver(world, discord)
    assert [(letter.channel_id, letter.user_id) for letter in discord.sent] == [(None, MEMBER)]


async def test_a_failed_send_is_tried_again_later_and_holds_back_its_channel(world: World) -> None:
    await post(world, "one")
    await post(world, "two")
    await post(world, "aside", OTHER_CHANNEL)
    discord = Discord()
    discord.fault = raising(RuntimeError("500"), only=CHANNEL)
    assert await deliver(world, discord, 2) == [1, 0]
    assert discord.texts == ["aside"]
    discord.fault = lambda letter: None
    assert await deliver(world, discord) == [0]
    world.clock.advance(SECOND)
    await deliver(world, discord, 2)
    assert discord.texts == ["aside", "one", "two"]


async def test_the_waits_double_up_to_five_minutes(world: World) -> None:
    assert [backoff(n).total_seconds() for n in (0, 1, 2, 8, 9, 500)] == [1, 2, 4, 256, 300, 300]
    await post(world, "one")
    discord = Discord()
    discord.fault = raising(RuntimeError("500"))
    waits = []
    for _ in range(4):
        await deliver(world, discord)
        (row,) = await world.rows("SELECT next_attempt_at, last_error FROM outbox")
        assert row["last_error"] == "RuntimeError('500')"
        waits.append(row["next_attempt_at"] - world.clock.now())
        world.clock.set(row["next_attempt_at"])
    assert [wait.total_seconds() for wait in waits] == [1, 2, 4, 8]


async def test_a_retry_carries_the_same_nonce_after_a_restart_too(world: World) -> None:
    await post(world, "one")
    await post(world, "other", OTHER_CHANNEL)
    nonces: list[str] = []

    def remember(letter: Letter) -> None:
        nonces.append(f"{letter.channel_id} {letter.nonce}")
        raise RuntimeError("the answer was lost")

    for _ in range(3):
        discord = Discord()
        discord.fault = remember
        await deliver(world, discord)
        world.clock.advance(timedelta(minutes=5))
    assert (len(nonces), len(set(nonces))) == (6, 2)
    assert all(len(nonce.split(" ")[1]) <= 25 for nonce in nonces)


async def test_a_blocked_channel_is_kept_and_the_admin_told_once(world: World) -> None:
    await post(world, "one")
    await post(world, "two")
    discord = Discord()
    discord.fault = raising(Blocked("missing permissions"))
    for _ in range(5):
        await deliver(world, discord)
        world.clock.advance(outbox.BLOCKED_RETRY)
    assert discord.told == [CHANNEL]
    discord.fault = lambda letter: None
    await deliver(world, discord, 2)
    assert discord.texts == ["one", "two"]
    await post(world, "three")
    discord.fault = raising(Blocked("again"))
    await deliver(world, discord)
    assert discord.told == [CHANNEL, CHANNEL]


async def test_an_admin_who_could_not_be_told_is_told_at_the_next_try(world: World) -> None:
    await post(world, "one")
    await post(world, "aside", OTHER_CHANNEL)
    discord = Discord()
    discord.fault, discord.admin_away = raising(Blocked("no"), only=CHANNEL), True
    assert await deliver(world, discord) == [1]
    discord.admin_away = False
    world.clock.advance(outbox.BLOCKED_RETRY)
    await deliver(world, discord)
    assert (discord.told, discord.texts) == ([CHANNEL], ["aside"])


async def test_a_channel_that_opens_is_tried_at_once(world: World) -> None:
    await post(world, "one")
    discord = Discord()
    discord.fault = raising(Blocked("no"))
    await deliver(world, discord)
    discord.fault = lambda letter: None
    assert await deliver(world, discord) == [0]
    await Outbox(world.db, world.clock, discord).channel_opened(OTHER_CHANNEL)
    assert await deliver(world, discord) == [0]
    await Outbox(world.db, world.clock, discord).channel_opened(CHANNEL)
    assert await deliver(world, discord) == [1]


async def test_what_can_never_arrive_is_given_up_and_the_next_goes_on(world: World) -> None:
    await post(world, "one")
    await post(world, "two")
    discord = Discord()
    discord.fault = raising(Gone("unknown channel"))
    assert await deliver(world, discord) == [1]
    discord.fault = lambda letter: None
    await deliver(world, discord)
    assert discord.texts == ["two"]
    (row,) = await world.rows("SELECT last_error, delivered_at FROM outbox WHERE given_up_at IS NOT NULL")
    assert row == {"last_error": "unknown channel", "delivered_at": None}
    assert discord.told == []


async def test_a_message_of_another_version_holds_up_its_own_channel_alone(world: World) -> None:
    await post(world, "one")
    await post(world, "aside", OTHER_CHANNEL)
    await world.execute("UPDATE outbox SET payload = '{}' WHERE channel_id = :c", c=CHANNEL)
    discord = Discord()
    assert await deliver(world, discord, 2) == [1, 0]
    assert discord.texts == ["aside"]


async def test_health_hears_what_waits(world: World) -> None:
    assert await outbox.waiting(world.db) == {"waiting": 0, "oldest": None, "retrying": 0}
    await post(world, "one")
    await post(world, "two")
    discord = Discord()
    discord.fault = raising(RuntimeError("500"))
    await deliver(world, discord)
    assert await outbox.waiting(world.db) == {
        "waiting": 2, "oldest": world.clock.now().isoformat(), "retrying": 1,
    }  # fmt: skip


async def test_it_delivers_by_itself_until_it_is_stopped(world: World) -> None:
    discord = Discord()
    task = asyncio.create_task(Outbox(world.db, world.clock, discord).run())
    await post(world, "one")
    while not discord.sent:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_message_survives_its_way_through_the_database() -> None:
    message = Message(
        content="c",
        embeds=(Embed(title="t", description="d", colour=7, fields=(EmbedField(name="n", value="v"),), footer="f"),),
        mentions=(1, 2),
        draw_ids=("raffle/1/2",),
    )
    assert Message.from_json(message.to_json()) == message
