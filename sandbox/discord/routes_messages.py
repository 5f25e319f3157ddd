"""Routes of messages, reactions and pins."""

from __future__ import annotations

from typing import Any

from . import access, payloads, posting
from .call import Call, Reply, Routes
from .check_message import Draft, read_message, require_something
from .errors import ApiError, invalid
from .models import Channel, Message
from .selects import is_emoji
from .snowflake import moment_of
from .world import DiscordWorld, Event

routes = Routes()
MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = MESSAGES + "/{message_id}"
REACTION = MESSAGE + "/reactions/{emoji_name}"
NONCE_SECONDS = 300.0
MAX_PINS = 250


@routes.add("GET", MESSAGES)
async def history(call: Call) -> Reply:
    world = call.world
    channel = access.visible(world, call["channel_id"])
    limit = _limit(call, 50, 100)
    if not world.may(channel, world.bot_id, "read_message_history"):
        return 200, []
    found = [one for one in channel.messages.values() if one.visible_to is None]
    found.sort(key=lambda one: int(one.id))
    chosen = _window(found, call.query, limit)
    return 200, [_without_nonce(payloads.message(world, one)) for one in reversed(chosen)]


def _without_nonce(body: dict[str, Any]) -> dict[str, Any]:
    """Discord tells it in the answer and the event, and keeps it for some minutes for itself."""
    return {name: value for name, value in body.items() if name != "nonce"}


def _limit(call: Call, default: int, high: int) -> int:
    raw = call.query.get("limit", str(default))
    if not raw.isdigit() or not 1 <= int(raw) <= high:
        raise invalid(("limit",), "NUMBER_TYPE_MAX", f"int value should be less than or equal to {high}.")
    return int(raw)


