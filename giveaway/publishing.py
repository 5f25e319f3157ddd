"""What follows a draw, and what became of the giveaways' messages."""

from __future__ import annotations

import re

from core import outbox
from core.db import Connection, Row
from core.draws import Drawn
from core.letters import Letter
from core.texts import escape, mention
from giveaway import announcements, giveaway_system, journal, store, winner_store, winners, wishes
from giveaway.announcements import Place
from giveaway.facts import Tools
from giveaway.models import FROZEN, Giveaway


class GiveawayPublisher:
    """Called by the draw's finisher in the transaction that stores the picks."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def publish(self, conn: Connection, drawn: Drawn) -> None:
        """Winners, the end, the message, the announcement and the letters: all or nothing."""
        giveaway = await self._giveaway(conn, drawn.row)
        if giveaway.status != FROZEN:
            raise RuntimeError(f"giveaway {giveaway.giveaway_id} is {giveaway.status}, not frozen")
        tools, held = self._tools, drawn.entrants.tickets_of
        claim_until = winners.claim_deadline(giveaway, drawn.drawn_at)
        places = [Place(user_id=pick.id, tickets=held(pick.id)) for pick in drawn.picks]
        await winner_store.add(
            conn, giveaway_id=giveaway.giveaway_id, guild_id=giveaway.guild_id, claim_until=claim_until,
            places=[(place.user_id, index, place.tickets) for index, place in enumerate(places)],
            with_role=giveaway.options.winner_role_id is not None, now=drawn.drawn_at,
        )  # fmt: skip
        await store.set_ended(conn, giveaway.giveaway_id)
        await winners.show_places(conn, tools, giveaway)
        message = announcements.result(tools.guilds.reader(giveaway.guild_id), giveaway, places, claim_until)
        await outbox.post(conn, tools.clock, giveaway.guild_id, giveaway.channel_id, message)
        for place in places:
            await winners.tell_winner(conn, tools, giveaway, place.user_id, claim_until)
        await journal.note(
            conn, tools, giveaway, "draw", giveaway.ended_by, "", winners=[str(place.user_id) for place in places]
        )

    async def tell_delay(self, conn: Connection, row: Row) -> None:
        """The beacon is out of reach: the channel hears once that the draw waits."""
        giveaway = await self._giveaway(conn, row)
        message = announcements.delayed(self._tools.guilds.reader(giveaway.guild_id), giveaway, row)
        await outbox.post(conn, self._tools.clock, giveaway.guild_id, giveaway.channel_id, message)

    async def _giveaway(self, conn: Connection, row: Row) -> Giveaway:
        found = await store.get(conn, row["giveaway_id"], for_update=True)
        if found is None:
            raise RuntimeError(f"{row['draw_id']} belongs to no giveaway")
        return Giveaway.from_row(found)


class GiveawayPost:
    """Follows the giveaways' messages (`giveaway/<id>`, `.../result`, `.../dm/<user>`, `.../host`) in the outbox."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def delivered(self, conn: Connection, letter: Letter, message_id: int) -> None:
        giveaway_id, part = _parts(letter)
        if not part:
            await store.set_message(conn, giveaway_id, message_id)

    async def undeliverable(self, conn: Connection, letter: Letter, reason: str) -> bool:
        """The host hears what did not arrive: a winner's letter, the message, the whole channel."""
        giveaway_id, part = _parts(letter)
        row = await store.get(conn, giveaway_id)
        if row is None or part == "host":
            return False
        giveaway = Giveaway.from_row(row)
        if (
            not part
            and not letter.message.edits
            and await giveaway_system.not_started(conn, self._tools, giveaway, refusal(reason))
        ):
            return True
        if part.startswith("dm/"):
            await self._closed_dm(conn, giveaway, int(part.removeprefix("dm/")))
        elif part == "result" or await store.claim_lost_message(conn, giveaway_id, self._tools.clock.now()):
            words = escape(wishes.clipped_reason(refusal(reason)))
            await journal.tell_host(conn, self._tools, giveaway, _what_is_lost(reason), reason=words)
        return True

    async def _closed_dm(self, conn: Connection, giveaway: Giveaway, user_id: int) -> None:
        if await winner_store.note_closed_dm(conn, giveaway.giveaway_id, user_id, self._tools.clock.now()):
            who = mention(user_id)
            await journal.tell_host(conn, self._tools, giveaway, "giveaway.host_dm_closed", member=who)


def _what_is_lost(told: str) -> str:
    """The text that says what Discord's refusal, or the outbox's, comes to."""
    for sign, key in _LOST.items():
        if sign in told:
            return key
    return "giveaway.host_refused"


_LOST = {
    "error code: 10003": "giveaway.host_channel_gone", "error code: 10008": "giveaway.host_message_gone",
    "never posted": "giveaway.host_message_gone",
}  # fmt: skip


def refusal(told: str) -> str:
    """Discord's own words, without the status and the code before them."""
    return re.sub(r"^\d{3} [^:]*\(error code: \d+\): ", "", told)


def _parts(letter: Letter) -> tuple[int, str]:
    _kind, number, *rest = letter.message.ref.split("/", 2)
    return int(number), rest[0] if rest else ""
