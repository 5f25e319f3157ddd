"""Frames in the shapes that Kick has sent over the years, with invented names."""

from __future__ import annotations

import json
from typing import Any

ROOM, CHANNEL = 4411, 3322


def frame(event: str, channel: str, data: Any, *, prefix: bool = False, inner: bool = True) -> str:
    """A frame; `inner` sends the data as JSON text, as Kick does."""
    name = "App\\Events\\" + event if prefix else event
    return json.dumps({"event": name, "data": json.dumps(data) if inner else data, "channel": channel})


def chat(**changes: Any) -> dict[str, Any]:
    badges = [{"type": "moderator", "text": "Moderator"}, {"type": "subscriber", "count": 3}]
    sender = {
        "id": 515,
        "username": "Night_Owl",
        "slug": "night-owl",
        "identity": {"color": "#00FF00", "badges": badges, "badges_v2": [{"name": "level"}]},
    }
    return {
        "id": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "chatroom_id": ROOM,
        "content": "مرحبا 🎁",
        "type": "message",
        "created_at": "2026-09-12T20:00:05+00:00",
        "sender": sender,
        "metadata": {"message_ref": "1"},
    } | changes


def gift(**changes: Any) -> dict[str, Any]:
    return {
        "chatroom_id": ROOM,
        "correlation_id": "600000000000001",
        "gifted_usernames": ["lucky_1", "lucky_2"],
        "gifter_username": "Big_Gifter",
        "gifted_total": 2,
        "gifter_total": 17,
        "chunk_details": None,
    } | changes


def leaderboard() -> dict[str, Any]:
    rows = [{"user_id": 77, "username": "Big_Gifter", "quantity": 17}, {"user_id": None, "username": "x"}]
    return {
        "leaderboard": rows,
        "weekly_leaderboard": [],
        "monthly_leaderboard": rows[:1],
        "gifter_id": 77,
        "gifter_username": "Big_Gifter",
        "gifted_quantity": 2,
    }


def system_message(action: str = "gift") -> dict[str, Any]:
    message = {
        "id": "7d444840-9dc0-11d1-b245-5ffdce74fad2",
        "message": None,
        "type": "info",
        "chatroom_id": ROOM,
        "created_at": 1789243205,
        "action": action,
        "subscriptions_count": 2,
        "giftedUsers": [{"username": "lucky_1", "monthsSubscribed": 1}, {"username": "lucky_2"}],
    }
    return {"message": message, "user": {"id": 77, "username": "Big_Gifter", "role": "user"}}


def stream_started() -> dict[str, Any]:
    stream = {"id": 9, "channel_id": CHANNEL, "session_title": "Hi", "created_at": "2026-09-12 19:00:00"}
    return {"livestream": stream}


def stream_stopped() -> dict[str, Any]:
    return {"livestream": {"id": 9, "channel": {"id": CHANNEL, "is_banned": False}}}


def chat_moved() -> dict[str, Any]:
    return {
        "channel": {"id": CHANNEL, "slug": "streamer-a"},
        "slug": "streamer_b",
        "hosted": {"id": 1, "username": "Streamer_B", "viewers_count": 12, "is_live": True},
    }
