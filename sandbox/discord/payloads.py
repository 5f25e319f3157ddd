"""How the world's things look on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import intents, permissions
from .models import EPHEMERAL, Channel, Command, Guild, Member, Message, Role, User

if TYPE_CHECKING:
    from .world import DiscordWorld


def user(item: User) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": item.id,
        "username": item.username,
        "global_name": item.global_name,
        "discriminator": "0000" if item.bot else "0",
        "avatar": None,
        "public_flags": 0,
        "flags": 0,
        "banner": None,
        "accent_color": None,
        "avatar_decoration_data": None,
        "collectibles": None,
        "primary_guild": None,
    }
    if item.bot:
        body["bot"] = True
    return body


def me(item: User) -> dict[str, Any]:
    return {**user(item), "mfa_enabled": True, "verified": True, "email": None, "locale": "en-US"}


def member(world: DiscordWorld, item: Member, *, with_user: bool = True) -> dict[str, Any]:
    body: dict[str, Any] = {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": None,
        "flags": 0,
        "joined_at": item.joined_at,
        "nick": item.nick,
        "pending": False,
        "premium_since": item.premium_since,
        "roles": list(item.roles),
        "mute": False,
        "deaf": False,
    }
    if with_user:
        body["user"] = user(world.users[item.user_id])
    return body


def role(item: Role) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": item.id,
        "name": item.name,
        "permissions": str(item.permissions),
        "position": item.position,
        "color": item.color,
        "colors": {"primary_color": item.color, "secondary_color": None, "tertiary_color": None},
        "hoist": item.hoist,
        "managed": item.managed,
        "mentionable": item.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if item.tags:
        body["tags"] = dict(item.tags)
    return body


def channel(world: DiscordWorld, item: Channel) -> dict[str, Any]:
    if item.guild_id is None:
        people = [user(world.users[one]) for one in item.recipients if one != world.bot_id]
        return {
            "id": item.id,
            "type": 1,
            "flags": 0,
            "last_message_id": item.last_message_id,
            "recipients": people,
        }
    return {
        "id": item.id,
        "type": item.type,
        "flags": 0,
        "guild_id": item.guild_id,
        "name": item.name,
        "topic": item.topic,
        "position": item.position,
        "parent_id": item.parent_id,
        "nsfw": item.nsfw,
        "rate_limit_per_user": 0,
        "last_message_id": item.last_message_id,
        "permission_overwrites": [
            {"id": one.id, "type": one.type, "allow": str(one.allow), "deny": str(one.deny)} for one in item.overwrites
        ],
    }


def guild(item: Guild) -> dict[str, Any]:
    """The guild without channels and members, as REST answers it."""
    nulls = (
        "icon", "description", "home_header", "splash", "discovery_splash", "banner", "application_id",
        "afk_channel_id", "system_channel_id", "widget_channel_id", "max_presences", "vanity_url_code",
        "rules_channel_id", "safety_alerts_channel_id", "public_updates_channel_id", "incidents_data",
    )  # fmt: skip
    zeros = (
        "system_channel_flags", "verification_level", "default_message_notifications", "mfa_level",
        "explicit_content_filter", "premium_tier", "nsfw_level",
    )  # fmt: skip
    return {
        **dict.fromkeys(nulls),
        **dict.fromkeys(zeros, 0),
        "id": item.id,
        "name": item.name,
        "owner_id": item.owner_id,
        "region": "deprecated",
        "afk_timeout": 300,
        "features": ["COMMUNITY"],
        "widget_enabled": False,
        "roles": [role(one) for one in item.roles.values()],
        "max_members": 500_000,
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
        "premium_subscription_count": sum(1 for one in item.members.values() if one.premium_since),
        "preferred_locale": item.preferred_locale,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "emojis": [],
        "stickers": [],
    }


def guild_create(world: DiscordWorld, item: Guild, members: list[Member]) -> dict[str, Any]:
    """The guild as GUILD_CREATE carries it, with the `members` that the session may have."""
    return {
        **guild(item),
        "joined_at": item.members[world.bot_id].joined_at,
        "large": len(item.members) > 250,
        "unavailable": False,
        "member_count": len(item.members),
        "voice_states": [],
        "members": [member(world, one) for one in members],
        "channels": [channel(world, one) for one in world.channels_of(item)],
        "threads": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def command(world: DiscordWorld, item: Command) -> dict[str, Any]:
    body = {**item.body, "id": item.id, "application_id": world.bot_id, "version": item.version}
    if item.guild_id is not None:
        body["guild_id"] = item.guild_id
    return body


_INTENT_FLAGS = {intents.PRESENCES: 1 << 13, intents.MEMBERS: 1 << 15, intents.CONTENT: 1 << 19}


def _application_flags(world: DiscordWorld) -> int:
    """The privileged intents that the developer portal shows as switched on."""
    told = world.allowed_intents if world.told_intents is None else world.told_intents
    return sum(flag for intent, flag in _INTENT_FLAGS.items() if told & intent)


def application(world: DiscordWorld) -> dict[str, Any]:
    bot = world.users[world.bot_id]
    owner = next((one for one in world.users.values() if not one.bot), bot)
    return {
        "id": bot.id,
        "name": bot.global_name or bot.username,
        "icon": None,
        "description": "",
        "type": None,
        "bot": user(bot),
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": _application_flags(world),
        "hook": True,
        "max_participants": None,
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(owner),
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "eligible_oauth2_scopes": ["bot", "applications.commands"],
        "flags_new": str(_application_flags(world)),
        "explicit_content_filter": 0,
        "team": None,
        "integration_types_config": {},
    }


def message(world: DiscordWorld, item: Message, *, nested: bool = True) -> dict[str, Any]:
    """A message as the bot's REST answers show it; `nested` includes the one that it replies to."""
    files = {one["filename"]: file_url(world, one) for one in item.attachments}
    used: set[str] = set()
    embeds = [_embed(one, files, used) for one in item.embeds]
    body: dict[str, Any] = {
        "id": item.id,
        "channel_id": item.channel_id,
        "type": item.type,
        "content": item.content,
        "author": user(world.users[item.author_id]),
        "timestamp": item.timestamp,
        "edited_timestamp": item.edited_timestamp,
        "tts": False,
        "flags": item.flags,
        "pinned": item.pinned,
        "embeds": embeds,
        "components": item.components,
        "attachments": [attachment(world, item, one) for one in item.attachments if one["filename"] not in used],
        "mentions": [user(world.users[one]) for one in item.mentions.users if one in world.users],
        "mention_roles": list(item.mentions.roles),
        "mention_everyone": item.mentions.everyone,
    }
    _optional(world, item, body)
    if item.reference is not None and nested:
        body["referenced_message"] = _referenced(world, item)
    return body


