"""What must be said: after its fact, in order per channel, once, and kept while nobody can hear it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import pytest

from core import delivery, outbox
from core.db import Connection, Database
from core.delivery import Outbox
from core.letters import Blocked, Gone, Letter, Passing, Server
from core.messages import Embed, EmbedField, Message
from core.outbox import backoff
from core.stores import outbox as store
from tests.raffle.support import ADMIN, CHANNEL, GUILD, MEMBER, OTHER, SECOND, World

OTHER_CHANNEL = CHANNEL + 1
OWNER = ADMIN + 50


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    db = Database(database_url)
    yield await World(db).open()
    await db.close()


class Discord:
    """A sender that remembers; `fault` may raise for a letter."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []
        self.fault: Callable[[Letter], None] = lambda letter: None
        self.owner: int | None = OWNER
        self.stands: list[tuple[int, str, datetime]] = []
        self.looked = 0

    async def send(self, letter: Letter) -> int:
        self.fault(letter)
        self.sent.append(letter)
        return 1000 + len(self.sent)

    async def find(self, letter: Letter, since: datetime) -> list[int]:
        self.looked += 1
        return [number for number, content, at in self.stands if content == letter.message.content and at >= since]

    def server(self, guild_id: int) -> Server | None:
        return Server(name="Home", owner_id=self.owner) if self.owner else None

    def to(self, user_id: int) -> list[str]:
        """What a member read as direct messages."""
        return [_text(letter.message) for letter in self.sent if letter.user_id == user_id]

    @property
    def texts(self) -> list[str]:
        """What was said in channels."""
        return [letter.message.content for letter in self.sent if letter.channel_id]


def _text(message: Message) -> str:
    return "\n".join([message.content, *(embed.description for embed in message.embeds)])


async def post(world: World, text: str, channel: int | None = CHANNEL) -> None:
    async with world.db.transaction() as conn:
        await outbox.post(conn, world.clock, GUILD, channel, Message(content=text))


async def edit(world: World, ref: str, channel: int = CHANNEL, text: str = "edited") -> None:
    """Replace a message that was posted before."""
    async with world.db.transaction() as conn:
        await outbox.post(conn, world.clock, GUILD, channel, Message(content="first", ref=ref))
    await world.execute(
        "UPDATE outbox SET delivered_at = now(), message_id = 5 WHERE ref = :ref AND NOT edits", ref=ref
    )
    async with world.db.transaction() as conn:
        await outbox.post(conn, world.clock, GUILD, channel, Message(content=text, ref=ref, edits=True))


async def deliver(world: World, discord: Discord, times: int = 1) -> list[int]:
    office = Outbox(world.db, world.clock, world.guilds, discord)
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


async def test_a_blocked_channel_is_kept_and_the_owner_told_once(world: World) -> None:
    await post(world, "one")
    await post(world, "two")
    discord = Discord()
    discord.fault = raising(Blocked("missing permissions"), only=CHANNEL)
    for _ in range(6):
        await deliver(world, discord, 2)
        world.clock.advance(timedelta(minutes=30))
    (told,) = discord.to(OWNER)
    assert told.startswith("\noutbox.blocked ")
    assert told.endswith("outbox.words\n> one")
    discord.fault = lambda letter: None
    world.clock.advance(timedelta(hours=2))
    await deliver(world, discord, 2)
    assert discord.texts == ["one", "two"]
    await post(world, "three")
    discord.fault = raising(Blocked("again"), only=CHANNEL)
    await deliver(world, discord, 2)
    world.clock.advance(timedelta(days=2))
    await deliver(world, discord, 2)
    assert len(discord.to(OWNER)) == 2


