"""What the bot may do, asked with Discord's codes for "no"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import permissions
from .check_message import Draft
from .errors import ApiError
from .models import Channel, Guild, Member, Message, Role

if TYPE_CHECKING:
    from .world import DiscordWorld


def bot_guild(world: DiscordWorld, guild_id: str) -> tuple[Guild, Member]:
    """The guild and the bot's membership; 10004 where the bot is not in it."""
    guild = world.guild(guild_id)
    member = guild.members.get(world.bot_id)
    if member is None:
        raise ApiError(10004)
    return guild, member


def visible(world: DiscordWorld, channel_id: str) -> Channel:
    """A channel that the bot can see: 10003 where it is not, 50001 where it may not."""
    channel = world.channel(channel_id)
    if channel.guild_id is None:
        if world.bot_id not in channel.recipients:
            raise ApiError(50001)
        return channel
    bot_guild(world, channel.guild_id)
    if not world.may(channel, world.bot_id, "view_channel"):
        raise ApiError(50001)
    return channel


def need(world: DiscordWorld, channel: Channel, *names: str) -> None:
    if not world.may(channel, world.bot_id, *names):
        raise ApiError(50013)


def need_in_guild(guild: Guild, member: Member, *names: str) -> None:
    if not permissions.has(permissions.in_guild(guild, member), *names):
        raise ApiError(50013)


def need_to_send(world: DiscordWorld, channel: Channel, draft: Draft, has_files: bool) -> None:
    """Send, embed and attach; in a DM: whether the person takes any."""
    if channel.guild_id is None:
        others = [one for one in channel.recipients if one != world.bot_id]
        if not all(can_dm(world, one) for one in others):
            raise ApiError(50007)
        return
    need(world, channel, "send_messages")
    if draft.embeds:
        need(world, channel, "embed_links")
    if has_files:
        need(world, channel, "attach_files")
    if draft.reference is not None and not world.may(channel, world.bot_id, "read_message_history"):
        raise ApiError(160002)


def can_dm(world: DiscordWorld, user_id: str) -> bool:
    """Open DMs and a guild in common."""
    user = world.users.get(user_id)
    if user is None or not user.dms_open or user.bot:
        return False
    return any(user_id in guild.members and world.bot_id in guild.members for guild in world.guilds.values())


def seen_message(world: DiscordWorld, channel: Channel, message_id: str) -> Message:
    """A message that channel routes may touch; ephemeral ones are none of them."""
    message = world.message(channel, message_id)
    if message.visible_to is not None:
        raise ApiError(10008)
    return message


def need_role_power(guild: Guild, actor: Member, role: Role) -> None:
    """Manage Roles, and a role below one's own highest; managed roles and @everyone belong to Discord."""
    need_in_guild(guild, actor, "manage_roles")
    if role.id == guild.id or role.managed:
        raise ApiError(50028 if role.id == guild.id else 50013)
    if role.position >= permissions.top_position(guild, actor):
        raise ApiError(50013)
