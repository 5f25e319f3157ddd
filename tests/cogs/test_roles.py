"""Roles in settings never give more than whoever sets them could give, and are looked at again when they are given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import discord
import pytest

from cogs import _roles
from core.errors import UserError
from core.letters import DangerousRole

OWNER, MOD, PLAIN = 1, 2, 3
DANGEROUS = ("administrator", "manage_guild", "manage_roles", "manage_webhooks", "ban_members", "mention_everyone")


class FakeRole:
    def __init__(self, guild: Any, position: int, *, managed: bool = False, **may: bool) -> None:
        self.guild, self.position, self.managed = guild, position, managed
        self.name, self.mentionable = f"role {position}", False
        self.permissions = discord.Permissions(**may)

    def is_default(self) -> bool:
        return self.position == 0

    def __lt__(self, other: FakeRole) -> bool:
        return self.position < other.position


def world() -> Any:
    """A server: the bot's role stands at 9, a moderator's at 5."""
    guild: Any = SimpleNamespace(owner_id=OWNER)
    guild.me = member(guild, 99, 9)
    return guild


def member(guild: Any, user_id: int, top: int, *, gives: bool = True) -> Any:
    may = discord.Permissions(manage_roles=gives)
    return SimpleNamespace(id=user_id, guild=guild, guild_permissions=may, top_role=FakeRole(guild, top))


def refusal(check: Any, who: Any, role: FakeRole) -> str:
    try:
        check(who, role)
    except UserError as error:
        return error.key
    return "allowed"


@pytest.mark.parametrize("dangerous", DANGEROUS)
def test_a_dangerous_role_is_given_out_for_nobody(dangerous: str) -> None:
    guild = world()
    role = FakeRole(guild, 3, **{dangerous: True})
    assert refusal(_roles.require_giveable, member(guild, OWNER, 1), role) == "role.dangerous"
    guild.get_role = lambda _id: role
    with pytest.raises(DangerousRole):
        _roles.require_still_giveable(guild, 3)


def test_nobody_gives_through_the_bot_what_they_could_not_give() -> None:
    guild = world()
    mod, plain = member(guild, MOD, 5), member(guild, PLAIN, 8, gives=False)
    low, high = FakeRole(guild, 3), FakeRole(guild, 6)
    assert [refusal(_roles.require_giveable, who, role) for who in (mod, plain) for role in (low, high)] == [
        "allowed", "giveaway.winner_role_not_yours", "giveaway.winner_role_not_yours", "giveaway.winner_role_not_yours",
    ]  # fmt: skip
    for role in (FakeRole(guild, 0), FakeRole(guild, 3, managed=True), FakeRole(guild, 9)):
        assert refusal(_roles.require_giveable, member(guild, OWNER, 1), role) == "giveaway.winner_role_too_high"
    guild.get_role = lambda _id: low
    _roles.require_still_giveable(guild, 3)


def test_managers_name_no_managers_beyond_themselves() -> None:
    guild = world()
    mod, plain = member(guild, MOD, 5), member(guild, PLAIN, 8, gives=False)
    check = _roles.require_manageable
    assert refusal(check, mod, FakeRole(guild, 3, kick_members=True)) == "allowed"
    assert refusal(check, plain, FakeRole(guild, 3)) == "role.manager_not_yours"
    assert refusal(check, mod, FakeRole(guild, 3, administrator=True)) == "role.rules_the_server"
    assert refusal(check, mod, FakeRole(guild, 0)) == "giveaway.not_everyone"


def test_a_ping_needs_the_right_of_both() -> None:
    guild = world()
    role = FakeRole(guild, 3)
    owner = member(guild, OWNER, 5)
    assert refusal(_roles.require_pingable, owner, role) == "giveaway.ping_not_allowed"
    role.mentionable = True
    assert refusal(_roles.require_pingable, owner, role) == "allowed"
