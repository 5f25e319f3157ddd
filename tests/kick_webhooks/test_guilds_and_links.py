"""Several guilds beside each other, links by an admin's word, roles, and gaps in which no process listened."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import identity, tries
from core.kick_events import KickChannelIds
from core.letters import Blocked, Gone
from raffle_system.kick_intake import HEARD_KEY
from raffle_system.link_roles import LinkRoles
from sandbox.kick.frames import viewer_id
from sandbox.kick.official import gifts_body
from tests.kick_webhooks.conftest import Rig
from tests.patience import until
from tests.raffle.support import ADMIN, MEMBER, MINUTE, OTHER, SECOND

SECOND_GUILD = 555_000_000_000_000_001
GIFTS = "channel.subscription.gifts"


async def _second_guild(rig: Rig, slug: str) -> None:
    world = rig.raffle
    await world.guilds.ensure(SECOND_GUILD)
    await world.schedule.open_first(SECOND_GUILD)
    channel = rig.kick.channels.get(slug) or rig.kick.add_channel(slug, 7002, 8002, 9002)
    before = rig.kick.pusher.counts["subscriptions"]
    rig.channels[SECOND_GUILD] = KickChannelIds(slug, channel.channel_id, channel.chatroom_id, channel.user_id)
    if slug != "sandbox-streamer":
        await until(lambda: rig.kick.pusher.counts["subscriptions"] >= before + 5)
    else:
        await until(lambda: SECOND_GUILD in rig.intake._followed)


async def _bind(rig: Rig, guild_id: int, member: int, name: str) -> None:
    async with rig.raffle.db.transaction() as conn:
        await rig.intake.linking.bind(conn, guild_id, member, name, viewer_id(name), actor=None, channel_id=None)


async def _tickets(rig: Rig) -> dict[tuple[int, int], int]:
    rows = await rig.raffle.rows("SELECT guild_id, discord_id, total_tickets FROM raffle_tickets")
    return {(row["guild_id"], row["discord_id"]): row["total_tickets"] for row in rows}


async def test_two_guilds_with_two_channels_see_nothing_of_each_other(rig: Rig) -> None:
    await _second_guild(rig, "other-streamer")
    first = rig.raffle.guild_id
    for guild in (first, SECOND_GUILD):
        await _bind(rig, guild, MEMBER, "viewer_x")
        await _bind(rig, guild, OTHER, "viewer_y")
    await rig.kick.gift("viewer_x", 2)
    await rig.kick.gift("viewer_y", 3, slug="other-streamer")
    await rig.kick.official.deliver(
        GIFTS, gifts_body(rig.kick.channels["other-streamer"], "viewer_y", ("z",), rig.clock.now())
    )
    await rig.kick.go_live(slug="other-streamer")
    await until(lambda: rig.intake.live_of(SECOND_GUILD)[0])
    for slug in ("sandbox-streamer", "other-streamer"):
        await rig.kick.chat("viewer_x", "hello", slug=slug)
        await rig.kick.chat("viewer_y", "hello", slug=slug)
    await rig.handled()
    await rig.intake.tick_minutes()
    rig.clock.advance(MINUTE)
    await rig.intake.tick_minutes()
    assert await _tickets(rig) == {(first, MEMBER): 30, (SECOND_GUILD, OTHER): 45}
    watched = await rig.raffle.rows("SELECT DISTINCT guild_id FROM watchtime")
    assert watched == [{"guild_id": SECOND_GUILD}]
    pending = await rig.raffle.rows("SELECT guild_id FROM raffle_gifted_subs WHERE status = 'pending'")
    assert pending == [{"guild_id": SECOND_GUILD}]
    assert not rig.intake.live_of(first)[0]


async def test_two_guilds_that_follow_one_channel_both_hear_it(rig: Rig) -> None:
    await _second_guild(rig, "sandbox-streamer")
    for guild in (rig.raffle.guild_id, SECOND_GUILD):
        await _bind(rig, guild, MEMBER, "viewer_x")
    await rig.kick.gift("viewer_x", 2)
    await rig.kick.official.deliver(
        GIFTS, gifts_body(rig.kick.default, "viewer_x", ("lucky_1", "lucky_2"), rig.clock.now())
    )
    await rig.handled()
    assert await _tickets(rig) == {(rig.raffle.guild_id, MEMBER): 30, (SECOND_GUILD, MEMBER): 30}


async def test_a_link_by_name_learns_its_id_and_follows_a_new_name(rig: Rig) -> None:
    world = rig.raffle
    async with world.db.transaction() as conn:
        await rig.intake.linking.bind(conn, world.guild_id, MEMBER, "Night_Owl", None, actor=ADMIN, channel_id=None)
    await world.watch(71, 1, "night_owl")
    async with world.db.transaction() as conn:
        await identity.learn_names(conn, world.guild_id, world.clock.now().replace(second=0, microsecond=0) - MINUTE)
        link = await identity.link_of(conn, world.guild_id, MEMBER)
    assert link is not None
    assert link.kick_user_id == 71
    await world.watch(71, 1, "day_owl")
    async with world.db.transaction() as conn:
        await identity.learn_names(conn, world.guild_id, world.clock.now().replace(second=0, microsecond=0) - MINUTE)
        link = await identity.link_of(conn, world.guild_id, MEMBER)
        nobody = await identity.member_of(conn, world.guild_id, None, "night_owl")
    assert link is not None
    assert link.kick_name == "day_owl"
    assert nobody is None


async def test_a_name_that_changed_hands_stands_in_nobodys_way(rig: Rig) -> None:
    world = rig.raffle
    await world.link(MEMBER, "famous", 71)
    await world.link(OTHER, "famous", 72)
    async with world.db.transaction() as conn:
        found = [await identity.member_of(conn, world.guild_id, kick, "famous") for kick in (71, 72)]
    assert [link.discord_id if link else None for link in found] == [MEMBER, OTHER]


async def test_the_link_role_is_given_and_taken_and_a_refusal_is_told(rig: Rig) -> None:
    world = rig.raffle
    await world.set("link_role_id", 777)
    done: list[tuple[int, int, bool]] = []
    faults: dict[int, Exception] = {}

    async def set_role(_guild: int, member: int, role: int, wanted: bool) -> None:
        if member in faults:
            raise faults[member]
        done.append((member, role, wanted))

    roles = LinkRoles(world.db, world.clock, world.guilds, set_role)
    await _bind(rig, world.guild_id, MEMBER, "viewer_x")
    assert await roles.do_due() == 1
    async with world.db.transaction() as conn:
        await rig.intake.linking.end(conn, world.guild_id, MEMBER, MEMBER)
    await _bind(rig, world.guild_id, OTHER, "viewer_y")
    faults[OTHER] = Blocked("Missing Permissions")
    assert await roles.do_due() == 2
    assert await roles.do_due() == 0
    world.clock.advance(timedelta(minutes=2))
    assert await roles.do_due() == 1
    assert done == [(MEMBER, 777, True), (MEMBER, 777, False)]
    faults.clear()
    world.clock.advance(timedelta(minutes=5))
    assert await roles.do_due() == 1
    assert done[-1] == (OTHER, 777, True)
    told = [message.embeds[0].description for message in await world.said() if message.embeds]
    assert sum("link.role_failed" in text for text in told) == 1


def test_how_often_a_role_is_tried_again() -> None:
    waits = [tries.after(Blocked("50013"), n) for n in (0, 1, 6, 100)]
    assert [(wait.total_seconds() / 60, tell) for wait, tell in waits if wait] == [
        (1, True), (2, True), (60, True), (60, True),
    ]  # fmt: skip
    assert [tries.after(OSError(), n).tell for n in (0, 6, 7)] == [False, False, True]
    assert tries.after(Gone("10007"), 0) == tries.after(Blocked("50013"), tries.MOST) == (None, True)


@pytest.mark.parametrize("away", [SECOND, timedelta(minutes=3)])
async def test_a_time_without_any_process_is_a_gap_however_short(rig: Rig, away: timedelta) -> None:
    world = rig.raffle
    await rig.link("viewer_x")
    await until(lambda: rig.intake._heard_at)
    assert await world.scalar("SELECT count(*) FROM kick_gaps") == 0
    rig.listener._heard = None  # nobody listens from here on
    was = await world.scalar("SELECT value FROM process_state WHERE key = :key", key=HEARD_KEY)
    rig.clock.advance(away)
    body = gifts_body(rig.kick.default, "viewer_x", ("z",), rig.clock.now())
    await rig.kick.official.deliver(GIFTS, body)
    await rig.handled()
    assert await rig.gifts() == [(1, "pending", 0)]
    rig.intake._heard_at = None
    await rig.intake.heard()
    gaps = await world.rows("SELECT started_at, ended_at FROM kick_gaps")
    assert len(gaps) == 1
    assert gaps[0]["started_at"].isoformat()[:19] == was[:19]
    assert gaps[0]["ended_at"] == rig.clock.now()
    assert await rig.gifts() == [(1, "approved", 15)]
    rig.clock.advance(6 * SECOND)
    await rig.intake.heard()
    assert await world.scalar("SELECT count(*) FROM kick_gaps") == 1


async def test_the_daily_limit_holds_and_begins_anew(rig: Rig) -> None:
    world = rig.raffle
    await world.set("watch_minutes_per_day", 3)
    world.clock.set(world.clock.now().replace(hour=23, minute=50))
    await world.watch(71, 12)
    assert await world.scalar("SELECT minutes FROM watchtime WHERE kick_user_id = 71") == 5
