"""The world as JSON and back. Sessions, faults and recorded requests are not kept."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .models import (
    Channel,
    Command,
    File,
    Guild,
    Interaction,
    Member,
    Mentions,
    Message,
    Overwrite,
    Role,
    User,
)

if TYPE_CHECKING:
    from .world import DiscordWorld

VERSION = 1


def dump(world: DiscordWorld) -> dict[str, Any]:
    return {
        "version": VERSION,
        "token": world.token,
        "bot_id": world.bot_id,
        "last_id": world.ids.last,
        "allowed_intents": world.allowed_intents,
        "users": [asdict(user) for user in world.users.values()],
        "guilds": [asdict(guild) for guild in world.guilds.values()],
        "channels": [asdict(channel) for channel in world.channels.values()],
        "commands": [asdict(command) for command in world.commands.values()],
        "interactions": [asdict(item) for item in world.interactions.values() if item.state != "pending"],
        "files": [
            {**asdict(file), "content": base64.b64encode(file.content).decode()} for file in world.files.values()
        ],
    }


def load(world: DiscordWorld, saved: dict[str, Any]) -> DiscordWorld:
    """Fill `world` from what `dump` gave; ValueError for another version."""
    if saved.get("version") != VERSION:
        raise ValueError(f"saved sandbox has version {saved.get('version')!r}, this one reads {VERSION}")
    world.token = saved["token"]
    world.bot_id = saved["bot_id"]
    world.ids.last = saved["last_id"]
    world.allowed_intents = saved["allowed_intents"]
    world.users = {item["id"]: User(**item) for item in saved["users"]}
    world.guilds = {item["id"]: _guild(item) for item in saved["guilds"]}
    world.channels = {item["id"]: _channel(item) for item in saved["channels"]}
    world.commands = {item["id"]: Command(**item) for item in saved["commands"]}
    world.interactions = {item["id"]: Interaction(**item) for item in saved["interactions"]}
    world.files = {item["id"]: _file(item) for item in saved["files"]}
    return world


def _guild(item: dict[str, Any]) -> Guild:
    roles = {key: Role(**value) for key, value in item["roles"].items()}
    members = {key: Member(**value) for key, value in item["members"].items()}
    return Guild(**{**item, "roles": roles, "members": members})


def _channel(item: dict[str, Any]) -> Channel:
    overwrites = [Overwrite(**value) for value in item["overwrites"]]
    messages = {key: _message(value) for key, value in item["messages"].items()}
    return Channel(**{**item, "overwrites": overwrites, "messages": messages})


def _message(item: dict[str, Any]) -> Message:
    return Message(**{**item, "mentions": Mentions(**item["mentions"])})


def _file(item: dict[str, Any]) -> File:
    return File(**{**item, "content": base64.b64decode(item["content"])})
