"""The raffle's answers: a reader and facts in, an embed out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from zoneinfo import ZoneInfo

from core.chances import Chances
from core.guilds import GuildSettings
from core.kick_events import LiveSource
from core.messages import BLUE, GOLD, GREEN, GREY, RED, Embed, EmbedField
from core.texts import Reader, escape, mention, moment, percent
from raffle_system.announcements import period_name
from raffle_system.draw import DrawPlan, prizes_of
from raffle_system.entrants import TOP
from raffle_system.models import KICKS, NEW_SUB, Balance, Granted, PastDraw, Period, Standing, Stats, Winner
from raffle_system.prizes import joined
from raffle_system.wager_announcements import NAMES
from raffle_system.wager_sources import feeds_of

MEDALS = {1: "🥇", 2: "🥈", 3: "🥉"}
PAST_ROOM = 900  # characters of a field of 1024, five of which stand on one page
SELDOM = frozenset({NEW_SUB, KICKS})  # most servers give nothing for them: shown where there is something


def name_of(reader: Reader, settings: GuildSettings, period: Period) -> str:
    return period_name(period, ZoneInfo(settings.timezone), reader.locale)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a member stands: the balance, everybody's chances, the minimum to take part, and whether they `left`."""

    balance: Balance
    chances: Chances
    minimum: int
    left: bool = False


def tickets(
    reader: Reader, place: Place, period: Period, minutes_over: int | None, missing_to_top: int | None = None
) -> Embed:  # fmt: skip
    """Balance by source, rank, chance of winning, and what is missing to take part, to the next rank, to the top 10."""
    balance = place.balance
    fields = [
        EmbedField(name=reader(f"tickets.{source}"), value=f"{amount:,}")
        for source, amount in balance.by_source.items()
        if amount or source not in SELDOM
    ]
    if balance.rank is not None:
        rank = reader("tickets.rank_of", rank=balance.rank, participants=balance.participants)
        key = "tickets.chance" if place.chances.winners == 1 else "tickets.chance_any"
        fields.append(EmbedField(name=reader("tickets.rank"), value=rank))
        fields.append(EmbedField(name=reader(key), value=percent(*place.chances.share(balance.total))))
    lines = [reader("tickets.of", member=mention(balance.discord_id), tickets=_amount(reader, balance.total))]
    lines += _standing(reader, place, missing_to_top)
    if minutes_over is not None:
        lines.append(reader.count("tickets.minutes_over", minutes_over))
    lines.append(reader("tickets.ends", when=moment(period.end_date, "R")))
    return Embed(
        title=reader("tickets.title"), description="\n".join(lines), fields=tuple(fields), colour=GOLD
    )  # fmt: skip


def _standing(reader: Reader, place: Place, missing_to_top: int | None) -> list[str]:
    """What keeps a member out of the list, else what is missing to the ranks above."""
    balance = place.balance
    if place.left:
        return [reader("tickets.left")]
    if balance.total < place.minimum and place.minimum > 1:
        return [too_few(reader, balance.total, place.minimum)]
    lines = []
    if balance.next_rank_total is not None and balance.next_rank is not None:
        missing = _amount(reader, balance.next_rank_total - balance.total)
        lines.append(reader("tickets.to_next_rank", tickets=missing, rank=balance.next_rank))
    if missing_to_top is not None and balance.next_rank != TOP:
        lines.append(reader("tickets.to_top", tickets=_amount(reader, missing_to_top), top=TOP))
    return lines


def too_few(reader: Reader, held: int, minimum: int) -> str:
    return reader("tickets.to_take_part", missing=_amount(reader, minimum - held), minimum=minimum)


def _amount(reader: Reader, amount: int) -> str:
    return reader.count("count.tickets", amount)


def leaderboard(
    reader: Reader, settings: GuildSettings, period: Period, standings: Sequence[Standing], stats: Stats,
    chances: Chances,
) -> Embed:  # fmt: skip
    title = reader("leaderboard.title", period=name_of(reader, settings, period))
    if not standings:
        return Embed(title=title, description=reader("leaderboard.empty"), colour=GREY)
    lines = [
        reader(
            "leaderboard.line",
            rank=MEDALS.get(one.rank, f"**{one.rank}.**"), member=mention(one.discord_id),
            tickets=_amount(reader, one.total), chance=percent(*chances.share(one.total)),
        )
        for one in standings
    ]  # fmt: skip
    footer = reader("leaderboard.footer", participants=stats.participants, tickets=stats.total)
    return Embed(title=title, description="\n".join(lines), footer=footer, colour=GOLD)


