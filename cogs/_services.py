"""What the composition root hands to Discord's edge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.acts import Acts
from core.attendance import Attendance
from core.beacon import BeaconChain
from core.clock import Clock
from core.config import Config
from core.db import Database
from core.delivery import Outbox
from core.guilds import Guilds
from core.reserves import Members
from core.texts import Texts
from giveaway.absence import Absence
from giveaway.checker import GiveawayChecker
from giveaway.facts import Tools
from giveaway.levels import MessageCounter
from raffle_system.kick_intake import KickIntake
from raffle_system.scheduler import RaffleSchedule
from raffle_system.shuffle_tracker import ShuffleTracker

KickUserId = Callable[[str], Awaitable[int | None]]
SignInUrl = Callable[[int, int, int | None], Awaitable[str | None]]


@dataclass(frozen=True, kw_only=True)
class Services:
    config: Config
    clock: Clock
    db: Database
    acts: Acts
    guilds: Guilds
    texts: Texts
    chain: BeaconChain
    schedule: RaffleSchedule
    tracker: ShuffleTracker
    intake: KickIntake
    sign_in_url: SignInUrl
    kick_user_id: KickUserId
    tools: Tools
    checker: GiveawayChecker
    counter: MessageCounter
    outbox: Outbox
    members: Members
    attendance: Attendance
    absence: Absence
