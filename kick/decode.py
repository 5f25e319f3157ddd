"""From a raw socket frame to typed events: one pure function that never raises.

Shapes: Pusher's protocol 7, and Kick's events as captured from 2023 to 2026. `data` may be a JSON text, an
object or an array of objects; event names come with and without `App\\Events\\`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.kick_events import ChatMessage, KickEvent, UnknownEvent
from kick.channels import ids_in_name
from kick.coerce import clean, mapping, parse, quantity, text, whole
from kick.decode_gifts import (
    decode_gift,
    decode_kicks,
    decode_leaderboard,
    decode_sent_message,
    decode_subscription,
    decode_subscription_gifted,
)
from kick.decode_live import decode_chat_move, decode_host, decode_hosted, decode_live, decode_stop
from kick.source import Source

_LONGEST_NAME = 100


class FrameKind(StrEnum):
    """What a frame is to the connection."""

    ESTABLISHED = "established"
    PING = "ping"
    PONG = "pong"
    ERROR = "error"
    SUBSCRIBED = "subscribed"
    SUBSCRIBE_FAILED = "subscribe_failed"
    EVENT = "event"
    UNKNOWN = "unknown"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: `events` for EVENT and UNKNOWN; `code` and `message` for ERROR; why, for MALFORMED.

    `activity_timeout` (seconds, ESTABLISHED only) is None when the server did not say it sensibly.
    """

    kind: FrameKind
    name: str
    channel: str | None = None
    events: tuple[KickEvent, ...] = ()
    code: int | None = None
    message: str = ""
    activity_timeout: int | None = None


_CONTROL = {
    "pusher:connection_established": FrameKind.ESTABLISHED,
    "pusher:ping": FrameKind.PING,
    "pusher:pong": FrameKind.PONG,
    "pusher:error": FrameKind.ERROR,
    "pusher_internal:subscription_succeeded": FrameKind.SUBSCRIBED,
    "pusher:subscription_succeeded": FrameKind.SUBSCRIBED,
    "pusher:subscription_error": FrameKind.SUBSCRIBE_FAILED,
    "pusher_internal:subscription_error": FrameKind.SUBSCRIBE_FAILED,
}


def decode_frame(raw: str | bytes, received_at: datetime) -> Frame:
    """The frame in `raw`, whatever it holds: what cannot be read is MALFORMED or UNKNOWN, never an error."""
    try:
        outer = parse(raw)
    except ValueError as error:
        return malformed("", None, f"no JSON: {type(error).__name__}")
    if not isinstance(outer, dict):
        return malformed("", None, "not an object")
    channel = outer.get("channel")
    channel = channel if isinstance(channel, str) else None
    name = outer.get("event")
    control = _CONTROL.get(name) if isinstance(name, str) else None
    if control is not None:
        return _decode_control(control, str(name), channel, outer.get("data"))
    return decode_published(outer, channel, received_at)


def decode_published(published: object, channel: str | None, received_at: datetime) -> Frame:
    """What Kick publishes on a channel, whatever protocol carries it: an object with `event` and `data`."""
    fields = mapping(_unwrapped(published))
    name = fields.get("event")
    if not isinstance(name, str) or not name:
        return malformed("", channel, "no event name")
    return _decode_event(_short_name(name), channel, fields.get("data"), received_at)


def _short_name(name: str) -> str:
    """The name without its namespace, fit for a log and a counter."""
    short = name.rpartition("\\")[2]
    return short if short in _DECODERS else clean(short[:_LONGEST_NAME])


def _decode_control(kind: FrameKind, name: str, channel: str | None, data: object) -> Frame:
    fields = mapping(_unwrapped(data))
    return Frame(
        kind,
        name,
        channel,
        code=whole(fields.get("code")),
        message=text(fields.get("message"), 300),
        activity_timeout=whole(fields.get("activity_timeout"), 3600) or None,
    )


def _decode_event(name: str, channel: str | None, data: object, received_at: datetime) -> Frame:
    decoder = _DECODERS.get(name)
    if decoder is None:
        shown = None if channel is None else clean(channel[:_LONGEST_NAME])
        return Frame(FrameKind.UNKNOWN, name, shown, (UnknownEvent(name, shown),))
    chatroom_id, channel_id = ids_in_name(channel)
    source = Source(chatroom_id, channel_id, received_at)
    value = _unwrapped(data)
    values = value if isinstance(value, list) else [value]
    decoded = [decoder(item, source) for item in values[:_LONGEST_NAME] if isinstance(item, dict)]
    events = tuple([event for event in decoded if event is not None])
    if not events:
        return malformed(name, channel, "data of an unexpected shape")
    return Frame(FrameKind.EVENT, name, channel, events)


def malformed(name: str, channel: str | None, why: str) -> Frame:
    """A frame that says nothing, and why."""
    return Frame(FrameKind.MALFORMED, name, channel, message=why)


def _unwrapped(data: object) -> object:
    """`data` as a value: Kick sends JSON inside JSON, some clients wrap it twice."""
    for _ in range(2):
        if not isinstance(data, str):
            return data
        try:
            data = parse(data)
        except ValueError:
            return None
    return data


def decode_chat(data: dict[str, Any], source: Source) -> ChatMessage | None:
    """A chat message; None without a sender's name. Old recordings tell gifts so (`gift_subscription`)."""
    sender = mapping(data.get("sender"))
    username = text(sender.get("username"), 100)
    if not username:
        return None
    return ChatMessage(
        chatroom_id=source.chatroom(data.get("chatroom_id")),
        message_id=text(data.get("id"), 100),
        user_id=whole(sender.get("id")),
        username=username,
        slug=text(sender.get("slug"), 100),
        content=text(data.get("content")),
        badges=_badges(sender.get("identity")),
        kind=text(data.get("type"), 40) or "message",
        gift_count=quantity(mapping(data.get("metadata")).get("gift_count")),
        created_at=source.moment(data.get("created_at")),
        received_at=source.received_at,
    )


_NO_BADGES: frozenset[str] = frozenset()


def _badges(identity: object) -> frozenset[str]:
    badges = identity.get("badges") if isinstance(identity, dict) else None
    if not badges or not isinstance(badges, list):
        return _NO_BADGES
    kinds = [badge.get("type") for badge in badges[:50] if isinstance(badge, dict)]
    return frozenset([clean(kind[:40]) for kind in kinds if isinstance(kind, str)])


_DECODERS: dict[str, Callable[[dict[str, Any], Source], KickEvent | None]] = {
    "ChatMessageEvent": decode_chat,
    "GiftedSubscriptionsEvent": decode_gift,
    "ChatMessageSentEvent": decode_sent_message,
    "SubscriptionGifted": decode_subscription_gifted,
    "SubscriptionEvent": decode_subscription,
    "KicksGifted": decode_kicks,
    "GiftsLeaderboardUpdated": decode_leaderboard,
    "StreamerIsLive": decode_live,
    "StopStreamBroadcast": decode_stop,
    "StreamHostEvent": decode_host,
    "StreamHostedEvent": decode_hosted,
    "ChatMoveToSupportedChannelEvent": decode_chat_move,
}
