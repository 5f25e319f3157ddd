"""Reserves: who moves up when a winner loses a prize, the same for raffles and giveaways."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from core import draws
from core.clock import Clock
from core.db import Connection
from core.draws import Replacement
from core.errors import UserError
from core.texts import Reader, mention

T = TypeVar("T")
LEFT_SERVER, BLACKLISTED, NOT_CLAIMED = "left the server", "on the server's blacklist", "not claimed in time"
_TOLD = {LEFT_SERVER: "reserve.left", BLACKLISTED: "reserve.blacklisted"}


class Member(Protocol):
    """Somebody who is in the server now."""

    @property
    def role_ids(self) -> frozenset[int]: ...


class Members(Protocol):
    """The edge that knows who is in a server."""

    @property
    def own_id(self) -> int:
        """The bot's own user id: it acts where nobody else did."""
        ...

    async def of_many(self, guild_id: int, user_ids: Collection[int]) -> Mapping[int, Member]:
        """Those of them that are in the server now. Errors: `NotReady` while nobody can tell."""
        ...


class Unseen(Exception):
    """These have to be looked up before the act can be decided."""

    def __init__(self, look: Look, user_ids: Collection[int]) -> None:
        super().__init__(f"{len(user_ids)} members were not looked up")
        self.look = look
        self.user_ids = user_ids

    async def look_up(self, members: Members, guild_id: int) -> None:
        """Between two attempts of the act. Errors: `NotReady` while nobody can tell who is there."""
        found = await members.of_many(guild_id, self.user_ids)
        self.look.found |= {user_id: found.get(user_id) for user_id in self.user_ids}


@dataclass(kw_only=True)
class Look:
    """Members of a server as they were found for one act; None for who is not there."""

    own_id: int
    found: dict[int, Member | None] = field(default_factory=dict)

    def why_not(
        self, user_ids: Collection[int], blacklisted: Callable[[int, Member], bool] | None = None
    ) -> dict[int, str]:  # fmt: skip
        """The reasons of those who cannot have a prize now. Errors: `Unseen`."""
        unseen = [user_id for user_id in user_ids if user_id not in self.found]
        if unseen:
            raise Unseen(self, unseen)
        reasons = {}
        for user_id in user_ids:
            member = self.found[user_id]
            if member is None:
                reasons[user_id] = LEFT_SERVER
            elif blacklisted is not None and blacklisted(user_id, member):
                reasons[user_id] = BLACKLISTED
        return reasons


async def looked_up(members: Members, guild_id: int, act: Callable[[Look], Awaitable[T]]) -> T:
    """Do an act (one transaction) that asks about members, who are looked up between its attempts, not in them.

    Errors: those of the act; `NotReady` while nobody can tell who is there.
    """
    look = Look(own_id=members.own_id)
    while True:
        try:
            return await act(look)
        except Unseen as unseen:
            await unseen.look_up(members, guild_id)


async def unclaimed(
    conn: Connection, clock: Clock, draw_id: str, position: int, look: Look, why_not: draws.WhyNot
) -> Replacement | None:  # fmt: skip
    """The next reserve takes a place that was not claimed in time; None where nobody is left to take it."""
    try:
        return await draws.take_reserve(
            conn, clock, draw_id, position=position, kind="unclaimed", by=look.own_id, reason=NOT_CLAIMED,
            own_id=look.own_id, why_not=why_not,
        )  # fmt: skip
    except UserError as error:
        if error.key != "draw.no_reserves":
            raise
        return None


def claim_until(hours: int | None, won_at: datetime) -> datetime | None:
    """When the time to claim a prize is over; None where nobody has to claim."""
    return won_at + timedelta(hours=hours) if hours else None


def passed_lines(reader: Reader, passed: Iterable[tuple[int, str]]) -> list[str]:
    """Who was passed over and why, one line each."""
    return [reader(_TOLD[reason], member=mention(user_id)) for user_id, reason in passed]
