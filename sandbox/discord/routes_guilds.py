"""Routes of guilds, members and roles."""

from __future__ import annotations

from . import access, payloads, people
from .call import Call, Reply, Routes
from .errors import Problems, invalid
from .form import Form, as_form
from .models import Role

routes = Routes()
GUILD = "/guilds/{guild_id}"


@routes.add("GET", GUILD)
async def get_guild(call: Call) -> Reply:
    guild, _ = access.bot_guild(call.world, call["guild_id"])
    body = payloads.guild(guild)
    if call.query.get("with_counts") in ("true", "1", "True"):
        body["approximate_member_count"] = len(guild.members)
        body["approximate_presence_count"] = len(guild.members)
    return 200, body


@routes.add("GET", GUILD + "/channels")
async def channels(call: Call) -> Reply:
    guild, _ = access.bot_guild(call.world, call["guild_id"])
    return 200, [payloads.channel(call.world, one) for one in call.world.channels_of(guild)]


@routes.add("GET", GUILD + "/roles")
async def roles(call: Call) -> Reply:
    guild, _ = access.bot_guild(call.world, call["guild_id"])
    return 200, [payloads.role(one) for one in guild.roles.values()]


@routes.add("GET", GUILD + "/roles/{role_id}")
async def one_role(call: Call) -> Reply:
    guild, _ = access.bot_guild(call.world, call["guild_id"])
    return 200, payloads.role(call.world.role(guild, call["role_id"]))


@routes.add("POST", GUILD + "/roles")
async def create_role(call: Call) -> Reply:
    world = call.world
    guild, bot = access.bot_guild(world, call["guild_id"])
    access.need_in_guild(guild, bot, "manage_roles")
    form, problems = _form(call)
    role = Role(world.ids.next(), form.text("name", high=100) or "new role")
    role.permissions = form.whole("permissions", low=0) or 0
    role.color = form.whole("color", low=0, high=0xFFFFFF) or 0
    role.hoist = bool(form.flag("hoist"))
    role.mentionable = bool(form.flag("mentionable"))
    problems.check()
    return 200, payloads.role(people.add_role(world, guild, role))


@routes.add("DELETE", GUILD + "/roles/{role_id}")
async def delete_role(call: Call) -> Reply:
    guild, bot = access.bot_guild(call.world, call["guild_id"])
    role = call.world.role(guild, call["role_id"])
    access.need_role_power(guild, bot, role)
    people.delete_role(call.world, guild, role)
    return 204, None


@routes.add("GET", GUILD + "/members")
async def members(call: Call) -> Reply:
    guild, _ = access.bot_guild(call.world, call["guild_id"])
    limit = _number(call, "limit", 1, 1, 1000)
    after = _number(call, "after", 0, 0, 1 << 64)
    found = sorted((one for one in guild.members.values() if int(one.user_id) > after), key=lambda m: int(m.user_id))
    return 200, [payloads.member(call.world, one) for one in found[:limit]]


@routes.add("GET", GUILD + "/members/search")
async def search(call: Call) -> Reply:
    guild, _ = access.bot_guild(call.world, call["guild_id"])
    limit = _number(call, "limit", 1, 1, 1000)
    query = call.query.get("query", "").casefold()
    if not query:
        raise invalid(("query",), "BASE_TYPE_REQUIRED", "This field is required")
    found = [
        one
        for one in guild.members.values()
        if call.world.users[one.user_id].username.casefold().startswith(query)
        or (one.nick or "").casefold().startswith(query)
    ]
    return 200, [payloads.member(call.world, one) for one in found[:limit]]


def _number(call: Call, key: str, default: int, low: int, high: int) -> int:
    raw = call.query.get(key, str(default))
    if not raw.isdigit() or not low <= int(raw) <= high:
        raise invalid((key,), "NUMBER_TYPE_MAX", f"int value should be between {low} and {high}.")
    return int(raw)


@routes.add("GET", GUILD + "/members/{user_id}")
async def one_member(call: Call) -> Reply:
    guild, _ = access.bot_guild(call.world, call["guild_id"])
    return 200, payloads.member(call.world, call.world.member(guild, call["user_id"]))


@routes.add("PATCH", GUILD + "/members/{user_id}")
async def edit_member(call: Call) -> Reply:
    guild, bot = access.bot_guild(call.world, call["guild_id"])
    member = call.world.member(guild, call["user_id"])
    form, problems = _form(call)
    nick = form.text("nick", high=32)
    wanted = form.snowflakes("roles", high=250) if "roles" in form.value else None
    problems.check()
    if "nick" in form.value:
        access.need_in_guild(guild, bot, "manage_nicknames")
        member.nick = nick or None
    if wanted is not None:
        for role_id in set(wanted) ^ set(member.roles):
            access.need_role_power(guild, bot, call.world.role(guild, role_id))
        member.roles = wanted
    people.member_changed(call.world, guild, member)
    return 200, payloads.member(call.world, member)


@routes.add("PATCH", GUILD + "/members/@me")
async def edit_me(call: Call) -> Reply:
    guild, bot = access.bot_guild(call.world, call["guild_id"])
    form, problems = _form(call)
    nick = form.text("nick", high=32)
    problems.check()
    access.need_in_guild(guild, bot, "change_nickname")
    bot.nick = nick or None
    people.member_changed(call.world, guild, bot)
    return 200, payloads.member(call.world, bot)


@routes.add("PUT", GUILD + "/members/{user_id}/roles/{role_id}")
async def add_role(call: Call) -> Reply:
    return _change_role(call, True)


@routes.add("DELETE", GUILD + "/members/{user_id}/roles/{role_id}")
async def remove_role(call: Call) -> Reply:
    return _change_role(call, False)


def _change_role(call: Call, on: bool) -> Reply:
    world = call.world
    guild, bot = access.bot_guild(world, call["guild_id"])
    member = world.member(guild, call["user_id"])
    role = world.role(guild, call["role_id"])
    access.need_role_power(guild, bot, role)
    kept = [one for one in member.roles if one != role.id]
    people.set_roles(world, guild, member, [*kept, role.id] if on else kept)
    return 204, None


def _form(call: Call) -> tuple[Form, Problems]:
    problems = Problems()
    form = as_form(call.body or {}, problems)
    problems.check()
    assert form is not None
    return form, problems
