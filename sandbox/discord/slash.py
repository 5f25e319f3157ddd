"""Which commands a person sees, and turning plain values into the options of an interaction."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from . import permissions
from .check_commands import (
    ATTACHMENT,
    BOOLEAN,
    CHANNEL,
    GROUP,
    INTEGER,
    MENTIONABLE,
    NUMBER,
    ROLE,
    STRING,
    SUB,
    USER_OPT,
)
from .errors import RefusedError
from .models import Channel, Command, User
from .resolve import Resolved

if TYPE_CHECKING:
    from .world import DiscordWorld


def usable(world: DiscordWorld, place: Channel, user: User) -> list[Command]:
    """The commands that Discord would show to `user` in `place`; a guild's own hide global namesakes."""
    commands = {(one.type, one.name): one for one in world.command_list(None)}
    if place.guild_id is not None:
        commands.update({(one.type, one.name): one for one in world.command_list(place.guild_id)})
    return [one for one in commands.values() if may_use(world, place, user, one)]


def may_use(world: DiscordWorld, place: Channel, user: User, command: Command) -> bool:
    contexts = command.body.get("contexts")
    if place.guild_id is None:
        return bool(1 in contexts if contexts is not None else command.body.get("dm_permission", True))
    if contexts is not None and 0 not in contexts:
        return False
    rights = world.permissions(place, user.id)
    if not permissions.has(rights, "view_channel", "use_application_commands"):
        return False
    wanted = command.body.get("default_member_permissions")
    if wanted is None or rights == permissions.ALL:
        return True
    return int(wanted) != 0 and rights & int(wanted) == int(wanted)


def find(world: DiscordWorld, place: Channel, user: User, name: str, kind: int) -> Command:
    """The command by its name; RefusedError with the names that the person does see."""
    seen = [one for one in usable(world, place, user) if one.type == kind]
    for one in seen:
        if one.name == name:
            return one
    listed = ", ".join(sorted(one.name for one in seen)) or "none"
    raise RefusedError(f"{user.username} sees no command {name!r} here; visible: {listed}")


class Options:
    """Builds the `options` of one invocation; `focus` is the option being typed (autocomplete)."""

    def __init__(self, resolved: Resolved, values: dict[str, Any], focus: str | None = None) -> None:
        self.resolved = resolved
        self.values = values
        self.focus = focus

    def build(self, command: Command, path: list[str]) -> list[dict[str, Any]]:
        """Walk `path` (sub-command names) and fill in the values at its end."""
        return self._level(command.body.get("options", []), path, command.name)

    def _level(self, declared: list[dict[str, Any]], path: list[str], shown: str) -> list[dict[str, Any]]:
        subs = {one["name"]: one for one in declared if one["type"] in (SUB, GROUP)}
        if not subs and path:
            raise RefusedError(f"/{shown} has no sub-command {path[0]!r}")
        if not subs:
            return self._values(declared, shown)
        if not path or path[0] not in subs:
            raise RefusedError(f"/{shown} needs one of its sub-commands: {', '.join(sorted(subs))}")
        sub = subs[path[0]]
        inner = self._level(sub.get("options", []), path[1:], f"{shown} {path[0]}")
        return [{"type": sub["type"], "name": sub["name"], "options": inner}]

    def _values(self, declared: list[dict[str, Any]], shown: str) -> list[dict[str, Any]]:
        names = [one["name"] for one in declared]
        unknown = [name for name in self.values if name not in names]
        if unknown:
            raise RefusedError(f"/{shown} has no option {unknown[0]!r}; it has: {', '.join(names) or 'none'}")
        found = []
        for option in declared:
            value = self.values.get(option["name"])
            if option["name"] == self.focus:
                found.append(self._focused(option, value))
            elif value is not None:
                entry = {"type": option["type"], "name": option["name"]}
                found.append({**entry, "value": self._value(option, value)})
            elif option.get("required") and self.focus is None:
                raise RefusedError(f"/{shown} needs the option {option['name']!r}")
        return found

    def _focused(self, option: dict[str, Any], value: Any) -> dict[str, Any]:
        if not option.get("autocomplete"):
            raise RefusedError(f"the option {option['name']!r} does not complete")
        typed = "" if value is None else str(value)
        return {"type": option["type"], "name": option["name"], "value": typed, "focused": True}

    def _value(self, option: dict[str, Any], value: Any) -> Any:
        kind = option["type"]
        if option.get("choices"):
            return _choice(option, value)
        if kind == STRING:
            return _text(option, str(value))
        if kind in (INTEGER, NUMBER):
            return _number(option, value)
        if kind == BOOLEAN:
            return _boolean(option, value)
        if kind == CHANNEL:
            return self.resolved.add_channel(value, option.get("channel_types"))
        adders = {
            USER_OPT: self.resolved.add_user,
            ROLE: self.resolved.add_role,
            MENTIONABLE: self.resolved.add_mentionable,
            ATTACHMENT: self.resolved.add_file,
        }
        return adders[kind](value)


def _choice(option: dict[str, Any], value: Any) -> Any:
    for choice in option["choices"]:
        if value in (choice["name"], choice["value"]) or str(value) == str(choice["value"]):
            return choice["value"]
    listed = ", ".join(str(choice["name"]) for choice in option["choices"])
    raise RefusedError(f"{option['name']!r} takes one of: {listed}")


def _text(option: dict[str, Any], value: str) -> str:
    low, high = option.get("min_length", 0), option.get("max_length", 6000)
    if not low <= len(value) <= high or (option.get("required") and not value):
        raise RefusedError(f"{option['name']!r} takes {max(low, 1)} to {high} characters")
    return value


def _number(option: dict[str, Any], value: Any) -> int | float:
    try:
        number = int(str(value)) if option["type"] == INTEGER else float(str(value))
    except ValueError as error:
        raise RefusedError(f"{option['name']!r} takes a number, not {value!r}") from error
    low, high = option.get("min_value", -(2**53)), option.get("max_value", 2**53)
    if not math.isfinite(number) or not low <= number <= high:
        raise RefusedError(f"{option['name']!r} takes {low} to {high}")
    return number


def _boolean(option: dict[str, Any], value: Any) -> bool:
    known = {"true": True, "false": False}
    found = value if isinstance(value, bool) else known.get(str(value).casefold())
    if found is None:
        raise RefusedError(f"{option['name']!r} takes true or false")
    return bool(found)