def _optional(world: DiscordWorld, item: Message, body: dict[str, Any]) -> None:
    if item.nonce is not None:
        body["nonce"] = item.nonce
    if item.webhook_id is not None:
        body["webhook_id"] = item.webhook_id
        body["application_id"] = world.bot_id
    if item.interaction is not None:
        body["interaction_metadata"] = interaction_metadata(world, item.interaction)
    if item.reactions:
        body["reactions"] = [reaction(world, name, people) for name, people in item.reactions.items()]
    if item.reference is not None:
        body["message_reference"] = {"type": 0, **item.reference}


def _referenced(world: DiscordWorld, item: Message) -> dict[str, Any] | None:
    place = world.channels.get(str((item.reference or {}).get("channel_id")))
    found = place.messages.get(str((item.reference or {}).get("message_id"))) if place else None
    return message(world, found, nested=False) if found else None


def interaction_metadata(world: DiscordWorld, about: dict[str, Any]) -> dict[str, Any]:
    """`about` is what the message remembers: id, type, user_id, name and what led to it."""
    body: dict[str, Any] = {
        "id": about["id"],
        "type": about["type"],
        "user": user(world.users[about["user_id"]]),
        "authorizing_integration_owners": {"0": about["guild_id"] or "0"},
    }
    if about["type"] == 2:
        body["name"] = about.get("name") or ""
        body["command_type"] = about.get("command_type", 1)
    elif about["type"] == 3:
        body["interacted_message_id"] = about["message_id"]
    elif about.get("origin"):
        body["triggering_interaction_metadata"] = interaction_metadata(world, about["origin"])
    return body


def reaction(world: DiscordWorld, name: str, people: list[str]) -> dict[str, Any]:
    return {
        "emoji": {"id": None, "name": name},
        "count": len(people),
        "count_details": {"burst": 0, "normal": len(people)},
        "burst_colors": [],
        "me_burst": False,
        "burst_me": False,
        "burst_count": 0,
        "me": world.bot_id in people,
    }


def file_url(world: DiscordWorld, item: dict[str, Any]) -> str:
    return f"{world.origin}/cdn/attachments/{item['id']}/{item['filename']}"


def attachment(world: DiscordWorld, owner: Message | None, item: dict[str, Any]) -> dict[str, Any]:
    url = file_url(world, item)
    body = {**item, "url": url, "proxy_url": url}
    if owner is not None and owner.flags & EPHEMERAL:
        body["ephemeral"] = True
    return body


def _embed(item: dict[str, Any], files: dict[str, str], used: set[str]) -> dict[str, Any]:
    """The embed with `attachment://name` turned into addresses; `used` collects those names."""
    body = dict(item)
    for key, field in (
        ("image", "url"),
        ("thumbnail", "url"),
        ("footer", "icon_url"),
        ("author", "icon_url"),
    ):
        part = body.get(key)
        if part and str(part.get(field, "")).startswith("attachment://"):
            name = part[field].removeprefix("attachment://")
            if name in files:
                used.add(name)
                body[key] = {**part, field: files[name]}
    return body


def app_permissions(world: DiscordWorld, place: Channel) -> str:
    return str(world.permissions(place, world.bot_id) or permissions.EVERYONE)
