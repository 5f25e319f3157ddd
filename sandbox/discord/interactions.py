"""From a person's click to INTERACTION_CREATE, and what is kept of it until its token dies."""

from __future__ import annotations

import asyncio
import base64
import binascii
from itertools import islice
from typing import TYPE_CHECKING, Any

from . import payloads
from .errors import ApiError
from .models import Channel, Interaction, Message
from .posting import about_interaction
from .world import TOKEN_SECONDS, Event

if TYPE_CHECKING:
    from .world import DiscordWorld

COMMAND, COMPONENT, AUTOCOMPLETE, SUBMIT = 2, 3, 4, 5


def start(
    world: DiscordWorld,
    kind: int,
    channel: Channel,
    user_id: str,
    data: dict[str, Any],
    *,
    message: Message | None = None,
    after: Interaction | None = None,
) -> Interaction:
    """Create an interaction, send it to the bot, and give up after three seconds.

    `message` is the one whose component was used; `after` the interaction that opened a modal.
    """
    identifier = world.interaction_ids.next()
    secret = f"interaction:{identifier}:{world.new_token()}"
    interaction = Interaction(
        id=identifier,
        token=base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
        type=kind,
        channel_id=channel.id,
        user_id=user_id,
        data=data,
        created=world.seconds(),
        guild_id=channel.guild_id,
        message_id=message.id if message else None,
        origin=about_interaction(after) if after else None,
    )
    _forget_dead(world)
    world.interactions[identifier] = interaction
    event = _payload(world, interaction, channel, message)
    world.emit(Event("INTERACTION_CREATE", event, channel.guild_id, channel.id, visible_to=user_id))
    asyncio.get_running_loop().call_later(world.answer_seconds, lapse, world, interaction)
    return interaction


def _forget_dead(world: DiscordWorld) -> None:
    """Drop interactions whose token died long ago; the oldest stand first."""
    now = world.seconds()
    for identifier, item in list(islice(world.interactions.items(), 16)):
        if now - item.created < 2 * TOKEN_SECONDS:
            return
        world.interactions.pop(identifier)


def lapse(world: DiscordWorld, interaction: Interaction) -> None:
    """The application did not respond."""
    if interaction.state != "pending":
        return
    interaction.state = "failed"
    tell(world, interaction, "INTERACTION_FAILED")


def tell(world: DiscordWorld, interaction: Interaction, name: str) -> None:
    """Say on the control stream what became of an interaction."""
    data = {"id": interaction.id, "state": interaction.state, "user_id": interaction.user_id}
    world.emit(Event(name, data, interaction.guild_id, interaction.channel_id, interaction.user_id, control=True))


def by_token(world: DiscordWorld, token: str) -> Interaction | None:
    padded = token + "=" * (-len(token) % 4)
    try:
        parts = base64.urlsafe_b64decode(padded).decode().split(":")
    except (binascii.Error, ValueError):
        return None
    found = world.interactions.get(parts[1]) if len(parts) == 3 else None
    return found if found is not None and found.token == token else None


def alive(world: DiscordWorld, token: str) -> Interaction:
    """The interaction behind a webhook token that follow-ups may use.

    10015 for a token that nobody gave out or that is not acknowledged yet, 50027 after 15 minutes.
    """
    interaction = by_token(world, token)
    if interaction is None or interaction.state != "answered":
        raise ApiError(10015)
    if world.seconds() - interaction.created > TOKEN_SECONDS:
        raise ApiError(50027)
    return interaction


def waiting(world: DiscordWorld, identifier: str, token: str) -> Interaction:
    """The interaction that a callback answers: 10062 unknown or too late, 40060 answered before."""
    interaction = by_token(world, token)
    if interaction is None or interaction.id != identifier:
        raise ApiError(10062)
    if interaction.state == "answered":
        raise ApiError(40060)
    if interaction.state == "failed" or world.seconds() - interaction.created > world.answer_seconds:
        lapse(world, interaction)
        raise ApiError(10062)
    return interaction


def _payload(world: DiscordWorld, item: Interaction, channel: Channel, message: Message | None) -> dict[str, Any]:
    user = world.users[item.user_id]
    rights = str(world.permissions(channel, item.user_id))
    body: dict[str, Any] = {
        "id": item.id,
        "application_id": world.bot_id,
        "type": item.type,
        "token": item.token,
        "version": 1,
        "data": item.data,
        "channel_id": channel.id,
        "channel": {**payloads.channel(world, channel), "permissions": rights},
        "app_permissions": payloads.app_permissions(world, channel),
        "locale": user.locale,
        "entitlements": [],
        "authorizing_integration_owners": {"0": channel.guild_id or "0"},
        "context": 0 if channel.guild_id else 1,
        "attachment_size_limit": 10 * 1024 * 1024,
    }
    if message is not None:
        body["message"] = payloads.message(world, message)
    if channel.guild_id is None:
        body["user"] = payloads.user(user)
        return body
    guild = world.guilds[channel.guild_id]
    body["guild_id"] = guild.id
    body["guild_locale"] = guild.preferred_locale
    body["guild"] = {"id": guild.id, "locale": guild.preferred_locale, "features": ["COMMUNITY"]}
    body["member"] = {**payloads.member(world, guild.members[user.id]), "permissions": rights}
    return body
