"""Answers about wagers and casino links: a reader and facts in, an embed out."""

from __future__ import annotations

from collections.abc import Sequence

from core.db import Row
from core.messages import BLUE, GREY, Embed, EmbedField
from core.texts import Reader, escape, mention, moment
from raffle_system.shuffle_links import Overview, ShuffleLink
from raffle_system.wager_announcements import NAMES, usd
from raffle_system.wager_sources import Feed


def links(reader: Reader, found: Overview) -> Embed:
    """Requests, links, names that wait for a decision, and earners without a link by size."""
    parts = (
        ("shuffle.links_pending", [_link_line(reader, link) for link in found.pending]),
        ("shuffle.links_unlinked", [_earner_line(reader, row) for row in found.unlinked]),
        ("shuffle.links_waiting", [_earner_line(reader, row) for row in found.waiting]),
        ("shuffle.links_verified", [_link_line(reader, link) for link in found.verified]),
    )
    fields = tuple(EmbedField(name=reader(key), value="\n".join(lines), inline=False) for key, lines in parts if lines)
    empty = "" if fields else reader("shuffle.links_empty")
    return Embed(title=reader("shuffle.links_title"), description=empty, fields=fields, colour=BLUE)


def _link_line(reader: Reader, link: ShuffleLink) -> str:
    return reader(
        "shuffle.link_line", name=escape(link.username), casino=NAMES[link.casino], member=mention(link.discord_id),
        when=moment(link.linked_at, "R"),
    )  # fmt: skip


def _earner_line(reader: Reader, row: Row) -> str:
    amount = usd(row["amount"])
    return reader("shuffle.earner_line", name=escape(row["name"]), casino=NAMES[row["casino"]], amount=amount)


def feeds(reader: Reader, configured: Sequence[Feed], rows: Sequence[Row]) -> Embed:
    """Each feed: when it answered last, what is wrong, whether awards are frozen."""
    if not configured:
        return Embed(title=reader("wagers.status_title"), description=reader("wagers.status_none"), colour=GREY)
    known = {row["source_key"]: row for row in rows}
    fields = tuple(
        EmbedField(name=f"{NAMES[feed.source.casino]} ({feed.key})", value=_feed(reader, known.get(feed.key)))
        for feed in configured
    )
    return Embed(title=reader("wagers.status_title"), fields=fields, colour=BLUE)


def _feed(reader: Reader, row: Row | None) -> str:
    if row is None or row["last_tried_at"] is None:
        return reader("wagers.status_new")
    last = moment(row["last_ok_at"], "R") if row["last_ok_at"] else reader("wagers.never")
    lines = [reader("wagers.status_last", when=last), reader.count("wagers.status_accounts", row["accounts"])]
    if row["bad_rows"]:
        lines.append(reader.count("wagers.status_bad", row["bad_rows"]))
    if row["trouble"]:
        lines.append("⚠️ " + reader(f"wagers.trouble_{row['trouble']}", detail=""))
    if row["bad_example"]:
        lines.append(reader("wagers.unreadable_example", amount=escape(row["bad_example"])))
    if row["falls_told_at"]:
        lines.append(reader("wagers.status_fallen"))
    if row["frozen_at"]:
        lines.append(reader("wagers.status_frozen", when=moment(row["frozen_at"], "R")))
    if row["next_poll_at"]:
        lines.append(reader("wagers.status_next", when=moment(row["next_poll_at"], "R")))
    return "\n".join(lines)
