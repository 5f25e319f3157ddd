"""Discord's members, roles and raffle tickets as the giveaways' services ask for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import aiohttp
import discord

from cogs._presence import present_in
from cogs._refusals import NOTHING_LEFT, refused
from cogs._roles import require_still_giveable
from cogs._sender import DiscordSender
from cogs.client import DrumrollBot
from core.clock import Clock
from core.db import Connection
from core.errors import NotReady
from giveaway.facts import Holding, Person
from raffle_system import credits
from raffle_system.entrants import Present

log = logging.getLogger(__name__)

ASKED_AT_ONCE, BREATH_EVERY = 100, 5_000
LIST_SECONDS, LONGEST_PAUSE, ANSWER_SECONDS = 30.0, 600.0, 10.0


def person_of(member: discord.Member) -> Person:
    """What a member brings along; the server's own role (everyone) counts as one."""
    roles = {role.id for role in member.roles} | {member.guild.id}
    return Person(
        user_id=member.id, role_ids=frozenset(roles), created_at=member.created_at, joined_at=member.joined_at,
        boosting=member.premium_since is not None,
    )  # fmt: skip


class GuildMembers:
    """Who is in a server, from the client that is connected now.

    With the members intent the client's own list answers, where it is complete. Else Discord is asked for the
    entrants by their ids (the gateway allows that to everybody), a hundred at a time: at once for a few, and for many
    after half a minute, in which the list may have been completed.
    """

    def __init__(self, sender: DiscordSender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock
        self._incomplete_since: dict[int, datetime] = {}

    def _bot(self) -> DrumrollBot:
        bot = self._sender.bot
        if bot is None or not self._sender.connected:
            raise NotReady("Discord is not connected")
        return bot

    @property
    def own_id(self) -> int:
        bot = self._bot()
        assert bot.user is not None
        return bot.user.id

    async def of_many(self, guild_id: int, user_ids: Collection[int]) -> Mapping[int, Person]:
        """Those who are in the server. Errors: `NotReady` while Discord cannot tell."""
        bot = self._bot()
        guild = bot.get_guild(guild_id)
        if guild is None or guild.unavailable:
            raise NotReady(f"the server {guild_id} cannot be seen")
        if bot.intents.members and guild.chunked:
            self._incomplete_since.pop(guild_id, None)
            return await self._known(guild, user_ids)
        if bot.intents.members and len(user_ids) > ASKED_AT_ONCE and not self._waited_for(guild_id):
            raise NotReady(f"the members of {guild_id} are not complete")
        return await self._asked(guild, list(user_ids))

    def _waited_for(self, guild_id: int) -> bool:
        now = self._clock.now()
        return now - self._incomplete_since.setdefault(guild_id, now) >= timedelta(seconds=LIST_SECONDS)

    def present(self, guild_id: int) -> Present:
        """Who is in a server now; None where the bot may not know its members.

        Errors: `NotReady` while Discord is away or the list is not complete.
        """
        bot = self._bot()
        if not bot.intents.members:
            return None
        here = present_in(bot.get_guild(guild_id), bot.intents)
        if here is None:
            raise NotReady(f"the members of {guild_id} are not complete")
        return here

    def deleted(self, guild_id: int, ids: Collection[int]) -> set[int]:
        """Those of the roles and channels that the server has no more. Errors: `NotReady` while it cannot be seen."""
        guild = self._bot().get_guild(guild_id)
        if guild is None or guild.unavailable:
            raise NotReady(f"the server {guild_id} cannot be seen")
        return {one for one in ids if guild.get_role(one) is None and guild.get_channel_or_thread(one) is None}

    async def names_of(self, guild_id: int, user_id: int) -> tuple[str, str] | None:
        """(a member's name, the server's) for a page; None while Discord is away, or where nobody is there."""
        try:
            guild = self._bot().get_guild(guild_id)
            if guild is None:
                return None
            member = guild.get_member(user_id) or await guild.fetch_member(user_id)
        except (NotReady, discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
            log.info("member_not_named", extra={"error": repr(error)})
            return None
        shown = member.name if member.display_name == member.name else f"{member.display_name} (@{member.name})"
        return shown, guild.name

    async def _known(self, guild: discord.Guild, user_ids: Collection[int]) -> Mapping[int, Person]:
        people: dict[int, Person] = {}
        for index, user_id in enumerate(user_ids, 1):
            member = guild.get_member(user_id)
            if member is not None:
                people[user_id] = person_of(member)
            if index % BREATH_EVERY == 0:
                await asyncio.sleep(0)
        return people

    async def _asked(self, guild: discord.Guild, user_ids: Sequence[int]) -> Mapping[int, Person]:
        people: dict[int, Person] = {}
        for start in range(0, len(user_ids), ASKED_AT_ONCE):
            batch = list(user_ids[start : start + ASKED_AT_ONCE])
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    found = await guild.query_members(user_ids=batch, limit=ASKED_AT_ONCE, cache=False)
            except TimeoutError as error:
                raise NotReady(f"the members of {guild.id} were asked for in vain") from error
            people |= {member.id: person_of(member) for member in found}
        return people


class MemberLists:
    """Asks anew for the lists of members that Discord has not sent.

    Discord allows the request once in 30 s for each server and answers RATE_LIMITED to more (discord-api-docs
    PR 7760); discord.py 2.7 does not know that answer and waits for the list for ever.
    """

    def __init__(self, sender: DiscordSender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock
        self._pauses: dict[int, tuple[float, datetime]] = {}
        self._heard: dict[int, int] = {}

    async def run(self) -> None:
        while True:
            await self._clock.sleep(LIST_SECONDS)
            await self.ask_again()

    async def ask_again(self) -> int:
        """Ask for every list that is not complete, does not grow, and is due; how many."""
        bot = self._sender.bot
        if bot is None or not self._sender.connected or not bot.intents.members:
            return 0
        asked = 0
        for guild in bot.guilds:
            if guild.unavailable or guild.chunked:
                self._pauses.pop(guild.id, None)
            elif self._stands_still(guild) and self._is_due(guild.id):
                asked += await self._ask(guild)
        return asked

    def _stands_still(self, guild: discord.Guild) -> bool:
        before, self._heard[guild.id] = self._heard.get(guild.id), len(guild.members)
        return before in (None, len(guild.members))

    def _is_due(self, guild_id: int) -> bool:
        pause, due = self._pauses.get(guild_id, (LIST_SECONDS, self._clock.now()))
        if due > self._clock.now():
            return False
        self._pauses[guild_id] = min(pause * 2, LONGEST_PAUSE), self._clock.now() + timedelta(seconds=pause)
        return True

    async def _ask(self, guild: discord.Guild) -> bool:
        # Through the library's own state: it would wait for the answer to its first request for ever.
        state = guild._state
        state._chunk_requests.pop(guild.id, None)
        await state.chunk_guild(guild, wait=False)
        log.warning("member_list_asked_again", extra={"guild": guild.id, "known": len(guild.members)})
        return True


class GuildRoles:
    """Gives and takes winners' roles. Errors: `NotReady`; `Refused` as Discord's code has it."""

    def __init__(self, sender: DiscordSender) -> None:
        self._sender = sender

    async def give(self, guild_id: int, user_id: int, role_id: int) -> None:
        bot = self._bot()
        require_still_giveable(bot.get_guild(guild_id), role_id)
        try:
            await bot.http.add_role(guild_id, user_id, role_id, reason="Giveaway won")
        except discord.HTTPException as error:
            raise refused(error) from error

    async def take(self, guild_id: int, user_id: int, role_id: int) -> None:
        """A member or role that is gone has nothing to give back."""
        try:
            await self._bot().http.remove_role(guild_id, user_id, role_id, reason="Giveaway prize passed on")
        except discord.HTTPException as error:
            if error.code not in NOTHING_LEFT:
                raise refused(error) from error

    def _bot(self) -> DrumrollBot:
        if self._sender.bot is None or not self._sender.connected:
            raise NotReady("Discord is not connected")
        return self._sender.bot


class TicketCredits:
    """Raffle tickets, in the giveaways' words."""

    async def of_many(self, conn: Connection, guild_id: int, user_ids: Collection[int]) -> Mapping[int, Holding]:
        found = await credits.of_many(conn, guild_id, user_ids)
        return {user: Holding(credits=held.earned, tickets=held.current) for user, held in found.items()}
