"""Roles and channels that are deleted while a giveaway names them: told in time, and nobody is thrown out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import NotReady, UserError
from giveaway import queries, requirements, settings
from giveaway.models import Entities, Giveaway, Options, Requirement, Requirements, RoleEntity
from tests.giveaway.support import BOOSTER, CHANNEL, GUILD, HOST, VIP, World, person


def _told(world: World, giveaway: Giveaway) -> list[str]:
    return [x.message.embeds[0].description for x in world.sender.of(f"{giveaway.draw_id}/host")]


async def _look(world: World) -> None:
    world.checker.guild_changed(GUILD)
    await world.checker.check()
    await world.deliver()


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        (Requirement(kind="any_role", roles=(1,)), ()),
        (Requirement(kind="any_role", roles=(1, 2)), ()),
        (Requirement(kind="all_roles", roles=(1,)), ()),
        (Requirement(kind="all_roles", roles=(1, 2)), (Requirement(kind="all_roles", roles=(2,)),)),
        (Requirement(kind="no_role", roles=(1, 2)), (Requirement(kind="no_role", roles=(2,)),)),
        (Requirement(kind="any_role", roles=(2,)), (Requirement(kind="any_role", roles=(2,)),)),
        (Requirement(kind="linked"), (Requirement(kind="linked"),)),
    ],
)
def test_what_is_asked_at_the_end_when_a_role_is_gone(rule: Requirement, left: tuple[Requirement, ...]) -> None:
    assert requirements.without(Requirements(rules=(rule,)), {1}).rules == left


async def test_a_required_role_that_is_deleted_throws_nobody_out(world: World) -> None:
    """The host and the log hear at the deletion, once; who is in stays in, nobody new gets in."""
    async with world.db.transaction() as conn:
        await settings.change(conn, world.clock, GUILD, "log_channel_id", 4444, HOST)
    rules = Requirements(rules=(Requirement(kind="any_role", roles=(VIP,)),))
    giveaway = await world.create(requirements=rules)
    await world.enter(giveaway, person(1, VIP), person(2, VIP))
    world.members.deleted_ids = {VIP}
    world.members.people = {1: person(1), 2: person(2)}
    for _ in range(2):
        await _look(world)
    assert ["host_roles_gone" in text for text in _told(world, giveaway)] == [True]
    assert f"<@&{VIP}>" in _told(world, giveaway)[0]
    logged = [x.message.embeds[0].description for x in world.sender.letters if x.channel_id == 4444]
    assert "giveaway.log.roles_gone" in logged[-1]
    with pytest.raises(UserError, match=r"giveaway\.not_eligible"):
        await world.enter(giveaway, person(3))
    ended = await world.draw(giveaway)
    async with world.db.transaction() as conn:
        page = await queries.entries_page(conn, ended)
    assert {line.user_id: line.excluded for line in page.lines} == {1: None, 2: None}


async def test_a_deletion_while_the_bot_was_away_is_told_before_the_freeze(world: World) -> None:
    rules = Requirements(rules=(Requirement(kind="all_roles", roles=(VIP,)),))
    giveaway = await world.create(requirements=rules)
    await world.enter(giveaway, person(1, VIP))
    world.members.deleted_ids, world.members.people = {VIP}, {1: person(1)}
    world.clock.advance(days=2)
    world.checker.guilds_changed()
    await world.checker.check()
    await world.finish()
    await world.deliver()
    assert "host_roles_gone" in _told(world, giveaway)[0]
    assert (await world.find(giveaway)).stats["total_entries"] == 1


async def test_every_role_that_is_named_is_looked_at_in_series_too(world: World) -> None:
    points = Entities(enabled=True, roles=(RoleEntity(role_id=BOOSTER, points=1),))
    giveaway = await world.create(
        entities=points, recurrence="daily", options=Options(ping_role_id=21, winner_role_id=22),
        requirements=Requirements(bypass_roles=(23,)), duration=timedelta(hours=1),
    )  # fmt: skip
    for gone in (BOOSTER, 21, 22, 23):
        world.members.deleted_ids.add(gone)
        await _look(world)
    assert len(_told(world, giveaway)) == 4
    async with world.db.transaction() as conn:
        (planned,), _more = await queries.listing(conn, GUILD, "scheduled", HOST)
    assert len(_told(world, planned)) == 4


async def test_a_deleted_channel_stops_what_has_not_begun_and_its_series(world: World) -> None:
    giveaway = await world.create(recurrence="daily", duration=timedelta(hours=1))
    await world.enter(giveaway, person(1))
    await world.deliver()
    async with world.db.transaction() as conn:
        (planned,), _more = await queries.listing(conn, GUILD, "scheduled", HOST)
    world.members.deleted_ids, world.sender.closed = {CHANNEL}, {CHANNEL}
    await _look(world)
    assert ["host_channel_gone" in text for text in _told(world, giveaway)] == [True]
    assert ["host_series_stopped" in text for text in _told(world, planned)] == [True]
    assert [(await world.find(one)).status for one in (giveaway, planned)] == ["active", "cancelled"]
    world.clock.advance(days=5)
    for _ in range(3):
        await world.checker.check()
        await world.finish()
        await world.deliver()
    assert (await world.find(giveaway)).status == "ended"
    assert len([x for x in world.sender.letters if x.user_id == HOST]) == 3


async def test_a_server_that_cannot_be_seen_is_looked_at_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    giveaway = await world.create(options=Options(ping_role_id=21))
    world.members.deleted_ids = {21}

    def unseen(guild_id: int, ids: object) -> set[int]:
        raise NotReady("not there")

    with monkeypatch.context() as away:
        away.setattr(world.members, "deleted", unseen)
        await _look(world)
    assert _told(world, giveaway) == []
    await world.checker.check()
    await world.deliver()
    assert len(_told(world, giveaway)) == 1
