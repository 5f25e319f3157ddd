"""What a giveaway is made from: every field of a draft survives templates, series, the wizard's wish and edits."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from cogs._giveaway_wish import Wish
from core.errors import UserError
from giveaway import giveaway_system as system
from giveaway import queries, settings, templates
from giveaway.models import Draft, Entities, Giveaway, Look, Options, Requirement, Requirements, RoleEntity
from giveaway.templates import draft_of
from tests.giveaway.support import CHANNEL, GUILD, HOST, NOW, OTHER_GUILD, World, draft

FULL = Draft(
    channel_id=CHANNEL, host_id=HOST, prize="Nitro", duration=timedelta(hours=36), winners_count=3,
    description="for everybody", start_time=NOW + timedelta(hours=2), recurrence="weekly",
    entities=Entities(
        enabled=True, mode="highest", roles=(RoleEntity(role_id=11, points=5, tier="gold"),), cap=9
    ),
    requirements=Requirements(
        rules=(Requirement(kind="any_role", roles=(11, 12)), Requirement(kind="messages", amount=3, days=2)),
        bypass_roles=(13,),
    ),
    look=Look(thumbnail_url="https://a.example/t.png", image_url="https://a.example/i.png", colour=0x123456),
    options=Options(
        emoji="🚀", ping_role_id=21, winner_role_id=22, claim_hours=5, dm_winner=False, show_participants=False,
        show_entities_info=False,
    ),
)  # fmt: skip


@pytest.mark.parametrize("name", [f.name for f in fields(Draft)])
def test_the_full_draft_leaves_no_field_at_its_default(name: str) -> None:
    """Else the walks below would say nothing about a field that was added later."""
    bare = Draft(channel_id=0, host_id=0, prize="", duration=timedelta())
    assert getattr(FULL, name) != getattr(bare, name)


@pytest.mark.parametrize("part", ["entities", "look", "options"])
def test_nor_its_parts(part: str) -> None:
    full = getattr(FULL, part)
    assert [f.name for f in fields(full) if getattr(full, f.name) == getattr(type(full)(), f.name)] == []


async def test_a_template_keeps_every_field_but_channel_host_and_start(world: World) -> None:
    async with world.db.transaction() as conn:
        saved = await templates.save(conn, world.clock, GUILD, "weekly", FULL, 4711)
        again = (await templates.find(conn, GUILD, saved)).draft
    assert again == replace(FULL, channel_id=0, host_id=4711, start_time=None)


async def test_a_giveaway_keeps_every_field_but_the_start(world: World) -> None:
    async with world.db.transaction() as conn:
        made = await system.create_giveaway(conn, world.tools, world.guild, FULL, HOST)
    assert draft_of(made) == replace(FULL, start_time=None)


def test_a_wish_keeps_every_field_but_the_start() -> None:
    wish = Wish.of_draft(replace(FULL, start_time=None), CHANNEL, HOST)
    assert wish.draft(ZoneInfo("UTC"), NOW) == replace(FULL, start_time=None)


async def test_templates_are_listed_marked_and_removed(world: World) -> None:
    async with world.db.transaction() as conn:
        saved = await templates.save(conn, world.clock, GUILD, "weekly", FULL, HOST)
        other = await templates.save(conn, world.clock, GUILD, "later", draft(), HOST)
        with pytest.raises(UserError, match=r"giveaway\.name_taken"):
            await templates.save(conn, world.clock, GUILD, " weekly ", draft(), HOST)
        await templates.count_use(conn, GUILD, saved)
        assert [t.name for t in await templates.listing(conn, GUILD)] == ["weekly", "later"]
        await templates.set_favourite(conn, world.clock, GUILD, other, True, HOST)
        assert [t.name for t in await templates.listing(conn, GUILD)] == ["later", "weekly"]
        await templates.set_default(conn, world.clock, GUILD, saved, HOST)
        with pytest.raises(UserError, match=r"giveaway\.no_such_template"):
            await templates.find(conn, OTHER_GUILD, saved)
        await templates.remove(conn, world.clock, GUILD, saved, HOST)
        assert (await settings.load(conn, GUILD)).default_template_id is None


async def test_an_edit_of_a_running_giveaway_reaches_the_next_of_its_series(world: World) -> None:
    """What was changed, and nothing else: the next one may have been edited by itself; the end is each one's own."""
    running = await world.create(recurrence="weekly", winners_count=2)
    other = await world.create(recurrence="weekly", prize="Another series")

    async def planned(series: int | None) -> Giveaway:
        async with world.db.transaction() as conn:
            found, _more = await queries.listing(conn, GUILD, "scheduled", HOST)
        return next(one for one in found if one.series_id == series)

    following = await planned(running.series_id)
    async with world.db.transaction() as conn:
        own = replace(draft_of(following), description="the second week")
        await system.edit(conn, world.tools, following, own, HOST)
        wanted = replace(draft_of(running), prize="Weekly deluxe", winners_count=3, duration=timedelta(days=9))
        end = NOW + timedelta(days=3)
        await system.edit(conn, world.tools, running, wanted, HOST, end_time=end)
    after = await planned(running.series_id)
    assert (after.prize, after.winners_count, after.description) == ("Weekly deluxe", 3, "the second week")
    assert (after.duration, after.end_time, after.start_time) == (
        following.duration, following.end_time, following.start_time,
    )  # fmt: skip
    assert (await planned(other.series_id)).prize == "Another series"
    world.clock.advance(days=7)
    await world.checker.check()
    assert (await planned(running.series_id)).prize == "Weekly deluxe"
