"""What a giveaway says in its channel: a reader and facts in, a message out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core import reserves
from core.db import Row
from core.draws import Frozen
from core.messages import BLUE, GOLD, GREY, Button, Embed, EmbedField, Message
from core.texts import Reader, escape, mention, moment, prose
from giveaway.models import PAUSED, Boost, Entities, Giveaway, Requirement, Requirements

LATE, FIELD_LENGTH = timedelta(minutes=5), 1024


@dataclass(frozen=True, kw_only=True)
class Place:
    """Who holds a winning place, with how many entries."""

    user_id: int
    tickets: int


def role_mention(role_id: int) -> str:
    return f"<@&{role_id}>"


def button_id(action: str, giveaway_id: int) -> str:
    """`giveaway:<enter|leave|entrants|claim>:<id>`: the name under which a button is known after a restart."""
    return f"giveaway:{action}:{giveaway_id}"


def _title(giveaway: Giveaway) -> str:
    return f"{giveaway.options.emoji} {escape(giveaway.prize)}".strip()


def _embed(giveaway: Giveaway, lines: Sequence[str], colour: int, *, fields: Sequence[EmbedField] = (),
           footer: str = "") -> Embed:  # fmt: skip
    return Embed(
        title=_title(giveaway), description="\n".join(line for line in lines if line), colour=colour,
        fields=tuple(fields), footer=footer, thumbnail_url=giveaway.look.thumbnail_url,
        image_url=giveaway.look.image_url,
    )  # fmt: skip


def live(reader: Reader, giveaway: Giveaway, entries: int, boosts: Sequence[Boost], *, edits: bool = True) -> Message:
    """The giveaway with its button; pings the ping role only as a new message."""
    number, ping = giveaway.giveaway_id, giveaway.options.ping_role_id
    label = reader("giveaway.button_entrants")
    buttons = [Button(label=reader("giveaway.button_enter"), custom_id=button_id("enter", number), style="success",
                      emoji=giveaway.options.emoji)]  # fmt: skip
    if giveaway.options.show_participants:
        buttons.append(Button(label=label, custom_id=button_id("entrants", number), style="secondary"))
    return Message(
        content=role_mention(ping) if ping and not edits else "", ref=giveaway.draw_id, edits=edits,
        role_mentions=(ping,) if ping and not edits else (), buttons=tuple(buttons),
        embeds=(live_embed(reader, giveaway, entries, boosts),),
    )  # fmt: skip


def live_embed(reader: Reader, giveaway: Giveaway, entries: int, boosts: Sequence[Boost]) -> Embed:
    """The giveaway as its message shows it (also the preview before it starts)."""
    end = giveaway.end_time
    if giveaway.status == PAUSED:
        time_line = reader("giveaway.paused_line")
    else:
        time_line = reader("giveaway.ends_line", when=moment(end, "F"), relative=moment(end, "R"))
    lines = [prose(giveaway.description), time_line, reader("giveaway.host_line", host=mention(giveaway.host_id))]
    lines.append(reader.count("giveaway.winners_line", giveaway.winners_count))
    if giveaway.options.show_participants:
        lines.append(reader.count("giveaway.entries_line", entries))
    footer = reader("giveaway.commitment_footer", number=str(giveaway.giveaway_id), commitment=giveaway.commitment)
    return _embed(
        giveaway, lines, giveaway.look.colour if giveaway.look.colour is not None else BLUE,
        fields=terms(reader, giveaway.requirements, giveaway.entities, [b for b in boosts if b.starts_at < end],
                     shown=giveaway.options.show_entities_info),
        footer=footer if giveaway.commitment else "",
    )  # fmt: skip


def terms(
    reader: Reader, requirements: Requirements, entities: Entities, boosts: Sequence[Boost], *, shown: bool = True
) -> list[EmbedField]:
    """Requirements and entities as fields."""
    fields = []
    if requirements.rules:
        lines = [f"• {requirement_text(reader, rule)}" for rule in requirements.rules]
        if requirements.bypass_roles:
            lines.append(reader("giveaway.bypass_line", roles=_roles(requirements.bypass_roles)))
        fields += in_fields(reader("giveaway.requirements"), lines)
    if entities.enabled and shown:
        lines = entity_lines(reader, entities, boosts)
        fields += in_fields(reader("giveaway.entities"), lines)
    return fields


def in_fields(name: str, lines: Sequence[str]) -> list[EmbedField]:
    """Lines in as many fields as Discord's limit of a value asks for; a single line never fills one."""
    values = [""]
    for line in lines:
        longer = f"{values[-1]}\n{line}" if values[-1] else line
        if len(longer) <= FIELD_LENGTH:
            values[-1] = longer
        else:
            values.append(line)
    return [EmbedField(name=name if not at else "\u200b", value=value, inline=False) for at, value in enumerate(values)]


