"""What whoever runs the sandbox does: people and roles, permissions, faults, the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import intents, people, permissions, resolve
from .acting import Body, act, need
from .errors import RefusedError
from .faults import Fault
from .models import Channel, Role

if TYPE_CHECKING:
    from .world import DiscordWorld


@act("join")
def join(world: DiscordWorld, body: Body) -> Body:
    """{who, guild?}: a person, or the bot itself, comes in."""
    user = resolve.person(world, need(body, "who"))
    guild = resolve.guild(world, body.get("guild"))
    if user.id not in guild.members:
        people.join(world, guild, user.id)
    return {"id": user.id}


@act("leave")
def leave(world: DiscordWorld, body: Body) -> Body:
    """{who, guild?}"""
    user = resolve.person(world, need(body, "who"))
    people.leave(world, resolve.guild(world, body.get("guild")), user.id)
    return {"id": user.id}


@act("user")
def new_user(world: DiscordWorld, body: Body) -> Body:
    """{username, age_days?, join?}: a new account."""
    user = people.add_user(world, str(need(body, "username")), age_days=float(body.get("age_days", 0)))
    if body.get("join", True):
        people.join(world, resolve.guild(world, body.get("guild")), user.id)
    return {"id": user.id}


@act("crowd")
def crowd(world: DiscordWorld, body: Body) -> Body:
    """{prefix?, count, guild?}: many members at once."""
    guild = resolve.guild(world, body.get("guild"))
    users = people.add_users(world, guild, str(body.get("prefix", "fan")), int(need(body, "count")))
    return {"users": [one.username for one in users]}


@act("roles")
def roles(world: DiscordWorld, body: Body) -> Body:
    """{who, add?, remove?, guild?}: roles by name."""
    guild = resolve.guild(world, body.get("guild"))
    user = resolve.person(world, need(body, "who"))
    member = guild.members.get(user.id)
    if member is None:
        raise RefusedError(f"{user.username} is not in the guild")
    added = [resolve.role(world, guild, one).id for one in body.get("add") or []]
    removed = {resolve.role(world, guild, one).id for one in body.get("remove") or []}
    kept = [one for one in [*member.roles, *added] if one not in removed]
    people.set_roles(world, guild, member, kept)
    return {"roles": member.roles}


@act("role")
def new_role(world: DiscordWorld, body: Body) -> Body:
    """{name, permissions?, position?, guild?}"""
    guild = resolve.guild(world, body.get("guild"))
    role = Role(world.ids.next(), str(need(body, "name")))
    role.permissions = _bits(body.get("permissions"))
    role.position = int(body.get("position", 1))
    return {"id": people.add_role(world, guild, role).id}


@act("channel")
def new_channel(world: DiscordWorld, body: Body) -> Body:
    """{name, type?, guild?}"""
    guild = resolve.guild(world, body.get("guild"))
    return {"id": people.add_channel(world, guild, str(need(body, "name")), kind=int(body.get("type", 0))).id}


@act("remove")
def remove(world: DiscordWorld, body: Body) -> Body:
    """{channel} or {role} or {guild}: deletes it."""
    if body.get("channel"):
        people.delete_channel(world, resolve.channel(world, body["channel"]))
    elif body.get("role"):
        guild = resolve.guild(world, body.get("guild"))
        people.delete_role(world, guild, resolve.role(world, guild, body["role"]))
    else:
        people.delete_guild(world, resolve.guild(world, need(body, "guild")))
    return {}


@act("permissions")
def set_permissions(world: DiscordWorld, body: Body) -> Body:
    """{channel, who?, give?, take?, reset?}: single permissions by name; the bot's by default."""
    place: Channel = resolve.channel(world, need(body, "channel"))
    user = resolve.person(world, body.get("who", "bot"))
    people.permit(world, place, user.id, _bits(body.get("give")), _bits(body.get("take")), _bits(body.get("reset")))
    return {"permissions": str(world.permissions(place, user.id))}


def _bits(names: Any) -> int:
    try:
        return permissions.bits(*(names or []))
    except KeyError as error:
        raise RefusedError(f"there is no permission {error}") from error


@act("dms")
def dms(world: DiscordWorld, body: Body) -> Body:
    """{who, open}: whether a person takes direct messages."""
    resolve.person(world, need(body, "who")).dms_open = bool(need(body, "open"))
    world.wake()
    return {}


@act("intents")
def set_intents(world: DiscordWorld, body: Body) -> Body:
    """{missing, told?}: the privileged intents that the application may not ask for; its flags tell, or do not."""
    missing = 0
    for name in body.get("missing") or []:
        if name not in intents.NAMES:
            raise RefusedError(f"privileged intents are {', '.join(intents.NAMES)}")
        missing |= intents.NAMES[name]
    world.allowed_intents = ((1 << 32) - 1) & ~missing
    world.told_intents = None if body.get("told", True) else (1 << 32) - 1
    return {}


@act("fault")
def fault(world: DiscordWorld, body: Body) -> Body:
    """{kind, pattern?, count?, seconds?, skip?, global?, code?}: the next matching requests fail."""
    try:
        world.faults.add(
            Fault(
                kind=str(need(body, "kind")),
                pattern=str(body.get("pattern", "*")),
                count=int(body.get("count", 1)),
                seconds=float(body.get("seconds", 0.2)),
                skip=int(body.get("skip", 0)),
                is_global=bool(body.get("global", False)),
                code=int(body.get("code", 0)),
            )
        )
    except ValueError as error:
        raise RefusedError(str(error)) from error
    return {"pending": len(world.faults.pending)}


@act("no-faults")
def no_faults(world: DiscordWorld, body: Body) -> Body:
    """{}: everything works again."""
    world.faults.clear()
    return {}
