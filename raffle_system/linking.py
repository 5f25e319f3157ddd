"""What follows when a Kick account is bound to a member or let go: pay, tell, give the role."""

from __future__ import annotations

from datetime import datetime, timedelta

from core import identity, outbox
from core.clock import Clock
from core.db import Connection
from core.errors import UserError
from core.guilds import Guilds, GuildSettings
from core.identity import NewLink
from core.messages import Embed, Message
from core.texts import escape
from raffle_system import (
    announcements,
    gift_payments,
    kick_payments,
    link_role_store,
    periods,
    watchtime_converter,
)


class Linking:
    """The one way in which links are made and ended, whatever asks for it."""

    def __init__(self, clock: Clock, guilds: Guilds) -> None:
        self._clock = clock
        self._guilds = guilds

    async def by_code(self, conn: Connection, guild_id: int, code: str, kick_user_id: int, kick_name: str) -> None:
        """A code was typed in the chat: link, or say why not where people look."""
        try:
            made = await identity.redeem(conn, self._clock, guild_id, code, kick_user_id, kick_name)
        except UserError as error:
            await self._refused(conn, guild_id, error)
            return
        if made is not None:
            await self.settle(conn, made)

    async def bind(
        self, conn: Connection, guild_id: int, discord_id: int, kick_name: str, kick_user_id: int | None,
        *, actor: int | None, channel_id: int | None,
    ) -> None:  # fmt: skip
        """Link on an admin's word or on Kick's own. Errors: `link.already`, `link.kick_taken`."""
        await identity.bind(conn, guild_id, discord_id, kick_name, kick_user_id, actor, self._clock.now())
        made = NewLink(
            guild_id=guild_id, discord_id=discord_id, channel_id=channel_id, kick_name=kick_name,
            kick_user_id=kick_user_id,
        )  # fmt: skip
        await self.settle(conn, made)

    async def settle(self, conn: Connection, made: NewLink) -> None:
        """Pay what waited for the link, and say so in one message with its parts."""
        settings, now = self._guilds.get(made.guild_id), self._clock.now()
        period = await periods.held_open(conn, made.guild_id)
        watched = 0
        if made.kick_user_id is not None:
            paid = await watchtime_converter.convert(conn, settings, period, now, only=made.kick_user_id)
            watched = paid.tickets
        gifts = await gift_payments.pay_linked(
            conn, settings, period, made.discord_id, made.kick_user_id, made.kick_name, now
        )
        others = await kick_payments.pay_linked(
            conn, settings, period, made.discord_id, made.kick_user_id, made.kick_name, now
        )
        await self._role(conn, settings, made.discord_id, now, wanted=True)
        reader = self._guilds.reader(made.guild_id, made.discord_id)
        window = timedelta(minutes=settings.watch_window_minutes)
        message = announcements.linked(reader, made.discord_id, made.kick_name, watched, [*gifts, *others], window)
        channel = made.channel_id or settings.announcement_channel_id
        await outbox.post(conn, self._clock, made.guild_id, channel, message)

    async def end(self, conn: Connection, guild_id: int, discord_id: int, actor: int) -> str:
        """Unlink; the Kick name that it was. Errors: `link.none`."""
        name = await identity.unlink(conn, self._clock, guild_id, discord_id, actor)
        await self._role(conn, self._guilds.get(guild_id), discord_id, self._clock.now(), wanted=False)
        return name

    async def _role(
        self, conn: Connection, settings: GuildSettings, discord_id: int, now: datetime, *, wanted: bool
    ) -> None:
        if settings.link_role_id is not None:
            await link_role_store.add(conn, settings.guild_id, discord_id, settings.link_role_id, wanted, now)

    async def _refused(self, conn: Connection, guild_id: int, error: UserError) -> None:
        """The code was good, the account is not free: say so where people look."""
        reader = self._guilds.reader(guild_id)
        args = {name: escape(value) if isinstance(value, str) else value for name, value in error.args_.items()}
        message = Message(embeds=(Embed(description=reader(error.key, **args)),))
        channel = self._guilds.get(guild_id).announcement_channel_id
        await outbox.post(conn, self._clock, guild_id, channel, message)
