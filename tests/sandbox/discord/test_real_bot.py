"""The unchanged discord.py against the stand-in: commands, buttons, forms, menus, files, DMs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.driver import Discord, Failure
from tests.patience import patient
from tests.sandbox.discord.bot import Bot, make_bot, running
from tests.sandbox.discord.openapi import FILE, validate_request, validate_response
from tests.sandbox.discord.serving import Api

SEND = "/channels/{channel_id}/messages"


@pytest.fixture
async def bot(api: Api) -> AsyncIterator[Bot]:
    async with running(make_bot(), api.discord.api_base, api.world.token) as bot:
        yield bot
    refused = [one for one in api.world.violations if one.status == 400 and one.code != 40060]
    assert refused == []
    if FILE.exists():
        for one in api.world.requests:
            validate_request(one.method, one.path, one.body)
            validate_response(one.method, one.path, one.status or 0, one.answer)


@pytest.fixture
def discord_(api: Api, bot: Bot) -> Discord:
    return api.discord


async def test_the_bot_sees_the_guild_and_all_its_members(api: Api, bot: Bot) -> None:
    guild = bot.guilds[0]
    assert guild.chunked
    assert {member.name for member in guild.members} == {user.username for user in api.world.users.values()}
    booster = guild.get_member_named("booster")
    assert booster is not None
    assert booster.premium_since is not None
    assert guild.premium_subscriber_role in booster.roles


async def test_a_prefix_command_is_answered_in_the_channel(discord_: Discord) -> None:
    said = await discord_.as_user("viewer1").say("general", "!echo hello 2")
    answer = await discord_.wait_for_message("general", containing="hello hello", after=said)
    assert answer.author == "drumroll"
    assert not answer.ephemeral


async def test_a_hybrid_slash_command_answers_only_its_caller(discord_: Discord) -> None:
    viewer = discord_.as_user("viewer1")
    answer = await (await viewer.slash("echo", text="psst", times=3)).answer()
    assert answer.content == "psst psst psst"
    assert answer.ephemeral
    assert [one.content for one in await viewer.messages("general")] == ["psst psst psst"]
    assert await discord_.as_user("viewer2").messages("general") == []
    with pytest.raises(Failure, match="somebody else only"):
        await discord_.as_user("viewer2").see(answer)


async def test_user_options_are_resolved(discord_: Discord) -> None:
    answer = await (await discord_.as_user("viewer1").slash("tickets", member="booster")).answer()
    assert answer.field("member") == "Booster"
    await discord_.as_user("viewer2").say("general", "!tickets @vip")
    assert (await discord_.wait_for_message("general", containing="VIP")).field("member") == "VIP"


async def test_sub_commands_take_users_numbers_channels_and_files(discord_: Discord) -> None:
    viewer = discord_.as_user("viewer1")
    given = await viewer.slash("raffle give", user="vip", amount=5, where="#raffle")
    assert (await given.answer()).content == "vip 5 raffle"
    read = await viewer.slash("raffle admin read", file={"filename": "a.txt", "text": "inside"})
    assert (await read.answer()).content == "inside"


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("nothing", {}, "sees no command"),
        ("raffle", {}, "sub-commands: admin, choose, give"),
        ("echo", {}, "needs the option 'text'"),
        ("echo", {"text": "x", "times": 9}, "takes 1 to 3"),
        ("echo", {"text": "x", "loud": True}, "no option 'loud'"),
        ("tickets", {"member": "nobody"}, "nobody called 'nobody'"),
        ("raffle give", {"user": "vip", "amount": "many", "where": "raffle"}, "takes a number"),
        ("raffle give", {"user": "vip", "amount": 1, "where": "mods"}, "cannot see #mods"),
    ],
)
async def test_what_a_person_could_not_type_is_not_sent(
    discord_: Discord, name: str, options: dict[str, object], reason: str
) -> None:
    with pytest.raises(Failure, match=reason):
        await discord_.as_user("viewer1").slash_in("general", name, options)


async def test_commands_for_managers_are_hidden_from_viewers(discord_: Discord) -> None:
    names = {one["name"] for one in await discord_.as_user("viewer1").commands()}
    assert "form" not in names
    with pytest.raises(Failure, match="sees no command 'form'"):
        await discord_.as_user("viewer1").slash("form")
    for name in ("moderator", "streamer"):
        assert "form" in {one["name"] for one in await discord_.as_user(name).commands()}


async def test_autocomplete_offers_what_fits(discord_: Discord) -> None:
    offered = await discord_.as_user("viewer1").autocomplete("raffle choose", "fruit", "ap")
    assert [one["value"] for one in offered] == ["apple", "apricot"]


async def test_a_button_edits_its_message(discord_: Discord) -> None:
    viewer = discord_.as_user("viewer1")
    await viewer.say("general", "!ask")
    question = await discord_.wait_for_message("general", containing="Sure?")
    assert question.buttons == ["Confirm", "Slow", "Silent"]
    edited = await (await viewer.click(question, "Confirm")).answer()
    assert (edited.id, edited.content, edited.buttons) == (question.id, "Confirmed", [])


async def test_a_deferred_answer_and_its_follow_ups(discord_: Discord) -> None:
    viewer = discord_.as_user("viewer1")
    await viewer.say("general", "!ask")
    pressed = await viewer.click(await discord_.wait_for_message("general", containing="Sure?"), "Slow")
    answer = await viewer.wait_for_message("general", containing="First, edited")
    assert answer.ephemeral
    assert (await pressed.answer()).id == answer.id
    assert [one.content for one in await pressed.followups()] == ["Second"]


@pytest.mark.thorough
async def test_an_unanswered_press_fails_after_three_seconds(discord_: Discord) -> None:
    viewer = discord_.as_user("viewer1")
    await viewer.say("general", "!ask")
    pressed = await viewer.click(await discord_.wait_for_message("general", containing="Sure?"), "Silent")
    assert await pressed.failed()


async def test_menus_give_their_choices(discord_: Discord) -> None:
    viewer = discord_.as_user("viewer1")
    await viewer.say("general", "!ask")
    question = await discord_.wait_for_message("general", containing="Sure?")
    assert (await (await viewer.select(question, "B", menu="Pick")).answer()).content == "You picked B"
    both = await viewer.select(question, "vip", "booster", menu="Who")
    assert (await both.answer()).content == "vip and booster"
    with pytest.raises(Failure, match="1 to 1 choices"):
        await viewer.select(question, "A", "B", menu="Pick")


async def test_dynamic_items_are_found_by_their_custom_id(discord_: Discord) -> None:
    viewer = discord_.as_user("viewer1")
    await viewer.say("general", "!counter")
    message = await discord_.wait_for_message("general", containing="Counting")
    message = await (await viewer.click(message, "Count 1")).answer()
    message = await (await viewer.click(message, "count:2")).answer()
    assert message.buttons == ["Count 3"]


async def test_a_form_with_every_kind_of_field(discord_: Discord) -> None:
    manager = discord_.as_user("moderator")
    form = await (await manager.slash("form")).form()
    assert form.title == "Everything"
    assert form.labels == ["Prize", "Mode", "Role", "Extras", "Proof"]
    values = {
        "Prize": "Nitro",
        "mode": "Highest",
        "Role": "VIP",
        "Extras": ["dm", "ping"],
        "Proof": [{"filename": "p.txt", "text": "yes"}],
    }
    answer = await (await form.submit(values)).answer()
    assert answer.content == "Nitro / highest / ['VIP'] / ['dm', 'ping'] / [('p.txt', 'yes')]"
    assert answer.ephemeral


async def test_a_form_keeps_defaults_and_refuses_what_its_fields_do(discord_: Discord) -> None:
    manager = discord_.as_user("moderator")
    form = await (await manager.slash("form")).form()
    with pytest.raises(Failure, match="'Prize' takes 1 to 20 characters"):
        await form.submit({})
    with pytest.raises(Failure, match="no field 'Price'"):
        await form.submit({"Price": "x"})
    answer = await (await form.submit({"Prize": "Nitro"})).answer()
    assert answer.content == "Nitro / cumulative / [] / [] / []"
    with pytest.raises(Failure, match="submitted already"):
        await form.submit({"Prize": "again"})


async def test_a_form_with_checkbox_and_selects(discord_: Discord) -> None:
    form = await (await discord_.as_user("viewer1").slash("checks")).form()
    sent = await form.submit({"Agreed": True, "Who": ["vip", "viewer2"], "Where": "raffle", "Size": "Small"})
    assert (await sent.answer()).content == "True ['vip', 'viewer2'] raffle ['Small']"


async def test_context_menus_on_people_and_messages(discord_: Discord) -> None:
    viewer = discord_.as_user("viewer1")
    assert (await (await viewer.context("Tickets", "vip")).answer()).content == "Tickets of vip"
    said = await discord_.as_user("vip").say("raffle", "quote me")
    assert (await (await viewer.context("Quote", said)).answer()).content == "> quote me"


async def test_files_and_pictures_arrive(discord_: Discord) -> None:
    said = await discord_.as_user("viewer1").say("general", "!report")
    answer = await discord_.wait_for_message("general", containing="Here")
    assert answer.raw["message_reference"]["message_id"] == said.id
    assert answer.pinged == ["viewer1"]
    record = answer.attachments[0]
    assert (record["filename"], record["description"]) == ("record.json", "The record")
    assert await discord_.file(record["url"]) == b'{"winner": 1}'
    assert await discord_.file(answer.embeds[0]["image"]["url"]) == b"\x89PNG"


async def test_direct_messages_open_and_closed(discord_: Discord) -> None:
    viewer = discord_.as_user("viewer1")
    await viewer.say("general", "!knock")
    assert (await viewer.wait_for_message("dm", containing="private")).author == "drumroll"
    await viewer.say("dm", "!echo in-private")
    await viewer.wait_for_message("dm", containing="in-private")
    await viewer.set_dms(False)
    await viewer.say("general", "!knock")
    await discord_.wait_for_message("general", containing="closed: 50007")


async def test_roles_and_reactions(api: Api, bot: Bot, discord_: Discord) -> None:
    said = await discord_.as_user("moderator").say("general", "!promote @viewer1 VIP")
    await bot.wait_for("raw_reaction_add", timeout=patient(5))
    assert api.role("VIP") in api.world.home.members[api.user("viewer1")].roles
    seen = await discord_.as_user("viewer1").see(said)
    assert [(one["emoji"]["name"], one["count"]) for one in seen.raw["reactions"]] == [("✅", 1)]
