"""The raffle's answers: a reader and facts in, an embed out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from core.guilds import GuildSettings
from core.kick_events import LiveSource
from core.messages import BLUE, GOLD, GREEN, GREY, RED, Embed, EmbedField
from core.texts import Reader, escape, mention, moment, percent
from raffle_system.announcements import period_name
from raffle_system.draw import DrawPlan, prizes_of
from raffle_system.models import SOURCES, Balance, Granted, PastDraw, Period, Standing, Stats
from raffle_system.prizes import joined
from raffle_system.reports import TOP
from raffle_system.wager_announcements import NAMES
from raffle_system.wager_sources import feeds_of

MEDALS = {1: "🥇", 2: "🥈", 3: "🥉"}


def name_of(reader: Reader, settings: GuildSettings, period: Period) -> str:
    return period_name(period, ZoneInfo(settings.timezone), reader.locale)


def tickets(
    reader: Reader, balance: Balance, period: Period, minutes_over: int | None, missing_to_top: int | None = None
) -> Embed:  # fmt: skip
    """Balance by source, rank, chance of winning, and what is missing to the next rank and to the top 10."""
    fields = [
        EmbedField(name=reader("tickets.watchtime"), value=f"{balance.watchtime:,}"),
        EmbedField(name=reader("tickets.gifted_sub"), value=f"{balance.gifted_sub:,}"),
        EmbedField(name=reader("tickets.shuffle_wager"), value=f"{balance.shuffle_wager:,}"),
        EmbedField(name=reader("tickets.bonus"), value=f"{balance.bonus:,}"),
    ]
    if balance.rank is not None:
        rank = reader("tickets.rank_of", rank=balance.rank, participants=balance.participants)
        chance = percent(balance.total, balance.all_tickets)
        fields.append(EmbedField(name=reader("tickets.rank"), value=rank))
        fields.append(EmbedField(name=reader("tickets.chance"), value=chance))
    lines = [reader("tickets.of", member=mention(balance.discord_id), tickets=_amount(reader, balance.total))]
    if balance.next_rank_total is not None and balance.next_rank is not None:
        missing = _amount(reader, balance.next_rank_total - balance.total)
        lines.append(reader("tickets.to_next_rank", tickets=missing, rank=balance.next_rank))
    if missing_to_top is not None and balance.next_rank != TOP:
        lines.append(reader("tickets.to_top", tickets=_amount(reader, missing_to_top), top=TOP))
    if minutes_over is not None:
        lines.append(reader.count("tickets.minutes_over", minutes_over))
    lines.append(reader("tickets.ends", when=moment(period.end_date, "R")))
    return Embed(
        title=reader("tickets.title"), description="\n".join(lines), fields=tuple(fields), colour=GOLD
    )  # fmt: skip


def _amount(reader: Reader, amount: int) -> str:
    return reader.count("count.tickets", amount)


def leaderboard(
    reader: Reader, settings: GuildSettings, period: Period, standings: Sequence[Standing], stats: Stats
) -> Embed:
    title = reader("leaderboard.title", period=name_of(reader, settings, period))
    if not standings:
        return Embed(title=title, description=reader("leaderboard.empty"), colour=GREY)
    lines = [
        reader(
            "leaderboard.line",
            rank=MEDALS.get(one.rank, f"**{one.rank}.**"), member=mention(one.discord_id),
            tickets=_amount(reader, one.total), chance=percent(one.total, stats.total),
        )
        for one in standings
    ]  # fmt: skip
    footer = reader("leaderboard.footer", participants=stats.participants, tickets=stats.total)
    return Embed(title=title, description="\n".join(lines), footer=footer, colour=GOLD)


def info(
    reader: Reader, settings: GuildSettings, period: Period, stats: Stats, commitment: str, mode: str,
    waiting: Sequence[Period],
) -> Embed:  # fmt: skip
    """The running raffle: span, totals, how to earn, and the commitment that the draw will be held to."""
    fields = [
        EmbedField(name=reader("info.participants"), value=f"{stats.participants:,}"),
        EmbedField(name=reader("info.tickets"), value=f"{stats.total:,}"),
        EmbedField(name=reader("info.ends"), value=f"{moment(period.end_date)} ({moment(period.end_date, 'R')})"),
        EmbedField(
            name=reader("info.how"), inline=False,
            value=reader(
                "info.rates", watch=_amount(reader, settings.watchtime_tickets_per_hour),
                gift=_amount(reader, settings.gifted_sub_tickets),
            ) + _wager_rate(reader, settings),
        ),
        EmbedField(name=reader(f"info.commitment_{mode}"), value=f"`{commitment}`", inline=False),
    ]  # fmt: skip
    if waiting:
        names = "\n".join(
            reader("info.waiting_line", number=str(p.number), period=name_of(reader, settings, p)) for p in waiting
        )
        fields.append(EmbedField(name=reader("info.waiting"), value=names, inline=False))
    title = reader("info.title", period=name_of(reader, settings, period), number=str(period.number))
    description = reader("info.span", start=moment(period.start_date, "D"), end=moment(period.end_date, "D"))
    return Embed(title=title, description=description, fields=tuple(fields), colour=BLUE)


def _wager_rate(reader: Reader, settings: GuildSettings) -> str:
    """What wagers earn, where there is a feed."""
    casinos = dict.fromkeys(NAMES[feed.source.casino] for feed in feeds_of(settings))
    if not casinos:
        return ""
    amount = _amount(reader, settings.shuffle_tickets_per_1000_usd)
    return "\n" + reader("info.rate_wagers", tickets=amount, casinos=", ".join(casinos))


def history(reader: Reader, past: Sequence[PastDraw]) -> Embed:
    if not past:
        return Embed(title=reader("history.title"), description=reader("history.empty"), colour=GREY)
    fields = []
    for draw in past:
        value = reader(
            "history.line", winner=mention(draw.winner_discord_id), ticket=draw.winning_ticket,
            tickets=draw.total_tickets, participants=draw.participants, when=moment(draw.drawn_at, "D"),
        )  # fmt: skip
        if draw.prize:
            value += "\n" + reader("history.prize", prize=escape(draw.prize))
        fields.append(EmbedField(name=reader("history.raffle", number=str(draw.number)), value=value, inline=False))
    return Embed(title=reader("history.title"), fields=tuple(fields), colour=GOLD)


def stats(
    reader: Reader, settings: GuildSettings, period: Period, stats_: Stats, top: Sequence[Standing],
    now: datetime, live: tuple[bool, LiveSource | None],
) -> Embed:  # fmt: skip
    """For admins: tickets by source, top earners, projection for the period's end, and who says what is live."""
    by_source = "\n".join(
        reader(f"source.{source}", tickets=amount) + f" ({percent(amount, stats_.total)})"
        for source, amount in ((source, getattr(stats_, source)) for source in SOURCES)
    )
    earners = "\n".join(f"{MEDALS.get(one.rank, '▫️')} {mention(one.discord_id)} {one.total:,}" for one in top)
    passed = (now - period.start_date) / (period.end_date - period.start_date)
    projection = round(stats_.total / passed) if passed > 0 else stats_.total
    state = reader("stats.live" if live[0] else "stats.offline", source=live[1] or "-")
    fields = (
        EmbedField(name=reader("info.participants"), value=f"{stats_.participants:,}"),
        EmbedField(name=reader("info.tickets"), value=f"{stats_.total:,}"),
        EmbedField(name=reader("stats.projection"), value=f"{projection:,}"),
        EmbedField(name=reader("stats.by_source"), value=by_source, inline=False),
        EmbedField(name=reader("stats.top"), value=earners or reader("leaderboard.empty"), inline=False),
        EmbedField(name=reader("stats.stream"), value=state, inline=False),
    )
    title = reader("stats.title", period=name_of(reader, settings, period))
    return Embed(title=title, fields=fields, colour=BLUE)


