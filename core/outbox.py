"""What must be said: committed with its fact, delivered after it (`core/delivery.py`), in order, once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from core.clock import Clock
from core.db import Connection, Database
from core.messages import Message
from core.stores import outbox as store

LATELY = timedelta(days=30)


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


async def waiting(db: Database, clock: Clock, guild_id: int | None = None) -> dict[str, object]:
    """How all messages (or a guild's) fare.

    `waiting` and since when the `oldest` does, how many were tried (`retrying`), how many channels and members are
    `blocked`, and how many messages of the last 30 days could not be delivered (`given_up`).
    """
    async with db.transaction() as conn:
        row = await store.waiting(conn, clock.now() - LATELY, guild_id)
    oldest = row["oldest"]
    return {**row, "oldest": oldest.isoformat() if oldest else None}
