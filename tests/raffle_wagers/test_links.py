"""Casino names: asked for, decided once, told to the member, never two owners."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core import identity
from core.errors import UserError
from core.letters import Letter
from core.messages import Message
from raffle_system import shuffle_links
from raffle_system.shuffle_links import Decision, DecisionFollower, ShuffleLink
from tests.raffle.support import ADMIN, CHANNEL, MEMBER, OTHER, THIRD
from tests.raffle_wagers.conftest import ADMIN_CHANNEL, WagerWorld

ASKED_IN = CHANNEL + 7


async def ask(world: WagerWorld, name: str, member: int = MEMBER, casino: str = "shuffle") -> ShuffleLink:
    async with world.db.transaction() as conn:
        return await shuffle_links.request(
            conn, world.clock, world.guilds, world.settings, casino, name, member, ASKED_IN
        )


async def decide(world: WagerWorld, link: ShuffleLink, *, approve: bool) -> Decision:
    async with world.db.transaction() as conn:
        return await shuffle_links.decide(
            conn, world.clock, world.guilds, world.settings, link.id, ADMIN, approve=approve
        )


async def refused(work: Any) -> str:
    with pytest.raises(UserError) as error:
        await work
    return error.value.key


async def has_kick(world: WagerWorld, *members: int) -> None:
    async with world.db.transaction() as conn:
        for member in members:
            await identity.bind(
                conn, world.guild_id, member, f"kick{member % 1000}", member % 9999, None, world.clock.now()
            )


async def test_a_request_is_a_card_and_a_decision_pays_and_is_told(world: WagerWorld) -> None:
    await has_kick(world, MEMBER)
    await world.polled(obel=0)
    await world.polled(obel=1000)
    link = await ask(world, " Obel ")
    card = (await world.admins_told())[0]
    assert "$1,000.00" in card
    rows = await world.rows("SELECT payload FROM outbox WHERE channel_id = :c", c=ADMIN_CHANNEL)
    buttons = [button.custom_id for button in Message.from_json(rows[0]["payload"]).buttons]
    assert buttons == [f"shuffle-link:approve:{link.id}", f"shuffle-link:reject:{link.id}"]
    assert (await decide(world, link, approve=True)).tickets == 20
    assert await world.total() == 20
    told = await world.rows("SELECT payload::text AS text FROM outbox WHERE user_id = :m", m=MEMBER)
    assert "shuffle.told_verified" in told[0]["text"]
    assert "shuffle.told_credit" in told[0]["text"]
    edit = await world.rows(
        "SELECT payload::text AS text FROM outbox WHERE ref = :r AND edits", r=f"shuffle-card/{link.id}"
    )
    assert f"<@{ADMIN}>" in edit[0]["text"]


async def test_a_decision_holds(world: WagerWorld) -> None:
    await has_kick(world, MEMBER)
    link = await ask(world, "obel")
    made = await decide(world, link, approve=False)
    assert made.link.status == "rejected"
    assert await refused(decide(world, link, approve=True)) == "shuffle.decided"


async def test_two_admins_at_once_decide_once(world: WagerWorld) -> None:
    await has_kick(world, MEMBER)
    link = await ask(world, "obel")
    results = await asyncio.gather(
        decide(world, link, approve=True), decide(world, link, approve=False), return_exceptions=True
    )
    assert sum(isinstance(result, Decision) for result in results) == 1
    assert [e.key for e in results if isinstance(e, UserError)] == ["shuffle.decided"]


async def test_one_name_has_one_owner(world: WagerWorld) -> None:
    await has_kick(world, MEMBER, OTHER)
    mine, theirs = await ask(world, "obel"), await ask(world, "OBEL", OTHER)
    await decide(world, mine, approve=True)
    assert await refused(decide(world, theirs, approve=True)) == "shuffle.taken"
    assert await refused(ask(world, "Obel", THIRD)) == "shuffle.kick_first"
    await has_kick(world, THIRD)
    assert await refused(ask(world, "Obel", THIRD)) == "shuffle.taken"


async def test_two_approvals_of_one_name_at_once_make_one_owner(world: WagerWorld) -> None:
    await has_kick(world, MEMBER, OTHER)
    both = [await ask(world, "obel"), await ask(world, "obel", OTHER)]
    results = await asyncio.gather(*(decide(world, one, approve=True) for one in both), return_exceptions=True)
    assert sum(isinstance(result, Decision) for result in results) == 1
    assert await world.scalar("SELECT count(*) FROM raffle_shuffle_links WHERE verified") == 1


async def test_one_member_has_one_name_and_asks_once_a_day(world: WagerWorld) -> None:
    await has_kick(world, MEMBER)
    link = await ask(world, "obel")
    assert await refused(ask(world, "obel")) == "shuffle.asked"
    assert await refused(ask(world, "second")) == "shuffle.most"
    await decide(world, link, approve=False)
    assert await refused(ask(world, "second")) == "shuffle.cooldown"
    world.clock.advance(timedelta(hours=24))
    second = await ask(world, "second")
    await decide(world, second, approve=True)
    assert await refused(ask(world, "second")) == "shuffle.already_yours"


async def test_an_admin_verifies_what_was_asked_or_not(world: WagerWorld) -> None:
    await world.polled(obel=0, other=0)
    await world.polled(obel=1000, other=500)
    await has_kick(world, MEMBER, OTHER)
    asked = await ask(world, "obel")
    made = await world.verify("obel")
    assert (made.link.id, made.tickets) == (asked.id, 20)
    assert (await world.verify("other", OTHER)).tickets == 10
    assert await refused(world.verify("obel", OTHER)) == "shuffle.taken"
    assert await refused(world.verify("obel", MEMBER)) == "shuffle.already"
    assert await refused(world.verify("third", MEMBER)) == "shuffle.member_most"
    async with world.db.transaction() as conn:
        nobody = shuffle_links.verify(
            conn, world.clock, world.guilds, world.settings, "shuffle", "x", "nobody_here", ADMIN
        )
        assert await refused(nobody) == "shuffle.kick_unknown"


@pytest.mark.parametrize("name", ["", "  ", "@", "x" * 101, "a\x00b"])
async def test_names_that_are_none(world: WagerWorld, name: str) -> None:
    await has_kick(world, MEMBER)
    assert await refused(ask(world, name)) == "shuffle.bad_name"


async def test_only_known_casinos(world: WagerWorld) -> None:
    await has_kick(world, MEMBER)
    assert await refused(ask(world, "obel", casino="stake")) == "shuffle.no_such_casino"
    assert (await ask(world, "obel", casino="howl")).casino == "howl"


async def test_closed_direct_messages_are_answered_where_the_member_asked(world: WagerWorld) -> None:
    await has_kick(world, MEMBER)
    link = await ask(world, "obel")
    await decide(world, link, approve=True)
    row = (await world.rows("SELECT id, payload FROM outbox WHERE user_id = :m", m=MEMBER))[0]
    message = Message.from_json(row["payload"])
    letter = Letter(guild_id=world.guild_id, channel_id=None, user_id=MEMBER, nonce="n", message=message)
    async with world.db.transaction() as conn:
        await DecisionFollower(world.clock, world.guilds).undeliverable(conn, letter, "closed")
    said = (await world.told(ASKED_IN))[-1]
    assert f"<@{MEMBER}>" in said
    assert "shuffle.told_verified" in said


async def test_the_overview_shows_unlinked_earners_by_size(world: WagerWorld) -> None:
    await world.polled(obel=0, big=0, small=0)
    await world.polled(obel=1000, big=800, small=5)
    await world.polled(obel=1000, big=800, small=5, whale=90_000)
    await has_kick(world, OTHER)
    await ask(world, "asked", OTHER)
    await world.verify("obel")
    async with world.db.transaction() as conn:
        found = await shuffle_links.overview(conn, world.settings)
    assert [row["name"] for row in found.unlinked] == ["big", "small"]
    assert [row["name"] for row in found.waiting] == ["whale"]
    assert [one.username for one in found.pending] == ["asked"]
    assert [one.username for one in found.verified] == ["obel"]
