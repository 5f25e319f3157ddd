"""Routes of application commands, global and per guild."""

from __future__ import annotations

from typing import Any

from . import access, payloads
from .call import Call, Reply, Routes
from .check_commands import check_counts, read_bulk, read_command
from .errors import ApiError
from .models import Command
from .world import DiscordWorld, Event

routes = Routes()
GLOBAL = "/applications/{application_id}/commands"
GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"


def _scope(call: Call) -> str | None:
    """The guild id, or None for global commands; the application must be the bot's own."""
    if call["application_id"] != call.world.bot_id:
        raise ApiError(50001)
    guild_id = call.params.get("guild_id")
    if guild_id is not None:
        access.bot_guild(call.world, guild_id)
    return guild_id


def _one(call: Call) -> Command:
    scope = _scope(call)
    command = call.world.commands.get(call["command_id"])
    if command is None or command.guild_id != scope:
        raise ApiError(10063)
    return command


@routes.add("GET", GLOBAL)
@routes.add("GET", GUILD)
async def listing(call: Call) -> Reply:
    commands = call.world.command_list(_scope(call))
    return 200, [_shown(call, one) for one in commands]


def _shown(call: Call, command: Command) -> dict[str, Any]:
    body = payloads.command(call.world, command)
    if call.query.get("with_localizations") not in ("true", "1"):
        body.pop("name_localizations", None)
        body.pop("description_localizations", None)
    return body


@routes.add("PUT", GLOBAL)
@routes.add("PUT", GUILD)
async def overwrite(call: Call) -> Reply:
    scope = _scope(call)
    bodies = read_bulk(call.body)
    world = call.world
    known = {(one.type, one.name): one for one in world.command_list(scope)}
    for one in known.values():
        world.commands.pop(one.id)
    stored = [_store(world, scope, body, known.get((body["type"], body["name"]))) for body in bodies]
    _tell(world, scope)
    return 200, [payloads.command(world, one) for one in stored]


def _store(world: DiscordWorld, scope: str | None, body: dict[str, Any], old: Command | None) -> Command:
    """Keep a command under its name; the id stays, the version moves with a change."""
    if old is not None and old.body == body:
        command = old
    else:
        new_id = world.ids.next()
        command = Command(old.id if old else new_id, new_id, body, scope)
    world.commands[command.id] = command
    return command


def _tell(world: DiscordWorld, scope: str | None) -> None:
    world.emit(Event("COMMANDS_UPDATE", {"guild_id": scope}, control=True))


@routes.add("POST", GLOBAL)
@routes.add("POST", GUILD)
async def create(call: Call) -> Reply:
    scope = _scope(call)
    body = read_command(call.body)
    known = {(one.type, one.name): one for one in call.world.command_list(scope)}
    old = known.get((body["type"], body["name"]))
    if old is None:
        check_counts([one.body for one in known.values()] + [body])
    command = _store(call.world, scope, body, old)
    _tell(call.world, scope)
    return (200 if old else 201), payloads.command(call.world, command)


@routes.add("GET", GLOBAL + "/{command_id}")
@routes.add("GET", GUILD + "/{command_id}")
async def get_one(call: Call) -> Reply:
    return 200, payloads.command(call.world, _one(call))


@routes.add("PATCH", GLOBAL + "/{command_id}")
@routes.add("PATCH", GUILD + "/{command_id}")
async def edit(call: Call) -> Reply:
    command = _one(call)
    changes = call.body if isinstance(call.body, dict) else {}
    command.body = read_command({**command.body, **changes, "type": command.type})
    command.version = call.world.ids.next()
    _tell(call.world, command.guild_id)
    return 200, payloads.command(call.world, command)


@routes.add("DELETE", GLOBAL + "/{command_id}")
@routes.add("DELETE", GUILD + "/{command_id}")
async def delete(call: Call) -> Reply:
    command = _one(call)
    call.world.commands.pop(command.id)
    _tell(call.world, command.guild_id)
    return 204, None
