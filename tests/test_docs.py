"""The README names everything that there is."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from discord.ext import commands

from cogs._converters import setting_as_id
from cogs.client import COG_MODULES, DrumrollBot
from core import config, settings_schema
from core.texts import Texts
from raffle_system import prizes
from tests.test_typed_names import named

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


async def every_command() -> list[commands.Command[Any, ..., Any]]:
    services = MagicMock()
    services.texts = Texts()
    bot = DrumrollBot(services)
    for name in COG_MODULES:
        await import_module(name).setup(bot)
    return [one for one in bot.walk_commands() if not isinstance(one, commands.Group)]


async def test_readme_names_every_command() -> None:
    """By its full name, or, in a list such as `giveaway tier set`, `list`, by its last word after its group."""
    rows = [line for line in README.splitlines() if line.startswith("|")]
    for command in await every_command():
        group, _, last = command.qualified_name.rpartition(" ")
        full = any(f"`{command.qualified_name}" in row for row in rows)
        listed = any(f"`{group} " in row and f"`{last}`" in row for row in rows)
        assert full or listed, f"README does not name {command.qualified_name}"


def test_readmes_prizes_are_as_many_as_they_look() -> None:
    written = re.findall(r"`raffle prizes ([^`\[]+)`", README)
    assert written
    assert {tuple(prizes.split(one)) for one in written} == {("First", "Second", "Third")}


async def test_readmes_settings_are_accepted_as_they_stand() -> None:
    """Typed, not picked from Discord's list: that would make a mention of them."""
    ctx = MagicMock()
    examples = re.findall(r"`/raffle config set name:(\S+) value:([^`]+)`", README)
    assert examples
    ctx.guild.text_channels = [named(value.removeprefix("#"), 10**17) for _name, value in examples]
    for name, value in examples:
        assert settings_schema.parse(name, await setting_as_id(ctx, name, value)) is not None


def test_readme_names_every_variable() -> None:
    names = {variable.name for variable, _default in config.variables().values()}
    assert sorted(name for name in names if f"`{name}`" not in README) == []


def test_readme_shows_pictures_that_exist() -> None:
    pictures = [part.split(")")[0] for part in README.split("](docs/")[1:]]
    assert pictures
    assert [name for name in pictures if not (ROOT / "docs" / name).exists()] == []
