"""What giveaways talk about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from core.chances import Chances
from core.db import Row

SCHEDULED, ACTIVE, PAUSED, ENDING, FROZEN, ENDED, CANCELLED = (
    "scheduled", "active", "paused", "ending", "frozen", "ended", "cancelled",
)  # fmt: skip
EDITABLE = (SCHEDULED, ACTIVE, PAUSED)
UNFINISHED = (*EDITABLE, ENDING, FROZEN)
CUMULATIVE, HIGHEST = "cumulative", "highest"
MODES = (CUMULATIVE, HIGHEST)
RECURRENCES = ("daily", "weekly", "monthly")


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleEntity:
    """A role and the points that it gives (1-100); `tier` is the named step that the points came from."""

    role_id: int
    points: int
    tier: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Boost:
    """Points are multiplied by `factor` while it lasts; of all roles, or of the one role."""

    boost_id: int
    role_id: int | None
    factor: int
    starts_at: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Entities:
    """How roles become bonus entries; `cap` limits a member's sum."""

    enabled: bool = False
    mode: str = CUMULATIVE
    roles: tuple[RoleEntity, ...] = ()
    cap: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entities:
        return cls(
            enabled=data.get("enabled", False), mode=data.get("mode", CUMULATIVE),
            roles=role_entities(data.get("roles", ())), cap=data.get("cap"),
        )  # fmt: skip


def role_entities(rows: Any) -> tuple[RoleEntity, ...]:
    """The roles as their JSON list holds them."""
    return tuple(RoleEntity(**row) for row in rows)


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One condition; `kind` says which of the other fields count."""

    kind: str
    roles: tuple[int, ...] = ()
    users: tuple[int, ...] = ()
    amount: int = 0
    days: int = 0


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """All of `rules` must be met, unless the member has one of `bypass_roles`."""

    rules: tuple[Requirement, ...] = ()
    bypass_roles: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Requirements:
        return cls(
            rules=tuple(_requirement(row) for row in data.get("rules", ())),
            bypass_roles=tuple(data.get("bypass_roles", ())),
        )


def _requirement(row: Mapping[str, Any]) -> Requirement:
    return Requirement(**{**row, "roles": tuple(row.get("roles", ())), "users": tuple(row.get("users", ()))})


@dataclass(frozen=True, kw_only=True)
class Look:
    """How the message looks; `colour` is 0xRRGGBB."""

    thumbnail_url: str = ""
    image_url: str = ""
    colour: int | None = None


@dataclass(frozen=True, kw_only=True)
class Options:
    """What happens around the draw. `claim_hours` None: winners need not claim."""

    emoji: str = "🎉"
    ping_role_id: int | None = None
    winner_role_id: int | None = None
    claim_hours: int | None = None
    dm_winner: bool = True
    show_participants: bool = True
    show_entities_info: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Options:
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A giveaway that is wished for. `start_time` None: now."""

    channel_id: int
    host_id: int
    prize: str
    duration: timedelta
    winners_count: int = 1
    description: str = ""
    start_time: datetime | None = None
    entities: Entities = field(default_factory=Entities)
    requirements: Requirements = field(default_factory=Requirements)
    look: Look = field(default_factory=Look)
    options: Options = field(default_factory=Options)
    recurrence: str | None = None


@dataclass(frozen=True, kw_only=True)
class Giveaway:
    """One giveaway as it stands. While it is paused, `end_time` waits for the resume."""

    giveaway_id: int
    guild_id: int
    channel_id: int
    message_id: int | None
    host_id: int
    prize: str
    description: str
    winners_count: int
    duration: timedelta
    start_time: datetime
    end_time: datetime
    status: str
    created_at: datetime
    started_at: datetime | None
    paused_at: datetime | None
    ended_at: datetime | None
    ended_by: int | None
    cancelled_at: datetime | None
    cancel_reason: str
    commitment: str
    recurrence: str | None
    series_id: int | None
    message_lost_at: datetime | None
    entities: Entities
    requirements: Requirements
    look: Look
    options: Options
    stats: Mapping[str, Any]

    @property
    def draw_id(self) -> str:
        return f"giveaway/{self.giveaway_id}"

    @classmethod
    def from_row(cls, row: Row) -> Giveaway:
        names = (
            "giveaway_id", "guild_id", "channel_id", "message_id", "host_id", "prize", "winners_count", "duration",
            "start_time", "end_time", "status", "created_at", "started_at", "paused_at", "ended_at", "ended_by",
            "cancelled_at", "recurrence", "series_id", "message_lost_at",
        )  # fmt: skip
        return cls(
            **{name: row[name] for name in names},
            description=row["description"] or "",
            cancel_reason=row["cancel_reason"] or "",
            commitment=row["commitment"] or "",
            entities=Entities(
                enabled=row["entities_enabled"], mode=row["entities_mode"],
                roles=role_entities(row["role_entities"]), cap=row["entities_cap"],
            ),
            requirements=Requirements.from_json(row["requirements"]),
            look=Look(
                thumbnail_url=row["thumbnail_url"] or "", image_url=row["image_url"] or "", colour=row["colour"]
            ),
            options=Options.from_json(row["settings"]),
            stats=row["stats"] or {},
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A guild's settings for giveaways."""

    guild_id: int
    default_entities: Entities = field(default_factory=Entities)
    log_channel_id: int | None = None
    manager_role_ids: tuple[int, ...] = ()
    ping_role_id: int | None = None
    winner_role_id: int | None = None
    claim_hours: int | None = None
    blacklist: frozenset[int] = frozenset()
    blacklist_roles: frozenset[int] = frozenset()
    bypass_roles: tuple[int, ...] = ()
    max_active: int = 100
    default_template_id: int | None = None


class MemberFacts(NamedTuple):
    """What requirements ask about a member. `messages` counts by span in days; the unasked stays at its default.

    A tuple because a freeze makes a hundred thousand of them.
    """

    user_id: int
    role_ids: frozenset[int]
    created_at: datetime
    joined_at: datetime | None
    boosting: bool = False
    level: int = 0
    credits: int = 0
    tickets: int = 0
    linked: bool = False
    messages: Mapping[int, int] = MappingProxyType({})
    last_win: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a press of the button came to; `joined` is False for somebody who was in already."""

    joined: bool
    points: int
    tickets: int
    entries: int
    total_tickets: int
    chances: Chances


@dataclass(frozen=True, kw_only=True)
class Winner:
    """Somebody who holds a winning place today, or did before a reserve took it."""

    user_id: int
    position: int
    won_at: datetime
    entities_points: int
    tickets: int
    claimed: bool
    claim_until: datetime | None
    lapsed_at: datetime | None
    replaced_at: datetime | None
    dm_failed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class EntryLine:
    """One row of the list of entrants."""

    user_id: int
    joined_at: datetime
    points: int
    tickets: int
    excluded: str | None


@dataclass(frozen=True, kw_only=True)
class EntryPage:
    """A page of entrants, with the totals that their odds are of."""

    lines: tuple[EntryLine, ...]
    page: int
    pages: int
    entries: int
    total_tickets: int