@pytest.mark.thorough
async def test_closed_channels_are_asked_less_and_less_and_by_one_message_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred, with a tenth of the share: never half as many refusals in ten minutes as there are channels."""
    spread = itertools.cycle(range(75, 126))
    monkeypatch.setattr(delivery, "jittered", lambda seconds: seconds * next(spread) / 100)
    monkeypatch.setattr(delivery, "REFUSED_MOST", 10)
    start, refused = world.clock.now(), list[datetime]()

    def refuse(letter: Letter) -> None:
        if letter.channel_id:
            refused.append(world.clock.now())
            raise Blocked("no")

    discord = Discord()
    discord.owner, discord.fault = None, refuse
    for channel in range(CHANNEL, CHANNEL + 100):
        await post(world, "one", channel)
    await edit(world, "card/1", CHANNEL)
    office = Outbox(world.db, world.clock, world.guilds, discord)
    while world.clock.now() < start + timedelta(minutes=100):
        tried = -1
        while tried < (tried := len(refused)):
            await office.deliver_due()
        await post(world, "new", CHANNEL)
        world.clock.advance(timedelta(minutes=2))
    later = [moment for moment in refused if moment > start + timedelta(minutes=10)]
    spans = [sum(1 for other in later if moment <= other < moment + delivery.REFUSED_SPAN) for moment in later]
    assert 100 <= len(later) <= 200
    assert max(spans) <= 50


async def test_an_owner_who_was_not_known_is_told_at_the_next_try(world: World) -> None:
    await post(world, "one")
    await post(world, "aside", OTHER_CHANNEL)
    discord = Discord()
    discord.fault, discord.owner = raising(Blocked("no"), only=CHANNEL), None
    assert await deliver(world, discord) == [1]
    discord.owner = OWNER
    world.clock.advance(timedelta(minutes=2))
    await deliver(world, discord, 2)
    assert (len(discord.to(OWNER)), discord.texts) == (1, ["aside"])


async def test_a_channel_that_opens_is_tried_at_once(world: World) -> None:
    await post(world, "one")
    await post(world, "two")
    discord = Discord()
    discord.owner, discord.fault = None, raising(Blocked("no"))
    await deliver(world, discord)
    discord.fault = lambda letter: None
    office = Outbox(world.db, world.clock, world.guilds, discord)
    for opened, settled in ((office.channel_opened(OTHER_CHANNEL), 0), (office.server_opened(GUILD + 1), 0)):
        await opened
        assert await deliver(world, discord) == [settled]
    await office.channel_opened(CHANNEL)
    assert await deliver(world, discord, 2) == [1, 1]
    discord.fault = raising(Blocked("again"))
    await post(world, "three")
    await deliver(world, discord)
    discord.fault = lambda letter: None
    await office.server_opened(GUILD)
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


async def test_a_message_of_another_version_holds_up_its_own_channel_alone(world: World) -> None:
    await post(world, "one")
    await post(world, "aside", OTHER_CHANNEL)
    await world.execute("UPDATE outbox SET payload = '{}' WHERE channel_id = :c", c=CHANNEL)
    discord = Discord()
    assert await deliver(world, discord, 2) == [1, 0]
    assert discord.texts == ["aside"]


async def test_health_and_the_guilds_figures_hear_how_messages_fare(world: World) -> None:
    none = {"waiting": 0, "oldest": None, "retrying": 0, "blocked": 0, "given_up": 0}
    assert await outbox.waiting(world.db, world.clock) == none
    discord = Discord()
    discord.owner = None
    for fault in (Gone("deleted"), Blocked("no")):
        await post(world, "one")
        discord.fault = raising(fault)
        await deliver(world, discord)
    await post(world, "two", OTHER_CHANNEL)
    found = {"waiting": 2, "oldest": world.clock.now().isoformat(), "retrying": 1, "blocked": 1, "given_up": 1}
    assert await outbox.waiting(world.db, world.clock) == await outbox.waiting(world.db, world.clock, GUILD) == found
    assert await outbox.waiting(world.db, world.clock, GUILD + 1) == none
    world.clock.advance(timedelta(days=31))
    assert (await outbox.waiting(world.db, world.clock))["given_up"] == 0


async def test_it_delivers_by_itself_until_it_is_stopped(world: World) -> None:
    discord = Discord()
    task = asyncio.create_task(Outbox(world.db, world.clock, world.guilds, discord).run())
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


@pytest.mark.parametrize(
    ("waited", "marked"), [(timedelta(minutes=4, seconds=59), False), (timedelta(minutes=5), True)]
)
async def test_what_comes_five_minutes_late_says_so(world: World, waited: timedelta, marked: bool) -> None:
    async with world.db.transaction() as conn:
        await outbox.post(conn, world.clock, GUILD, CHANNEL, Message(content="one", late="sorry"))
    world.clock.advance(waited)
    discord = Discord()
    await deliver(world, discord)
    assert discord.texts == ["sorry\none" if marked else "one"]


async def test_an_edit_holds_back_nobody_and_waits_for_its_message_alone(world: World) -> None:
    discord = Discord()
    async with world.db.transaction() as conn:
        for message in (
            Message(content="card", ref="card/1"),
            Message(content="card 2", ref="card/1", edits=True),
            Message(content="result"),
        ):
            await outbox.post(conn, world.clock, GUILD, CHANNEL, message)

    def refuse(letter: Letter) -> None:
        if letter.edits or letter.message.content == "card":
            raise RuntimeError("500")

    discord.fault = refuse
    await deliver(world, discord)
    assert discord.sent == []
    world.clock.advance(SECOND)
    discord.fault = lambda letter: refuse(letter) if letter.edits else None
    assert await deliver(world, discord, 2) == [1, 1]
    assert discord.texts == ["card", "result"]
    discord.fault = lambda letter: None
    world.clock.advance(SECOND)
    assert await deliver(world, discord) == [1]
    assert (discord.texts[-1], discord.sent[-1].edits) == ("card 2", 1001)


@pytest.mark.thorough
@pytest.mark.parametrize(("elsewhere", "least", "most"), [(True, 3, 8), (False, 240, 300)])
async def test_a_message_that_fails_for_long_steps_aside(
    world: World, elsewhere: bool, least: int, most: int
) -> None:  # fmt: skip
    """Soon where other messages arrive, late where it may be an outage."""
    await post(world, "poison")
    await post(world, "result")
    discord = Discord()

    def refuse(letter: Letter) -> None:
        if letter.message.content == "poison":
            raise RuntimeError("500")

    discord.fault = refuse
    start, office = world.clock.now(), Outbox(world.db, world.clock, world.guilds, discord)
    while "result" not in discord.texts:
        await office.deliver_due()
        world.clock.advance(SECOND)
        if elsewhere:
            await post(world, "aside", OTHER_CHANNEL)
    assert least <= (world.clock.now() - start).total_seconds() <= most
    discord.fault = lambda letter: None
    world.clock.advance(timedelta(minutes=6))
    await office.deliver_due()
    assert [text for text in discord.texts if text != "aside"] == ["result", "poison"]


async def test_an_answer_that_was_lost_long_ago_is_looked_for_before_it_is_said_again(world: World) -> None:
    """Discord forgets a nonce after some minutes: two equal messages, of which one had arrived."""
    await post(world, "same")
    await post(world, "same")
    discord = Discord()
    discord.stands = [(77, "same", world.clock.now())]
    discord.fault = raising(RuntimeError("the answer was lost"))
    await deliver(world, discord)
    discord.fault = lambda letter: None
    world.clock.advance(timedelta(minutes=3))
    await deliver(world, discord, 2)
    assert (discord.looked, discord.texts) == (1, ["same"])
    rows = await world.rows("SELECT message_id FROM outbox ORDER BY id")
    assert [row["message_id"] for row in rows] == [77, 1001]


async def test_a_process_that_died_while_sending_is_known_to_the_next(world: World) -> None:
    await post(world, "one")
    async with world.db.transaction() as conn:
        (row,) = await store.take(conn, world.clock.now(), 10)
    discord = Discord()
    discord.stands = [(77, "one", row["tried_at"])]
    world.clock.advance(timedelta(minutes=3))
    assert await deliver(world, discord) == [1]
    assert discord.texts == []


async def test_what_was_certainly_not_posted_is_not_looked_for(world: World) -> None:
    await post(world, "one")
    discord = Discord()
    discord.fault = raising(Passing("opening direct messages too fast"))
    await deliver(world, discord)
    discord.fault = lambda letter: None
    world.clock.advance(timedelta(minutes=3))
    assert await deliver(world, discord) == [1]
    assert discord.looked == 0


async def test_a_server_that_removed_the_bot_is_asked_nothing_and_only_the_named_hear(world: World) -> None:
    async with world.db.transaction() as conn:
        await outbox.post(conn, world.clock, GUILD, CHANNEL, Message(content="you won", mentions=(MEMBER,)))
        await outbox.post(conn, world.clock, GUILD, CHANNEL, Message(content="new month"))
    discord = Discord()
    discord.fault = raising(Blocked("no access"), only=CHANNEL)
    await deliver(world, discord)
    asked: list[Letter] = []
    discord.fault = asked.append
    await world.guilds.leave(GUILD)
    await Outbox(world.db, world.clock, world.guilds, discord).server_left(GUILD)
    await deliver(world, discord, 4)
    assert [letter.channel_id for letter in asked] == [None] * len(asked)
    assert {letter.user_id for letter in asked} == {MEMBER, OWNER}
    assert (await outbox.waiting(world.db, world.clock))["waiting"] == 0


async def test_the_admin_channel_hears_what_cannot_be_said_then_the_owner(world: World) -> None:
    await world.set("admin_channel_id", OTHER_CHANNEL)
    discord = Discord()
    closed = {CHANNEL}

    def refuse(letter: Letter) -> None:
        if letter.channel_id in closed or letter.user_id == MEMBER:
            raise Gone("unknown channel", "channel_gone")

    discord.fault = refuse
    for text in ("one", "two"):
        await post(world, text)
    async with world.db.transaction() as conn:
        await outbox.post_to_member(conn, world.clock, GUILD, MEMBER, Message(content="yours"))
    await deliver(world, discord, 8)
    told = [_text(letter.message) for letter in discord.sent if letter.channel_id == OTHER_CHANNEL]
    assert sorted(text.rsplit("> ", 1)[1] for text in told) == ["one", "two", "yours"]
    assert all("outbox.why.channel_gone" in text for text in told)
    closed.add(OTHER_CHANNEL)
    await post(world, "three")
    await deliver(world, discord, 8)
    (heard,) = discord.to(OWNER)
    assert heard.endswith("> three")


async def test_the_owner_is_not_buried_but_hears_of_every_winner(world: World) -> None:
    discord = Discord()
    discord.fault = raising(Gone("unknown channel", "channel_gone"), only=CHANNEL)
    for text in ("thanks", "thanks again"):
        await post(world, text)
    async with world.db.transaction() as conn:
        won = Message(content="you won", mentions=(MEMBER, OTHER), draw_ids=("giveaway/1",), ref="other/1")
        await outbox.post(conn, world.clock, GUILD, CHANNEL, won)
        letter = Message(content="a letter of its own", ref=f"giveaway/1/dm/{OTHER}")
        await outbox.post_to_member(conn, world.clock, GUILD, OTHER, letter)
    await deliver(world, discord, 8)
    assert [text.rsplit("> ", 1)[1] for text in discord.to(OWNER)] == ["thanks", "you won"]
    assert [len(discord.to(who)) for who in (MEMBER, OTHER)] == [1, 1]
    assert discord.to(MEMBER)[0].startswith("you won\noutbox.named ")
    assert discord.to(OTHER) == ["a letter of its own"]


class Heard:
    """A follower that has told somebody."""

    async def delivered(self, conn: Connection, letter: Letter, message_id: int) -> None:
        raise AssertionError("nothing arrives here")

    async def undeliverable(self, conn: Connection, letter: Letter, reason: str) -> bool:
        return True


async def test_a_result_is_told_to_the_admins_though_the_host_heard_and_they_are_not_flooded(world: World) -> None:
    await world.set("admin_channel_id", OTHER_CHANNEL)
    discord = Discord()
    discord.fault = raising(Gone("unknown channel", "channel_gone"), only=CHANNEL)
    async with world.db.transaction() as conn:
        for message in (
            Message(content="you won", mentions=(MEMBER,), ref="card/1"),
            Message(content="a card", ref="card/2"),
            *(Message(content=f"thanks {index}") for index in range(20)),
        ):
            await outbox.post(conn, world.clock, GUILD, CHANNEL, message)
    office = Outbox(world.db, world.clock, world.guilds, discord, {"card": Heard()})
    while await office.deliver_due():
        pass
    told = [_text(letter.message).rsplit("> ", 1)[1] for letter in discord.sent if letter.channel_id]
    assert told == ["you won", *(f"thanks {index}" for index in range(9))]
    assert office.given_up == 22


async def test_one_lane_that_hangs_holds_up_no_other(world: World) -> None:
    discord, hangs = Hanging(), asyncio.Event()
    discord.hangs = {CHANNEL: hangs}
    await post(world, "slow")
    await post(world, "behind it")
    task = asyncio.create_task(Outbox(world.db, world.clock, world.guilds, discord).run())
    await discord.said("slow begun")
    await edit(world, "card/1")
    await post(world, "elsewhere", OTHER_CHANNEL)
    await discord.said("elsewhere")
    await discord.said("edited")
    assert "slow" not in discord.texts
    hangs.set()
    await discord.said("behind it")
    assert discord.texts[-2:] == ["slow", "behind it"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Hanging(Discord):
    """A sender whose answers for some channels wait for an event."""

    hangs: dict[int, asyncio.Event]

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []

    async def send(self, letter: Letter) -> int:
        self.begun.append(f"{letter.message.content} begun")
        if letter.channel_id in self.hangs and not letter.edits:
            await self.hangs[letter.channel_id].wait()
        return await super().send(letter)

    async def said(self, text: str) -> None:
        while text not in [*self.texts, *self.begun]:
            await asyncio.sleep(0.01)