def entity_lines(reader: Reader, entities: Entities, boosts: Sequence[Boost]) -> list[str]:
    """One line per role, then the mode, the cap and the boosts."""
    lines = []
    for entity in sorted(entities.roles, key=lambda e: -e.points):
        tier = f" ({escape(entity.tier)})" if entity.tier else ""
        points = reader.count("giveaway.points", entity.points)
        lines.append(reader("giveaway.role_points", role=role_mention(entity.role_id) + tier, points=points))
    lines.append(reader(f"giveaway.mode.{entities.mode}"))
    if entities.cap is not None:
        lines.append(reader("giveaway.cap_line", points=reader.count("giveaway.points", entities.cap)))
    return [*lines, *(boost_text(reader, boost) for boost in boosts)]


def boost_text(reader: Reader, boost: Boost) -> str:
    key = "giveaway.boost_all" if boost.role_id is None else "giveaway.boost_role"
    role = {} if boost.role_id is None else {"role": role_mention(boost.role_id)}
    return reader(
        key, factor=boost.factor, start=moment(boost.starts_at, "f"), until=moment(boost.until, "f"), **role
    )  # fmt: skip


def _roles(role_ids: Sequence[int]) -> str:
    return ", ".join(map(role_mention, role_ids))


def requirement_text(reader: Reader, rule: Requirement) -> str:
    """One condition as a sentence."""
    return reader(
        f"giveaway.requirement.{rule.kind}", roles=_roles(rule.roles), amount=rule.amount,
        days=reader.count("giveaway.days", rule.days),
    )  # fmt: skip


def drawing(reader: Reader, giveaway: Giveaway, frozen: Frozen, excluded: int) -> Message:
    """Entry is closed: what is fixed, before the randomness exists."""
    lines = [reader("giveaway.closed_line"), reader.count("giveaway.entries_line", frozen.entrant_count)]
    if excluded:
        lines.append(reader.count("giveaway.excluded_line", excluded))
    fields = [EmbedField(name=reader("giveaway.digest"), value=f"`{frozen.entrants_sha256}`", inline=False)]
    if frozen.round is not None and frozen.round_at is not None:
        when = reader("giveaway.round_at", number=str(frozen.round), when=moment(frozen.round_at, "T"))
        if frozen.other_chain is not None:
            when += "\n" + reader("draw.other_chain", chain=frozen.other_chain[:16])
        fields.append(EmbedField(name=reader("giveaway.round"), value=when, inline=False))
    footer = reader("giveaway.commitment_footer", number=str(giveaway.giveaway_id), commitment=giveaway.commitment)
    embed = _embed(giveaway, lines, BLUE, fields=fields, footer=footer)
    return Message(embeds=(embed,), ref=giveaway.draw_id, edits=True)


def ended(reader: Reader, giveaway: Giveaway, places: Sequence[Place]) -> Message:
    """The message without its button, with the winners."""
    lines = [reader("giveaway.ended_line", when=moment(_over(giveaway), "R"))]
    lines.append(reader("giveaway.host_line", host=mention(giveaway.host_id)))
    if not places:
        lines.append(reader(_nobody_key(giveaway.stats)))
    entries, total = giveaway.stats.get("total_entries", 0), giveaway.stats.get("total_tickets", 0)
    lines.append(reader("giveaway.totals_line", entries=reader.count("giveaway.entrants", entries), tickets=total))
    if places:
        lines += [f"**{reader('giveaway.winners')}**", *place_lines(reader, giveaway, places)]
    return Message(embeds=(_embed(giveaway, lines, GREY),), ref=giveaway.draw_id, edits=True)


def _over(giveaway: Giveaway) -> datetime:
    return giveaway.ended_at or giveaway.end_time


def _nobody_key(stats: Any) -> str:
    return "giveaway.nobody_eligible" if stats.get("excluded") else "giveaway.nobody_entered"


def place_lines(reader: Reader, giveaway: Giveaway, places: Sequence[Place]) -> list[str]:
    """One line per winner; with points where the giveaway has entities."""
    if not giveaway.entities.enabled:
        return [f"{number}. {mention(place.user_id)}" for number, place in enumerate(places, 1)]
    return [
        f"{number}. "
        + reader("giveaway.place", winner=mention(place.user_id),
                 points=reader.count("giveaway.points", place.tickets - 1),
                 tickets=reader.count("giveaway.entries", place.tickets))
        for number, place in enumerate(places, 1)
    ]  # fmt: skip


def cancelled(reader: Reader, giveaway: Giveaway) -> Message:
    lines = [reader("giveaway.cancelled_line")]
    if giveaway.cancel_reason:
        lines.append(reader("giveaway.reason_line", reason=escape(giveaway.cancel_reason)))
    return Message(embeds=(_embed(giveaway, lines, GREY),), ref=giveaway.draw_id, edits=True)


def nobody(reader: Reader, giveaway: Giveaway) -> Message:
    """It is over and there is nobody to win."""
    lines = [reader(_nobody_key(giveaway.stats)), _late_line(reader, giveaway, _over(giveaway))]
    return Message(embeds=(_embed(giveaway, lines, GREY),), ref=f"{giveaway.draw_id}/result")