def _window(found: list[Message], query: dict[str, str], limit: int) -> list[Message]:
    """Oldest first; `before`, `after` and `around` exclude each other."""
    if "after" in query:
        return [one for one in found if int(one.id) > int(query["after"])][:limit]
    if "before" in query:
        found = [one for one in found if int(one.id) < int(query["before"])]
    elif "around" in query:
        middle = sum(1 for one in found if int(one.id) < int(query["around"]))
        start = max(0, middle - limit // 2)
        return found[start : start + limit]
    return found[-limit:]


@routes.add("POST", MESSAGES)
async def create(call: Call) -> Reply:
    world = call.world
    channel = access.visible(world, call["channel_id"])
    draft = read_message(call.body, call.filenames)
    require_something(draft, bool(call.files))
    access.need_to_send(world, channel, draft, bool(call.files))
    known = _by_nonce(call, channel, draft)
    if known is not None:
        return 200, payloads.message(world, known)
    message = posting.write(world, channel, world.bot_id, draft, call.files)
    if draft.nonce is not None:
        _forget_nonces(world)
        world.nonces[channel.id, str(draft.nonce)] = (world.seconds(), message.id)
    return 200, payloads.message(world, message)


def _forget_nonces(world: DiscordWorld) -> None:
    if len(world.nonces) > 5_000:
        now = world.seconds()
        world.nonces = {key: kept for key, kept in world.nonces.items() if now - kept[0] < NONCE_SECONDS}


def _by_nonce(call: Call, channel: Channel, draft: Draft) -> Message | None:
    """With enforce_nonce, the message that the same nonce made in the last minutes."""
    world = call.world
    if not draft.enforce_nonce or draft.nonce is None:
        return None
    at, message_id = world.nonces.get((channel.id, str(draft.nonce)), (0.0, ""))
    if world.seconds() - at > NONCE_SECONDS:
        return None
    return channel.messages.get(message_id)


@routes.add("GET", MESSAGE)
async def get_one(call: Call) -> Reply:
    channel = access.visible(call.world, call["channel_id"])
    access.need(call.world, channel, "read_message_history")
    return 200, payloads.message(call.world, access.seen_message(call.world, channel, call["message_id"]))


@routes.add("PATCH", MESSAGE)
async def edit(call: Call) -> Reply:
    world = call.world
    channel = access.visible(world, call["channel_id"])
    message = access.seen_message(world, channel, call["message_id"])
    draft = read_message(call.body, call.filenames)
    if message.author_id != world.bot_id:
        raise ApiError(50005)
    if call.files and channel.guild_id:
        access.need(world, channel, "attach_files")
    posting.change(world, channel, message, draft, call.files)
    return 200, payloads.message(world, message)


@routes.add("DELETE", MESSAGE)
async def delete(call: Call) -> Reply:
    world = call.world
    channel = access.visible(world, call["channel_id"])
    message = access.seen_message(world, channel, call["message_id"])
    if message.author_id != world.bot_id:
        if channel.guild_id is None:
            raise ApiError(50003)
        access.need(world, channel, "manage_messages")
    posting.remove(world, channel, message)
    return 204, None


@routes.add("POST", MESSAGES + "/bulk-delete")
async def bulk_delete(call: Call) -> Reply:
    world = call.world
    channel = access.visible(world, call["channel_id"])
    access.need(world, channel, "manage_messages")
    wanted = (call.body or {}).get("messages") if isinstance(call.body, dict) else None
    if not isinstance(wanted, list) or not 2 <= len(wanted) <= 100:
        raise invalid(("messages",), "BASE_TYPE_BAD_LENGTH", "Must be between 2 and 100 in length.")
    if any((world.now() - moment_of(str(one))).days >= 14 for one in wanted):
        raise ApiError(50034)
    for one in wanted:
        message = channel.messages.get(str(one))
        if message is not None:
            posting.remove(world, channel, message)
    return 204, None


@routes.add("POST", MESSAGE + "/crosspost")
async def crosspost(call: Call) -> Reply:
    world = call.world
    channel = access.visible(world, call["channel_id"])
    message = access.seen_message(world, channel, call["message_id"])
    if channel.type != 5:
        raise ApiError(50024, message="Cannot execute action on this channel type")
    if message.author_id != world.bot_id:
        access.need(world, channel, "manage_messages")
    message.flags |= 1
    posting.announce(world, "MESSAGE_UPDATE", channel, message)
    return 200, payloads.message(world, message)


# -- reactions ------------------------------------------------------------------------------------


def _emoji(call: Call) -> str:
    name = call["emoji_name"]
    if not is_emoji(name):
        raise ApiError(10014)
    return name


def _target(call: Call) -> tuple[Channel, Message]:
    channel = access.visible(call.world, call["channel_id"])
    return channel, access.seen_message(call.world, channel, call["message_id"])


@routes.add("PUT", REACTION + "/@me")
async def react(call: Call) -> Reply:
    channel, message = _target(call)
    emoji = _emoji(call)
    access.need(call.world, channel, "read_message_history")
    if emoji not in message.reactions:
        access.need(call.world, channel, "add_reactions")
    posting.react(call.world, channel, message, emoji, call.world.bot_id, True)
    return 204, None


@routes.add("DELETE", REACTION + "/@me")
async def unreact(call: Call) -> Reply:
    channel, message = _target(call)
    posting.react(call.world, channel, message, _emoji(call), call.world.bot_id, False)
    return 204, None


@routes.add("DELETE", REACTION + "/{user_id}")
async def unreact_other(call: Call) -> Reply:
    channel, message = _target(call)
    access.need(call.world, channel, "manage_messages")
    posting.react(call.world, channel, message, _emoji(call), call["user_id"], False)
    return 204, None


@routes.add("GET", REACTION)
async def reactors(call: Call) -> Reply:
    _, message = _target(call)
    people = message.reactions.get(_emoji(call), [])
    limit = _limit(call, 25, 100)
    after = int(call.query.get("after", "0"))
    chosen = [one for one in sorted(people, key=int) if int(one) > after][:limit]
    return 200, [payloads.user(call.world.users[one]) for one in chosen]


@routes.add("DELETE", MESSAGE + "/reactions")
async def clear_reactions(call: Call) -> Reply:
    channel, message = _target(call)
    access.need(call.world, channel, "manage_messages")
    message.reactions.clear()
    data = _place(channel, {"channel_id": channel.id, "message_id": message.id})
    call.world.emit(Event("MESSAGE_REACTION_REMOVE_ALL", data, channel.guild_id, channel.id))
    return 204, None


# -- pins -----------------------------------------------------------------------------------------


def _place(channel: Channel, data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "guild_id": channel.guild_id} if channel.guild_id else data


def _pinning(call: Call, pinned: bool) -> None:
    channel, message = _target(call)
    if channel.guild_id:
        access.need(call.world, channel, "pin_messages")
    if pinned and sum(1 for one in channel.messages.values() if one.pinned) >= MAX_PINS:
        raise ApiError(30003)
    message.pinned = pinned
    posting.announce(call.world, "MESSAGE_UPDATE", channel, message)
    data = _place(channel, {"channel_id": channel.id, "last_pin_timestamp": call.world.stamp()})
    call.world.emit(Event("CHANNEL_PINS_UPDATE", data, channel.guild_id, channel.id))


@routes.add("PUT", MESSAGES + "/pins/{message_id}")
@routes.add("PUT", "/channels/{channel_id}/pins/{message_id}")
async def pin(call: Call) -> Reply:
    _pinning(call, True)
    return 204, None


@routes.add("DELETE", MESSAGES + "/pins/{message_id}")
@routes.add("DELETE", "/channels/{channel_id}/pins/{message_id}")
async def unpin(call: Call) -> Reply:
    _pinning(call, False)
    return 204, None


@routes.add("GET", "/channels/{channel_id}/pins")
async def old_pins(call: Call) -> Reply:
    return 200, [payloads.message(call.world, one) for one in _pinned(call)]


@routes.add("GET", MESSAGES + "/pins")
async def pins(call: Call) -> Reply:
    items = [
        {"pinned_at": one.edited_timestamp or one.timestamp, "message": payloads.message(call.world, one)}
        for one in _pinned(call)
    ]
    return 200, {"items": items, "has_more": False}


def _pinned(call: Call) -> list[Message]:
    channel = access.visible(call.world, call["channel_id"])
    return [one for one in reversed(channel.messages.values()) if one.pinned and one.visible_to is None]
