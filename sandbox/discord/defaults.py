"""The guild that a fresh sandbox opens with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .models import Channel, Guild, Member, Overwrite, Role, User
from .permissions import EVERYONE, bits
from .snowflake import at

if TYPE_CHECKING:
    from .world import DiscordWorld

# handle, shown name, account age in days, days in the guild, roles
PEOPLE: tuple[tuple[str, str, int, int, tuple[str, ...]], ...] = (
    ("streamer", "Streamer", 2400, 720, ()),
    ("moderator", "Moderator", 1500, 600, ("Moderator",)),
    ("booster", "Booster", 900, 400, ("Server Booster",)),
    ("vip", "VIP", 800, 380, ("VIP",)),
    ("viewer1", "viewer1", 500, 200, ()),
    ("viewer2", "viewer2", 450, 120, ()),
    ("viewer3", "viewer3", 400, 40, ("Level 10",)),
    ("newcomer", "newcomer", 1, 0, ()),
)
# name, permissions, colour, shown apart
ROLES: tuple[tuple[str, int, int, bool], ...] = (
    ("Level 10", 0, 0x95A5A6, False),
    ("VIP", 0, 0xF1C40F, True),
    ("Server Booster", 0, 0xF47FFF, True),
    (
        "Moderator",
        bits("manage_guild", "manage_messages", "kick_members", "mention_everyone"),
        0x2ECC71,
        True,
    ),
)
BOT_PERMISSIONS = bits(
    "view_channel",
    "send_messages",
    "embed_links",
    "attach_files",
    "read_message_history",
    "add_reactions",
    "manage_messages",
    "manage_roles",
    "mention_everyone",
    "pin_messages",
)
# name, topic, announcement channel, who may write (None: all), private
CHANNELS: tuple[tuple[str, str, int, bool, bool], ...] = (
    ("general", "Talk about anything", 0, True, False),
    ("raffle", "Tickets, odds and the monthly draw", 0, True, False),
    ("giveaways", "Press the button to take part", 0, True, False),
    ("announcements", "Winners and news", 5, False, False),
    ("mods", "For the team", 0, True, True),
)


def furnish(world: DiscordWorld) -> DiscordWorld:
    """Fill an empty world with the default guild and its bot."""
    now = world.now()
    serial = iter(range(1, 1 << 20))
    guild_id = at(now - timedelta(days=730), next(serial))
    guild = Guild(id=guild_id, name="Sandbox Stream", owner_id="")
    world.guilds[guild_id] = guild
    guild.roles[guild_id] = Role(guild_id, "@everyone", permissions=EVERYONE, position=0)
    _add_bot(world, guild, now)
    for position, (name, value, color, hoist) in enumerate(ROLES, 1):
        role_id = at(now - timedelta(days=700), next(serial))
        tags = {"premium_subscriber": None} if name == "Server Booster" else {}
        guild.roles[role_id] = Role(role_id, name, value, position, color, hoist, managed=bool(tags), tags=tags)
    _add_people(world, guild, now)
    for position, row in enumerate(CHANNELS):
        _add_channel(world, guild, position, row, at(now - timedelta(days=690), next(serial)))
    return world


def _add_bot(world: DiscordWorld, guild: Guild, now: datetime) -> None:
    bot_id = at(now - timedelta(days=365), 1)
    world.bot_id = bot_id
    world.users[bot_id] = User(bot_id, "drumroll", "Drumroll", bot=True)
    role_id = at(now - timedelta(days=300), 2)
    tags = {"bot_id": bot_id}
    guild.roles[role_id] = Role(role_id, "Drumroll", BOT_PERMISSIONS, 20, managed=True, tags=tags)
    joined = (now - timedelta(days=300)).isoformat()
    guild.members[bot_id] = Member(bot_id, joined, roles=[role_id])


def _add_people(world: DiscordWorld, guild: Guild, now: datetime) -> None:
    by_name = {role.name: role.id for role in guild.roles.values()}
    for serial, (handle, shown, age, days, roles) in enumerate(PEOPLE, 10):
        user_id = at(now - timedelta(days=age, hours=1), serial)
        world.users[user_id] = User(user_id, handle, shown)
        member = Member(user_id, (now - timedelta(days=days, minutes=30)).isoformat())
        member.roles = [by_name[name] for name in roles]
        if "Server Booster" in roles:
            member.premium_since = (now - timedelta(days=90)).isoformat()
        guild.members[user_id] = member
        if handle == "streamer":
            guild.owner_id = user_id


def _add_channel(
    world: DiscordWorld, guild: Guild, position: int, row: tuple[str, str, int, bool, bool], channel_id: str
) -> None:
    name, topic, kind, writable, private = row
    channel = Channel(channel_id, kind, name, guild.id, topic, position)
    by_name = {role.name: role.id for role in guild.roles.values()}
    if private:
        channel.overwrites.append(Overwrite(guild.id, 0, deny=bits("view_channel")))
        channel.overwrites.append(Overwrite(by_name["Moderator"], 0, allow=bits("view_channel")))
        channel.overwrites.append(Overwrite(by_name["Drumroll"], 0, allow=bits("view_channel")))
    elif not writable:
        channel.overwrites.append(Overwrite(guild.id, 0, deny=bits("send_messages")))
        channel.overwrites.append(Overwrite(by_name["Drumroll"], 0, allow=bits("send_messages")))
    world.channels[channel_id] = channel
