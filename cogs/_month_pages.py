"""Answers about month ends, prizes, odds and success: a reader and facts in, an embed out."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton

from cogs import _raffle_pages as pages
from core.chances import Chances
from core.guilds import GuildSettings
from core.messages import BLUE, GOLD, GREY, Embed, EmbedField
from core.texts import Reader, escape, moment, percent
from raffle_system.chart import Bar, ChartTexts
from raffle_system.entrants import Band
from raffle_system.models import SOURCES, Balance, Period
from raffle_system.month import title_of
from raffle_system.month_ends import Calendar
from raffle_system.prizes import split
from raffle_system.reports import MOST_GROWTH, Month, Success


def schedule(reader: Reader, settings: GuildSettings, found: Calendar) -> Embed:
    """What will happen when, in order, and which periods wait to be drawn."""
    lines = [
        reader(f"schedule.{one.key}", when=moment(one.at), relative=moment(one.at, "R"), name=one.name or "-")
        for one in found.coming
    ]
    fields: tuple[EmbedField, ...] = ()
    if found.undrawn:
        waiting = "\n".join(
            reader("info.waiting_line", number=str(p.number), period=pages.name_of(reader, settings, p))
            for p in found.undrawn
        )
        fields = (EmbedField(name=reader("info.waiting"), value=waiting, inline=False),)
    title = reader("schedule.title", zone=settings.timezone)
    return Embed(title=title, description="\n".join(lines), fields=fields, colour=BLUE)


def confirm_end(reader: Reader, settings: GuildSettings, period: Period, shown: str) -> Embed:
    name = pages.name_of(reader, settings, period)
    text = reader("end.confirm", period=name, before=moment(period.end_date), after=shown)
    return Embed(title=reader("end.title"), description=text, colour=GOLD)


def prizes(
    reader: Reader, settings: GuildSettings, period: Period, found: Sequence[str], written: str = ""
) -> Embed:  # fmt: skip
    """The prizes and how many winners they make; where commas were `written`, how they were read."""
    title = reader("prizes.title", period=pages.name_of(reader, settings, period))
    if not found:
        return Embed(title=title, description=reader("prizes.none"), colour=GREY)
    lines = [f"**{index}.** {escape(prize)}" for index, prize in enumerate(found, start=1)]
    if len(found) == 1 and ("," in found[0] or "،" in found[0]):
        lines += ["", reader("prizes.read_as_one")]
    elif written and split(written, commas=False) != found:
        lines += ["", reader("prizes.read_as_several")]
    footer = reader.count("prizes.how", len(found))
    return Embed(title=title, description="\n".join(lines), footer=footer, colour=GOLD)


def odds(
    reader: Reader, settings: GuildSettings, period: Period, bands: Sequence[Band], chances: Chances, own: Balance,
    minimum: int,
) -> Embed:  # fmt: skip
    """How tickets are spread: what chance each band of balances has, and the reader's own."""
    title = reader("odds.title", period=pages.name_of(reader, settings, period))
    total = sum(band.tickets for band in bands)
    if not total:
        return Embed(title=title, description=reader("leaderboard.empty"), colour=GREY)
    lines = [
        reader(
            "odds.line", span=_span(band), members=reader.count("count.participants", band.members),
            share=percent(band.tickets, total), each=_each(reader, band, chances),
        )
        for band in bands
    ]  # fmt: skip
    lines += ["", _own_chance(reader, chances, own, minimum)]
    return Embed(title=title, description="\n".join(lines), footer=reader("odds.how"), colour=BLUE)


def _each(reader: Reader, band: Band, chances: Chances) -> str:
    least, most = (percent(*chances.share(tickets)) for tickets in (band.smallest, band.largest))
    return least if least == most else reader("odds.from_to", least=least, most=most)


def _own_chance(reader: Reader, chances: Chances, own: Balance, minimum: int) -> str:
    if own.rank is not None:
        key = "odds.own" if chances.winners == 1 else "odds.own_any"
        return reader(key, chance=percent(*chances.share(own.total)))
    return pages.too_few(reader, own.total, minimum) if own.total else reader("odds.own_none")


def _span(band: Band) -> str:
    return f"{band.smallest:,}" if band.smallest == band.largest else f"{band.smallest:,}–{band.largest:,}"


def success(reader: Reader, found: Success) -> tuple[EmbedField, ...]:
    """The plan's success metrics as fields of `raffle stats`."""
    (earning, linked), (adopted, _) = found.participation, found.adoption
    share = reader("stats.share", part=earning, whole=linked, percent=percent(earning, linked))
    adoption = reader("stats.share", part=adopted, whole=linked, percent=percent(adopted, linked))
    gifts = reader("stats.gifts_value", gifted=found.gifted, by_linked=found.by_linked)
    return (
        EmbedField(name=reader("stats.participation"), value=share),
        EmbedField(name=reader("stats.adoption"), value=adoption),
        EmbedField(name=reader("stats.growth"), value=_grown(reader, found)),
        EmbedField(name=reader("stats.gifts"), value=gifts),
    )


def _grown(reader: Reader, found: Success) -> str:
    if found.growth is None:
        return reader("stats.growth_none")
    beyond = {MOST_GROWTH: "> ", -MOST_GROWTH: "< "}.get(found.growth, "")
    return f"{beyond}{found.growth:+.1f}%"


def projection(reader: Reader, found: Success) -> str:
    if found.projection is None:
        return reader("stats.projection_later", when=moment(found.projects_from, "R"))
    return f"{found.projection:,}"


def chart_of(reader: Reader, settings: GuildSettings, found: Success) -> tuple[list[Bar], ChartTexts]:
    """The chart's bars and words in the reader's language."""
    bars = [
        Bar(
            label=_month(reader, settings, month), by_source=month.by_source,
            projection=(found.projection or 0) if month.running else 0,
        )
        for month in found.months
    ]  # fmt: skip
    texts = ChartTexts(
        title=reader("chart.title"), sources={source: reader(f"chart.{source}") for source in SOURCES},
        projection=reader("chart.projection"), rtl=reader.rtl,
    )  # fmt: skip
    return bars, texts


def _month(reader: Reader, settings: GuildSettings, month: Month) -> str:
    zone = ZoneInfo(settings.timezone)
    year, number = title_of(month.start_date, zone)
    day = month.start_date.astimezone(zone).replace(year=year, month=number, day=15)
    return format_skeleton("MMM", day.date(), locale=reader.locale)
