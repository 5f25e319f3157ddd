"""Facts at the door and again at the freeze; settings, presets, boosts, levels, statistics, messages kept true."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core import identity
from core.db import Connection
from core.errors import UserError
from giveaway import entry_store, fact_store, insight, presets, queries, settings, store
from giveaway import giveaway_system as system
from giveaway.ending import Moment, call_roll
from giveaway.facts import Holding
from giveaway.levels import CountedActivity, MessageCounter
from giveaway.models import Entities, Requirement, Requirements, Settings
from giveaway.requirements import NotEligible
from tests.giveaway.support import ADMIN, CHANNEL, GUILD, HOST, NOW, OTHER_GUILD, VIP, World, person, vip_entities

EVERYTHING = Requirements(
    rules=(
        Requirement(kind="level", amount=1),
        Requirement(kind="credits", amount=100),
        Requirement(kind="tickets", amount=10),
        Requirement(kind="linked"),
        Requirement(kind="messages", amount=3, days=2),
        Requirement(kind="boosting"),
    )
)


async def _messages(world: World, user: int, count: int) -> None:
    """Messages a minute apart, so that each counts towards the level."""
    counter = MessageCounter(world.db, world.clock)
    for _ in range(count):
        counter.heard(GUILD, user)
        world.clock.advance(minutes=1)
    await counter.flush()


async def test_facts_come_from_where_they_are_known(world: World) -> None:
    giveaway = await world.create(requirements=EVERYTHING, duration=timedelta(days=30))
    with pytest.raises(NotEligible) as refused:
        await world.enter(giveaway, person(1))
    assert [verdict.met for verdict in refused.value.judgement.verdicts] == [False] * 6
    await _messages(world, 1, 10)
    world.credits.held[1] = Holding(credits=100, tickets=10)
    async with world.db.transaction() as conn:
        await identity.bind(conn, GUILD, 1, "viewer1", 555, None, NOW)
    (entry,) = await world.enter(giveaway, person(1, boosting=True))
    assert entry.joined
    world.clock.advance(days=3)
    with pytest.raises(NotEligible) as refused:
        await world.enter(giveaway, person(1, boosting=True))
    assert [v.requirement.kind for v in refused.value.judgement.verdicts if not v.met] == ["messages"]
    assert refused.value.entered


async def test_who_no_longer_qualifies_is_left_out_with_the_reason(world: World) -> None:
    rules = Requirements(rules=(Requirement(kind="any_role", roles=(VIP,)),))
    giveaway = await world.create(requirements=rules)
    await world.enter(giveaway, person(1, VIP), person(2, VIP), person(3, VIP), person(4, VIP))
    world.members.people[2] = person(2)
    world.members.gone.add(3)
    async with world.db.transaction() as conn:
        await settings.change_list(conn, world.clock, GUILD, "blacklist", 4, add=True, actor=HOST)
    ended = await world.draw(giveaway)
    async with world.db.transaction() as conn:
        page = await queries.entries_page(conn, ended)
        places = {line.user_id: line.excluded for line in page.lines}
    assert places == {
        1: None, 2: f"has none of the roles {VIP}", 3: "left the server", 4: "on the server's blacklist",
    }  # fmt: skip
    assert page.entries == 1


async def test_the_blacklisted_are_refused_at_the_door(world: World) -> None:
    giveaway = await world.create()
    async with world.db.transaction() as conn:
        assert await settings.change_list(conn, world.clock, GUILD, "blacklist", 1, add=True, actor=HOST)
        assert not await settings.change_list(conn, world.clock, GUILD, "blacklist", 1, add=True, actor=HOST)
        await settings.change_list(conn, world.clock, GUILD, "blacklist_roles", VIP, add=True, actor=HOST)
    for one in (person(1), person(2, VIP)):
        with pytest.raises(UserError, match=r"giveaway\.blacklisted"):
            await world.enter(giveaway, one)
    async with world.db.transaction() as conn:
        assert await settings.change_list(conn, world.clock, GUILD, "blacklist", 1, add=False, actor=HOST)
    (entry,) = await world.enter(giveaway, person(1))
    assert entry.joined


async def test_points_are_those_of_the_freeze_with_the_boost_of_the_entry(world: World) -> None:
    """What was promised at the entry holds: for a boost that has ended, one that was removed, one that came later."""
    giveaway = await world.create(entities=vip_entities())
    await world.enter(giveaway, person(1, VIP), person(2, ADMIN))
    world.clock.advance(hours=23)
    async with world.db.transaction() as conn:
        boost = await presets.add_boost(
            conn, world.clock, GUILD, factor=2, until=world.clock.now() + timedelta(hours=2), role_id=VIP, actor=HOST
        )
        await presets.add_boost(
            conn, world.clock, GUILD, factor=9, until=world.clock.now() + timedelta(minutes=5), role_id=None, actor=HOST
        )
    (entry,) = await world.enter(giveaway, person(3, VIP))
    assert entry.points == 45
    async with world.db.transaction() as conn:
        assert (await queries.info(conn, world.tools, giveaway)).boosts[-1] == boost
    async with world.db.transaction() as conn:
        await presets.remove_boost(conn, world.clock, GUILD, boost.boost_id, HOST)
    await world.enter(giveaway, person(4, VIP))
    world.clock.advance(minutes=5)
    (late,) = await world.enter(giveaway, person(5, VIP))
    assert late.points == 5
    world.clock.advance(minutes=55)
    world.members.people[2] = person(2)
    ended = await world.draw(giveaway, None)
    async with world.db.transaction() as conn:
        page = await queries.entries_page(conn, ended)
    assert {line.user_id: line.tickets for line in page.lines} == {1: 6, 2: 1, 3: 46, 4: 46, 5: 6}
    assert page.total_tickets == 105


async def test_settings_are_checked_and_kept(world: World) -> None:
    async with world.db.transaction() as conn:
        assert await settings.load(conn, GUILD) == Settings(guild_id=GUILD)
        await settings.change(conn, world.clock, GUILD, "log_channel_id", 4444, HOST)
        await settings.change(conn, world.clock, GUILD, "claim_hours", 24, HOST)
        await settings.change_defaults(conn, world.clock, GUILD, vip_entities(cap=20), HOST)
        await settings.change_list(conn, world.clock, GUILD, "manager_role_ids", ADMIN, add=True, actor=HOST)
        for name, value, key in (("max_active", 101, "bad_max_active"), ("claim_hours", 0, "bad_claim_hours")):
            with pytest.raises(UserError, match=key):
                await settings.change(conn, world.clock, GUILD, name, value, HOST)
        kept = await settings.load(conn, GUILD)
        assert await settings.load(conn, OTHER_GUILD) == Settings(guild_id=OTHER_GUILD)
    assert (kept.log_channel_id, kept.claim_hours, kept.default_entities) == (4444, 24, vip_entities(cap=20))
    assert settings.is_manager(kept, {1, ADMIN})
    assert not settings.is_manager(kept, {1})


async def test_the_log_channel_hears_every_act_with_who_and_why(world: World) -> None:
    async with world.db.transaction() as conn:
        await settings.change(conn, world.clock, GUILD, "log_channel_id", 4444, HOST)
    giveaway = await world.create()
    async with world.db.transaction() as conn:
        await system.pause(conn, world.tools, giveaway, HOST, "wrong picture")
        await system.resume(conn, world.tools, giveaway, HOST)
    await world.enter(giveaway, person(1), person(2))
    await world.draw(giveaway)
    await world.reroll(giveaway, "joke account")
    await world.deliver()
    told = [x.message.embeds[0].description for x in world.sender.letters if x.channel_id == 4444]
    acts = [line.split()[0].removeprefix("giveaway.log.") for line in told]
    assert acts == ["create", "start", "pause", "resume", "end", "freeze", "draw", "reroll"]
    assert f"who=<@{HOST}>" in told[2]
    assert "wrong picture" in told[2]
    assert "joke account" in told[-1]


async def test_presets_and_tiers(world: World) -> None:
    async with world.db.transaction() as conn:
        await presets.save(conn, world.clock, GUILD, " the  usual ", vip_entities(), HOST)
        assert await presets.listing(conn, GUILD) == {"the usual": vip_entities()}
        assert await presets.listing(conn, OTHER_GUILD) == {}
        await presets.remove(conn, world.clock, GUILD, "the usual", HOST)
        with pytest.raises(UserError, match=r"giveaway\.no_such_preset"):
            await presets.remove(conn, world.clock, GUILD, "the usual", HOST)
        await presets.set_tier(conn, world.clock, GUILD, "Gold", 10, HOST)
        await presets.set_tier(conn, world.clock, GUILD, "Bronze", 2, HOST)
        await presets.set_tier(conn, world.clock, GUILD, "Gold", 12, HOST)
        assert await presets.tiers(conn, GUILD) == [("Bronze", 2), ("Gold", 12)]
        with pytest.raises(UserError, match=r"giveaway\.bad_points"):
            await presets.set_tier(conn, world.clock, GUILD, "Diamond", 101, HOST)
        with pytest.raises(UserError, match=r"giveaway\.bad_name"):
            await presets.save(conn, world.clock, GUILD, "   ", Entities(), HOST)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"factor": 1}, "bad_factor"),
        ({"factor": 11}, "bad_factor"),
        ({"until": NOW}, "bad_boost_end"),
        ({"until": NOW + timedelta(days=400)}, "bad_boost_end"),
    ],
)
async def test_a_boost_that_cannot_be(world: World, changes: dict[str, Any], key: str) -> None:
    wanted = {"factor": 2, "until": NOW + timedelta(hours=1), "role_id": None, "actor": HOST, **changes}
    async with world.db.transaction() as conn:
        with pytest.raises(UserError, match=key):
            await presets.add_boost(conn, world.clock, GUILD, **wanted)


async def test_a_removed_boost_stops(world: World) -> None:
    async with world.db.transaction() as conn:
        until = NOW + timedelta(hours=1)
        made = await presets.add_boost(conn, world.clock, GUILD, factor=3, until=until, role_id=None, actor=HOST)
        with pytest.raises(UserError, match=r"giveaway\.no_such_boost"):
            await presets.remove_boost(conn, world.clock, OTHER_GUILD, made.boost_id, HOST)
        await presets.remove_boost(conn, world.clock, GUILD, made.boost_id, HOST)
        assert await presets.boosts(conn, GUILD, NOW) == ()


async def test_spam_counts_per_day_but_not_towards_the_level(world: World) -> None:
    counter = MessageCounter(world.db, world.clock)
    for _ in range(500):
        counter.heard(GUILD, 1)
    await counter.flush()
    await counter.flush()
    world.clock.advance(days=1)
    counter.heard(GUILD, 1)
    await counter.flush()
    activity = CountedActivity()
    async with world.db.transaction() as conn:
        assert await activity.levels(conn, GUILD, [1, 2]) == {1: 0}
        now = world.clock.now()
        assert await activity.messages(conn, GUILD, [1, 2], 1, now) == {1: 1}
        assert await activity.messages(conn, GUILD, [1, 2], 2, now) == {1: 501}


async def test_counts_that_could_not_be_written_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = MessageCounter(world.db, world.clock)
    counter.heard(GUILD, 1)

    async def refuse(conn: Connection, rows: object) -> None:
        raise ConnectionError("PostgreSQL is away")

    with monkeypatch.context() as patch:
        patch.setattr(fact_store, "add_messages", refuse)
        with pytest.raises(ConnectionError):
            await counter.flush()
    counter.heard(GUILD, 1)
    await counter.flush()
    async with world.db.transaction() as conn:
        assert await CountedActivity().messages(conn, GUILD, [1], 1, NOW) == {1: 2}


async def test_the_count_on_the_message_is_edited_at_most_once_per_5_s(world: World) -> None:
    giveaway = await world.create()
    await world.deliver()
    assert await world.checker.refresh_messages() == 0
    for user in range(1, 4):
        await world.enter(giveaway, person(user))
        await world.checker.refresh_messages()
        world.clock.advance(seconds=1)
    await world.deliver()
    assert len(world.sender.of(giveaway.draw_id)) == 2
    world.clock.advance(seconds=2)
    assert await world.checker.refresh_messages() == 1
    assert await world.checker.refresh_messages() == 0
    await world.deliver()
    assert "giveaway.entries_line n=3" in world.sender.letters[-1].message.embeds[0].description


async def test_of_many_waiting_edits_only_the_newest_is_sent(world: World) -> None:
    giveaway = await world.create()
    await world.deliver()
    world.sender.down = True
    for user in range(1, 6):
        await world.enter(giveaway, person(user))
        await world.checker.refresh_messages()
        await world.outbox.deliver_due()
        world.clock.advance(seconds=6)
    world.sender.down = False
    world.clock.advance(hours=1)
    await world.deliver()
    _first, edit = world.sender.of(giveaway.draw_id)
    assert "giveaway.entries_line n=5" in edit.message.embeds[0].description


async def test_an_edit_replaced_on_its_way_is_sent_again_in_its_new_state(world: World) -> None:
    giveaway = await world.create()
    await world.deliver()
    await world.enter(giveaway, person(1))
    await world.checker.refresh_messages()
    send = world.sender.send

    async def slowly(letter: Any) -> int:
        world.sender.send = send  # type: ignore[method-assign]
        async with world.db.transaction() as conn:
            await system.cancel(conn, world.tools, giveaway, HOST)
        return await send(letter)

    world.sender.send = slowly  # type: ignore[method-assign]
    await world.deliver()
    assert "giveaway.cancelled_line" in world.sender.of(giveaway.draw_id)[-1].message.embeds[0].description


async def test_a_deleted_message_is_told_to_the_host_once(world: World) -> None:
    giveaway = await world.create()
    await world.deliver()
    world.sender.closed, world.sender.refusal = {CHANNEL}, "404 Not Found (error code: 10008): Unknown Message"
    for user in (1, 2):
        await world.enter(giveaway, person(user))
        await world.checker.refresh_messages()
        await world.deliver()
        world.clock.advance(seconds=6)
    (note,) = world.sender.of(f"{giveaway.draw_id}/host")
    assert "host_message_gone" in note.message.embeds[0].description


async def test_statistics_of_guild_and_member(world: World) -> None:
    first = await world.create(entities=vip_entities())
    await world.enter(first, person(1, ADMIN), person(2), person(3))
    await world.draw(first)
    second = await world.create(winners_count=5)
    await world.enter(second, person(1), person(2))
    await world.draw(second)
    await world.create()
    async with world.db.transaction() as conn:
        guild = await insight.of_guild(conn, GUILD)
        member = await insight.of_member(conn, GUILD, 1)
        ranks = await insight.entities_leaderboard(conn, world.clock, GUILD, [("Gold", 10)])
        nobody = await insight.of_member(conn, OTHER_GUILD, 1)
    assert (guild.giveaways, guild.running, guild.ended, guild.entries, guild.winners, guild.members) == (
        3, 1, 2, 5, 3, 3,
    )  # fmt: skip
    assert (member.entered, member.drawn) == (2, 2)
    assert member.expected == pytest.approx(11 / 13 + 1)
    assert [(rank.rank, rank.user_id, rank.points, rank.tier) for rank in ranks] == [(1, 1, 10, "Gold")]
    assert nobody == insight.MemberStats(entered=0, drawn=0, won=0, expected=0)


async def test_entries_over_time_add_up(world: World) -> None:
    giveaway = await world.create()
    for user in range(1, 6):
        await world.enter(giveaway, person(user))
        world.clock.advance(hours=4)
    async with world.db.transaction() as conn:
        series = await insight.entries_over_time(conn, world.clock, giveaway)
    assert series[0] == (NOW, 0)
    assert [count for _at, count in series] == [0, 1, 2, 3, 4, 5]
    assert len(series) <= insight.CHART_POINTS + 1


async def test_a_click_reads_the_same_rows_with_many_entrants(world: World) -> None:
    giveaway = await world.create()
    async with world.db.transaction() as conn:
        await conn.execute(
            text(
                "INSERT INTO giveaway_entries (giveaway_id, user_id, guild_id, joined_at) "
                "SELECT :id, n, :guild, :now FROM generate_series(1, 20000) n"
            ),
            {"id": giveaway.giveaway_id, "guild": GUILD, "now": NOW},
        )
        await conn.execute(
            text("UPDATE giveaway_counts SET entries = 2500, tickets = 2500 WHERE giveaway_id = :id"),
            {"id": giveaway.giveaway_id},
        )
    (entry,) = await world.enter(giveaway, person(50_000))
    assert (entry.entries, entry.total_tickets) == (20_001, 20_001)
    async with world.db.transaction() as conn:
        await conn.execute(text("ANALYZE giveaway_entries"))
        values = {"id": giveaway.giveaway_id, "guild": GUILD, "user": 50_001, "points": 0, "shard": 0, "now": NOW}
        plan = "\n".join(row[0] for row in await conn.execute(text(f"EXPLAIN {entry_store.JOIN}"), values))
    assert "Seq Scan on giveaway_entries" not in plan
    assert "Aggregate" in plan


def test_the_roll_of_nobody_is_empty() -> None:
    moment: Any = Moment(giveaway=None, settings=None, boosts=(), joined={}, known={}, now=NOW)  # type: ignore[arg-type]
    assert call_roll(moment, ()).points == {}


async def test_the_count_on_the_messages_is_kept_without_reading_all_counters(world: World) -> None:
    """With years of giveaways behind them, the open ones alone are looked at, every second."""
    running = await world.create()
    async with world.db.transaction() as conn:
        await conn.execute(
            text(
                "INSERT INTO giveaways (guild_id, channel_id, host_id, prize, duration, start_time, end_time, status, "
                "created_at, commitment, winners_count) SELECT guild_id, channel_id, host_id, prize, duration, "
                "start_time, end_time, 'ended', created_at, commitment, 1 FROM giveaways, generate_series(1, 1500) "
                "WHERE giveaway_id = :id"
            ),
            {"id": running.giveaway_id},
        )
        await conn.execute(
            text(
                "INSERT INTO giveaway_counts (giveaway_id, shard) SELECT giveaway_id, n FROM giveaways, "
                "generate_series(0, 7) n WHERE status = 'ended'"
            )
        )
        await conn.execute(text("ANALYZE giveaways, giveaway_counts"))
        plan = await conn.execute(text(f"EXPLAIN {store.STALE}"), {"now": NOW, "before": NOW})
        shown = "\n".join(row[0] for row in plan)
    assert "Seq Scan on giveaway_counts" not in shown


async def test_a_boost_that_is_set_or_taken_back_is_shown_on_the_open_messages(world: World) -> None:
    giveaway = await world.create(entities=vip_entities())
    plain = await world.create()
    await world.deliver()
    assert await world.checker.refresh_messages() == 0
    async with world.db.transaction() as conn:
        until = world.clock.now() + timedelta(hours=2)
        boost = await presets.add_boost(conn, world.clock, GUILD, factor=2, until=until, role_id=None, actor=HOST)
        start = world.clock.now() + timedelta(days=2)
        await presets.add_boost(
            conn, world.clock, GUILD, factor=3, start=start, until=start + timedelta(hours=1), role_id=None, actor=HOST
        )
    assert await world.checker.refresh_messages() == 1
    await world.deliver()
    shown = world.sender.of(giveaway.draw_id)[-1].message.embeds[0]
    (terms,) = [field.value for field in shown.fields]
    assert terms.count("giveaway.boost_all") == 1
    assert "factor=2" in terms
    async with world.db.transaction() as conn:
        await presets.remove_boost(conn, world.clock, GUILD, boost.boost_id, HOST)
    world.clock.advance(seconds=6)
    assert await world.checker.refresh_messages() == 1
    await world.deliver()
    assert "boost_all" not in world.sender.of(giveaway.draw_id)[-1].message.embeds[0].fields[0].value
    assert len(world.sender.of(plain.draw_id)) == 1
