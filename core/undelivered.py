"""What cannot be said where it should be: the next who can act hears of it, and whoever it names.

The admin channel, else the owner by direct message; winners and others whom the message names in any case.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from core import outbox
from core.clock import Clock
from core.db import Connection
from core.guilds import Guilds
from core.letters import Blocked, Gone, Letter, Refused, Sender
from core.messages import GREY, RED, Embed, Message
from core.stores import outbox as store
from core.texts import Reader, escape, mention

log = logging.getLogger(__name__)

REF = "undelivered"
ADMINS_MOST, ADMINS_SPAN, OWNER_SPAN = 10, timedelta(hours=1), timedelta(days=1)
_WORDS = 1500


class Undelivered:
    """Posts notices in the transaction that gives a letter up, or keeps it for want of a permission."""

    def __init__(self, clock: Clock, guilds: Guilds, sender: Sender) -> None:
        self._clock = clock
        self._guilds = guilds
        self._sender = sender

    async def tell(self, conn: Connection, letter: Letter, refused: Refused, *, heard: bool = False) -> bool:
        """Tell somebody who can act; False where nobody is known (now). Where one `heard`, the owner need not."""
        if letter.message.ref.startswith(f"{REF}/"):
            return await self._pass_on(conn, letter)
        settings = self._guilds.find(letter.guild_id)
        admins = settings.admin_channel_id if settings is not None else None
        if admins is not None and admins != letter.channel_id and not await store.refusals(conn, admins):
            notice = self._notice(self._guilds.reader(letter.guild_id), letter, refused)
            if not await self._enough(conn, letter, refused, ADMINS_MOST, ADMINS_SPAN):
                await outbox.post(conn, self._clock, letter.guild_id, admins, notice)
            return True
        return heard or await self._tell_owner(conn, letter, refused)

    async def _tell_owner(self, conn: Connection, letter: Letter, refused: Refused) -> bool:
        server = self._sender.server(letter.guild_id)
        if server is None or server.owner_id == letter.user_id:
            log.warning("outbox_nobody_told", extra={"guild": letter.guild_id, "error": str(refused)})
            return False
        if not await self._enough(conn, letter, refused, 1, OWNER_SPAN):
            notice = self._notice(self._guilds.reader(letter.guild_id, server.owner_id), letter, refused)
            await outbox.post_to_member(conn, self._clock, letter.guild_id, server.owner_id, notice)
        return True

    async def _enough(self, conn: Connection, letter: Letter, refused: Refused, most: int, span: timedelta) -> bool:
        """Whether enough was said lately of a channel that is gone. What names people or a draw is always said."""
        if letter.user_id or letter.message.mentions or letter.message.draw_ids or not isinstance(refused, Gone):
            return False
        return await store.posted_since(conn, _ref(letter), self._clock.now() - span) >= most

    async def _pass_on(self, conn: Connection, letter: Letter) -> bool:
        """A notice that the admin channel did not take goes to the owner; behind the owner nobody is left."""
        server = self._sender.server(letter.guild_id)
        if letter.channel_id is None or server is None:
            return False
        await outbox.post_to_member(conn, self._clock, letter.guild_id, server.owner_id, letter.message)
        return True

    async def tell_named(self, conn: Connection, letter: Letter) -> None:
        """Whoever a channel's message names reads it as a direct message, unless a letter of the draw's own says it."""
        if letter.channel_id is None or letter.message.edits:
            return
        own = {f"{draw_id}/dm/{user}": user for draw_id in letter.message.draw_ids for user in letter.message.mentions}
        told = {own[ref] for ref in await store.posted(conn, list(own))}
        for user in letter.message.mentions:
            if user not in told:
                await outbox.post_to_member(
                    conn, self._clock, letter.guild_id, user, self._for_named(letter, user)
                )  # fmt: skip

    def _for_named(self, letter: Letter, user: int) -> Message:
        reader = self._guilds.reader(letter.guild_id, user)
        text = reader("outbox.named", channel=_place(letter), guild=self._name(letter))
        first = Embed(title=reader("outbox.named_title"), description=text, colour=GREY)
        return replace(
            letter.message, embeds=(first, *letter.message.embeds), mentions=(), role_mentions=(), ref=f"{REF}/named"
        )

    def _notice(self, reader: Reader, letter: Letter, refused: Refused) -> Message:
        key = "outbox.blocked" if isinstance(refused, Blocked) and letter.channel_id else f"outbox.why.{refused.why}"
        lines = [reader(key, channel=_place(letter), guild=self._name(letter), why=escape(str(refused))[:300])]
        words = _words(letter.message)
        if words:
            lines += [reader("outbox.words"), words]
        title = reader("outbox.blocked_title" if isinstance(refused, Blocked) else "outbox.undelivered_title")
        embed = Embed(title=title, description="\n".join(lines), colour=RED)
        return Message(embeds=(embed,), ref=_ref(letter))

    def _name(self, letter: Letter) -> str:
        server = self._sender.server(letter.guild_id)
        return escape(server.name) if server is not None else str(letter.guild_id)


def _ref(letter: Letter) -> str:
    return f"{REF}/{letter.channel_id}"


def _place(letter: Letter) -> str:
    return f"<#{letter.channel_id}>" if letter.user_id is None else mention(letter.user_id)


def _words(message: Message) -> str:
    """What the message would have said, without pings, as a quotation."""
    parts = [message.content]
    for embed in message.embeds:
        parts += [embed.title, embed.description, *(f"{field.name}: {field.value}" for field in embed.fields)]
    lines = "\n".join(filter(None, parts))[:_WORDS].splitlines()
    return "\n".join(f"> {line}" for line in lines)
