"""The outbox's rows on their way out: lanes side by side, each in order, and what becomes of each row."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from core.clock import Clock, jittered
from core.db import Database, Row
from core.errors import NotReady
from core.guilds import Guilds
from core.lanes import Lanes
from core.letters import Blocked, Follower, Gone, Letter, Refused, Sender
from core.messages import Message
from core.outbox import backoff
from core.stores import outbox as store
from core.undelivered import Undelivered

log = logging.getLogger(__name__)

POLL_SECONDS = 0.3
BATCH = 50
NOT_POSTED = (Refused, NotReady)
LATE = timedelta(minutes=5)
# Discord remembers a nonce for some minutes; after this long it is asked what stands in the channel.
NONCE_TRUSTED = timedelta(minutes=1)
# So many failures (of which the outcome is unknown) and a message lets others of its channel pass: a few where Discord
# took other messages meanwhile, so that this one is the trouble; more, some minutes, where it may be an outage.
STEP_ASIDE, STEP_ASIDE_IN_AN_OUTAGE = 3, 9
# Discord bans an address for 10,000 refused requests in ten minutes. Beyond our share, closed channels wait longest.
LONGEST_BLOCK, MOST_REFUSALS = timedelta(hours=1), 6
REFUSED_SPAN, REFUSED_MOST = timedelta(minutes=10), 100


class Outbox:
    """Delivers waiting rows. `followers` hear of the messages whose `ref` begins with their name and a slash."""

    def __init__(
        self, db: Database, clock: Clock, guilds: Guilds, sender: Sender,
        followers: Mapping[str, Follower] | None = None,
    ) -> None:  # fmt: skip
        self._db = db
        self._clock = clock
        self._guilds = guilds
        self._sender = sender
        self._followers = dict(followers or {})
        self._undelivered = Undelivered(clock, guilds, sender)
        self._lanes: Lanes[int] = Lanes()
        self._refused: deque[datetime] = deque()
        self._arrived_at: datetime | None = None
        self.delivered = 0
        self.failures = 0
        self.given_up = 0

    async def run(self) -> None:
        """For ever: start every lane whose turn has come, and wait for none of them."""
        try:
            while True:
                async with self._db.transaction() as conn:
                    rows = await store.take(
                        conn, self._clock.now(), min(BATCH, self._lanes.room), self._lanes.busy, self._lanes.full
                    )  # fmt: skip
                for row in rows:
                    self._lanes.start(row["lane"], row["guild_id"], partial(self._empty, row))
                await asyncio.sleep(0 if len(rows) == BATCH else POLL_SECONDS)
        finally:
            await self._lanes.close()

    async def deliver_due(self) -> int:
        """Try the first waiting row of every lane once; the number of rows that are settled."""
        async with self._db.transaction() as conn:
            rows = await store.take(conn, self._clock.now(), BATCH)
        settled = await asyncio.gather(*(self._deliver(row) for row in rows))
        return sum(settled)

    async def _empty(self, row: Row) -> bool:
        """A lane's rows one after another, as long as they go; whether nothing is left."""
        rows = [row]
        while rows and await self._deliver(rows[0]):
            async with self._db.transaction() as conn:
                rows = await store.take(conn, self._clock.now(), 1, lane=row["lane"])
        return not rows

    async def _deliver(self, row: Row) -> bool:
        try:
            letter = await self._letter(row)
        except (KeyError, TypeError) as error:  # written by another version: it holds up its own lane alone
            return await self._retry_later(row, error)
        try:
            message_id = await self._send(row, letter)
        except Gone as gone:
            return await self._give_up(row, letter, gone)
        except Blocked as blocked:
            return await self._keep_blocked(row, letter, blocked)
        except Exception as error:  # noqa: BLE001 - the row outlives whatever the network does
            return await self._retry_later(row, error)
        async with self._db.transaction() as conn:
            await store.delivered(conn, row["id"], message_id, self._clock.now(), row["revision"])
            await store.reopen(conn, _place(row), self._clock.now(), row["attempts"] > 0)
            follower = self._follower(letter)
            if follower is not None and not letter.message.edits:
                await follower.delivered(conn, letter, message_id)
        self.delivered += 1
        self._arrived_at = self._clock.now()
        return True

    async def _send(self, row: Row, letter: Letter) -> int:
        settings = self._guilds.find(letter.guild_id)
        if letter.channel_id is not None and settings is not None and settings.left_at is not None:
            raise Gone("the bot is no longer in the server", "left")
        if letter.message.edits and letter.edits is None:
            raise Gone("the message to be edited was never posted")
        found = None if letter.message.edits else await self._found(row, letter)
        return await self._sender.send(letter) if found is None else found

    async def _found(self, row: Row, letter: Letter) -> int | None:
        """The message of an earlier try whose answer was lost longer ago than the nonce can be relied on."""
        if self._clock.now() - row["tried_at"] <= NONCE_TRUSTED:
            return None
        as_written = replace(letter, message=Message.from_json(row["payload"]))
        candidates = await self._sender.find(as_written, row["tried_at"])
        async with self._db.transaction() as conn:
            others = await store.known_messages(conn, candidates) if candidates else set()
        return next((message_id for message_id in candidates if message_id not in others), None)

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

    async def _give_up(self, row: Row, letter: Letter, gone: Gone) -> bool:
        log.warning("outbox_undeliverable", extra={"id": row["id"], "error": str(gone)})
        async with self._db.transaction() as conn:
            await store.given_up(conn, row["id"], str(gone), self._clock.now())
            follower = self._follower(letter)
            heard = follower is not None and await follower.undeliverable(conn, letter, str(gone))
            if (letter.message.mentions or not heard) and not letter.message.edits and gone.why != "left":
                await self._undelivered.tell(conn, letter, gone, heard=heard)
            await self._undelivered.tell_named(conn, letter)
        self.given_up += 1
        return True

    async def _keep_blocked(self, row: Row, letter: Letter, blocked: Blocked) -> bool:
        self.failures += 1
        now, place = self._clock.now(), _place(row)
        async with self._db.transaction() as conn:
            refusals, wait = self._next_block(await store.refusals(conn, place))
            await store.block(conn, row["guild_id"], place, row["id"], str(blocked), refusals, now + wait)
            if letter.message.mentions and await store.claim_row_notice(conn, row["id"], now):
                await self._undelivered.tell_named(conn, letter)
            if await store.untold(conn, place) and await self._undelivered.tell(conn, letter, blocked):
                await store.set_told(conn, place, now)
        log.warning("outbox_blocked", extra={"channel": place, "error": str(blocked)})
        return False

    def _next_block(self, refusals: int) -> tuple[int, timedelta]:
        """(refusals counted, wait): 1 min, 2 min, 4 min ... at most an hour; at once where many are refused."""
        now = self._clock.now()
        self._refused.append(now)
        while self._refused[0] < now - REFUSED_SPAN:
            self._refused.popleft()
        counted = refusals if len(self._refused) <= REFUSED_MOST else MOST_REFUSALS
        wait = min(timedelta(minutes=2 ** min(counted, MOST_REFUSALS)), LONGEST_BLOCK)
        return counted + 1, timedelta(seconds=jittered(wait.total_seconds()))

    async def _retry_later(self, row: Row, error: Exception) -> bool:
        self.failures += 1
        log.warning("outbox_retry", extra={"id": row["id"], "error": repr(error)})
        async with self._db.transaction() as conn:
            await store.failed(
                conn, row["id"], repr(error), self._clock.now() + backoff(row["attempts"]),
                known=isinstance(error, NOT_POSTED), aside=row["aside"] or self._steps_aside(row, error),
            )  # fmt: skip
        return False

    def _steps_aside(self, row: Row, error: Exception) -> bool:
        works = self._arrived_at is not None and self._arrived_at > row["tried_at"]
        most = STEP_ASIDE if works else STEP_ASIDE_IN_AN_OUTAGE
        return not isinstance(error, NOT_POSTED) and row["attempts"] + 1 >= most

    async def channel_opened(self, channel_id: int) -> None:
        """Permissions changed: try the channel's messages now."""
        async with self._db.transaction() as conn:
            await store.retry_place(conn, channel_id, self._clock.now())

    async def server_opened(self, guild_id: int) -> None:
        """Roles changed: try every closed channel of the server now."""
        async with self._db.transaction() as conn:
            for place in await store.blocked_places(conn, guild_id):
                await store.retry_place(conn, place, self._clock.now())

    async def server_left(self, guild_id: int) -> None:
        """Nothing can be said there any more: close what waits, now."""
        async with self._db.transaction() as conn:
            await store.hurry_guild(conn, guild_id, self._clock.now())


def _place(row: Row) -> int:
    return int(row["channel_id"] or row["user_id"])
