"""What discord.py does when the stand-in misbehaves: retries, resumes, and never posts twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import discord
import pytest

from sandbox.driver import Discord, Failure
from tests.patience import patient
from tests.sandbox.discord.bot import Bot, make_bot, running
from tests.sandbox.discord.serving import Api

SEND = "POST /channels/{channel_id}/messages"


@pytest.fixture
async def bot(api: Api) -> AsyncIterator[Bot]:
    async with running(make_bot(), api.discord.api_base, api.world.token) as bot:
        yield bot


@pytest.fixture
def discord_(api: Api, bot: Bot) -> Discord:
    return api.discord


async def statuses(discord_: Discord) -> list[int]:
    found = await discord_.requests("POST", "/channels/{channel_id}/messages")
    return [one["status"] for one in found]


async def test_a_429_is_obeyed(discord_: Discord) -> None:
    await discord_.fault("429", SEND, count=2, seconds=0.05)
    await discord_.as_user("viewer1").say("general", "!echo patient")
    await discord_.wait_for_message("general", containing="patient")
    assert await statuses(discord_) == [429, 429, 200]


async def test_a_500_is_repeated(discord_: Discord) -> None:
    await discord_.fault("500", SEND)
    await discord_.as_user("viewer1").say("general", "!echo stubborn")
    await discord_.wait_for_message("general", containing="stubborn")
    assert await statuses(discord_) == [500, 200]


@pytest.mark.parametrize("kind", ["lost", "lost-500"])
async def test_a_lost_reply_with_a_nonce_posts_once(discord_: Discord, kind: str) -> None:
    await discord_.fault(kind, SEND)
    await discord_.as_user("viewer1").say("general", "!once")
    await discord_.wait_for_message("general", containing="Only once")

    async def both_came() -> None:
        while len(await statuses(discord_)) < 2 or None in await statuses(discord_):
            await asyncio.sleep(0.02)

    await asyncio.wait_for(both_came(), patient(10))
    found = [one.content for one in await discord_.messages("general")]
    assert found.count("Only once") == 1


async def test_a_callback_repeated_after_a_503_that_had_arrived_gets_40060(discord_: Discord) -> None:
    await discord_.fault("lost-500", "POST /interactions/*")
    answer = await (await discord_.as_user("viewer1").slash("echo", text="twice?")).answer()
    assert answer.content == "twice?"

    async def refused() -> None:
        while not await discord_.violations():
            await asyncio.sleep(0.05)

    await asyncio.wait_for(refused(), patient(10))
    assert [one["code"] for one in await discord_.violations()] == [40060]


async def test_after_a_closed_gateway_the_session_resumes_and_nothing_is_missed(bot: Bot, discord_: Discord) -> None:
    resumed = asyncio.create_task(bot.wait_for("shard_resumed", timeout=patient(20)))
    await asyncio.sleep(0)
    await discord_.close_gateway(4000)
    await discord_.as_user("viewer1").say("general", "!echo while-away")
    await resumed
    await discord_.wait_for_message("general", containing="while-away")


async def test_a_request_to_reconnect_resumes(bot: Bot, discord_: Discord) -> None:
    resumed = asyncio.create_task(bot.wait_for("shard_resumed", timeout=patient(20)))
    await asyncio.sleep(0)
    await discord_.link.post("/gateway", {"action": "reconnect"})
    await resumed
    await (await discord_.as_user("viewer1").slash("echo", text="back")).answer()


@pytest.mark.thorough
async def test_a_forgotten_session_identifies_anew(bot: Bot, discord_: Discord) -> None:
    again = asyncio.create_task(bot.wait_for("shard_ready", timeout=patient(30)))
    await asyncio.sleep(0)
    await discord_.invalidate_sessions()
    await again
    await (await discord_.as_user("viewer1").slash("echo", text="anew")).answer()


async def test_members_come_change_and_go(bot: Bot, discord_: Discord) -> None:
    guild = bot.guilds[0]
    came = asyncio.create_task(bot.wait_for("member_join", timeout=patient(5)))
    await asyncio.sleep(0)
    fan = await discord_.new_user("fan", age_days=30)
    assert (await came).name == "fan"
    changed = asyncio.create_task(bot.wait_for("member_update", timeout=patient(5)))
    await asyncio.sleep(0)
    await discord_.roles("fan", add=("VIP",))
    _, after = await changed
    assert "VIP" in [role.name for role in after.roles]
    left = asyncio.create_task(bot.wait_for("member_remove", timeout=patient(5)))
    await asyncio.sleep(0)
    await discord_.leave("fan")
    await left
    assert guild.get_member_named("fan") is None
    with pytest.raises(Failure):
        await fan.say("general", "still here?")


async def test_deleted_roles_channels_and_guilds_are_told(bot: Bot, discord_: Discord) -> None:
    guild = bot.guilds[0]
    for event, what in (
        ("guild_role_delete", {"role": "VIP"}),
        ("guild_channel_delete", {"channel": "raffle"}),
        ("guild_remove", {"guild": guild.name}),
    ):
        told = asyncio.create_task(bot.wait_for(event, timeout=5))
        await asyncio.sleep(0)
        await discord_.delete(**what)
        await told
    assert list(bot.guilds) == []


async def test_the_bot_is_thrown_out_and_invited_again(bot: Bot, discord_: Discord) -> None:
    for act, event in (("leave", "guild_remove"), ("join", "guild_join")):
        told = asyncio.create_task(bot.wait_for(event, timeout=5))
        await asyncio.sleep(0)
        await discord_.act(act, who="bot")
        await told
    answer = await (await discord_.as_user("viewer1").slash("echo", text="again")).answer()
    assert answer.content == "again"


async def test_without_message_content_only_mentions_are_readable(api: Api) -> None:
    intents = discord.Intents.default()
    async with running(make_bot(intents), api.discord.api_base, api.world.token) as bot:
        heard: asyncio.Queue[str] = asyncio.Queue()

        @bot.listen()
        async def on_message(message: discord.Message) -> None:
            heard.put_nowait(message.content)

        viewer = api.discord.as_user("viewer1")
        await viewer.say("general", "!echo unheard")
        await viewer.say("general", "hey @drumroll")
        assert await heard.get() == ""
        assert await heard.get() == f"hey <@{api.world.bot_id}>"


async def test_a_bad_token_and_forbidden_intents_are_told(api: Api) -> None:
    with pytest.raises(discord.LoginFailure):
        async with running(make_bot(), api.discord.api_base, "wrong"):
            pass
    await api.discord.forbid_intents("message_content")
    bot = make_bot()
    before = discord.http.Route.BASE
    discord.http.Route.BASE = api.discord.api_base
    try:
        await bot.login(api.world.token)
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await asyncio.wait_for(bot.connect(), patient(20))
    finally:
        await bot.close()
        discord.http.Route.BASE = before
