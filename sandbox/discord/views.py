"""What the control API shows of the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import payloads, permissions, slash
from .acting import shown
from .check_components import walk
from .models import Channel, Guild, Interaction, Message, User
from .world import TOKEN_SECONDS

if TYPE_CHECKING:
    from .gateway import Gateway
    from .world import DiscordWorld

Body = dict[str, Any]


def state(world: DiscordWorld, gateway: Gateway, user: User | None) -> Body:
    """Everything but messages, as `user` sees it (or all, where nobody is named)."""
    return {
        "now": world.stamp(),
        "bot": {**payloads.user(world.users[world.bot_id]), "online": gateway.ready},
        "users": [_user(world, one) for one in world.users.values()],
        "guilds": [_guild(world, one, user) for one in world.guilds.values() if user is None or user.id in one.members],
        "dms": [
            payloads.channel(world, one)
            for one in world.channels.values()
            if one.guild_id is None and (user is None or user.id in one.recipients)
        ],
        "violations": len(world.violations),
    }


def _user(world: DiscordWorld, user: User) -> Body:
    return {**payloads.user(user), "dms_open": user.dms_open, "locale": user.locale}


def _guild(world: DiscordWorld, guild: Guild, user: User | None) -> Body:
    channels = [
        _channel(world, one, user)
        for one in sorted(world.channels_of(guild), key=lambda one: one.position)
        if user is None or world.may(one, user.id, "view_channel")
    ]
    return {
        "id": guild.id,
        "name": guild.name,
        "owner_id": guild.owner_id,
        "preferred_locale": guild.preferred_locale,
        "roles": [payloads.role(one) for one in guild.roles.values()],
        "channels": channels,
        "members": [
            {**payloads.member(world, one), "permissions": str(permissions.in_guild(guild, one))}
            for one in guild.members.values()
        ],
    }


def _channel(world: DiscordWorld, channel: Channel, user: User | None) -> Body:
    body = payloads.channel(world, channel)
    if user is not None:
        body["can_send"] = world.may(channel, user.id, "send_messages")
    return body


def seen(channel: Channel, user: User | None) -> list[Message]:
    """The messages of a channel that `user` can see, oldest first; nobody named: the public ones."""
    allowed = (None,) if user is None else (None, user.id)
    return [one for one in channel.messages.values() if one.visible_to in allowed]


def messages(world: DiscordWorld, channel: Channel, user: User | None, after: int, limit: int) -> list[Body]:
    found = [one for one in seen(channel, user) if int(one.id) > after]
    return [shown(world, one) for one in found[-limit:]]


def commands(world: DiscordWorld, channel: Channel, user: User) -> list[Body]:
    return [payloads.command(world, one) for one in slash.usable(world, channel, user)]


def interaction(world: DiscordWorld, item: Interaction) -> Body:
    """What became of an interaction: its state, the answer, follow-ups, form or choices."""
    channel = world.channels.get(item.channel_id)
    found = channel.messages if channel else {}
    original = found.get(item.original or "")
    others = [found[one] for one in item.messages if one in found and one != item.original]
    return {
        "id": item.id,
        "type": item.type,
        "channel": item.channel_id,
        "user": world.users[item.user_id].username,
        "state": item.state,
        "kind": item.kind,
        "expired": world.seconds() - item.created > TOKEN_SECONDS,
        "answer": shown(world, original) if original else None,
        "followups": [shown(world, one) for one in others],
        "modal": item.modal,
        "choices": item.choices,
    }


def text_of(message: Body) -> str:
    """All that a person reads in a message: content, embeds, text displays, buttons, file names."""
    parts = [str(message.get("content") or "")]
    for embed in message.get("embeds", []):
        parts += [str(embed.get(key) or "") for key in ("title", "description")]
        parts += [str((embed.get("author") or {}).get("name") or "")]
        parts += [f"{one['name']} {one['value']}" for one in embed.get("fields", [])]
        parts += [str((embed.get("footer") or {}).get("text") or "")]
    parts += _component_texts(message.get("components", []))
    parts += [str(one["filename"]) for one in message.get("attachments", [])]
    return "\n".join(part for part in parts if part)


def _component_texts(components: list[Body]) -> list[str]:
    return [str(one.get("content") or one.get("label") or "") for one in walk(components)]
