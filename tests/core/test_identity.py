"""Links: one-time codes, one Kick account to one member, and who is meant by a name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import identity
from core.db import Database
from core.errors import UserError
from core.identity import Link, NewLink
from tests.raffle.support import ADMIN, CHANNEL, GUILD, MEMBER, OTHER, SECOND, World


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    db = Database(database_url)
    yield await World(db).open()
    await db.close()


async def new_code(world: World, member: int = MEMBER) -> str:
    async with world.db.transaction() as conn:
        return (await identity.new_code(conn, world.clock, GUILD, member, CHANNEL)).code


async def redeem(world: World, code: str, kick_id: int = 71, name: str = "Giver", guild: int = GUILD) -> NewLink | None:
    async with world.db.transaction() as conn:
        return await identity.redeem(conn, world.clock, guild, code, kick_id, name)


async def link_of(world: World, member: int = MEMBER) -> Link | None:
    async with world.db.transaction() as conn:
        return await identity.link_of(conn, GUILD, member)


async def test_a_typed_code_binds_the_sender(world: World) -> None:
    code = await new_code(world)
    assert identity.code_in(code) == code
    made = await redeem(world, code)
    assert made == NewLink(guild_id=GUILD, discord_id=MEMBER, channel_id=CHANNEL, kick_name="Giver", kick_user_id=71)
    link = await link_of(world)
    assert link is not None
    assert (link.kick_name, link.kick_user_id, link.linked_at) == ("Giver", 71, world.clock.now())


@pytest.mark.parametrize(("seconds", "good"), [(599, True), (600, False), (601, False)])
async def test_a_code_lives_ten_minutes(world: World, seconds: int, good: bool) -> None:
    code = await new_code(world)
    world.clock.advance(seconds * SECOND)
    assert (await redeem(world, code) is not None) == good


async def test_a_code_works_once(world: World) -> None:
    code = await new_code(world)
    await redeem(world, code)
    assert await redeem(world, code, 72, "somebody") is None


async def test_a_new_code_ends_the_members_older_one(world: World) -> None:
    first, second = await new_code(world), await new_code(world)
    assert await redeem(world, first) is None
    assert await redeem(world, second) is not None


async def test_a_code_is_good_in_its_guild_only(world: World) -> None:
    code = await new_code(world)
    assert await redeem(world, code, guild=GUILD + 1) is None
    assert await redeem(world, "AAA222") is None


async def test_who_is_linked_gets_no_code(world: World) -> None:
    await redeem(world, await new_code(world))
    with pytest.raises(UserError) as refused:
        await new_code(world)
    assert (refused.value.key, refused.value.args_) == ("link.already", {"kick_name": "Giver"})


@pytest.mark.parametrize(("kick_id", "name"), [(71, "renamed"), (71, "GIVER")])
async def test_an_account_that_belongs_to_another_member_is_refused(world: World, kick_id: int, name: str) -> None:
    await redeem(world, await new_code(world))
    code = await new_code(world, OTHER)
    with pytest.raises(UserError) as refused:
        await redeem(world, code, kick_id, name)
    assert refused.value.key == "link.kick_taken"
    assert await link_of(world, OTHER) is None


async def test_binding_a_linked_member_says_so(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    with pytest.raises(UserError) as refused:
        await world.link(MEMBER, "other", 72)
    assert refused.value.key == "link.already"


async def test_a_refusal_leaves_the_callers_transaction_usable(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    async with world.db.transaction() as conn:
        with pytest.raises(UserError):
            await identity.bind(conn, GUILD, OTHER, "giver", 71, None, world.clock.now())
        await identity.bind(conn, GUILD, OTHER, "other", 72, None, world.clock.now())
    assert await link_of(world, OTHER) is not None


async def test_unlinking_keeps_history_and_frees_both_sides(world: World) -> None:
    await world.link(MEMBER, "giver", 71)
    async with world.db.transaction() as conn:
        assert await identity.unlink(conn, world.clock, GUILD, MEMBER, ADMIN) == "giver"
    assert await link_of(world) is None
    await world.link(OTHER, "giver", 71)
    await world.link(MEMBER, "other", 72)
    assert await world.scalar("SELECT count(*) FROM links") == 3
    assert await world.rows("SELECT actor, action FROM audit_log WHERE action IN ('link', 'unlink') ORDER BY id") == [
        {"actor": MEMBER, "action": "link"},
        {"actor": ADMIN, "action": "unlink"},
        {"actor": OTHER, "action": "link"},
        {"actor": MEMBER, "action": "link"},
    ]
    with pytest.raises(UserError) as refused:
        await world.unlink(ADMIN)
    assert refused.value.key == "link.none"


@pytest.mark.parametrize(
    ("linked_id", "asked_id", "asked_name", "found"),
    [
        (71, 71, "renamed", True),
        (71, None, "@GIV_ER", True),
        (71, None, "giv-er", False),
        (71, 99, "giv_er", False),
        (None, 99, "giv_er", True),
        (None, 99, "giv-er", False),
        (None, None, "somebody", False),
    ],
)
async def test_who_is_meant(
    world: World, linked_id: int | None, asked_id: int | None, asked_name: str, found: bool
) -> None:
    await world.link(MEMBER, "Giv_Er", linked_id)
    async with world.db.transaction() as conn:
        link = await identity.member_of(conn, GUILD, asked_id, asked_name)
    assert (link.discord_id if link else None) == (MEMBER if found else None)


async def test_a_name_alone_means_whoever_was_last_seen_under_it(world: World) -> None:
    await world.link(MEMBER, "Foo", 9)
    await world.watch(5151, 1, "foo")
    async with world.db.transaction() as conn:
        assert await identity.member_of(conn, GUILD, None, "Foo") is None
        link = await identity.member_of(conn, GUILD, 9, "other")
    assert link is not None
    assert link.discord_id == MEMBER


async def test_a_linked_name_seen_under_another_id_is_released(world: World) -> None:
    await world.link(MEMBER, "Foo", 9)
    minute = world.clock.now().replace(second=0, microsecond=0)
    await world.watch(5151, 1, "FOO")
    async with world.db.transaction() as conn:
        await identity.learn_names(conn, GUILD, minute)
    await world.link(OTHER, "foo", None)
    assert [row["name_key"] for row in await world.rows("SELECT name_key FROM links ORDER BY id")] == ["foo#9", "foo"]
    minute = world.clock.now().replace(second=0, microsecond=0)
    await world.watch(9, 1, "Bar_1")
    async with world.db.transaction() as conn:
        await identity.learn_names(conn, GUILD, minute)
    link = await link_of(world)
    assert link is not None
    assert link.kick_name == "Bar_1"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("ABC234", "ABC234"), (" abc234 ", "ABC234"), ("!link abc234", "ABC234"), ("!LINK  ABC234", "ABC234"),
        ("ABC234 please", None), ("my code ABC234", None), ("ABC1O0", None), ("ABCD23", None), ("", None),
    ],
)  # fmt: skip
def test_a_code_is_the_whole_message(content: str, code: str | None) -> None:
    assert identity.code_in(content) == code


INVISIBLE = ["\U000e0000", "͏", "\u200b", "\u200d", "\u200f", "\u2060", "⠀", "️", "\ufeff", "\U000e0020", "󠇯", "\xad", "ㅤ"]


@pytest.mark.parametrize("mark", INVISIBLE, ids=ascii)
def test_what_chat_programs_append_is_not_part_of_a_code(mark: str) -> None:
    for content in (f"abc234 {mark}", f"{mark}ABC234", f"!link abc{mark}234{mark}{mark}", f"{mark}!link ABC234"):
        assert identity.code_in(content) == "ABC234"


@given(st.text(max_size=30))
def test_any_message_is_a_code_or_not(content: str) -> None:
    found = identity.code_in(content)
    assert found is None or identity.code_in(found) == found


def test_names_compare_without_case_and_otherwise_as_written() -> None:
    assert len({identity.name_key(name) for name in ("Some_One", "@some_one", " SOME_ONE ")}) == 1
    assert identity.name_key("some-one") != identity.name_key("some_one")
    assert identity.name_key("straße") == identity.name_key("STRASSE")


def test_codes_differ_and_avoid_letters_that_look_alike() -> None:
    codes = {identity._random_code() for _ in range(300)}
    assert len(codes) > 290
    assert not set("".join(codes)) & set("ILO01")
    assert timedelta(minutes=10) == identity.CODE_LIFE
