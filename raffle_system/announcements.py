"""What the raffle says in channels and direct messages: a reader and facts in, a message out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton

from core import reserves
from core.db import Row
from core.draws import Drawn, Frozen, Replacement
from core.guilds import GuildSettings
from core.messages import BLUE, GOLD, GREEN, GREY, Embed, EmbedField, Message
from core.texts import Reader, escape, mention, moment, percent
from raffle_system.gift_payments import Award
from raffle_system.models import ARCHIVED, SOURCES, LastDraw, Period
from raffle_system.month import title_of
from raffle_system.watchtime_converter import Conversion

MOST_NAMED = 5


def period_name(period: Period, zone: ZoneInfo, locale: str = "en") -> str:
    """The month that the period covers, such as `November 2025`."""
    year, month = title_of(period.start_date, zone)
    day = period.start_date.astimezone(zone).replace(year=year, month=month, day=15)
    return format_skeleton("yMMMM", day.date(), locale=locale)


def source_lines(reader: Reader, held: Mapping[str, Any]) -> str:
    """One line per source that has tickets."""
    lines = [reader(f"source.{source}", tickets=held[source]) for source in SOURCES if held[source]]
    return "\n".join(lines)


def freeze(
    reader: Reader, settings: GuildSettings, period: Period, frozen: Frozen, prize: str
) -> Message:  # fmt: skip
    fields = [
        EmbedField(name=reader("draw.entrants"), value=f"{frozen.entrant_count:,}"),
        EmbedField(name=reader("draw.total_tickets"), value=f"{frozen.total_tickets:,}"),
    ]
    if prize:
        fields.append(EmbedField(name=reader("draw.prize"), value=escape(prize)))
    fields.append(EmbedField(name=reader("draw.entrants_digest"), value=f"`{frozen.entrants_sha256}`", inline=False))
    if frozen.round is not None and frozen.round_at is not None:
        when = reader("draw.round_at", number=str(frozen.round), when=moment(frozen.round_at, "T"))
        if frozen.other_chain is not None:
            when += "\n" + reader("draw.other_chain", chain=frozen.other_chain[:16])
        fields.append(EmbedField(name=reader("draw.beacon_round"), value=when, inline=False))
    name = period_name(period, ZoneInfo(settings.timezone), reader.locale)
    text = "draw.frozen_commit" if frozen.round is None else "draw.frozen_beacon"
    if frozen.other_chain is not None:
        text = "draw.frozen_other"
    embed = Embed(
        title=reader("draw.frozen_title", period=name), description=reader(text), colour=BLUE,
        fields=tuple(fields), footer=frozen.draw_id,
    )  # fmt: skip
    return Message(embeds=(embed,))


def winner(reader: Reader, drawn: Drawn, held: Mapping[str, Any], record_url: str | None = None) -> Message:
    """The plan's draw announcement, with the record attached and, where the web pages have an address, linked."""
    row, pick = drawn.row, drawn.picks[0]
    tickets, total = drawn.entrants.tickets_of(pick.id), drawn.entrants.total
    statistics = "\n".join(
        (
            reader("draw.stat_total", tickets=total),
            reader("draw.stat_participants", participants=len(drawn.entrants)),
            reader("draw.stat_winning_ticket", ticket=pick.ticket),
        )
    )
    own = f"{source_lines(reader, held)}\n{reader('draw.own_total', tickets=tickets)}"
    fields = [
        EmbedField(name=reader("draw.statistics"), value=statistics, inline=False),
        EmbedField(name=reader("draw.winners_tickets"), value=own, inline=False),
        EmbedField(
            name=reader("draw.winners_odds"), value=f"{tickets:,}/{total:,} ({percent(tickets, total)})", inline=False
        ),
    ]  # fmt: skip
    if row["prize"]:
        fields.append(EmbedField(name=reader("draw.prize"), value=escape(row["prize"]), inline=False))
    if record_url:
        fields.append(EmbedField(name=reader("draw.record"), value=record_url, inline=False))
    embed = Embed(
        title=reader("draw.winner_title"),
        description=f"{reader('draw.congratulations', winner=mention(pick.id))}\n\n{reader('draw.next_raffle')}",
        colour=GOLD, fields=tuple(fields), footer=reader("draw.verify_hint"),
    )  # fmt: skip
    return Message(
        content=reader("draw.winner_line", winner=mention(pick.id)), embeds=(embed,), mentions=(pick.id,),
        draw_ids=(row["draw_id"],),
    )  # fmt: skip


def delay(reader: Reader, row: Row) -> Message:
    text = reader("draw.delayed", number=str(row["beacon_round"]))
    return Message(embeds=(Embed(title=reader("draw.delayed_title"), description=text, colour=GREY),))


