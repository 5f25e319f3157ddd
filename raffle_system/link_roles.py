"""The role of those who linked a Kick account: asked for with the link, given and taken afterwards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from core import outbox, tries
from core.clock import Clock
from core.db import Connection, Database, Row, is_away
from core.errors import NotReady
from core.guilds import Guilds
from core.lanes import Lanes
from core.letters import DangerousRole
from core.messages import RED, Embed, Message
from core.texts import mention
from raffle_system import link_role_store as store

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
BATCH = 50


SetRole = Callable[[int, int, int, bool], Awaitable[None]]


class LinkRoles:
    """`set_role` (guild, member, role, wanted) does it at Discord.

    What it raises of `core.letters.Refused` says what may become of it; the admins hear of what needs somebody.
    """

    def __init__(self, db: Database, clock: Clock, guilds: Guilds, set_role: SetRole) -> None:
        self._db = db
        self._clock = clock
        self._guilds = guilds
        self._set_role = set_role
        self._lanes: Lanes[int] = Lanes()

    async def run(self) -> None:
        """For ever: start what is due, and wait for none of it."""
        try:
            while True:
                try:
                    await self._start_due()
                except Exception as error:
                    if not is_away(error):
                        raise
                    log.warning("link_roles_wait_for_database", extra={"error": repr(error)})
                await asyncio.sleep(POLL_SECONDS)
        finally:
            await self._lanes.close()

    async def do_due(self) -> int:
        """Try everything that is due once, side by side; how many were tried."""
        return len(await asyncio.gather(*await self._start_due()))

    async def _start_due(self) -> list[asyncio.Task[bool]]:
        async with self._db.transaction() as conn:
            rows = await store.due(conn, self._clock.now(), BATCH, self._lanes.busy, self._lanes.full)
        return [self._lanes.start(row["id"], row["guild_id"], partial(self._do, row)) for row in rows]

    async def _do(self, row: Row) -> bool:
        """Whether the role is settled."""
        try:
            await self._set_role(row["guild_id"], row["discord_id"], row["role_id"], row["wanted"])
        except NotReady:
            return False
        except Exception as error:  # noqa: BLE001 - the row outlives whatever the network does
            return await self._failed(row, error)
        async with self._db.transaction() as conn:
            await store.done(conn, row["id"], None, self._clock.now())
        return True

    async def _failed(self, row: Row, error: Exception) -> bool:
        log.warning("link_role_failed", extra={"row": row["id"], "error": repr(error)})
        wait, tell = tries.after(error, row["attempts"])
        now, why = self._clock.now(), str(error)[:500]
        async with self._db.transaction() as conn:
            if tell and await store.claim_notice(conn, row["id"], now):
                await self._tell(conn, row, error)
            if wait is None:
                await store.done(conn, row["id"], why, now)
            else:
                await store.later(conn, row["id"], why, now + wait)
        return wait is None

    async def _tell(self, conn: Connection, row: Row, error: Exception) -> None:
        """Say so where admins read."""
        settings = self._guilds.find(row["guild_id"])
        if settings is not None:
            reader, member = self._guilds.reader(settings.guild_id), mention(row["discord_id"])
            why = reader("role.dangerous_now") if isinstance(error, DangerousRole) else str(error)[:300]
            text = reader("link.role_failed", role=f"<@&{row['role_id']}>", member=member, why=why)
            message = Message(embeds=(Embed(description=text, colour=RED),))
            await outbox.post(conn, self._clock, settings.guild_id, settings.admins_hear_in, message)
