"""The bot is away, or removed from a server and invited again: what ran there stands still, and goes on."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby

from core import outbox
from core.attendance import WORTH_TELLING
from core.db import Connection
from giveaway import announcements, entry_store, journal, presets, store, winner_store
from giveaway.facts import Tools
from giveaway.models import ACTIVE, PAUSED, UNFINISHED, Giveaway


class Absence:
    """Hears when the bot was away, and where it is no more or again."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def extend(self, conn: Connection, since: datetime, guild_id: int | None) -> None:
        """Winners have the time again in which nobody could claim; told where it was long."""
        tools, now = self._tools, self._tools.clock.now()
        rows = await winner_store.extend_claims(conn, since, now, guild_id)
        if now - since < WORTH_TELLING:
            return
        for (giveaway_id, until), group in groupby(rows, lambda row: (row["giveaway_id"], row["claim_until"])):
            found = await store.get(conn, giveaway_id)
            assert found is not None
            giveaway, winners = Giveaway.from_row(found), [row["user_id"] for row in group]
            reader = tools.guilds.reader(giveaway.guild_id)
            message = announcements.claims_extended(reader, giveaway, winners, until)
            await outbox.post(conn, tools.clock, giveaway.guild_id, giveaway.channel_id, message)

    async def left(self, conn: Connection, guild_id: int) -> None:
        """Removed: nothing is lost, and every host hears that the giveaway stands still."""
        for giveaway in await self._unfinished(conn, guild_id):
            await journal.note(conn, self._tools, giveaway, "bot_left", None)
            await journal.tell_host(conn, self._tools, giveaway, "giveaway.host_bot_left")

    async def returned(self, conn: Connection, guild_id: int) -> None:
        """Invited again: what ran goes on, on messages that are true; what became due is done late."""
        for giveaway in await self._unfinished(conn, guild_id):
            if giveaway.status in (ACTIVE, PAUSED):
                await self._show(conn, giveaway)
            await journal.note(conn, self._tools, giveaway, "bot_back", None)
            await journal.tell_host(conn, self._tools, giveaway, "giveaway.host_bot_back")

    async def _unfinished(self, conn: Connection, guild_id: int) -> list[Giveaway]:
        found = []
        for giveaway_id in await store.of_guild_unfinished(conn, guild_id, UNFINISHED):
            row = await store.get(conn, giveaway_id)
            assert row is not None
            found.append(Giveaway.from_row(row))
        return found

    async def _show(self, conn: Connection, giveaway: Giveaway) -> None:
        """The message as it is now; a new one where none was ever posted."""
        tools = self._tools
        entries, _tickets = await entry_store.totals(conn, giveaway.giveaway_id)
        boosts = await presets.boosts(conn, giveaway.guild_id, tools.clock.now())
        reader = tools.guilds.reader(giveaway.guild_id)
        message = announcements.live(reader, giveaway, entries, boosts, edits=giveaway.message_id is not None)
        await outbox.post(conn, tools.clock, giveaway.guild_id, giveaway.channel_id, message)