def reroll(reader: Reader, period: Period, replacement: Replacement, held: Mapping[str, Any], reason: str) -> Message:
    new, old = replacement.winner, replacement.replaced
    lines = [
        reader("draw.rerolled", old=mention(old), new=mention(new.id)),
        reader("draw.stat_winning_ticket", ticket=new.ticket),
        reader("draw.own_total", tickets=replacement.tickets),
        *reserves.passed_lines(reader, replacement.passed),
    ]
    if reason:
        lines.append(reader("draw.reason", reason=escape(reason)))
    lines.append(reader("draw.reroll_fair"))
    embed = Embed(
        title=reader("draw.reroll_title", number=str(period.number)), description="\n".join(lines), colour=GOLD,
        footer=reader("draw.verify_hint"),
    )  # fmt: skip
    return Message(
        content=reader("draw.winner_line", winner=mention(new.id)), embeds=(embed,), mentions=(new.id,),
        draw_ids=(period.draw_id,),
    )  # fmt: skip


def gift(reader: Reader, award: Award) -> Message | None:
    """The thanks for a gift; an anonymous gifter is never named, and earns nothing."""
    if award.anonymous:
        return None
    subs = reader.count("gift.subs", award.count)
    if award.discord_id is not None:
        tickets = reader.count("count.tickets", award.tickets)
        text = reader("gift.earned", member=mention(award.discord_id), tickets=tickets, subs=subs)
    else:
        tickets = reader.count("count.tickets", award.tickets)
        text = reader("gift.unlinked", name=escape(award.gifter), tickets=tickets, subs=subs)
    if award.moved:
        text += "\n" + reader("gift.moved")
    return Message(embeds=(Embed(description=text, colour=GREEN),))


def moved(reader: Reader, award: Award) -> Message:
    """For the admins: a gift counts in another raffle than that of its day."""
    name = escape(award.gifter) or reader("gifts.anonymous")
    text = reader("gifts.moved", name=name, subs=reader.count("gift.subs", award.count))
    return Message(embeds=(Embed(title=reader("gifts.title"), description=text, colour=GREY),))


def gifts_wait(reader: Reader, gifts: Sequence[Row], payments: Sequence[Row]) -> Message:
    """For the admins, once: what waits for their word, and what only `raffle give` can settle."""
    lines = [
        reader(
            f"gifts.{row['status']}", number=str(row["id"]), subs=reader.count("gift.subs", row["sub_count"]),
            name=escape(row["gifter_kick_name"]) or reader("gifts.anonymous"), when=moment(row["gifted_at"], "R"),
        )
        for row in gifts[:MOST_NAMED]
    ]  # fmt: skip
    if gifts:
        lines += [reader.count("gifts.waiting", len(gifts)), reader("gifts.decide")]
    lines += [
        reader(f"gifts.{row['kind']}", name=escape(row["kick_name"]), amount=row["amount"],
               when=moment(row["paid_at"], "R"))
        for row in payments[:MOST_NAMED]
    ]  # fmt: skip
    if payments:
        lines += [reader.count("gifts.payments", len(payments))]
    return Message(embeds=(Embed(title=reader("gifts.title"), description="\n".join(lines), colour=BLUE),))


def conversion(reader: Reader, paid: Conversion, threshold: int) -> Message | None:
    """One line for each who earned at least the threshold at once; None when nobody did."""
    lines = [
        reader("watch.earned", member=mention(e.discord_id), tickets=reader.count("count.tickets", e.earned))
        for e in paid.top
        if e.earned >= threshold
    ]
    if not lines:
        return None
    return Message(embeds=(Embed(title=reader("watch.title"), description="\n".join(lines), colour=GREEN),))


def new_period(
    reader: Reader, settings: GuildSettings, ended: Period, opened: Period, last: LastDraw | None, *, waits: bool
) -> Message:  # fmt: skip
    """A new raffle runs; what became of the one before (`waits` to be drawn), and who won last."""
    zone = ZoneInfo(settings.timezone)
    lines = []
    if ended.status == ARCHIVED or waits:
        key = "period.set_aside" if ended.status == ARCHIVED else "period.undrawn"
        lines.append(reader(key, period=period_name(ended, zone, reader.locale), number=str(ended.number)))
    if last is not None:
        winners = [
            reader("period.winner", winner=mention(who), tickets=reader.count("count.tickets", tickets))
            for who, tickets in last.winners
        ]
        name = period_name(last.period, zone, reader.locale)
        lines.append(reader.count("period.last_winner", len(winners), period=name, winners=", ".join(winners)))
    lines.append(reader("period.earn", until=moment(opened.end_date), relative=moment(opened.end_date, "R")))
    title = reader("period.started", period=period_name(opened, zone, reader.locale))
    return Message(embeds=(Embed(title=title, description="\n".join(lines), colour=GOLD),))


def linked(reader: Reader, member: int, kick_name: str, watch: int, gifts: Sequence[int], window: timedelta) -> Message:
    """The link is made, with everything that was waiting for it."""
    lines = [reader("link.done", member=mention(member), name=escape(kick_name))]
    if watch:
        lines.append(reader("link.credit_watchtime", tickets=reader.count("count.tickets", watch)))
    if gifts:
        lines.append(reader("link.credit_gifts", tickets=reader.count("count.tickets", sum(gifts))))
    if not watch and not gifts:
        lines.append(reader("link.earn_now", minutes=int(window.total_seconds() // 60)))
    embed = Embed(title=reader("link.done_title"), description="\n".join(lines), colour=GREEN)
    return Message(embeds=(embed,), mentions=(member,))
