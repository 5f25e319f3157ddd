"""The state of the small Discord and the one place that tells others what changed."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from . import permissions
from .errors import ApiError
from .faults import Faults
from .models import Channel, Command, File, Guild, Interaction, Member, Message, Role, User
from .ratelimit import RateLimits
from .snowflake import Snowflakes

DEFAULT_TOKEN = "sandbox.bot.token"
ANSWER_SECONDS = 3.0
TOKEN_SECONDS = 900.0

T = TypeVar("T")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Event:
    """Something that happened, in the gateway's words.

    `visible_to` names the only user who may see it (ephemeral messages); such events never reach the bot.
    `control` events exist for the control stream alone.
    """

    name: str
    data: dict[str, Any]
    guild_id: str | None = None
    channel_id: str | None = None
    visible_to: str | None = None
    control: bool = False


@dataclass
class Record:
    """One request of the bot, kept for tests: `template` is the route with its placeholders."""

    at: str
    method: str
    template: str | None
    path: str
    body: Any = None
    files: list[str] = field(default_factory=list)
    status: int | None = None
    answer: Any = None


@dataclass
class Violation:
    """A request that was refused, with what Discord would say about it."""

    at: str
    method: str
    path: str
    template: str | None
    body: Any
    status: int
    code: int
    message: str
    errors: Any = None


class DiscordWorld:
    """Guilds, people, channels, messages, commands and interactions, in memory.

    `now` drives every timestamp and id that people see. `wall` is real time: it drives what hurries a
    program (3 seconds to answer, token life, rate limits) and the ids of interactions, whose age
    discord.py compares with the machine's clock.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = utc_now,
        wall: Callable[[], datetime] = utc_now,
        token: str = DEFAULT_TOKEN,
    ) -> None:
        self.now = now
        self.wall = wall
        self.token = token
        self.origin = "http://127.0.0.1/discord"
        self.ids = Snowflakes(lambda: self.now())
        self.interaction_ids = Snowflakes(lambda: self.wall())
        self.bot_id = ""
        self.users: dict[str, User] = {}
        self.guilds: dict[str, Guild] = {}
        self.channels: dict[str, Channel] = {}
        self.commands: dict[str, Command] = {}
        self.files: dict[str, File] = {}
        self.interactions: dict[str, Interaction] = {}
        self.answer_seconds = ANSWER_SECONDS
        self.faults = Faults()
        self.limits = RateLimits()
        self.allowed_intents = (1 << 32) - 1
        self.told_intents: int | None = None  # what the application's flags claim where that is not the truth
        self.shards = 1
        self.requests: deque[Record] = deque(maxlen=20_000)
        self.violations: list[Violation] = []
        self.listeners: list[Callable[[Event], None]] = []
        self.nonces: dict[tuple[str, str], tuple[float, str]] = {}
        self._waiters: set[asyncio.Future[None]] = set()

    @classmethod
    def default(
        cls,
        *,
        now: Callable[[], datetime] = utc_now,
        wall: Callable[[], datetime] = utc_now,
        token: str = DEFAULT_TOKEN,
    ) -> DiscordWorld:
        """A lively guild with a bot in it; see `defaults.py` for who and what."""
        from .defaults import furnish

        return furnish(cls(now=now, wall=wall, token=token))

    def to_json(self) -> dict[str, Any]:
        from .persist import dump

        return dump(self)

    @classmethod
    def from_json(
        cls,
        saved: dict[str, Any],
        *,
        now: Callable[[], datetime] = utc_now,
        wall: Callable[[], datetime] = utc_now,
    ) -> DiscordWorld:
        from .persist import load

        return load(cls(now=now, wall=wall), saved)

    # -- time -------------------------------------------------------------------------------------

    def stamp(self) -> str:
        return self.now().isoformat()

    def seconds(self) -> float:
        """Real time in seconds; only differences mean anything."""
        return self.wall().timestamp()

    def new_token(self) -> str:
        return secrets.token_urlsafe(48)

    # -- lookups that answer as Discord does ------------------------------------------------------

    @property
    def home(self) -> Guild:
        """The first guild."""
        return next(iter(self.guilds.values()))

    def channel(self, channel_id: str) -> Channel:
        found = self.channels.get(channel_id)
        if found is None:
            raise ApiError(10003)
        return found

    def guild(self, guild_id: str) -> Guild:
        found = self.guilds.get(guild_id)
        if found is None:
            raise ApiError(10004)
        return found

    def user(self, user_id: str) -> User:
        found = self.users.get(user_id)
        if found is None:
            raise ApiError(10013)
        return found

    def member(self, guild: Guild, user_id: str) -> Member:
        found = guild.members.get(user_id)
        if found is None:
            raise ApiError(10007 if user_id in self.users else 10013)
        return found

    def role(self, guild: Guild, role_id: str) -> Role:
        found = guild.roles.get(role_id)
        if found is None:
            raise ApiError(10011)
        return found

    def message(self, channel: Channel, message_id: str) -> Message:
        found = channel.messages.get(message_id)
        if found is None:
            raise ApiError(10008)
        return found

    def channels_of(self, guild: Guild) -> list[Channel]:
        return [channel for channel in self.channels.values() if channel.guild_id == guild.id]

    def command_list(self, guild_id: str | None) -> list[Command]:
        return [command for command in self.commands.values() if command.guild_id == guild_id]

    def permissions(self, channel: Channel, user_id: str) -> int:
        """What `user_id` may do in `channel`; 0 for a stranger."""
        if channel.guild_id is None:
            return permissions.EVERYONE if user_id in channel.recipients else 0
        guild = self.guilds.get(channel.guild_id)
        member = guild.members.get(user_id) if guild else None
        return permissions.in_channel(guild, member, channel) if guild and member else 0

    def may(self, channel: Channel, user_id: str, *names: str) -> bool:
        return permissions.has(self.permissions(channel, user_id), *names)

    # -- telling ----------------------------------------------------------------------------------

    def emit(self, event: Event) -> None:
        """Tell the gateway, the control stream and whoever waits."""
        for listener in list(self.listeners):
            listener(event)
        self.wake()

    def wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait_until(self, look: Callable[[], T | None], timeout: float) -> T | None:
        """The first true value of `look()`, asked again after every change; None after `timeout` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters.add(waiter)
            try:
                value = look()
                if value:
                    return value
                left = deadline - loop.time()
                if left <= 0:
                    return None
                await asyncio.wait([waiter], timeout=left)
            finally:
                self._waiters.discard(waiter)

    def refuse(self, record: Record, error: ApiError) -> None:
        """Keep a refusal for tests and for the page's red card."""
        violation = Violation(
            at=record.at,
            method=record.method,
            path=record.path,
            template=record.template,
            body=record.body,
            status=error.status,
            code=error.code,
            message=error.message,
            errors=error.errors,
        )
        self.violations.append(violation)
        self.emit(Event("VIOLATION", dict(vars(violation)), control=True))
