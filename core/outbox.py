"""What must be said: committed with its fact, delivered after it, in order, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from core.clock import Clock
from core.db import Connection, Database, Row
from core.messages import Message
from core.stores import outbox as store

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
BATCH = 50
BLOCKED_RETRY = timedelta(seconds=60)
LATE = timedelta(minutes=5)


class Blocked(Exception):
    """Discord refuses for now (no permission, channel hidden): keep it, tell the admin once."""


class Gone(Exception):
    """It can never be delivered (channel deleted, direct messages closed)."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One row of the outbox, ready to be sent. `nonce` makes a repeated send harmless.

    `edits` is the id of the message in the channel that this one replaces, None for a new message.
    """

    guild_id: int
    channel_id: int | None
    user_id: int | None
    nonce: str
    message: Message
    edits: int | None = None


class Sender(Protocol):
    """The edge that speaks to Discord."""

    async def send(self, letter: Letter) -> int:
        """Send, or edit; return the id of the message. Errors: `Blocked`, `Gone`; anything else is retried."""
        ...

    async def tell_admin(self, guild_id: int, channel_id: int) -> None:
        """Say to somebody who can mend it that the bot may not post in the channel."""
        ...


class Follower(Protocol):
    """A feature that wants to know what became of its messages; called in the transaction that settles them."""

    async def delivered(self, conn: Connection, letter: Letter, message_id: int) -> None:
        """A new message stands (an edit is not reported)."""
        ...

    async def undeliverable(self, conn: Connection, letter: Letter, reason: str) -> None:
        """The message, or the edit of it, can never arrive."""
        ...


async def post(conn: Connection, clock: Clock, guild_id: int, channel_id: int | None, message: Message) -> None:
    """Queue a message to a channel in the caller's transaction; without a channel nothing is said.

    Of several edits of one message that wait, only the newest is ever sent.
    """
    if channel_id is None:
        return
    if message.edits and await store.replace_edit(conn, message.ref, message.to_json()):
        return
    await store.add(
        conn, guild_id=guild_id, channel_id=channel_id, user_id=None, payload=message.to_json(), now=clock.now(),
        ref=message.ref or None, edits=message.edits,
    )  # fmt: skip


async def post_many(
    conn: Connection, clock: Clock, guild_id: int, channel_id: int | None, messages: Sequence[Message]
) -> None:
    """`post` for several messages of different names to one channel, in two statements whatever their number."""
    if channel_id is None or not messages:
        return
    edits = {message.ref: message.to_json() for message in messages if message.edits}
    replaced = await store.replace_edits(conn, edits) if edits else set()
    new = [message for message in messages if not (message.edits and message.ref in replaced)]
    if new:
        await store.add_many(
            conn, guild_id, channel_id, [one.to_json() for one in new], [one.ref or None for one in new],
            [one.edits for one in new], clock.now(),
        )  # fmt: skip


async def post_to_member(conn: Connection, clock: Clock, guild_id: int, user_id: int, message: Message) -> None:
    """Queue a direct message in the caller's transaction."""
    await store.add(
        conn, guild_id=guild_id, channel_id=None, user_id=user_id, payload=message.to_json(), now=clock.now(),
        ref=message.ref or None,
    )  # fmt: skip


def backoff(attempts: int) -> timedelta:
    """1 s, 2 s, 4 s ... at most 5 minutes."""
    return timedelta(seconds=min(2**attempts, 300))


