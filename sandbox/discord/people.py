"""Changes to guilds, channels, roles and members, each told to whoever watches."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from . import payloads
from .models import Channel, Guild, Member, Overwrite, Role, User
from .snowflake import at
from .world import Event

if TYPE_CHECKING:
    from .world import DiscordWorld


def add_user(world: DiscordWorld, username: str, *, age_days: float = 0.0) -> User:
    """A new account, `age_days` old."""
    serial = len(world.users) + 1
    user = User(at(world.now() - timedelta(days=age_days), serial), username, username)
    world.users[user.id] = user
    world.emit(Event("USER_CREATE", payloads.user(user), control=True))
    return user


def add_users(world: DiscordWorld, guild: Guild, prefix: str, count: int) -> list[User]:
    """A crowd: `count` members called prefix1, prefix2, ..."""
    known = {user.username: user for user in world.users.values()}
    crowd = []
    for number in range(1, count + 1):
        user = known.get(f"{prefix}{number}") or add_user(world, f"{prefix}{number}", age_days=100)
        if user.id not in guild.members:
            join(world, guild, user.id)
        crowd.append(user)
    return crowd


def join(world: DiscordWorld, guild: Guild, user_id: str) -> Member:
    """Into the guild; for the bot itself that is GUILD_CREATE."""
    member = guild.members[user_id] = Member(user_id, world.stamp())
    if user_id == world.bot_id:
        members = list(guild.members.values())
        world.emit(Event("GUILD_CREATE", payloads.guild_create(world, guild, members), guild.id))
    else:
        data = {**payloads.member(world, member), "guild_id": guild.id}
        world.emit(Event("GUILD_MEMBER_ADD", data, guild.id))
    return member


def leave(world: DiscordWorld, guild: Guild, user_id: str) -> None:
    if guild.members.pop(user_id, None) is None:
        return
    if user_id == world.bot_id:
        world.emit(Event("GUILD_DELETE", {"id": guild.id}, guild.id))
    else:
        data = {"guild_id": guild.id, "user": payloads.user(world.users[user_id])}
        world.emit(Event("GUILD_MEMBER_REMOVE", data, guild.id))


def set_roles(world: DiscordWorld, guild: Guild, member: Member, roles: list[str]) -> None:
    member.roles = [one for one in dict.fromkeys(roles) if one in guild.roles and one != guild.id]
    member_changed(world, guild, member)


def member_changed(world: DiscordWorld, guild: Guild, member: Member) -> None:
    data = {**payloads.member(world, member), "guild_id": guild.id}
    world.emit(Event("GUILD_MEMBER_UPDATE", data, guild.id))


def add_role(world: DiscordWorld, guild: Guild, role: Role) -> Role:
    guild.roles[role.id] = role
    world.emit(Event("GUILD_ROLE_CREATE", _of_role(guild, role), guild.id))
    return role


def role_changed(world: DiscordWorld, guild: Guild, role: Role) -> None:
    world.emit(Event("GUILD_ROLE_UPDATE", _of_role(guild, role), guild.id))


def delete_role(world: DiscordWorld, guild: Guild, role: Role) -> None:
    guild.roles.pop(role.id, None)
    world.emit(Event("GUILD_ROLE_DELETE", {"guild_id": guild.id, "role_id": role.id}, guild.id))
    for member in guild.members.values():
        if role.id in member.roles:
            set_roles(world, guild, member, member.roles)


def _of_role(guild: Guild, role: Role) -> dict[str, Any]:
    return {"guild_id": guild.id, "role": payloads.role(role)}


def add_channel(world: DiscordWorld, guild: Guild, name: str, *, kind: int = 0) -> Channel:
    channel = Channel(world.ids.next(), kind, name, guild.id, position=len(world.channels))
    world.channels[channel.id] = channel
    world.emit(Event("CHANNEL_CREATE", payloads.channel(world, channel), guild.id, channel.id))
    return channel


def delete_channel(world: DiscordWorld, channel: Channel) -> None:
    event = Event("CHANNEL_DELETE", payloads.channel(world, channel), channel.guild_id)
    world.channels.pop(channel.id, None)
    world.emit(event)


def delete_guild(world: DiscordWorld, guild: Guild) -> None:
    for channel in world.channels_of(guild):
        world.channels.pop(channel.id, None)
    world.emit(Event("GUILD_DELETE", {"id": guild.id}, guild.id))
    world.guilds.pop(guild.id, None)


def set_overwrite(world: DiscordWorld, channel: Channel, target_id: str, kind: int, allow: int, deny: int) -> None:
    """Replace the exception for a role or member; an empty one is taken away."""
    channel.overwrites = [one for one in channel.overwrites if one.id != target_id]
    if allow or deny:
        channel.overwrites.append(Overwrite(target_id, kind, allow, deny))
    world.emit(Event("CHANNEL_UPDATE", payloads.channel(world, channel), channel.guild_id, channel.id))


def permit(world: DiscordWorld, channel: Channel, user_id: str, allow: int = 0, deny: int = 0, reset: int = 0) -> None:
    """Give, take or clear single permissions of one member in one channel."""
    current = next((one for one in channel.overwrites if one.id == user_id), Overwrite(user_id, 1))
    allowed = (current.allow | allow) & ~deny & ~reset
    denied = (current.deny | deny) & ~allow & ~reset
    set_overwrite(world, channel, user_id, 1, allowed, denied)
