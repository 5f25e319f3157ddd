"""Kick's socket frames, in the shapes of September 2026; pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PREFIX = "App\\Events\\"
CHUNK = 100


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One frame: `raw` is what goes over the wire to those subscribed to `channel`."""

    channel: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Gift:
    """A gift as its frames tell it; without `correlation_id` they look as they did in July 2025."""

    chatroom_id: int
    channel_id: int
    gifter: str
    gifter_id: int
    giftees: tuple[str, ...]
    correlation_id: str | None
    gifter_total: int
    message_id: str
    created_at: datetime
    anonymous: bool
    standings: tuple[tuple[int, str, int], ...]

    @property
    def shown(self) -> str:
        """The gifter's name as chat sees it."""
        return "Anonymous" if self.anonymous else self.gifter


def frame(event: str, channel: str, data: Mapping[str, Any]) -> Outgoing:
    """An event on a channel; its data travels as JSON inside JSON."""
    body = {"event": event, "data": json.dumps(data), "channel": channel}
    return Outgoing(channel, json.dumps(body).encode())


def viewer_id(name: str) -> int:
    """The same id for the same name, in every run."""
    digest = hashlib.sha256(name.casefold().encode()).digest()
    return 100_000 + int.from_bytes(digest[:4], "big") % 900_000_000


def slug_of(name: str) -> str:
    return name.lower().replace("_", "-")


def chat_frame(
    chatroom_id: int, message_id: str, username: str, text: str, badges: Sequence[str], at: datetime
) -> Outgoing:
    """One chat message."""
    shown = [{"type": badge, "text": badge.replace("_", " ").title(), "sort_order": 9} for badge in badges]
    sender = {
        "id": viewer_id(username),
        "username": username,
        "slug": slug_of(username),
        "identity": {"color": "#75FD46", "badges": shown, "badges_v2": []},
    }
    data = {
        "id": message_id,
        "chatroom_id": chatroom_id,
        "content": text,
        "type": "message",
        "created_at": at.isoformat(timespec="seconds"),
        "sender": sender,
        "metadata": {"message_ref": str(int(at.timestamp() * 1000))},
    }
    return frame(PREFIX + "ChatMessageEvent", f"chatrooms.{chatroom_id}.v2", data)


def gift_frames(gift: Gift) -> list[Outgoing]:
    """All frames of one gift in Kick's order, each channel-level one on both spellings of its channel."""
    return [
        *_leaderboard(gift),
        *_gifted(gift),
        *_subscriptions(gift),
        *_system_message(gift),
        *_lucky_users(gift),
        *_activity(gift),
    ]


def _channel_twins(event: str, channel_id: int, data: Mapping[str, Any]) -> list[Outgoing]:
    return [frame(event, f"channel{mark}{channel_id}", data) for mark in ("_", ".")]


def _leaderboard(gift: Gift) -> list[Outgoing]:
    rows = [{"user_id": uid, "username": name, "quantity": count} for uid, name, count in gift.standings]
    data = {
        "leaderboard": rows,
        "weekly_leaderboard": rows,
        "monthly_leaderboard": rows,
        "gifter_id": 0 if gift.anonymous else gift.gifter_id,
        "gifter_username": gift.shown,
        "gifted_quantity": len(gift.giftees),
    }
    return _channel_twins("GiftsLeaderboardUpdated", gift.channel_id, data)


def _gifted(gift: Gift) -> list[Outgoing]:
    """The event that pays, in chunks of at most 100 names, on the two spellings that have carried it."""
    chunks = [gift.giftees[i : i + CHUNK] for i in range(0, len(gift.giftees), CHUNK)]
    frames: list[Outgoing] = []
    for index, names in enumerate(chunks):
        data = _gifted_data(gift, names, index, len(chunks))
        frames.append(frame("GiftedSubscriptionsEvent", f"chatroom_{gift.chatroom_id}", data))
        frames.append(frame(PREFIX + "GiftedSubscriptionsEvent", f"chatrooms.{gift.chatroom_id}.v2", data))
    return frames


