"""Permission bits and how they add up, after Discord's documentation ("Permission Hierarchy")."""

from __future__ import annotations

from .models import Channel, Guild, Member, Role

BITS: dict[str, int] = {
    "create_instant_invite": 1 << 0,
    "kick_members": 1 << 1,
    "ban_members": 1 << 2,
    "administrator": 1 << 3,
    "manage_channels": 1 << 4,
    "manage_guild": 1 << 5,
    "add_reactions": 1 << 6,
    "view_audit_log": 1 << 7,
    "view_channel": 1 << 10,
    "send_messages": 1 << 11,
    "send_tts_messages": 1 << 12,
    "manage_messages": 1 << 13,
    "embed_links": 1 << 14,
    "attach_files": 1 << 15,
    "read_message_history": 1 << 16,
    "mention_everyone": 1 << 17,
    "use_external_emojis": 1 << 18,
    "change_nickname": 1 << 26,
    "manage_nicknames": 1 << 27,
    "manage_roles": 1 << 28,
    "manage_webhooks": 1 << 29,
    "use_application_commands": 1 << 31,
    "moderate_members": 1 << 40,
    "pin_messages": 1 << 51,
}
ALL = (1 << 53) - 1


def bits(*names: str) -> int:
    value = 0
    for name in names:
        value |= BITS[name]
    return value


EVERYONE = bits(
    "create_instant_invite",
    "add_reactions",
    "view_channel",
    "send_messages",
    "embed_links",
    "attach_files",
    "read_message_history",
    "change_nickname",
    "use_application_commands",
)


def roles_of(guild: Guild, member: Member) -> list[Role]:
    """The member's roles including @everyone (whose id is the guild's)."""
    return [guild.roles[role_id] for role_id in (guild.id, *member.roles) if role_id in guild.roles]


def in_guild(guild: Guild, member: Member) -> int:
    if guild.owner_id == member.user_id:
        return ALL
    value = 0
    for role in roles_of(guild, member):
        value |= role.permissions
    return ALL if value & BITS["administrator"] else value


def in_channel(guild: Guild, member: Member, channel: Channel) -> int:
    """Guild permissions, then overwrites for @everyone, the roles together, and the member."""
    value = in_guild(guild, member)
    if value == ALL:
        return ALL
    allow = deny = 0
    for overwrite in channel.overwrites:
        if overwrite.id == guild.id:
            value = value & ~overwrite.deny | overwrite.allow
        elif overwrite.id in member.roles:
            allow |= overwrite.allow
            deny |= overwrite.deny
    value = value & ~deny | allow
    for overwrite in channel.overwrites:
        if overwrite.id == member.user_id:
            value = value & ~overwrite.deny | overwrite.allow
    return value if value & BITS["view_channel"] else 0


def has(value: int, *names: str) -> bool:
    wanted = bits(*names)
    return value & wanted == wanted


def top_position(guild: Guild, member: Member) -> int:
    """The position of the member's highest role; the owner stands above all."""
    if guild.owner_id == member.user_id:
        return 1 << 30
    return max((role.position for role in roles_of(guild, member)), default=0)
