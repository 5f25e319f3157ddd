"""Roles and channels that an open giveaway names and that were deleted: said before it is too late to act."""

from __future__ import annotations

from core.db import Connection, Database
from core.errors import NotReady
from giveaway import giveaway_system, journal, requirements, store
from giveaway.announcements import role_mention
from giveaway.facts import Members, Tools
from giveaway.models import EDITABLE, ENDING, SCHEDULED, Giveaway

CHANNEL_GONE = "the channel was deleted"


class Vanished:
    """Looks at what the giveaways of a server name, and tells hosts and the log channel, once for each."""

    def __init__(self, db: Database, tools: Tools, members: Members) -> None:
        self._db = db
        self._tools = tools
        self._members = members

    async def look(self, guild_id: int) -> bool:
        """False while the server cannot be seen: look again then."""
        try:
            async with self._db.transaction() as conn:
                for giveaway_id in await store.of_guild_unfinished(conn, guild_id, [*EDITABLE, ENDING]):
                    row = await store.get(conn, giveaway_id, for_update=True)
                    if row is not None:
                        await self._look_at(conn, Giveaway.from_row(row), set(row["gone_told"]))
        except NotReady:
            return False
        return True

    async def _look_at(self, conn: Connection, giveaway: Giveaway, told: set[int]) -> None:
        named = role_ids(giveaway)
        gone = self._members.deleted(giveaway.guild_id, {*named, giveaway.channel_id}) - told
        if not gone:
            return
        await store.note_gone(conn, giveaway.giveaway_id, gone)
        if roles := sorted(gone & named):
            shown = ", ".join(map(role_mention, roles))
            await journal.note(conn, self._tools, giveaway, "roles_gone", None, roles=[str(role) for role in roles])
            await journal.tell_host(conn, self._tools, giveaway, "giveaway.host_roles_gone", roles=shown)
        if giveaway.channel_id in gone:
            await self._without_channel(conn, giveaway)

    async def _without_channel(self, conn: Connection, giveaway: Giveaway) -> None:
        """What has not begun never will; what runs is drawn all the same."""
        if giveaway.status == SCHEDULED:
            await giveaway_system.not_started(conn, self._tools, giveaway, CHANNEL_GONE)
        elif await store.claim_lost_message(conn, giveaway.giveaway_id, self._tools.clock.now()):
            await journal.tell_host(conn, self._tools, giveaway, "giveaway.host_channel_gone")


def role_ids(giveaway: Giveaway) -> set[int]:
    """Every role that a giveaway names."""
    options = giveaway.options
    found = {entity.role_id for entity in giveaway.entities.roles} | requirements.role_ids(giveaway.requirements)
    return found | {role for role in (options.ping_role_id, options.winner_role_id) if role is not None}
