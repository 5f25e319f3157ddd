"""The role of those who linked a Kick account: asked for with the link, given and taken afterwards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from core import outbox
from core.clock import Clock
from core.db import Database, Row, is_away
from core.guilds import Guilds
from core.messages import RED, Embed, Message
from core.texts import mention
from raffle_system import link_role_store as store

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
BATCH = 20
MOST_ATTEMPTS = 8


class RoleRefused(Exception):
    """Discord will not do it until somebody changes something there; the message says what it said."""


SetRole = Callable[[int, int, int, bool], Awaitable[None]]


class LinkRoles:
    """`set_role` (guild, member, role, wanted) does it at Discord.

    It raises `RoleRefused` where it must not, which the admins are told; anything else is tried again.
    """

    def __init__(self, db: Database, clock: Clock, guilds: Guilds, set_role: SetRole) -> None:
        self._db = db
        self._clock = clock
        self._guilds = guilds
        self._set_role = set_role

    async def run(self) -> None:
        while True:
            try:
                await self.do_due()
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("link_roles_wait_for_database", extra={"error": repr(error)})
            await asyncio.sleep(POLL_SECONDS)

    async def do_due(self) -> int:
        """Try everything that is due once; how many were tried."""
        async with self._db.transaction() as conn:
            rows = await store.due(conn, self._clock.now(), BATCH)
        for row in rows:
            await self._do(row)
        return len(rows)

    async def _do(self, row: Row) -> None:
        try:
            await self._set_role(row["guild_id"], row["discord_id"], row["role_id"], row["wanted"])
        except RoleRefused as error:
            await self._tell(row, str(error))
            return
        except Exception as error:  # noqa: BLE001 - the row outlives whatever the network does
            log.warning("link_role_later", extra={"row": row["id"], "error": repr(error)})
            await self._later(row, repr(error))
            return
        async with self._db.transaction() as conn:
            await store.done(conn, row["id"], None, self._clock.now())

    async def _later(self, row: Row, error: str) -> None:
        if row["attempts"] + 1 >= MOST_ATTEMPTS:
            await self._tell(row, error)
            return
        due = self._clock.now() + timedelta(seconds=5.0 * 2.0 ** row["attempts"])
        async with self._db.transaction() as conn:
            await store.later(conn, row["id"], error[:500], due)

    async def _tell(self, row: Row, why: str) -> None:
        """Give up, and say so where admins read."""
        settings = self._guilds.find(row["guild_id"])
        now = self._clock.now()
        async with self._db.transaction() as conn:
            await store.done(conn, row["id"], why[:500], now)
            if settings is None:
                return
            text = self._guilds.reader(settings.guild_id)(
                "link.role_failed", role=f"<@&{row['role_id']}>", member=mention(row["discord_id"]), why=why[:300]
            )
            message = Message(embeds=(Embed(description=text, colour=RED),))
            await outbox.post(conn, self._clock, settings.guild_id, settings.admins_hear_in, message)