def _late_line(reader: Reader, giveaway: Giveaway, closed: datetime) -> str:
    """Said where the bot was away when the giveaway should have ended by itself."""
    if giveaway.ended_by is not None or closed - giveaway.end_time < LATE:
        return ""
    return reader("giveaway.late_line", when=moment(giveaway.end_time, "F"))


def result(
    reader: Reader, giveaway: Giveaway, places: Sequence[Place], claim_until: datetime | None
) -> Message:  # fmt: skip
    """The announcement: it names the winners, and only they are pinged; the record is attached."""
    names = reader("giveaway.list_separator").join(mention(place.user_id) for place in places)
    lines = place_lines(reader, giveaway, places)
    if len(places) < giveaway.winners_count:
        lines.append(reader("giveaway.fewer_than_winners"))
    lines.append(_late_line(reader, giveaway, _over(giveaway)))
    if claim_until is not None:
        lines.append(reader("giveaway.claim_line", until=moment(claim_until, "R")))
    embed = _embed(giveaway, lines, GOLD, fields=_statistics(reader, giveaway), footer=reader("giveaway.verify_footer"))
    return Message(
        content=reader("giveaway.result_line", winners=names, prize=escape(giveaway.prize)), embeds=(embed,),
        mentions=tuple(place.user_id for place in places), draw_ids=(giveaway.draw_id,),
        ref=f"{giveaway.draw_id}/result", late=reader("giveaway.told_late"),
        buttons=_claim_button(reader, giveaway) if claim_until is not None else (),
    )  # fmt: skip


def _claim_button(reader: Reader, giveaway: Giveaway) -> tuple[Button, ...]:
    claim = button_id("claim", giveaway.giveaway_id)
    return (Button(label=reader("giveaway.button_claim"), custom_id=claim, style="success"),)


def _statistics(reader: Reader, giveaway: Giveaway) -> list[EmbedField]:
    stats = giveaway.stats
    lines = [reader("giveaway.totals_line", entries=reader.count("giveaway.entrants", stats["total_entries"]),
                    tickets=stats["total_tickets"])]  # fmt: skip
    if giveaway.entities.enabled:
        lines.append(reader("giveaway.stat_bonus", bonus=stats["total_bonus_entries"]))
        lines.append(reader("giveaway.stat_points", average=str(stats["avg_entities_points"]),
                            most=stats["max_entities_points"]))  # fmt: skip
    if stats["excluded"]:
        lines.append(reader.count("giveaway.excluded_line", stats["excluded"]))
    return [EmbedField(name=reader("giveaway.statistics"), value="\n".join(lines), inline=False)]


def delayed(reader: Reader, giveaway: Giveaway, row: Row) -> Message:
    text = reader("giveaway.delayed", number=str(row["beacon_round"]))
    return Message(embeds=(_embed(giveaway, [text], GREY),))


@dataclass(frozen=True, kw_only=True)
class Change:
    """A reserve in a former winner's place."""

    old: int
    new: Place
    claim_until: datetime | None
    passed: Sequence[tuple[int, str]] = ()


def claims_extended(reader: Reader, giveaway: Giveaway, winners: Sequence[int], claim_until: datetime) -> Message:
    """The bot was away while winners should have claimed: they have that time again."""
    names = reader("giveaway.list_separator").join(map(mention, winners))
    text = reader("claim.extended", prize=escape(giveaway.prize), until=moment(claim_until, "F"),
                  relative=moment(claim_until, "R"))  # fmt: skip
    return Message(
        content=names, embeds=(Embed(description=text, colour=GOLD),), mentions=tuple(winners),
        ref=f"{giveaway.draw_id}/result", buttons=_claim_button(reader, giveaway),
    )  # fmt: skip


def replaced(reader: Reader, giveaway: Giveaway, changes: Sequence[Change], kind: str, reason: str) -> Message:
    """Reserves took places; only they are pinged."""
    lines = [
        reader(f"giveaway.replaced.{kind}", old=mention(change.old), new=mention(change.new.user_id))
        for change in changes
    ]
    for change in changes:
        lines += reserves.passed_lines(reader, change.passed)
    if reason and kind != "unclaimed":
        lines.append(reader("giveaway.reason_line", reason=escape(reason)))
    claim_until = changes[0].claim_until
    if claim_until is not None:
        lines.append(reader("giveaway.claim_line", until=moment(claim_until, "R")))
    lines.append(reader("giveaway.reroll_fair"))
    names = reader("giveaway.list_separator").join(mention(change.new.user_id) for change in changes)
    return Message(
        content=reader("giveaway.result_line", winners=names, prize=escape(giveaway.prize)),
        embeds=(_embed(giveaway, lines, GOLD, footer=reader("giveaway.verify_footer")),),
        mentions=tuple(change.new.user_id for change in changes), draw_ids=(giveaway.draw_id,),
        ref=f"{giveaway.draw_id}/result", late=reader("giveaway.told_late"),
        buttons=_claim_button(reader, giveaway) if claim_until is not None else (),
    )  # fmt: skip