def _gifted_data(gift: Gift, names: Sequence[str], index: int, chunks: int) -> dict[str, Any]:
    data: dict[str, Any] = {
        "chatroom_id": gift.chatroom_id,
        "gifted_usernames": list(names),
        "gifter_username": gift.shown,
        "gifter_total": gift.gifter_total,
    }
    if gift.correlation_id is None:
        return data
    details = {"correlation_id": gift.correlation_id, "chunk_index": index, "total_chunks": chunks}
    return data | {
        "correlation_id": gift.correlation_id,
        "gifted_total": len(gift.giftees),
        "chunk_details": details if chunks > 1 else None,
    }


def _subscriptions(gift: Gift) -> list[Outgoing]:
    ids = [viewer_id(name) for name in gift.giftees]
    data = {"user_ids": ids, "username": "", "channel_id": gift.channel_id}
    return _channel_twins(PREFIX + "ChannelSubscriptionEvent", gift.channel_id, data)


def _system_message(gift: Gift) -> list[Outgoing]:
    message = {
        "id": gift.message_id,
        "message": None,
        "type": "info",
        "chatroom_id": gift.chatroom_id,
        "role": "user",
        "created_at": int(gift.created_at.timestamp()),
        "action": "gift",
        "months_subscribed": None,
        "subscriptions_count": len(gift.giftees),
        "giftedUsers": [{"username": name, "monthsSubscribed": 1} for name in gift.giftees],
    }
    user = {
        "id": 0 if gift.anonymous else gift.gifter_id,
        "username": gift.shown,
        "role": "user",
        "quantity_gifted": 0,
    }
    room = gift.chatroom_id
    data = {"message": message, "user": user}
    return [
        frame(PREFIX + "ChatMessageSentEvent", channel, data) for channel in (f"chatroom_{room}", f"chatrooms.{room}")
    ]


def _lucky_users(gift: Gift) -> list[Outgoing]:
    data = {
        "channel": {"id": gift.channel_id},
        "usernames": list(gift.giftees),
        "gifter_username": gift.shown,
    }
    name = PREFIX + "LuckyUsersWhoGotGiftSubscriptionsEvent"
    return [frame(name, f"channel.{gift.channel_id}", data)]


def _activity(gift: Gift) -> list[Outgoing]:
    data = {
        "channel_id": gift.channel_id,
        "type": "gifted_subscription",
        "username": gift.shown,
        "metadata": {"quantity": len(gift.giftees)},
        "created_at": int(gift.created_at.timestamp() * 1000),
    }
    return [frame(PREFIX + "NewActivityFeedEvent", f"channel_{gift.channel_id}", data)]


def live_frame(channel_id: int, stream_id: int, title: str, at: datetime) -> Outgoing:
    """The stream starts."""
    stream = {
        "id": stream_id,
        "channel_id": channel_id,
        "session_title": title,
        "source": None,
        "created_at": at.isoformat(timespec="seconds"),
    }
    return frame(PREFIX + "StreamerIsLive", f"channel.{channel_id}", {"livestream": stream})


def stop_frame(channel_id: int, stream_id: int) -> Outgoing:
    """The stream ends."""
    stream = {"id": stream_id, "channel": {"id": channel_id, "is_banned": False}}
    return frame(PREFIX + "StopStreamBroadcast", f"channel.{channel_id}", {"livestream": stream})


def host_frame(channel_id: int, user_id: int, slug: str, other: str, viewers: int) -> Outgoing:
    """The channel sends its viewers to another."""
    hosted = {"id": viewer_id(other), "username": other, "slug": slug_of(other), "viewers_count": viewers}
    data = {
        "channel": {"id": channel_id, "user_id": user_id, "slug": slug, "current_livestream": None},
        "slug": slug_of(other),
        "hosted": hosted | {"is_live": True},
    }
    return frame(PREFIX + "ChatMoveToSupportedChannelEvent", f"channel.{channel_id}", data)
