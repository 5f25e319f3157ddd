"""What waits for a second sign or an admin: believed when a gap explains it, told to the admins once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from core import outbox
from core.clock import Clock
from core.db import Database
from core.guilds import Guilds, GuildSettings
from raffle_system import announcements, gift_thanks, gifted_sub_tracker, kick_payment_store, kick_payments
from raffle_system import gift_notice_store as store
from raffle_system.gift_telling import MATCH_SPAN

PATIENCE = MATCH_SPAN + timedelta(seconds=10)  # until then the socket may still tell of it


class WaitingGifts:
    """Gifts and payments of all guilds that nobody was paid for yet."""

    def __init__(self, db: Database, clock: Clock, guilds: Guilds) -> None:
        self._db = db
        self._clock = clock
        self._guilds = guilds

    async def believe(self, guild_ids: Iterable[int]) -> None:
        """Pay what webhooks told of gaps."""
        for settings in filter(None, map(self._guilds.find, guild_ids)):
            async with self._db.transaction() as conn:
                awards = await gifted_sub_tracker.believe_gaps(conn, settings, self._clock.now())
                await kick_payments.believe_gaps(conn, settings, self._clock.now())
                await gift_thanks.post(conn, self._clock, self._guilds, settings, awards)

    async def tell(self) -> None:
        """Tell the admins of what waits since `PATIENCE`; paid first what a gap explains that a dying process left."""
        async with self._db.transaction() as conn:
            guild_ids = await store.guilds_untold(conn, self._clock.now() - PATIENCE)
        await self.believe(guild_ids)
        for settings in filter(None, map(self._guilds.find, guild_ids)):
            if settings.admins_hear_in is not None:
                await self._tell(settings)

    async def _tell(self, settings: GuildSettings) -> None:
        now = self._clock.now()
        async with self._db.transaction() as conn:
            gifts = await store.take_untold(conn, settings.guild_id, now - PATIENCE, now)
            payments = await kick_payment_store.take_untold(conn, settings.guild_id, now - PATIENCE, now)
            if gifts or payments:
                message = announcements.gifts_wait(self._guilds.reader(settings.guild_id), gifts, payments)
                await outbox.post(conn, self._clock, settings.guild_id, settings.admins_hear_in, message)
