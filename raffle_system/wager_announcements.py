"""What is said of wagers: to everybody about awards, to the admins about feeds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from core.db import Row
from core.messages import GREEN, GREY, RED, Embed, Message
from core.texts import Reader, escape, mention, moment
from raffle_system.wager_sources import Answer, FeedTrouble
from raffle_system.watchtime_converter import Earner

MOST_NAMES = 10
NAMES = {
    "shuffle": "Shuffle", "howl": "Howl", "roobet": "Roobet", "rainbet": "Rainbet", "gamdom": "Gamdom",
    "packdraw": "Packdraw", "csgobig": "CSGOBig",
}  # fmt: skip


class Render(Protocol):
    def __call__(self, reader: Reader, casino: str, *facts: object) -> Message: ...


def usd(amount: Decimal) -> str:
    return f"${amount:,.2f}"


def _one(title: str, text: str, colour: int) -> Message:
    return Message(embeds=(Embed(title=title, description=text, colour=colour),))


def awards(reader: Reader, top: Sequence[Earner], members: int, threshold: int) -> Message | None:
    """One message for a poll: who earned at least the threshold at once; None when nobody did."""
    lines = [
        reader("wagers.earned", member=mention(e.discord_id), tickets=reader.count("count.tickets", e.earned))
        for e in top
        if e.earned >= threshold
    ]
    if not lines:
        return None
    if members > len(top) and len(lines) == len(top):
        lines.append(reader.count("wagers.and_others", members - len(top)))
    return _one(reader("wagers.title"), "\n".join(lines), GREEN)


def trouble(reader: Reader, casino: str, *facts: object) -> Message:
    """`facts`: the FeedTrouble, and when the feed last answered well (None: never)."""
    found, last_ok = facts
    assert isinstance(found, FeedTrouble)
    why = reader(f"wagers.trouble_{found.reason}", detail=escape(found.detail))
    if isinstance(last_ok, datetime):
        text = reader("wagers.trouble", casino=NAMES[casino], since=moment(last_ok, "R"), why=why)
    else:
        text = reader("wagers.trouble_from_the_start", casino=NAMES[casino], why=why)
    return _one(reader("wagers.trouble_title"), text, RED)


def frozen(reader: Reader, casino: str, *facts: object) -> Message:
    """`facts`: how many accounts fell, and of how many."""
    fallen, compared = facts
    text = reader("wagers.frozen", casino=NAMES[casino], fallen=fallen, compared=compared)
    return _one(reader("wagers.frozen_title"), text, RED)


def fallen(reader: Reader, casino: str, *facts: object) -> Message:
    """`facts`: (name, USD that it had, USD now) of accounts that stay below what they had, largest first."""
    (falls,) = facts
    assert isinstance(falls, Sequence)
    lines = [reader("wagers.fallen_line", name=escape(n), had=usd(had), has=usd(has)) for n, had, has in falls]
    text = "\n".join([reader("wagers.fallen", casino=NAMES[casino]), *lines, reader("wagers.fallen_how")])
    return _one(reader("wagers.frozen_title"), text, RED)


def unreadable(reader: Reader, casino: str, *facts: object) -> Message:
    """`facts`: the Answer."""
    (answer,) = facts
    assert isinstance(answer, Answer)
    lines = [reader("wagers.unreadable", casino=NAMES[casino], bad=answer.bad, rows=answer.bad + len(answer.rows))]
    if answer.example:
        lines.append(reader("wagers.unreadable_example", amount=escape(answer.example)))
    return _one(reader("wagers.trouble_title"), "\n".join(lines), RED)


def accounts(reader: Reader, casino: str, *facts: object) -> Message:
    """`facts`: links whose account has a new name, and linked names that another account has (`follow`)."""
    renamed, strangers = facts
    assert isinstance(renamed, Sequence)
    assert isinstance(strangers, Sequence)
    lines = [
        reader("wagers.renamed", member=mention(r["discord_id"]), old=escape(r["old"]), new=escape(r["new"]))
        for r in renamed[:MOST_NAMES]
    ]
    for row in strangers[:MOST_NAMES]:
        key = "wagers.stranger" if row["bound"] else "wagers.ambiguous"
        lines.append(reader(key, member=mention(row["discord_id"]), name=escape(row["name"])))
    text = "\n".join([reader("wagers.accounts", casino=NAMES[casino]), *lines])
    return _one(reader("wagers.accounts_title"), text, GREY)


def well_again(reader: Reader, casino: str, *_facts: object) -> Message:
    return _one(reader("wagers.well_title"), reader("wagers.well", casino=NAMES[casino]), GREEN)


def waiting(reader: Reader, casino: str, *facts: object) -> Message:
    """`facts`: rows with `name` and `amount` that wait for an admin."""
    (rows,) = facts
    assert isinstance(rows, Sequence)
    shown: Sequence[Row] = rows[:MOST_NAMES]
    lines = [reader("wagers.waiting_line", name=escape(row["name"]), amount=usd(row["amount"])) for row in shown]
    if len(rows) > len(shown):
        lines.append(reader.count("wagers.and_others", len(rows) - len(shown)))
    text = "\n".join([reader("wagers.waiting", casino=NAMES[casino]), *lines, reader("wagers.waiting_how")])
    return _one(reader("wagers.waiting_title"), text, GREY)
