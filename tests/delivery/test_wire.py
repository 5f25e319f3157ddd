"""Discord slow, full or stubborn in one place, through real sockets: everywhere else goes on."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import discord
import pytest

from cogs import _refusals, _sender
from core import outbox
from core.letters import Blocked, Gone, Letter, Passing
from core.messages import Embed, EmbedField, Message
from tests.delivery.conftest import Wire
from tests.patience import until

LONG = 600.0


async def test_what_hangs_in_one_place_holds_up_no_other(wire: Wire) -> None:
    """One channel answers late, one is at its limit, one message takes no edit: told by their order, not by a clock."""
    await wire.post("giveaways", "card", ref="giveaway/1")
    await wire.post("mods", "old card", ref="giveaway/2")
    await wire.office.deliver_due()
    for fault, place in (("slow", "POST */channels/{general}/*"), ("429", "POST */channels/{raffle}/*")):
        pattern = place.format(general=wire.channel("general"), raffle=wire.channel("raffle"))
        await wire.api.discord.fault(fault, pattern, count=99, seconds=LONG)
    await wire.api.discord.fault("500", f"PATCH */channels/{wire.channel('giveaways')}/*", count=99)
    await wire.post("general", "slow")
    await wire.post("raffle", "limited")
    await wire.post("giveaways", "card, ended", ref="giveaway/1", edits=True)
    task = asyncio.create_task(wire.office.run())
    await until(lambda: wire.written("general") == ["slow"])  # its answer is still to come
    await wire.post("general", "behind the slow one")
    await wire.post("giveaways", "the result")
    await wire.post("mods", "old card, ended", ref="giveaway/2", edits=True)
    await wire.post("announcements", "elsewhere")

    async def arrived() -> bool:
        return await wire.unsettled() == {"slow", "behind the slow one", "limited", "card, ended"}

    await until(arrived)
    assert wire.written("announcements") == ["elsewhere"]
    assert wire.written("giveaways") == ["card", "the result"]
    assert wire.written("mods") == ["old card, ended"]
    assert (wire.written("general"), wire.written("raffle")) == (["slow"], [])
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_an_answer_that_was_lost_is_found_when_the_nonce_is_forgotten(wire: Wire) -> None:
    """Ten minutes later Discord knows the nonce no more, and the message would say that it is late: it stands once."""
    fields = (EmbedField(name="who ", value="viewer1"),)
    embed = Embed(title="Won", description="a prize\n", fields=fields, footer="see the record")
    await wire.post("announcements", "once", embeds=(embed,), late="sorry")
    await wire.post("announcements", "and then this")
    await wire.api.discord.fault("lost", "POST /channels/*")
    assert await wire.office.deliver_due() == 0
    wire.discord.nonces.clear()
    wire.world.clock.advance(timedelta(minutes=10))
    assert [await wire.office.deliver_due() for _ in range(3)] == [1, 1, 0]
    assert wire.written("announcements") == ["once", "and then this"]
    (first, _second) = await wire.world.rows("SELECT message_id FROM outbox ORDER BY id")
    assert str(first["message_id"]) in wire.discord.channels[str(wire.channel("announcements"))].messages


@pytest.mark.parametrize(
    ("code", "kind", "why"),
    [
        (40003, Passing, "refused"), (20026, Blocked, "flagged"), (50007, Gone, "dm_closed"),
        (50013, Blocked, "refused"), (10003, Gone, "channel_gone"), (50035, Gone, "form"),
    ],
)  # fmt: skip
async def test_a_refusal_is_read_by_its_code(
    wire: Wire, code: int, kind: type[Exception], why: str
) -> None:  # fmt: skip
    await wire.api.discord.fault("refused", "POST */messages", code=code)
    letter = Letter(
        guild_id=wire.world.guild_id, channel_id=wire.channel("general"), user_id=None, nonce="n",
        message=Message(content="x"),
    )  # fmt: skip
    with pytest.raises(kind) as caught:
        await wire.sender.send(letter)
    assert getattr(caught.value, "why", None) == why


async def test_direct_messages_opened_too_fast_come_later(wire: Wire) -> None:
    viewer = int(wire.api.user("viewer1"))
    await wire.api.discord.fault("refused", "POST /users/@me/channels", code=40003)
    async with wire.world.db.transaction() as conn:
        message = Message(content="you won")
        await outbox.post_to_member(conn, wire.world.clock, wire.world.guild_id, viewer, message)
    assert await wire.office.deliver_due() == 0
    wire.world.clock.advance(timedelta(seconds=2))
    assert await wire.office.deliver_due() == 1
    assert [one.content for one in await wire.api.discord.as_user("viewer1").messages("dm")] == ["you won"]


async def test_a_direct_message_that_does_not_open_holds_up_no_other(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(_sender, "SHARED_SECONDS", 0.3)
    await wire.api.discord.fault("slow", "POST /users/@me/channels", seconds=LONG)
    async with wire.world.db.transaction() as conn:
        for name in ("viewer1", "viewer2"):
            user = int(wire.api.user(name))
            await outbox.post_to_member(conn, wire.world.clock, wire.world.guild_id, user, Message(content=name))
    tried = 0
    while tried < 2:
        tried += await wire.office.deliver_due()
        wire.world.clock.advance(timedelta(seconds=2))
    for name in ("viewer1", "viewer2"):
        assert [one.content for one in await wire.api.discord.as_user(name).messages("dm")] == [name]


class _Answer:
    def __init__(self, status: int) -> None:
        self.status, self.reason = status, "because"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (500, 0, None), (502, 130000, "passing"), (403, 0, "passing"), (404, 0, "passing"), (401, 0, "passing"),
        (429, 30046, "passing"), (403, 99999, "blocked"), (404, 10999, "final"), (400, 12345, "ours"),
        (400, 0, "ours"), (400, 40062, "passing"), (403, 50278, "final"), (400, 50083, "blocked"),
    ],
)  # fmt: skip
def test_the_table_of_refusals(status: int, code: int, kind: str | None) -> None:
    error = discord.HTTPException(_Answer(status), {"code": code, "message": "no"})
    assert _refusals.kind_of(error) == kind
