"""Kick's five spellings of a channel's name on the socket, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from core.kick_events import ChatMessage, KickChannelIds, KickEvent, SocketGap, UnknownEvent

_NAME = re.compile(r"(chatroom|channel)(?:s?\.|_)([0-9]{1,19})(?:\.v2)?")
_LONGEST = 40


def channel_names(ids: KickChannelIds) -> tuple[str, ...]:
    """All names under which the events of this channel may come.

    Kick has moved events between them three times in three years, so one listens to all.
    """
    names: list[str] = []
    if ids.chatroom_id is not None:
        room = ids.chatroom_id
        names += [f"chatrooms.{room}.v2", f"chatroom_{room}", f"chatrooms.{room}"]
    if ids.channel_id is not None:
        names += [f"channel.{ids.channel_id}", f"channel_{ids.channel_id}"]
    return tuple(names)


def ids_in_name(name: str | None) -> tuple[int | None, int | None]:
    """(chatroom id, channel id) as far as a channel's name tells; at most one of them is known."""
    if name is None or len(name) > _LONGEST:
        return None, None
    return _parsed(name)


@lru_cache(maxsize=1024)
def _parsed(name: str) -> tuple[int | None, int | None]:
    match = _NAME.fullmatch(name)
    if match is None:
        return None, None
    number = int(match[2])
    return (number, None) if match[1] == "chatroom" else (None, number)


class ChannelBook:
    """The channels that one connection follows; `names` is every name to subscribe to."""

    def __init__(self, channels: Iterable[KickChannelIds]) -> None:
        self.channels = tuple(channels)
        self.names = frozenset(name for ids in self.channels for name in channel_names(ids))
        self._by_room = {ids.chatroom_id: ids for ids in self.channels if ids.chatroom_id is not None}
        self._by_channel = {ids.channel_id: ids for ids in self.channels if ids.channel_id is not None}

    def complete(self, event: KickEvent) -> KickEvent:
        """`event` with both ids, as far as known: by the one that it has; with none, the only channel's."""
        if isinstance(event, SocketGap | UnknownEvent):
            return event
        if isinstance(event, ChatMessage):
            if event.chatroom_id is None and len(self.channels) == 1:
                return replace(event, chatroom_id=self.channels[0].chatroom_id)
            return event
        if event.chatroom_id is not None and event.channel_id is not None:
            return event
        ids = self._of(event.chatroom_id, event.channel_id)
        if ids is None:
            return event
        return replace(
            event,
            chatroom_id=ids.chatroom_id if event.chatroom_id is None else event.chatroom_id,
            channel_id=ids.channel_id if event.channel_id is None else event.channel_id,
        )

    def _of(self, chatroom_id: int | None, channel_id: int | None) -> KickChannelIds | None:
        if chatroom_id is not None:
            return self._by_room.get(chatroom_id)
        if channel_id is not None:
            return self._by_channel.get(channel_id)
        return self.channels[0] if len(self.channels) == 1 else None