def info(
    reader: Reader, settings: GuildSettings, period: Period, stats: Stats, commitment: str, mode: str,
    waiting: Sequence[Period],
) -> Embed:  # fmt: skip
    """The running raffle: span, totals, how to earn and take part, and the commitment that binds the draw."""
    minimum = settings.minimum_tickets_to_enter
    how = reader(
        "info.rates", watch=_amount(reader, settings.watchtime_tickets_per_hour),
        gift=_amount(reader, settings.gifted_sub_tickets),
    ) + _wager_rate(reader, settings)  # fmt: skip
    if minimum > 1:
        how += "\n" + reader("info.minimum", tickets=_amount(reader, minimum))
    fields = [
        EmbedField(name=reader("info.participants"), value=f"{stats.participants:,}"),
        EmbedField(name=reader("info.tickets"), value=f"{stats.total:,}"),
        EmbedField(name=reader("info.ends"), value=f"{moment(period.end_date)} ({moment(period.end_date, 'R')})"),
        EmbedField(name=reader("info.how"), value=how, inline=False),
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
    fields = [
        EmbedField(name=reader("history.raffle", number=str(draw.number)), value=_past(reader, draw), inline=False)
        for draw in past
    ]
    return Embed(title=reader("history.title"), fields=tuple(fields), colour=GOLD)


def _past(reader: Reader, draw: PastDraw) -> str:
    """The winners, as many as have room, and the figures."""
    several = len(draw.winners) > 1
    lines = [_won(reader, winner, place if several else 0) for place, winner in enumerate(draw.winners, 1)]
    ends = list(accumulate(len(line) + 1 for line in lines))
    shown = max(1, sum(end <= PAST_ROOM for end in ends))
    if len(lines) > shown:
        lines[shown:] = [reader.count("history.more", len(lines) - shown)]
    when = moment(draw.drawn_at, "D")
    figures = reader("history.line", tickets=draw.total_tickets, participants=draw.participants, when=when)
    return "\n".join([*lines, figures])


def _won(reader: Reader, winner: Winner, place: int) -> str:
    line = f"**{place}.** " if place else ""
    line += reader("history.winner", winner=mention(winner.discord_id), ticket=winner.ticket)
    if winner.prize:
        line += f" · {escape(winner.prize)}"
    return line + (f" · {reader('history.lapsed')}" if winner.lapsed else "")


def stats(
    reader: Reader, settings: GuildSettings, period: Period, stats_: Stats, top: Sequence[Standing],
    projection: str, live: tuple[bool, LiveSource | None],
) -> Embed:  # fmt: skip
    """For admins: tickets by source, top earners, projection for the period's end, and who says what is live."""
    by_source = "\n".join(
        reader(f"source.{source}", tickets=amount) + f" ({percent(amount, stats_.total)})"
        for source, amount in stats_.by_source.items()
        if amount or source not in SELDOM
    )
    earners = "\n".join(f"{MEDALS.get(one.rank, '▫️')} {mention(one.discord_id)} {one.total:,}" for one in top)
    state = reader("stats.live" if live[0] else "stats.offline", source=live[1] or "-")
    fields = (
        EmbedField(name=reader("info.participants"), value=f"{stats_.participants:,}"),
        EmbedField(name=reader("info.tickets"), value=f"{stats_.total:,}"),
        EmbedField(name=reader("stats.projection"), value=projection),
        EmbedField(name=reader("stats.by_source"), value=by_source, inline=False),
        EmbedField(name=reader("stats.top"), value=earners or reader("leaderboard.empty"), inline=False),
        EmbedField(name=reader("stats.stream"), value=state, inline=False),
    )
    title = reader("stats.title", period=name_of(reader, settings, period))
    return Embed(title=title, fields=fields, colour=BLUE)


def letters(reader: Reader, figures: Mapping[str, object]) -> EmbedField:
    """How the server's messages fare: `core.outbox.waiting`."""
    return EmbedField(name=reader("stats.messages"), value=reader("stats.messages_line", **figures), inline=False)


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