class Outbox:
    """Delivers waiting rows: channels side by side, each channel in order.

    `followers` hear of the messages whose `ref` begins with their name and a slash.
    """

    def __init__(
        self, db: Database, clock: Clock, sender: Sender, followers: Mapping[str, Follower] | None = None
    ) -> None:  # fmt: skip
        self._db = db
        self._clock = clock
        self._sender = sender
        self._followers = dict(followers or {})
        self.delivered = 0
        self.failures = 0

    async def run(self) -> None:
        while True:
            if not await self.deliver_due():
                await asyncio.sleep(POLL_SECONDS)

    async def deliver_due(self) -> int:
        """Try the first waiting row of every channel once; the number of rows that are settled."""
        async with self._db.transaction() as conn:
            rows = await store.due(conn, self._clock.now(), BATCH)
        settled = await asyncio.gather(*(self._deliver(row) for row in rows))
        return sum(settled)

    async def _deliver(self, row: Row) -> bool:
        try:
            letter = await self._letter(row)
        except (KeyError, TypeError) as error:  # written by another version: it holds up its own channel alone
            return await self._retry_later(row, error)
        try:
            if letter.message.edits and letter.edits is None:
                raise Gone("the message to be edited was never posted")
            message_id = await self._sender.send(letter)
        except Gone as error:
            return await self._give_up(row, letter, str(error))
        except Blocked as error:
            return await self._keep_blocked(row, str(error))
        except Exception as error:  # noqa: BLE001 - the row outlives whatever the network does
            return await self._retry_later(row, error)
        async with self._db.transaction() as conn:
            await store.delivered(conn, row["id"], message_id, self._clock.now(), row["revision"])
            follower = self._follower(letter)
            if follower is not None and not letter.message.edits:
                await follower.delivered(conn, letter, message_id)
        self.delivered += 1
        return True

    async def _letter(self, row: Row) -> Letter:
        message, edits = Message.from_json(row["payload"]), None
        if message.edits:
            async with self._db.transaction() as conn:
                edits = await store.message_of(conn, message.ref)
        if message.late and self._clock.now() - row["created_at"] >= LATE:
            message = replace(message, content=f"{message.late}\n{message.content}")
        return Letter(
            guild_id=row["guild_id"], channel_id=row["channel_id"], user_id=row["user_id"],
            nonce=f"drumroll-{row['id']}", message=message, edits=edits,
        )  # fmt: skip

    def _follower(self, letter: Letter) -> Follower | None:
        return self._followers.get(letter.message.ref.partition("/")[0])

    async def _give_up(self, row: Row, letter: Letter, error: str) -> bool:
        log.warning("outbox_undeliverable", extra={"id": row["id"], "error": error})
        async with self._db.transaction() as conn:
            await store.given_up(conn, row["id"], error, self._clock.now())
            follower = self._follower(letter)
            if follower is not None:
                await follower.undeliverable(conn, letter, error)
        return True

    async def _keep_blocked(self, row: Row, error: str) -> bool:
        self.failures += 1
        now = self._clock.now()
        async with self._db.transaction() as conn:
            await store.failed(conn, row["id"], error, now + BLOCKED_RETRY)
            tell = await store.claim_admin_notice(conn, row["channel_id"], now)
        log.warning("outbox_blocked", extra={"channel": row["channel_id"], "error": error})
        if tell:
            await self._tell_admin(row)
        return False

    async def _tell_admin(self, row: Row) -> None:
        """Told or not, the other channels go on; what could not be told is told at the next try."""
        try:
            await self._sender.tell_admin(row["guild_id"], row["channel_id"])
        except Exception:
            log.exception("outbox_admin_not_told", extra={"channel": row["channel_id"]})
            async with self._db.transaction() as conn:
                await store.release_admin_notice(conn, row["channel_id"])

    async def _retry_later(self, row: Row, error: Exception) -> bool:
        self.failures += 1
        log.warning("outbox_retry", extra={"id": row["id"], "error": repr(error)})
        async with self._db.transaction() as conn:
            due = self._clock.now() + backoff(row["attempts"])
            await store.failed(conn, row["id"], repr(error), due)
        return False

    async def channel_opened(self, channel_id: int) -> None:
        """Permissions changed: try the channel's messages now."""
        async with self._db.transaction() as conn:
            await store.retry_channel(conn, channel_id, self._clock.now())


async def waiting(db: Database) -> dict[str, object]:
    """For /health: how many messages wait, how many of them were tried, and since when the oldest waits."""
    async with db.transaction() as conn:
        row = await store.waiting(conn)
    oldest = row["oldest"]
    return {**row, "oldest": oldest.isoformat() if oldest else None}
