"""What is said of winners: several prizes, claims, and reserves who take a place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from core import reserves
from core.chances import Chances
from core.db import Row
from core.draws import Drawn, Replacement
from core.messages import GOLD, GREEN, GREY, Button, Embed, EmbedField, Message
from core.texts import Reader, escape, mention, moment, percent
from raffle_system.announcements import source_lines
from raffle_system.models import Period

CLAIM, ROOM = "raffle-claim:", 3500


def _button(reader: Reader, period_id: int) -> Button:
    return Button(label=reader("claim.button"), custom_id=f"{CLAIM}{period_id}", style="success", emoji="🎁")


def several(
    reader: Reader, drawn: Drawn, prizes: Sequence[str], held: Sequence[Mapping[str, Any]], record_url: str | None
) -> Message:  # fmt: skip
    """The announcement of several winners, each with prize, ticket, chance, and what is `held` by source."""
    total = drawn.entrants.total
    chances = Chances(Counter(drawn.entrants.tickets), len(drawn.picks))
    lines: list[str] = []
    for index, pick in enumerate(drawn.picks):
        tickets = drawn.entrants.tickets_of(pick.id)
        lines.append(
            reader(
                "draw.place_line", place=index + 1, winner=mention(pick.id), ticket=pick.ticket,
                prize=escape(prizes[index]) if index < len(prizes) else "-", tickets=tickets,
                chance=percent(*chances.share(tickets)),
            )
        )  # fmt: skip
    lines = _with_sources(reader, lines, held)
    fields = [
        EmbedField(name=reader("draw.entrants"), value=f"{len(drawn.entrants):,}"),
        EmbedField(name=reader("draw.total_tickets"), value=f"{total:,}"),
    ]
    if record_url:
        fields.append(EmbedField(name=reader("draw.record"), value=record_url, inline=False))
    embed = Embed(
        title=reader("draw.winners_title"), description="\n".join([*lines, "", reader("draw.next_raffle")]),
        colour=GOLD, fields=tuple(fields), footer=reader("draw.verify_hint"),
    )  # fmt: skip
    who = tuple(pick.id for pick in drawn.picks)
    return Message(
        content=reader("draw.winners_line", winners=" ".join(mention(one) for one in who)), embeds=(embed,),
        mentions=who, draw_ids=(drawn.row["draw_id"],),
    )  # fmt: skip


def _with_sources(reader: Reader, lines: Sequence[str], held: Sequence[Mapping[str, Any]]) -> list[str]:
    """The winners' lines with their tickets by source below, where all of them have room."""
    detailed = [
        f"{line}\n-# {' '.join(source_lines(reader, one).split(chr(10)))}"
        for line, one in zip(lines, held, strict=True)
    ]
    return detailed if sum(map(len, detailed)) <= ROOM else list(lines)


def with_claim(reader: Reader, message: Message, period_id: int, deadline: datetime | None) -> Message:
    """The same announcement with the button and the time to press it; unchanged where nobody has to claim."""
    if deadline is None:
        return message
    hint = reader("claim.hint", until=moment(deadline), relative=moment(deadline, "R"))
    embed = message.embeds[0]
    shown = replace(embed, description=f"{embed.description}\n\n{hint}")
    return replace(message, embeds=(shown, *message.embeds[1:]), buttons=(_button(reader, period_id),))


def please_claim(reader: Reader, period_id: int, prize: str, deadline: datetime) -> Message:
    """To the winner."""
    text = reader(
        "claim.please", prize=escape(prize) or "-", until=moment(deadline), relative=moment(deadline, "R")
    )  # fmt: skip
    embed = Embed(title=reader("claim.title"), description=text, colour=GOLD)
    return Message(embeds=(embed,), buttons=(_button(reader, period_id),))


def claimed(reader: Reader, row: Row) -> Message:
    text = reader("claim.claimed", member=mention(row["discord_id"]), prize=escape(row["prize"]) or "-")
    return Message(embeds=(Embed(description=text, colour=GREEN),))


def unclaimed(reader: Reader, period: Period, row: Row, taken: Replacement, deadline: datetime | None) -> Message:
    """The next reserve takes the place of a winner who did not claim."""
    lines = [
        reader("claim.unclaimed", old=mention(row["discord_id"]), new=mention(taken.winner.id)),
        reader("claim.prize", prize=escape(row["prize"]) or "-"),
        reader("draw.stat_winning_ticket", ticket=taken.winner.ticket),
        *reserves.passed_lines(reader, taken.passed),
        reader("draw.reroll_fair"),
    ]
    title = reader("claim.unclaimed_title", number=str(period.number))
    embed = Embed(title=title, description="\n".join(lines), colour=GOLD, footer=reader("draw.verify_hint"))
    message = Message(
        content=reader("draw.winner_line", winner=mention(taken.winner.id)), embeds=(embed,),
        mentions=(taken.winner.id,), draw_ids=(period.draw_id,),
    )  # fmt: skip
    return with_claim(reader, message, period.id, deadline)


def claims_extended(reader: Reader, row: Row) -> Message:
    """The bot was away while a winner should have claimed, who has that time again."""
    until = row["claim_until"]
    text = reader("claim.extended", prize=escape(row["prize"]) or "-", until=moment(until), relative=moment(until, "R"))
    return Message(
        content=mention(row["discord_id"]), embeds=(Embed(description=text, colour=GOLD),),
        mentions=(row["discord_id"],), buttons=(_button(reader, row["period_id"]),),
    )  # fmt: skip


def nobody_left(reader: Reader, period: Period, row: Row) -> Message:
    text = reader("claim.nobody_left", member=mention(row["discord_id"]), prize=escape(row["prize"]) or "-")
    title = reader("claim.unclaimed_title", number=str(period.number))
    return Message(embeds=(Embed(title=title, description=text, colour=GREY),))
