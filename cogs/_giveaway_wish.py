"""A giveaway that is being put together: what was typed, and whether Discord lets it be held."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import discord

from cogs._roles import require_giveable, require_pingable
from core.durations import is_moment, parse_duration, parse_end, parse_moment
from core.errors import UserError
from giveaway import wishes
from giveaway.models import ACTIVE, Draft, Entities, Giveaway, Look, Options, Requirements, Settings
from giveaway.templates import draft_of

_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def span_text(span: timedelta) -> str:
    """A span as it would be typed: `1d 12h`."""
    left, parts = int(span.total_seconds()), []
    for unit, seconds in _UNITS:
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts)


@dataclass(kw_only=True)
class Wish:
    """The first five are kept exactly as typed. `edits` is the giveaway that is changed, None for a new one.

    `channel_id` is 0 for a template; `template_id` names the one that the wish began with.
    """

    prize: str = ""
    duration: str = ""
    winners: str = "1"
    description: str = ""
    start: str = ""
    channel_id: int = 0
    host_id: int
    entities: Entities = field(default_factory=Entities)
    requirements: Requirements = field(default_factory=Requirements)
    look: Look = field(default_factory=Look)
    options: Options = field(default_factory=Options)
    recurrence: str | None = None
    edits: Giveaway | None = None
    template_id: int | None = None

    @classmethod
    def of_draft(cls, draft: Draft, channel_id: int, host_id: int, template_id: int | None = None) -> Wish:
        return cls(
            prize=draft.prize, duration=span_text(draft.duration), winners=str(draft.winners_count),
            description=draft.description, channel_id=channel_id, host_id=host_id, entities=draft.entities,
            requirements=draft.requirements, look=draft.look, options=draft.options, recurrence=draft.recurrence,
            template_id=template_id,
        )  # fmt: skip

    @classmethod
    def of_giveaway(cls, giveaway: Giveaway) -> Wish:
        wish = cls.of_draft(draft_of(giveaway), giveaway.channel_id, giveaway.host_id)
        wish.duration, wish.edits = "", giveaway
        return wish

    @classmethod
    def of_settings(cls, settings: Settings, channel_id: int, host_id: int) -> Wish:
        """What the server has set for new giveaways."""
        options = Options(
            ping_role_id=settings.ping_role_id, winner_role_id=settings.winner_role_id,
            claim_hours=settings.claim_hours,
        )  # fmt: skip
        return cls(channel_id=channel_id, host_id=host_id, entities=settings.default_entities, options=options)

    def draft(self, zone: ZoneInfo, now: datetime) -> Draft:
        """Errors: those of every field that cannot be used."""
        draft = Draft(
            channel_id=self.channel_id, host_id=self.host_id, prize=wishes.checked_prize(self.prize),
            duration=self._duration(zone, now), winners_count=wishes.parse_winners(self.winners or "1"),
            description=wishes.checked_description(self.description), start_time=self._start(zone, now),
            entities=self.entities, requirements=self.requirements, look=self.look, options=self.options,
            recurrence=self.recurrence,
        )  # fmt: skip
        return wishes.checked(draft, now)

    def _start(self, zone: ZoneInfo, now: datetime) -> datetime | None:
        if not self.start.strip():
            return None
        return parse_moment(self.start, zone, now) if is_moment(self.start) else now + parse_duration(self.start)

    def _duration(self, zone: ZoneInfo, now: datetime) -> timedelta:
        if self.edits is not None and not self.duration.strip():
            return self.edits.duration
        begins = self._start(zone, now) or now
        return parse_end(self.duration, zone, begins) - begins

    def new_end(self, zone: ZoneInfo, now: datetime) -> datetime | None:
        """Where the edited giveaway's end moves to; None when it stays."""
        if self.edits is None or not self.duration.strip():
            return None
        begins = now if self.edits.status == ACTIVE else max(self.edits.start_time, now)
        return parse_end(self.duration, zone, begins)

    def role_ids(self) -> set[int]:
        """Every role that it names."""
        found = {entity.role_id for entity in self.entities.roles} | set(self.requirements.bypass_roles)
        for rule in self.requirements.rules:
            found.update(rule.roles)
        return found | {role for role in (self.options.ping_role_id, self.options.winner_role_id) if role is not None}

    def drop_roles(self, gone: Collection[int]) -> None:
        """Take roles out everywhere; a condition that is left without roles goes with them."""
        entities = tuple(one for one in self.entities.roles if one.role_id not in gone)
        self.entities = replace(self.entities, roles=entities, enabled=self.entities.enabled and bool(entities))
        rules = tuple(
            replace(rule, roles=tuple(r for r in rule.roles if r not in gone)) for rule in self.requirements.rules
        )
        kept = tuple(new for new, old in zip(rules, self.requirements.rules, strict=True) if new.roles or not old.roles)
        bypass = tuple(role for role in self.requirements.bypass_roles if role not in gone)
        self.requirements = Requirements(rules=kept, bypass_roles=bypass)
        ping, winner = self.options.ping_role_id, self.options.winner_role_id
        self.options = replace(
            self.options, ping_role_id=None if ping in gone else ping,
            winner_role_id=None if winner in gone else winner,
        )  # fmt: skip


def preview_of(draft: Draft, guild_id: int, now: datetime) -> Giveaway:
    """The wish as the giveaway that it would be."""
    begins = draft.start_time or now
    return Giveaway(
        giveaway_id=0, guild_id=guild_id, channel_id=draft.channel_id, message_id=None, host_id=draft.host_id,
        prize=draft.prize, description=draft.description, winners_count=draft.winners_count, duration=draft.duration,
        start_time=begins, end_time=begins + draft.duration, status=ACTIVE, created_at=now, started_at=None,
        paused_at=None, ended_at=None, ended_by=None, cancelled_at=None, cancel_reason="", commitment="",
        recurrence=draft.recurrence, series_id=None, message_lost_at=None, entities=draft.entities,
        requirements=draft.requirements, look=draft.look, options=draft.options, stats={},
    )  # fmt: skip


def gone_roles(guild: discord.Guild, wish: Wish) -> set[int]:
    return {role for role in wish.role_ids() if guild.get_role(role) is None}


def require_channel(guild: discord.Guild, channel_id: int) -> discord.TextChannel:
    """Errors: `giveaway.channel_gone`; `giveaway.channel_closed` where the bot lacks a permission."""
    channel = guild.get_channel(channel_id)
    if not isinstance(channel, discord.TextChannel):
        raise UserError("giveaway.channel_gone")
    may = channel.permissions_for(guild.me)
    if not (may.view_channel and may.send_messages and may.embed_links and may.attach_files):
        raise UserError("giveaway.channel_closed", channel=channel.name)
    return channel


def require_roles(channel: discord.TextChannel, member: discord.Member, options: Options) -> None:
    """Errors: those of `require_giveable` and `require_pingable`."""
    winner = channel.guild.get_role(options.winner_role_id or 0)
    if winner is not None:
        require_giveable(member, winner)
    ping = channel.guild.get_role(options.ping_role_id or 0)
    if ping is not None:
        require_pingable(member, ping, channel)
