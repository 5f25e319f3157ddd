"""A letter on its way: what Discord's edge gets, what it may answer, and who follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.db import Connection
from core.messages import Message


class Refused(Exception):
    """Discord said no, or was not asked: nothing was posted. `why` is the key of a text, `outbox.why.<why>`."""

    def __init__(self, text: str, why: str = "refused") -> None:
        super().__init__(text)
        self.why = why


class Passing(Refused):
    """It will work by itself in a while."""


class Blocked(Refused):
    """The whole channel (or member) is closed until somebody changes something: keep it, tell who can."""


class DangerousRole(Blocked):
    """A role that gained permissions which are given to nobody; whoever set it may mend that."""


class Gone(Refused):
    """It can never be delivered (channel deleted, direct messages closed, a form that Discord does not take)."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One row of the outbox, ready to be sent. `nonce` makes a repeated send harmless for some minutes.

    `edits` is the id of the message in the channel that this one replaces, None for a new message.
    """

    guild_id: int
    channel_id: int | None
    user_id: int | None
    nonce: str
    message: Message
    edits: int | None = None


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server's name, and who owns it."""

    name: str
    owner_id: int


class Sender(Protocol):
    """The edge that speaks to Discord."""

    async def send(self, letter: Letter) -> int:
        """Send, or edit; return the id of the message.

        Errors: `Passing`, `Blocked`, `Gone`; after anything else nobody knows whether it was posted.
        """
        ...

    async def find(self, letter: Letter, since: datetime) -> Sequence[int]:
        """The ids of the bot's own messages since then that say what the letter does. Errors: as `send`."""
        ...

    def server(self, guild_id: int) -> Server | None:
        """None while it is not known."""
        ...


class Follower(Protocol):
    """A feature that wants to know what became of its messages; called in the transaction that settles them."""

    async def delivered(self, conn: Connection, letter: Letter, message_id: int) -> None:
        """A new message stands (an edit is not reported)."""
        ...

    async def undeliverable(self, conn: Connection, letter: Letter, reason: str) -> bool:
        """The message, or the edit of it, can never arrive; whether somebody who can act hears of it by this."""
        ...
