"""Roles in settings: nobody gives, pings or empowers through the bot a role that they could not give themselves."""

from __future__ import annotations

import discord

from core.errors import UserError
from core.letters import DangerousRole

_GIVEN_TO_NOBODY = discord.Permissions(
    administrator=True, manage_guild=True, manage_roles=True, manage_channels=True, manage_webhooks=True,
    manage_messages=True, manage_threads=True, manage_nicknames=True, manage_expressions=True, manage_events=True,
    kick_members=True, ban_members=True, moderate_members=True, mute_members=True, deafen_members=True,
    move_members=True, mention_everyone=True, view_audit_log=True,
)  # fmt: skip
_RULES_THE_SERVER = discord.Permissions(administrator=True, manage_guild=True, manage_roles=True)


def _has(role: discord.Role, wanted: discord.Permissions) -> bool:
    return bool(role.permissions.value & wanted.value)


def _could_give(member: discord.Member, role: discord.Role) -> bool:
    if member.id == member.guild.owner_id:
        return True
    return member.guild_permissions.manage_roles and role < member.top_role


def require_giveable(member: discord.Member, role: discord.Role) -> None:
    """A role that the bot gives out because this member said so.

    Errors: `role.dangerous`, `giveaway.winner_role_too_high`, `giveaway.winner_role_not_yours`.
    """
    if _has(role, _GIVEN_TO_NOBODY):
        raise UserError("role.dangerous", role=role.name)
    if role.is_default() or role.managed or not _could_give(role.guild.me, role):
        raise UserError("giveaway.winner_role_too_high", role=role.name)
    if not _could_give(member, role):
        raise UserError("giveaway.winner_role_not_yours", role=role.name)


def require_manageable(member: discord.Member, role: discord.Role) -> None:
    """A role whose holders may manage the bot because this member said so.

    Errors: `giveaway.not_everyone`, `role.rules_the_server`, `role.manager_not_yours`.
    """
    if role.is_default():
        raise UserError("giveaway.not_everyone")
    if role.managed or _has(role, _RULES_THE_SERVER):
        raise UserError("role.rules_the_server", role=role.name)
    if not _could_give(member, role):
        raise UserError("role.manager_not_yours", role=role.name)


def require_pingable(member: discord.Member, role: discord.Role, channel: discord.TextChannel | None = None) -> None:
    """A role that the bot pings because this member said so. Errors: `giveaway.ping_not_allowed`."""
    if role.is_default() or not all(_could_ping(who, role, channel) for who in (member, role.guild.me)):
        raise UserError("giveaway.ping_not_allowed", role=role.name)


def _could_ping(member: discord.Member, role: discord.Role, channel: discord.TextChannel | None) -> bool:
    may = member.guild_permissions if channel is None else channel.permissions_for(member)
    return role.mentionable or may.mention_everyone


def require_still_giveable(guild: discord.Guild | None, role_id: int) -> None:
    """At the moment of giving: a role may have gained permissions since it was set. Errors: `DangerousRole`."""
    role = guild.get_role(role_id) if guild is not None else None
    if role is not None and (role.is_default() or _has(role, _GIVEN_TO_NOBODY)):
        raise DangerousRole(f"the role {role.name} has dangerous permissions")
