"""Kick chat from the socket's text to the viewer's window."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.support import GUILD, NOW, BenchClock, Figure, database
from core.clock import monotonic
from core.config import Config
from core.guilds import Guilds
from core.kick_events import KickChannelIds
from core.texts import Texts
from kick.decode import decode_frame
from raffle_system.kick_intake import KickIntake

MESSAGES, VIEWERS, CHATROOM = 50_000, 20_000, 4_000_001


def _frame(number: int) -> str:
    user = number % VIEWERS
    data = {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "chatroom_id": CHATROOM,
        "content": f"message {number} with [emote:37230:wave] and a few words more",
        "type": "message",
        "created_at": "2025-11-20T12:00:00+00:00",
        "sender": {
            "id": 1_000_000 + user,
            "username": f"Viewer_{user}",
            "slug": f"viewer-{user}",
            "identity": {"color": "#75FD46", "badges": [{"type": "subscriber", "text": "Subscriber", "count": 3}]},
        },
        "metadata": {"message_ref": "1700000000000"},
    }
    return json.dumps(
        {"event": "App\\Events\\ChatMessageEvent", "data": json.dumps(data), "channel": f"chatrooms.{CHATROOM}.v2"}
    )


async def chat() -> list[Figure]:
    frames = [_frame(number) for number in range(MESSAGES)]
    async with database() as db:
        with TemporaryDirectory() as folder:
            (Path(folder) / "en.po").touch()
            guilds = Guilds(db, BenchClock(), Config(), Texts(Path(folder)))
        await guilds.ensure(GUILD)
        intake = KickIntake(db, BenchClock(), guilds, "chat")
        intake.follow({GUILD: KickChannelIds("streamer", None, CHATROOM, None)})
        began = monotonic()
        for raw in frames:
            for event in decode_frame(raw, NOW).events:
                await intake.on_event(event)
        took = monotonic() - began
        if intake.counters["ChatMessage"] != MESSAGES or not intake.live_of(GUILD)[0]:
            raise RuntimeError("not every message was seen")
    figure = MESSAGES / took
    return [Figure(name="Kick chat, decode and tracker", figure=figure, unit="msg/s", limit=10_000, at_least=True)]
