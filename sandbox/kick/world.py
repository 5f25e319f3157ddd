"""The streamers, their viewers, and what happens in their channels."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.kick import frames
from sandbox.kick.centrifugo import SOCKET, Centrifugo
from sandbox.kick.frames import Gift, Outgoing
from sandbox.kick.official import OfficialKick, gifts_body, status_body
from sandbox.kick.pusher import APP_KEY, Pusher

GARBAGE = (
    b"",
    b"\x00\x01\x02",
    b"<html><body>Just a moment...</body></html>",
    b"[1, 2, 3]",
    b'{"event": null}',
    b'{"event": "App\\\\Events\\\\ChatMessageEvent", "data": "{\\"sender\\": 5}"}',
    b'{"event": "GiftedSubscriptionsEvent", "data": null}',
    b'{"event": "SomethingNew", "data": "{}", "channel": "channel.1"}',
    b"[" * 5000,
)


@dataclass
class Channel:
    """One streamer's channel with its three ids."""

    slug: str
    channel_id: int
    user_id: int
    chatroom_id: int
    live_since: datetime | None = None
    stream_id: int = 0
    hosting: str | None = None
    owner: str = ""
    viewers: int = 0
    gifted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    last_gift: list[Outgoing] = field(default_factory=list)


class KickWorld:
    """Kick as the bot sees it. `now` gives the time that the frames carry; faults last real seconds.

    `provider` is what negotiation offers, "pusher" or "centrifugo"; both sockets are served all the time.
    """

    def __init__(self, now: Callable[[], datetime], *, activity_timeout: int = 120) -> None:
        self.now = now
        self.pusher = Pusher(activity_timeout)
        self.centrifugo = Centrifugo(self.pusher)
        self.provider = "pusher"
        self.channels: dict[str, Channel] = {}
        self.site_blocked = False
        self.people: dict[str, str] = {}
        self.official = OfficialKick(self)
        self.default = self.add_channel("sandbox-streamer", 7001, 8001, 9001)
        self._gifts = 0
        self._crowds: set[asyncio.Task[None]] = set()

    @property
    def socket_path(self) -> str:
        """The socket's address below the prefix, with the query that Pusher wants."""
        return f"/app/{APP_KEY}?protocol=7&client=js&version=8.4.0&flash=false"

    @property
    def other_path(self) -> str:
        """The address of the second provider's socket, which tells the same."""
        return SOCKET

    def add_channel(self, slug: str, channel_id: int, user_id: int, chatroom_id: int) -> Channel:
        """Another streamer."""
        channel = self.channels[slug] = Channel(slug, channel_id, user_id, chatroom_id)
        return channel

    def add_person(self, name: str, slug: str | None = None) -> int:
        """Somebody has an account, and with it a channel of their own; returns the account's id.

        Slugs of before 2025 have `-` for `_`, which is the default here.
        """
        self.people[slug or frames.slug_of(name)] = name
        return frames.viewer_id(name)

    def owner(self, slug: str) -> Channel | None:
        """The channel of this slug, a viewer's included."""
        if slug in self.people:
            user_id = frames.viewer_id(self.people[slug])
            return Channel(slug, user_id + 1, user_id, user_id + 2, owner=self.people[slug])
        return self.channels.get(slug)

    def channel(self, slug: str | None = None) -> Channel:
        """The channel of this slug, or the default one; KeyError where there is none."""
        return self.default if slug is None else self.channels[slug]

    def state(self) -> dict[str, Any]:
        """Everything worth showing, as JSON."""
        return {
            "connections": len(self.pusher.connections),
            "subscribed": sorted(set().union(*(each.channels for each in self.pusher.connections))),
            "counts": dict(self.pusher.counts),
            "silent": self.pusher.silent,
            "provider": self.provider,
            "site_blocked": self.site_blocked,
            "channels": [
                {
                    "slug": each.slug,
                    "channel_id": each.channel_id,
                    "user_id": each.user_id,
                    "chatroom_id": each.chatroom_id,
                    "live": each.live_since is not None,
                    "hosting": each.hosting,
                }
                for each in self.channels.values()
            ],
        }

    async def go_live(self, slug: str | None = None, title: str = "Playing for the raffle") -> None:
        """The stream starts; a second start changes nothing."""
        channel = self.channel(slug)
        if channel.live_since is None:
            channel.live_since, channel.hosting = self.now(), None
            channel.stream_id += 1
            await self.pusher.publish(
                [frames.live_frame(channel.channel_id, channel.stream_id, title, channel.live_since)]
            )
            await self._subscribed(channel, "livestream.status.updated", status_body(channel, True, self.now(), None))

    async def go_offline(self, slug: str | None = None) -> None:
        """The stream ends."""
        channel = self.channel(slug)
        started = channel.live_since or self.now()
        channel.live_since = channel.hosting = None
        await self.pusher.publish([frames.stop_frame(channel.channel_id, channel.stream_id)])
        body = status_body(channel, False, started, self.now())
        await self._subscribed(channel, "livestream.status.updated", body)

    async def _subscribed(self, channel: Channel, event: str, body: dict[str, Any]) -> None:
        """Deliver a webhook once for each subscription that the app has: two of them are two message ids."""
        for row in self.official.subscriptions if self.official.automatic else ():
            if (row["event"], row["broadcaster_user_id"]) == (event, channel.user_id):
                await self.official.deliver(event, body, subscription=row["id"])

    async def host(self, other: str, viewers: int = 50, slug: str | None = None) -> None:
        """The channel hosts another: its viewers are sent there."""
        channel = self.channel(slug)
        channel.hosting = other
        await self.pusher.publish(
            [frames.host_frame(channel.channel_id, channel.user_id, channel.slug, other, viewers)]
        )

    async def chat(self, username: str, text: str, badges: Sequence[str] = (), slug: str | None = None) -> str:
        """One message; returns its id."""
        message_id = str(uuid.uuid4())
        room = self.channel(slug).chatroom_id
        await self.pusher.publish([frames.chat_frame(room, message_id, username, text, badges, self.now())])
        return message_id

    async def gift(
        self,
        gifter: str,
        giftees: Sequence[str] | int = 1,
        *,
        anonymous: bool = False,
        correlated: bool = True,
        slug: str | None = None,
    ) -> Gift:
        """Subs given away, told in all their frames; `giftees` are names or how many, 1 at least."""
        channel = self.channel(slug)
        names = tuple(_invented(giftees) if isinstance(giftees, int) else giftees)
        if not names:
            raise ValueError("a gift needs somebody to give to")
        self._gifts += 1
        counted = "Anonymous" if anonymous else gifter
        channel.gifted[counted] += len(names)
        named = [row for row in channel.gifted.items() if row[0] != "Anonymous"]
        standings = sorted(named, key=lambda row: -row[1])[:10]
        told = Gift(
            chatroom_id=channel.chatroom_id,
            channel_id=channel.channel_id,
            gifter=gifter,
            gifter_id=frames.viewer_id(gifter),
            giftees=names,
            correlation_id=f"{uuid.uuid4().int % 10**12}{self._gifts:03d}" if correlated else None,
            gifter_total=channel.gifted[counted],
            message_id=str(uuid.uuid4()),
            created_at=self.now(),
            anonymous=anonymous,
            standings=tuple((frames.viewer_id(name), name, count) for name, count in standings),
        )
        channel.last_gift = frames.gift_frames(told)
        await self.pusher.publish(channel.last_gift)
        body = gifts_body(channel, None if anonymous else gifter, names, told.created_at)
        await self._subscribed(channel, "channel.subscription.gifts", body)
        return told

    async def replay_last_gift(self, slug: str | None = None) -> int:
        """Every frame of the last gift once more; how many were sent."""
        return await self.pusher.publish(self.channel(slug).last_gift)

    async def crowd(self, size: int, rounds: int = 1, pause: float = 0.0, slug: str | None = None) -> None:
        """`size` viewers say something, `rounds` times with `pause` real seconds between."""
        room = self.channel(slug).chatroom_id
        for turn in range(rounds):
            if turn:
                await asyncio.sleep(pause)
            await self.pusher.publish(self._murmur(room, size, turn))

    def start_crowd(self, size: int, rounds: int, pause: float, slug: str | None = None) -> None:
        """`crowd` in the background."""
        task = asyncio.create_task(self.crowd(size, rounds, pause, slug))
        self._crowds.add(task)
        task.add_done_callback(self._crowds.discard)

    def _murmur(self, room: int, size: int, turn: int) -> Iterator[Outgoing]:
        at = self.now()
        for number in range(1, size + 1):
            text = f"message {turn + 1} from {number}"
            yield frames.chat_frame(room, str(uuid.uuid4()), f"viewer_{number}", text, (), at)

    async def raw(self, event: str, channel: str, data: Any) -> int:
        """Any event on any channel; `data` that is no text is sent as JSON inside JSON."""
        shown = data if isinstance(data, str) else json.dumps(data)
        body = json.dumps({"event": event, "data": shown, "channel": channel}).encode()
        return await self.pusher.publish([Outgoing(channel, body)])

    async def garbage(self, rounds: int = 1) -> int:
        """Frames that no client can read; how many were sent."""
        return sum([await self.pusher.send_to_all(raw) for _ in range(rounds) for raw in GARBAGE])

    async def drop(self, seconds: float, *, status: int | None = 503, code: int | None = None) -> int:
        """Cut all connections off and refuse new ones for `seconds`, by HTTP status or by close code."""
        self.pusher.refuse(seconds, status=None if code is not None else status, code=code)
        return await self.pusher.close_all(1006 if code is None else code)

    async def stop(self) -> None:
        """End crowds and connections."""
        for task in list(self._crowds):
            task.cancel()
        await asyncio.gather(*self._crowds, return_exceptions=True)
        await self.pusher.close_all(1001)


def _invented(count: int) -> list[str]:
    return [f"lucky_{number}" for number in range(1, count + 1)]
