"""discord.py's command decorators with types that mypy can follow."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from discord.ext import commands

Body = Callable[..., Coroutine[Any, Any, None]]
Command = commands.HybridCommand[Any, ..., Any]
Group = commands.HybridGroup[Any, ..., Any]


def hybrid_command(**attributes: Any) -> Callable[[Body], Command]:
    """A command as `!name` and `/name`."""
    return commands.hybrid_command(**attributes)


def hybrid_group(**attributes: Any) -> Callable[[Body], Group]:
    """A group of commands as `!group name` and `/group name`."""
    return commands.hybrid_group(**attributes)


def subcommand(group: Group, **attributes: Any) -> Callable[[Body], Command]:
    return group.command(**attributes)


def subgroup(group: Group, **attributes: Any) -> Callable[[Body], Group]:
    return group.group(**attributes)
