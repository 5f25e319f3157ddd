"""What single people see when they ask or press: private confirmations, checklists, lists and details."""

from __future__ import annotations

from collections.abc import Sequence

from core.chances import Chances
from core.messages import BLUE, GREEN, GREY, RED, Embed, EmbedField
from core.texts import Reader, escape, mention, moment, percent, prose
from giveaway import announcements
from giveaway.entities import tickets_for, tier_of
from giveaway.insight import GuildStats, MemberStats, PointsRank
from giveaway.models import ACTIVE, PAUSED, SCHEDULED, EntryLine, EntryPage, Giveaway
from giveaway.models import Entry as Entered
from giveaway.queries import Info
from giveaway.requirements import Judgement


def odds(reader: Reader, tickets: int, total: int, chances: Chances) -> str:
    """`11 entries of 25: 44% for the first prize`; where there are several, the chance of any of them, too."""
    entries, first = reader.count("giveaway.entries", tickets), percent(tickets, total)
    if chances.winners == 1:
        return reader("giveaway.odds", tickets=entries, total=total, percent=first)
    prize = percent(*chances.share(tickets))
    return reader(
        "giveaway.odds_any", tickets=entries, total=total, percent=first, any=prize, winners=chances.winners
    )  # fmt: skip


def entered(reader: Reader, entry: Entered) -> Embed:
    """The answer to a press; for one who was in already it comes with a button to leave."""
    lines = [odds(reader, entry.tickets, entry.total_tickets, entry.chances)]
    if entry.points:
        bonus = reader.count("giveaway.points", entry.points)
        lines.insert(0, reader("giveaway.with_bonus", points=bonus))
    if not entry.joined:
        lines.append(reader("giveaway.leave_hint"))
    title = reader("giveaway.entered" if entry.joined else "giveaway.already_in")
    return Embed(title=title, description="\n".join(lines), colour=GREEN if entry.joined else BLUE)


def checklist(reader: Reader, judgement: Judgement) -> Embed:
    """Every condition with a tick or a cross."""
    if judgement.blacklisted:
        return Embed(description=reader("giveaway.blacklisted"), colour=RED)
    lines = [
        f"{'✅' if verdict.met else '❌'} {announcements.requirement_text(reader, verdict.requirement)}"
        for verdict in judgement.verdicts
    ]
    title = reader("giveaway.eligible" if judgement.allowed else "giveaway.not_eligible")
    return Embed(title=title, description="\n".join(lines), colour=GREEN if judgement.allowed else RED)


def info(reader: Reader, shown: Info) -> Embed:
    """`/giveaway info`."""
    giveaway = shown.giveaway
    fields = [
        EmbedField(name=reader("giveaway.info_status"), value=reader(f"giveaway.status.{giveaway.status}")),
        EmbedField(name=reader("giveaway.info_channel"), value=f"<#{giveaway.channel_id}>"),
        EmbedField(name=reader("giveaway.info_host"), value=mention(giveaway.host_id)),
        EmbedField(name=_when_name(reader, giveaway), value=_when(giveaway)),
        EmbedField(name=reader("giveaway.info_winners"), value=f"{giveaway.winners_count:,}"),
        EmbedField(
            name=reader("giveaway.info_entries"),
            value=reader("giveaway.totals_line", entries=reader.count("giveaway.entrants", shown.entries),
                         tickets=shown.total_tickets),
        ),
        *announcements.terms(reader, giveaway.requirements, giveaway.entities, shown.boosts),
    ]  # fmt: skip
    if shown.tiers:
        steps = "\n".join(f"{escape(name)}: {reader.count('giveaway.points', points)}" for name, points in shown.tiers)
        fields.append(EmbedField(name=reader("giveaway.info_tiers"), value=steps, inline=False))
    if giveaway.recurrence:
        repeats = reader(f"giveaway.recurrence.{giveaway.recurrence}")
        fields.append(EmbedField(name=reader("giveaway.info_recurrence"), value=repeats))
    if shown.winners:
        fields += announcements.in_fields(reader("giveaway.winners"), _winner_line(reader, giveaway, shown))
    if giveaway.commitment:
        commitment = f"`{giveaway.commitment}`"
        fields.append(EmbedField(name=reader("giveaway.info_commitment"), value=commitment, inline=False))
    return Embed(
        title=f"{giveaway.options.emoji} {escape(giveaway.prize)}", description=prose(giveaway.description),
        colour=BLUE, fields=tuple(fields), footer=reader("giveaway.number_footer", number=str(giveaway.giveaway_id)),
    )  # fmt: skip


def _when_name(reader: Reader, giveaway: Giveaway) -> str:
    names = {SCHEDULED: "giveaway.info_starts", ACTIVE: "giveaway.info_ends", PAUSED: "giveaway.info_paused"}
    return reader(names.get(giveaway.status, "giveaway.info_ended"))


