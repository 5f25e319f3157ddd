"""Routes of users, the application and the gateway's address."""

from __future__ import annotations

from . import payloads
from .call import Call, Reply, Routes
from .errors import ApiError, Problems
from .form import as_form
from .posting import open_dm

routes = Routes()


@routes.add("GET", "/gateway")
async def gateway(call: Call) -> Reply:
    return 200, {"url": _gateway_url(call)}


@routes.add("GET", "/gateway/bot")
async def gateway_bot(call: Call) -> Reply:
    limit = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
    return 200, {"url": _gateway_url(call), "shards": call.world.shards, "session_start_limit": limit}


def _gateway_url(call: Call) -> str:
    return call.world.origin.replace("http", "ws", 1) + "/gateway"


@routes.add("GET", "/users/@me")
async def me(call: Call) -> Reply:
    return 200, payloads.me(call.world.users[call.world.bot_id])


@routes.add("GET", "/users/@me/guilds")
async def my_guilds(call: Call) -> Reply:
    world = call.world
    mine = [guild for guild in world.guilds.values() if world.bot_id in guild.members]
    return 200, [
        {
            "id": guild.id,
            "name": guild.name,
            "icon": None,
            "banner": None,
            "owner": False,
            "permissions": "0",
            "features": [],
        }
        for guild in mine
    ]


@routes.add("DELETE", "/users/@me/guilds/{guild_id}")
async def leave_guild(call: Call) -> Reply:
    from .people import leave

    leave(call.world, call.world.guild(call["guild_id"]), call.world.bot_id)
    return 204, None


@routes.add("POST", "/users/@me/channels")
async def create_dm(call: Call) -> Reply:
    problems = Problems()
    form = as_form(call.body, problems)
    recipient = form.snowflake("recipient_id", required=True) if form else None
    problems.check()
    if recipient not in call.world.users or recipient == call.world.bot_id:
        raise ApiError(50033)
    return 200, payloads.channel(call.world, open_dm(call.world, recipient))


@routes.add("GET", "/users/{user_id}")
async def get_user(call: Call) -> Reply:
    return 200, payloads.user(call.world.user(call["user_id"]))


@routes.add("GET", "/applications/@me")
@routes.add("GET", "/oauth2/applications/@me")
async def application(call: Call) -> Reply:
    return 200, payloads.application(call.world)