def given(reader: Reader, made: Granted, reason: str) -> Embed:
    key = "give.done" if made.change > 0 else "remove.done"
    text = reader(
        key, member=mention(made.discord_id), tickets=_amount(reader, abs(made.change)),
        before=made.total - made.change, after=made.total,
    )  # fmt: skip
    if reason:
        text += "\n" + reader("draw.reason", reason=escape(reason))
    return Embed(description=text, colour=GREEN if made.change > 0 else RED)


def confirm_draw(reader: Reader, settings: GuildSettings, plan: DrawPlan, prize: str) -> Embed:
    """What pressing the button will do."""
    lines = [
        reader(
            "draw.confirm", period=name_of(reader, settings, plan.period), number=str(plan.period.number),
            participants=reader.count("count.participants", plan.participants), tickets=_amount(reader, plan.tickets),
        )
    ]  # fmt: skip
    lines.append(reader("draw.confirm_ends" if plan.ends_now else "draw.confirm_ended"))
    prizes = prizes_of(prize) if prize else plan.prizes
    if prizes:
        shown = reader("draw.confirm_prize", prize=escape(joined(prizes)))
        lines.append(f"{shown} {reader.count('draw.confirm_winners', len(prizes))}")
    lines.append(reader("draw.confirm_final"))
    return Embed(title=reader("draw.confirm_title"), description="\n".join(lines), colour=GOLD)


def confirm_reset(reader: Reader, settings: GuildSettings, period: Period, stats_: Stats) -> Embed:
    text = reader(
        "reset.confirm", period=name_of(reader, settings, period), number=str(period.number),
        participants=reader.count("count.participants", stats_.participants), tickets=_amount(reader, stats_.total),
    )  # fmt: skip
    return Embed(title=reader("reset.confirm_title"), description=text, colour=RED)
