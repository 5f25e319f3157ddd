"""Routes of channels: reading, editing, deleting, typing."""

from __future__ import annotations

from . import access, payloads
from .call import Call, Reply, Routes
from .errors import ApiError, Problems
from .form import as_form
from .models import Channel
from .people import delete_channel, set_overwrite
from .world import Event

routes = Routes()


@routes.add("GET", "/channels/{channel_id}")
async def get_channel(call: Call) -> Reply:
    return 200, payloads.channel(call.world, access.visible(call.world, call["channel_id"]))


@routes.add("PATCH", "/channels/{channel_id}")
async def edit(call: Call) -> Reply:
    channel = _managed(call)
    problems = Problems()
    form = as_form(call.body, problems)
    problems.check()
    assert form is not None
    name = form.text("name", low=1, high=100)
    topic = form.text("topic", high=1024)
    position = form.whole("position", low=0)
    problems.check()
    channel.name = name or channel.name
    channel.topic = topic if "topic" in form.value else channel.topic
    channel.position = position if position is not None else channel.position
    _updated(call, channel)
    return 200, payloads.channel(call.world, channel)


@routes.add("DELETE", "/channels/{channel_id}")
async def delete(call: Call) -> Reply:
    channel = _managed(call)
    body = payloads.channel(call.world, channel)
    delete_channel(call.world, channel)
    return 200, body


@routes.add("POST", "/channels/{channel_id}/typing")
async def typing(call: Call) -> Reply:
    world = call.world
    channel = access.visible(world, call["channel_id"])
    access.need(world, channel, "send_messages")
    data = {"channel_id": channel.id, "user_id": world.bot_id, "timestamp": int(world.now().timestamp())}
    world.emit(Event("TYPING_START", data, channel.guild_id, channel.id))
    return 204, None


@routes.add("PUT", "/channels/{channel_id}/permissions/{overwrite_id}")
async def put_overwrite(call: Call) -> Reply:
    channel = access.visible(call.world, call["channel_id"])
    access.need(call.world, channel, "manage_roles")
    problems = Problems()
    form = as_form(call.body, problems)
    problems.check()
    assert form is not None
    kind = form.choice("type", (0, 1), required=True)
    allow, deny = form.whole("allow", low=0), form.whole("deny", low=0)
    problems.check()
    set_overwrite(call.world, channel, call["overwrite_id"], int(kind or 0), allow or 0, deny or 0)
    return 204, None


@routes.add("DELETE", "/channels/{channel_id}/permissions/{overwrite_id}")
async def delete_overwrite(call: Call) -> Reply:
    channel = access.visible(call.world, call["channel_id"])
    access.need(call.world, channel, "manage_roles")
    kept = [one for one in channel.overwrites if one.id != call["overwrite_id"]]
    if len(kept) == len(channel.overwrites):
        raise ApiError(10009)
    channel.overwrites = kept
    _updated(call, channel)
    return 204, None


def _managed(call: Call) -> Channel:
    channel = access.visible(call.world, call["channel_id"])
    if channel.guild_id is None:
        raise ApiError(50003)
    access.need(call.world, channel, "manage_channels")
    return channel


def _updated(call: Call, channel: Channel) -> None:
    data = payloads.channel(call.world, channel)
    call.world.emit(Event("CHANNEL_UPDATE", data, channel.guild_id, channel.id))
