"""discord.py's command decorators with types that mypy can follow, and for whom each command's answers are."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Literal

from discord.ext import commands

Body = Callable[..., Coroutine[Any, Any, None]]
Command = commands.HybridCommand[Any, ..., Any]
Group = commands.HybridGroup[Any, ..., Any]


Audience = Literal["public", "caller", "secret"]


def _with(attributes: dict[str, Any], audience: Audience) -> dict[str, Any]:
    return {**attributes, "extras": {"audience": audience}}


def is_public(command: commands.Command[Any, ..., Any] | None) -> bool:
    """Whether everybody in the channel may read the answers."""
    return command is not None and command.extras.get("audience") == "public"


def is_secret(command: commands.Command[Any, ..., Any] | None) -> bool:
    """Whether nobody but the caller may, not even where the command came as a message in a channel."""
    return command is not None and command.extras.get("audience") == "secret"


def hybrid_command(*, audience: Audience = "caller", **attributes: Any) -> Callable[[Body], Command]:
    """A command as `!name` and `/name`."""
    return commands.hybrid_command(**_with(attributes, audience))


def hybrid_group(*, audience: Audience = "caller", **attributes: Any) -> Callable[[Body], Group]:
    """A group of commands as `!group name` and `/group name`."""
    return commands.hybrid_group(**_with(attributes, audience))


def subcommand(group: Group, *, audience: Audience = "caller", **attributes: Any) -> Callable[[Body], Command]:
    return group.command(**_with(attributes, audience))


def subgroup(group: Group, *, audience: Audience = "caller", **attributes: Any) -> Callable[[Body], Group]:
    return group.group(**_with(attributes, audience))
