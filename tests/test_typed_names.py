"""Channels and roles as they are typed into commands and settings."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import discord
import pytest
from discord.ext import commands

from cogs._converters import TypedChannel, TypedRole, setting_as_id
from cogs.client import COG_MODULES, DrumrollBot
from core.errors import UserError

MODS, LOUD, THREAD, VIP = (987_654_321_098_765_400 + n for n in range(4))


def named(name: str, number: int) -> Any:
    return SimpleNamespace(name=name, id=number)


def place() -> Any:
    mods, loud, thread = named("mods", MODS), named("loud", LOUD), named("a thread", THREAD)
    roles = [named("vip", VIP + 1), named("VIP", VIP), named("Server Booster", VIP + 2), named("@here we are", VIP + 3)]
    guild = SimpleNamespace(text_channels=[mods], channels=[mods, loud], threads=[thread], roles=roles)
    return SimpleNamespace(guild=guild)


@pytest.mark.parametrize("typed", ["mods", "#mods", "#Mods", f"<#{MODS}>", str(MODS)])
async def test_a_channel_by_any_of_its_names(typed: str) -> None:
    assert (await TypedChannel().convert(place(), typed)).id == MODS
    assert await setting_as_id(place(), "Admin_Channel_ID", f" {typed} ") == str(MODS)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("#nowhere", "error.no_such_channel"), (f"<#{VIP}>", "error.no_such_channel"), ("#", "error.no_such_channel"),
        ("#loud", "error.not_a_text_channel"), (f"<#{THREAD}>", "error.not_a_text_channel"),
    ],
)  # fmt: skip
async def test_what_is_no_text_channel_is_said_to_be_none(typed: str, key: str) -> None:
    with pytest.raises(UserError) as refused:
        await TypedChannel().convert(place(), typed)
    assert refused.value.key == key


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("VIP", 0), ("@VIP", 0), ("@vip", 1), ("@vIp", 1), (f"<@&{VIP}>", 0), (str(VIP), 0), ("@server booster", 2),
        ("@here we are", 3),
    ],
)  # fmt: skip
async def test_a_role_by_any_of_its_names(typed: str, number: int) -> None:
    assert (await TypedRole().convert(place(), typed)).id == VIP + number
    assert await setting_as_id(place(), "manager_role_id", typed) == str(VIP + number)


async def test_a_role_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"error\.no_such_role"):
        await setting_as_id(place(), "link_role_id", "@ghost")


@pytest.mark.parametrize(("name", "typed"), [("admin_channel_id", "default"), ("locale", "#mods"), ("prefix", "-")])
async def test_other_values_stay_as_they_were_typed(name: str, typed: str) -> None:
    assert await setting_as_id(place(), name, typed) == typed


async def test_every_command_takes_them_so() -> None:
    """By prefix; a slash command's option keeps Discord's own list of channels."""
    bot = DrumrollBot(MagicMock())
    for name in COG_MODULES:
        await import_module(name).setup(bot)
    create = bot.get_command("giveaway create")
    assert create is not None
    param = create.params["channel"]
    found = await commands.run_converters(place(), param.converter, "#mods", param)
    assert found.id == MODS
    shown = create.app_command.to_dict(bot.tree)["options"][0]  # type: ignore[attr-defined]
    assert (shown["name"], shown["type"]) == ("channel", discord.AppCommandOptionType.channel.value)
