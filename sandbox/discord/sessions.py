"""A gateway session: what it may hear, what it has missed, and who carries its frames."""

from __future__ import annotations

import asyncio
import importlib
import json
import zlib
from collections import deque
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from . import intents, payloads
from .world import Event

if TYPE_CHECKING:
    from .world import DiscordWorld

REPLAY = 5_000


class Packer(Protocol):
    """Turns a JSON text into what goes on the wire."""

    def pack(self, text: str) -> bytes | str: ...


class Plain:
    def pack(self, text: str) -> bytes | str:
        return text


class Zlib:
    """One zlib stream over the whole connection, flushed after each frame."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(level=1)

    def pack(self, text: str) -> bytes | str:
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class Zstd:
    """One zstd frame over the whole connection, a block per message; needs the package zstandard."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._stream = module.ZstdCompressor(level=1).compressobj()

    def pack(self, text: str) -> bytes | str:
        data = self._stream.compress(text.encode())
        return bytes(data + self._stream.flush(self._module.COMPRESSOBJ_FLUSH_BLOCK))


def packer_for(compress: str | None) -> Packer:
    """The packer for `compress=`; ValueError for one that is not to be had."""
    if compress is None:
        return Plain()
    if compress == "zlib-stream":
        return Zlib()
    if compress == "zstd-stream":
        try:
            return Zstd(importlib.import_module("zstandard"))
        except ImportError as error:
            raise ValueError("zstd-stream needs the package zstandard") from error
    raise ValueError(f"unknown compression {compress!r}")


@dataclass
class Session:
    """`outbox` is the current connection's queue, None while nobody is connected; `sent` is kept."""

    id: str
    shard: tuple[int, int]
    intents: int
    sequence: int = 0
    sent: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=REPLAY))
    outbox: asyncio.Queue[str] | None = None
    lost_at: float | None = None

    def dispatch(self, name: str, data: Any) -> None:
        self.sequence += 1
        text = json.dumps({"op": 0, "t": name, "s": self.sequence, "d": data})
        self.sent.append((self.sequence, text))
        if self.outbox is not None:
            self.outbox.put_nowait(text)

    def replay(self, after: int) -> list[str] | None:
        """The frames behind sequence `after`; None when some of them are forgotten."""
        missed = [text for number, text in self.sent if number > after]
        return missed if len(missed) == self.sequence - after else None


def hears(world: DiscordWorld, session: Session, event: Event) -> bool:
    """Whether the bot gets this event in this session."""
    if event.control:
        return False
    if event.name == "INTERACTION_CREATE":
        return _on_shard(session, event.guild_id)
    if event.visible_to is not None or not _on_shard(session, event.guild_id):
        return False
    wanted = intents.needed(event.name, event.guild_id is not None)
    own = event.name == "GUILD_MEMBER_UPDATE" and event.data["user"]["id"] == world.bot_id
    if wanted and not session.intents & wanted and not own:
        return False
    return event.name == "GUILD_DELETE" or _can_see(world, event)


def _on_shard(session: Session, guild_id: str | None) -> bool:
    number, count = session.shard
    return number == (0 if guild_id is None else (int(guild_id) >> 22) % count)


def _can_see(world: DiscordWorld, event: Event) -> bool:
    guild = world.guilds.get(event.guild_id or "")
    if event.guild_id is not None and (guild is None or world.bot_id not in guild.members):
        return False
    channel = world.channels.get(event.channel_id or "")
    if channel is None:
        return event.channel_id is None
    return world.may(channel, world.bot_id, "view_channel")


def shown(world: DiscordWorld, session: Session, event: Event) -> dict[str, Any]:
    """The event's data, without what the session's intents hide."""
    if event.name == "GUILD_CREATE":
        # Only the guilds of READY are said to be available again; a new one comes without the key.
        fresh = guild_for(world, session, event.guild_id or "")
        return {key: value for key, value in fresh.items() if key != "unavailable"}
    if event.name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or session.intents & intents.CONTENT:
        return event.data
    data = event.data
    mentioned = any(one["id"] == world.bot_id for one in data["mentions"])
    if data["author"]["id"] == world.bot_id or mentioned or event.guild_id is None:
        return data
    return {**data, "content": "", "embeds": [], "attachments": [], "components": []}


def guild_for(world: DiscordWorld, session: Session, guild_id: str) -> dict[str, Any]:
    """GUILD_CREATE: without the presences intent only the bot's own membership comes along."""
    guild = world.guilds[guild_id]
    if session.intents & intents.PRESENCES and len(guild.members) <= 250:
        members = list(guild.members.values())
    else:
        members = [guild.members[world.bot_id]]
    return payloads.guild_create(world, guild, members)
