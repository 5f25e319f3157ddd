"""The world itself: clock, ids, default guild, keeping and loading, the stream of events, the driver."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.discord import DiscordWorld
from sandbox.discord.snowflake import Snowflakes, at, moment_of
from sandbox.driver import Failure
from tests.patience import in_time, patient
from tests.sandbox.discord.serving import Api, serving

START = datetime(2025, 11, 1, tzinfo=UTC)


def test_ids_carry_their_time_and_only_grow() -> None:
    now = [START]
    ids = Snowflakes(lambda: now[0])
    first, second = ids.next(), ids.next()
    assert moment_of(first) == START
    assert int(second) == int(first) + 1
    now[0] = START - timedelta(days=1)
    assert int(ids.next()) > int(second)
    assert moment_of(at(START + timedelta(hours=1), 7)) == START + timedelta(hours=1)


def test_the_default_guild_has_the_people_of_a_stream() -> None:
    world = DiscordWorld.default(now=lambda: START)
    names = {world.users[one].username for one in world.home.members}
    assert {"streamer", "moderator", "booster", "vip", "viewer1", "newcomer", "drumroll"} <= names
    by_name = {user.username: user for user in world.users.values()}
    assert world.home.owner_id == by_name["streamer"].id
    assert START - moment_of(by_name["newcomer"].id) < timedelta(days=2)
    assert START - moment_of(by_name["viewer1"].id) > timedelta(days=400)
    assert {one.name for one in world.channels.values()} == {
        "general", "raffle", "giveaways", "announcements", "mods",
    }  # fmt: skip


async def test_messages_are_stamped_by_the_sandbox_clock(api: Api) -> None:
    api.world.now = lambda: START + timedelta(days=3000)
    said = await api.discord.as_user("viewer1").say("general", "from the future")
    assert datetime.fromisoformat(said.raw["timestamp"]) == START + timedelta(days=3000)
    assert moment_of(said.id) == START + timedelta(days=3000)


async def test_a_saved_world_comes_back_whole(api: Api) -> None:
    await api.call("PUT", api.commands, [{"name": "draw", "description": "d"}])
    await api.send({"content": "kept", "embeds": [{"title": "t"}]})
    file = {"filename": "a.txt", "text": "inside"}
    said = await api.discord.as_user("viewer1").say("dm", "private", files=[file])
    await api.discord.as_user("viewer1").react(said, "🎉")
    loaded = DiscordWorld.from_json(json.loads(json.dumps(api.world.to_json())))
    assert loaded.to_json() == api.world.to_json()
    async with serving(loaded) as base:
        again = Api(loaded, base)
        assert [one.content for one in await again.discord.messages("general")] == ["kept"]
        private = await again.discord.as_user("viewer1").messages("dm")
        assert await again.discord.file(private[0].attachments[0]["url"]) == b"inside"
        _, commands = await again.call("GET", again.commands)
        assert [one["name"] for one in commands] == ["draw"]
        await again.session.close()


def test_another_version_of_a_saved_world_is_refused() -> None:
    with pytest.raises(ValueError, match="version 99"):
        DiscordWorld.from_json({"version": 99})


async def test_the_stream_tells_everything_and_hides_what_is_private(api: Api) -> None:
    seen: list[str] = []

    async def watch(name: str | None) -> None:
        async for event in api.discord.events(name):
            if event["name"] == "MESSAGE_CREATE":
                seen.append(f"{name}: {event['data']['content']}")
            if event["name"] == "MESSAGE_CREATE" and event["data"]["content"] == "end":
                return

    tasks = [asyncio.create_task(watch(name)) for name in (None, "viewer1", "viewer2")]
    await _until(lambda: len(_streams(api)) == 3)
    await api.discord.as_user("moderator").say("mods", "for the team")
    await api.discord.as_user("viewer1").say("dm", "for the bot")
    await api.discord.as_user("viewer1").say("general", "end")
    await asyncio.wait_for(asyncio.gather(*tasks), patient(5))
    assert sorted(one for one in seen if not one.endswith("end")) == [
        "None: for the bot",
        "None: for the team",
        "viewer1: for the bot",
    ]


def _streams(api: Api) -> set[object]:
    control = next(one.__self__ for one in api.world.listeners if hasattr(one.__self__, "streams"))  # type: ignore[attr-defined]
    streams: set[object] = control.streams
    return streams


async def _until(look: object) -> None:
    assert callable(look)
    async with in_time(5):
        while not look():
            await asyncio.sleep(0.01)


async def test_a_failed_wait_shows_what_stood_there(api: Api) -> None:
    await api.discord.as_user("viewer1").say("general", "something else")
    with pytest.raises(Failure, match="viewer1: something else"):
        await api.discord.wait_for_message("general", containing="the winner", timeout=0.05)
    with pytest.raises(Failure, match="did not come online"):
        await api.discord.wait_until_ready(timeout=0.05)


async def test_people_act_within_their_means(api: Api) -> None:
    viewer, moderator = api.discord.as_user("viewer1"), api.discord.as_user("moderator")
    with pytest.raises(Failure, match="cannot see #mods"):
        await viewer.say("mods", "let me in")
    with pytest.raises(Failure, match="may not write in #announcements"):
        await viewer.say("announcements", "news")
    with pytest.raises(Failure, match="no channel 'nowhere'"):
        await viewer.say("nowhere", "x")
    with pytest.raises(Failure, match="empty"):
        await viewer.say("general", " ")
    theirs = await moderator.say("general", "rules")
    with pytest.raises(Failure, match="may not delete"):
        await viewer.delete(theirs)
    mine = await viewer.say("general", "spam")
    await moderator.delete(mine)
    with pytest.raises(Failure, match="no message"):
        await viewer.see(mine)
    with pytest.raises(Failure, match="has no button 'Enter'; it has none"):
        await viewer.click(theirs, "Enter")


async def test_disabled_buttons_and_links_are_not_pressed(api: Api) -> None:
    buttons = [
        {"type": 2, "style": 1, "label": "Off", "custom_id": "off", "disabled": True},
        {"type": 2, "style": 5, "label": "Site", "url": "https://example.com"},
    ]
    await api.send({"content": "x", "components": [{"type": 1, "components": buttons}]})
    message = await api.discord.wait_for_message("general", containing="x")
    for name, reason in (("Off", "disabled"), ("Site", "only opens a link")):
        with pytest.raises(Failure, match=reason):
            await api.discord.as_user("viewer1").click(message, name)


async def test_the_state_is_what_a_person_sees(api: Api) -> None:
    names = {one["name"] for one in (await api.discord.state("viewer1"))["guilds"][0]["channels"]}
    assert "mods" not in names
    team = {one["name"] for one in (await api.discord.state("moderator"))["guilds"][0]["channels"]}
    assert team == names | {"mods"}
    await api.discord.leave("viewer1")
    assert (await api.discord.state("viewer1"))["guilds"] == []
