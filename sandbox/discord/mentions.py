"""Who a text names, and who is really notified after allowed_mentions and permissions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .check_message import Allowed
from .models import Channel, Mentions

if TYPE_CHECKING:
    from .world import DiscordWorld

_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_EVERYONE = re.compile(r"@(everyone|here)\b")


def find(
    world: DiscordWorld,
    channel: Channel,
    author_id: str,
    content: str,
    allowed: Allowed | None,
    replied_to: str | None = None,
) -> Mentions:
    """`allowed` None pings whatever the text names, as Discord does by default."""
    allowed = allowed or Allowed()
    loud = world.may(channel, author_id, "mention_everyone")
    found = Mentions()
    found.users = _allowed(_USER.findall(content), "users", allowed, allowed.users)
    found.users = [one for one in found.users if one in world.users]
    if replied_to is not None and allowed.replied_user and replied_to not in found.users:
        found.users.append(replied_to)
    named_roles = _allowed(_ROLE.findall(content), "roles", allowed, allowed.roles)
    guild = world.guilds.get(channel.guild_id or "")
    roles = guild.roles if guild else {}
    found.roles = [one for one in named_roles if one in roles]
    everyone = allowed.parse is None or "everyone" in allowed.parse
    found.everyone = bool(guild and loud and everyone and _EVERYONE.search(content))
    loud_roles = {one for one in found.roles if loud or roles[one].mentionable}
    found.pinged = _pinged(world, channel, author_id, found, loud_roles)
    return found


def _allowed(named: list[str], kind: str, allowed: Allowed, listed: list[str]) -> list[str]:
    unique = list(dict.fromkeys(named))
    if allowed.parse is None or kind in allowed.parse:
        return unique
    return [one for one in unique if one in listed]


def _pinged(world: DiscordWorld, channel: Channel, author_id: str, found: Mentions, roles: set[str]) -> list[str]:
    """User ids that get a notification: they must be able to see the channel."""
    pinged = set(found.users)
    guild = world.guilds.get(channel.guild_id or "")
    for member in guild.members.values() if guild else ():
        if found.everyone or roles & set(member.roles):
            pinged.add(member.user_id)
    return sorted(one for one in pinged if one != author_id and world.may(channel, one, "view_channel"))
