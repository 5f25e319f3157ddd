"""Every documented limit on application commands is refused with Discord's code."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.discord.serving import Api, Body, codes

TOO_LONG = "BASE_TYPE_MAX_LENGTH"
BAD_LENGTH = "BASE_TYPE_BAD_LENGTH"
REQUIRED = "BASE_TYPE_REQUIRED"


def command(**parts: Any) -> Body:
    return {"name": "draw", "description": "Draws", **parts}


def option(**parts: Any) -> Body:
    return {"type": 3, "name": "prize", "description": "What to win", **parts}


def choices(count: int) -> list[Body]:
    return [{"name": f"n{number}", "value": f"v{number}"} for number in range(count)]


GOOD: list[Body] = [
    command(name="n" * 32, description="d" * 100),
    command(name="سحب"),
    command(options=[option(name=f"o{n}") for n in range(25)]),
    command(options=[option(choices=choices(25))]),
    command(options=[option(required=True), option(name="b")]),
    command(options=[option(type=4, min_value=1, max_value=50, autocomplete=True)]),
    command(options=[{"type": 2, "name": "g", "description": "d", "options": [option(type=1, options=[option()])]}]),
    command(default_member_permissions=32, contexts=[0], nsfw=False),
    {"name": "Show Tickets", "type": 2},
]

BAD: list[tuple[Body, str]] = [
    (command(name="n" * 33), f"name: {BAD_LENGTH}"),
    (command(name="Draw"), "name: APPLICATION_COMMAND_INVALID_NAME"),
    (command(name="two words"), "name: APPLICATION_COMMAND_INVALID_NAME"),
    (command(name=None), f"name: {REQUIRED}"),
    (command(description=""), f"description: {REQUIRED}"),
    (command(description="d" * 101), f"description: {BAD_LENGTH}"),
    (command(type=7), "type: BASE_TYPE_CHOICES"),
    (command(options=[option(name=f"o{n}") for n in range(26)]), f"options: {TOO_LONG}"),
    (command(options=[option(type=99)]), "options.0.type: BASE_TYPE_CHOICES"),
    (command(options=[option(name="Prize")]), "options.0.name: APPLICATION_COMMAND_INVALID_NAME"),
    (command(options=[option(description="d" * 101)]), f"options.0.description: {BAD_LENGTH}"),
    (command(options=[option(description=None)]), f"options.0.description: {REQUIRED}"),
    (command(options=[option(), option()]), "options: APPLICATION_COMMAND_OPTION_NAME_ALREADY_EXISTS"),
    (
        command(options=[option(), option(name="b", required=True)]),
        "options.1: APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
    ),
    (
        command(options=[option(), option(type=1, name="sub")]),
        "options: APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
    ),
    (command(options=[option(choices=choices(26))]), f"options.0.choices: {TOO_LONG}"),
    (
        command(options=[option(choices=[{"name": "n" * 101, "value": "v"}])]),
        f"options.0.choices.0.name: {BAD_LENGTH}",
    ),
    (command(options=[option(choices=[{"name": "n"}])]), f"options.0.choices.0.value: {REQUIRED}"),
    (
        command(options=[option(type=4, choices=[{"name": "n", "value": "x"}])]),
        "options.0.choices.0.value: NUMBER_TYPE_COERCE",
    ),
    (
        command(options=[option(autocomplete=True, choices=choices(1))]),
        "options.0.autocomplete: APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID",
    ),
    (
        command(options=[option(type=6, autocomplete=True)]),
        "options.0.choices: APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID",
    ),
    (command(options=[option(max_length=6001)]), "options.0.max_length: NUMBER_TYPE_MAX"),
    (
        command(
            options=[
                option(name=f"o{n}", description="d" * 100, choices=[{"name": "n", "value": "v" * 300}])
                for n in range(25)
            ]
        ),
        "name: APPLICATION_COMMAND_TOO_LARGE",
    ),
    ({"name": "Tickets", "type": 2, "description": "no"}, "description: APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION"),
]


@pytest.mark.parametrize("body", GOOD, ids=range(len(GOOD)))
async def test_what_just_fits_is_registered(api: Api, body: Body) -> None:
    status, answer = await api.call("POST", api.commands, body)
    assert status == 201
    assert answer["name"] == body["name"]


@pytest.mark.parametrize(("body", "expected"), BAD, ids=[f"{n}-{case[1]}" for n, case in enumerate(BAD)])
async def test_what_is_too_much_is_refused(api: Api, body: Body, expected: str) -> None:
    assert expected in codes(await api.refused("POST", api.commands, body))
    in_bulk = codes(await api.refused("PUT", api.commands, [command(name="fine"), body]))
    assert f"1.{expected}" in in_bulk
    assert api.world.commands == {}


async def test_a_hundred_commands_and_no_more(api: Api) -> None:
    hundred = [command(name=f"c{number}") for number in range(100)]
    assert (await api.call("PUT", api.commands, hundred))[0] == 200
    one_more = command(name="more")
    assert (await api.refused("PUT", api.commands, [*hundred, one_more]))["code"] == 30032
    assert (await api.refused("POST", api.commands, one_more))["code"] == 30032


async def test_names_are_unique_within_a_type(api: Api) -> None:
    answer = await api.refused("PUT", api.commands, [command(), command()])
    assert codes(answer) == {"1: APPLICATION_COMMANDS_DUPLICATE_NAME"}
    assert (await api.call("PUT", api.commands, [command(), {"name": "draw", "type": 2}]))[0] == 200


async def test_an_unchanged_bulk_keeps_ids_and_versions(api: Api) -> None:
    _, first = await api.call("PUT", api.commands, [command(), command(name="other")])
    _, second = await api.call("PUT", api.commands, [command(), command(name="other", description="New")])
    assert second[0] == first[0]
    assert second[1]["id"] == first[1]["id"]
    assert second[1]["version"] != first[1]["version"]
    _, third = await api.call("PUT", api.commands, [command()])
    assert [one["id"] for one in third] == [first[0]["id"]]


async def test_guild_commands_stand_beside_global_ones(api: Api) -> None:
    in_guild = f"/applications/{api.world.bot_id}/guilds/{api.world.home.id}/commands"
    await api.call("PUT", api.commands, [command()])
    await api.call("PUT", in_guild, [command(name="local")])
    assert [one["name"] for one in (await api.call("GET", api.commands))[1]] == ["draw"]
    _, listed = await api.call("GET", in_guild)
    assert [(one["name"], one["guild_id"]) for one in listed] == [("local", api.world.home.id)]


async def test_single_commands_are_read_changed_and_deleted(api: Api) -> None:
    _, made = await api.call("POST", api.commands, command())
    path = f"{api.commands}/{made['id']}"
    _, edited = await api.call("PATCH", path, {"description": "Draws now"})
    assert (edited["description"], edited["id"]) == ("Draws now", made["id"])
    assert (await api.call("GET", path))[1]["version"] == edited["version"]
    assert (await api.call("DELETE", path))[0] == 204
    assert (await api.refused("GET", path))["code"] == 10063
