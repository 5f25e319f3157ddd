"""The README names everything that there is."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from discord.ext import commands

from cogs.client import COG_MODULES, DrumrollBot
from core import config
from core.texts import Texts

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


@pytest.mark.parametrize("name", sorted(variable.name for variable, _default in config.variables().values()))
def test_readme_names_every_variable(name: str) -> None:
    assert f"`{name}`" in README


def test_readme_shows_pictures_that_exist() -> None:
    pictures = [part.split(")")[0] for part in README.split("](docs/")[1:]]
    assert pictures
    assert [name for name in pictures if not (ROOT / "docs" / name).exists()] == []