def _when(giveaway: Giveaway) -> str:
    moments = {SCHEDULED: giveaway.start_time, ACTIVE: giveaway.end_time, PAUSED: giveaway.paused_at}
    found = moments.get(giveaway.status) or giveaway.ended_at or giveaway.cancelled_at or giveaway.end_time
    return f"{moment(found, 'F')} ({moment(found, 'R')})"


def _winner_line(reader: Reader, giveaway: Giveaway, shown: Info) -> list[str]:
    places = [announcements.Place(user_id=w.user_id, tickets=w.tickets) for w in shown.winners]
    lines = announcements.place_lines(reader, giveaway, places)
    if giveaway.options.claim_hours is None:
        return lines
    marks = ["✅" if w.claimed else "❌" if w.lapsed_at else "⏳" for w in shown.winners]
    return [f"{line} {mark}" for line, mark in zip(lines, marks, strict=True)]


def entries(
    reader: Reader, giveaway: Giveaway, page: EntryPage, own: EntryLine | None, chances: Chances,
    tiers: Sequence[tuple[str, int]] = (),
) -> Embed:  # fmt: skip
    """`/giveaway entries`: a page of entrants with points and real odds, then the reader's own."""
    lines = [_entry_line(reader, line, page.total_tickets, chances, tiers) for line in page.lines] or [
        reader("giveaway.no_entries")
    ]
    if own is not None and own.tickets:
        lines += ["", reader("giveaway.your_odds", odds=odds(reader, own.tickets, page.total_tickets, chances))]
    footer = reader("giveaway.page_footer", page=page.page + 1, pages=page.pages)
    return Embed(title=escape(giveaway.prize), description="\n".join(lines), colour=BLUE, footer=footer)


def _entry_line(
    reader: Reader, line: EntryLine, total: int, chances: Chances, tiers: Sequence[tuple[str, int]]
) -> str:  # fmt: skip
    if line.excluded:
        return f"~~{mention(line.user_id)}~~ {reader('giveaway.excluded_entry', reason=line.excluded)}"
    tier = tier_of(line.points, tiers)
    share = percent(line.tickets, total)
    if chances.winners > 1:
        share = reader("giveaway.share_any", percent=share, any=percent(*chances.share(line.tickets)))
    return reader(
        "giveaway.entry_line", member=mention(line.user_id) + (f" ({escape(tier)})" if tier else ""),
        points=reader.count("giveaway.points", line.points), tickets=reader.count("giveaway.entries", line.tickets),
        percent=share,
    )  # fmt: skip


def listing(reader: Reader, giveaways: Sequence[Giveaway]) -> Embed:
    """`/giveaway list`."""
    lines = [
        reader("giveaway.list_line", number=str(g.giveaway_id), prize=escape(g.prize), channel=f"<#{g.channel_id}>",
               status=reader(f"giveaway.status.{g.status}"), when=_when(g))
        for g in giveaways
    ]  # fmt: skip
    text = "\n".join(lines) or reader("giveaway.list_empty")
    return Embed(title=reader("giveaway.list_title"), description=text, colour=BLUE)


def guild_stats(reader: Reader, stats: GuildStats) -> Embed:
    """`/giveaway stats` of the server."""
    shown = ("giveaways", "running", "ended", "cancelled", "entries", "winners", "members")
    fields = tuple(
        EmbedField(name=reader(f"giveaway.stats.{name}"), value=f"{getattr(stats, name):,}") for name in shown
    )
    return Embed(title=reader("giveaway.stats_title"), colour=BLUE, fields=fields)


def member_stats(reader: Reader, user_id: int, stats: MemberStats) -> Embed:
    """`/giveaway stats` of a member: what happened beside what chance alone would have given."""
    values = (("entered", f"{stats.entered:,}"), ("won", f"{stats.won:,}"), ("expected", f"{stats.expected:.2f}"))
    fields = tuple(EmbedField(name=reader(f"giveaway.stats.{name}"), value=value) for name, value in values)
    note = reader("giveaway.stats_expected_note", drawn=stats.drawn)
    return Embed(title=reader("giveaway.stats_member_title"), description=f"{mention(user_id)}\n{note}", colour=BLUE,
                 fields=fields)  # fmt: skip


def leaderboard(reader: Reader, ranks: Sequence[PointsRank]) -> Embed:
    """Who takes the most points into giveaways."""
    lines = [
        reader("giveaway.rank_line", rank=rank.rank, points=reader.count("giveaway.points", rank.points),
               member=mention(rank.user_id) + (f" ({escape(rank.tier)})" if rank.tier else ""),
               tickets=reader.count("giveaway.entries", tickets_for(rank.points)))
        for rank in ranks
    ]  # fmt: skip
    text = "\n".join(lines) or reader("giveaway.leaderboard_empty")
    return Embed(title=reader("giveaway.leaderboard_title"), description=text, colour=BLUE if lines else GREY)
