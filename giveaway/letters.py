"""What a giveaway tells single people: winners, the host, and the server's log."""

from __future__ import annotations

from datetime import datetime

from core.messages import GOLD, GREY, RED, Button, Embed, Message
from core.texts import Reader, escape, mention, moment
from giveaway.announcements import button_id
from giveaway.models import Giveaway


def won(reader: Reader, giveaway: Giveaway, user_id: int, claim_until: datetime | None) -> Message:
    """The winner's direct message, with the button to claim where that is asked for."""
    lines = [reader("giveaway.dm_won", prize=escape(giveaway.prize)), message_link(giveaway)]
    buttons: tuple[Button, ...] = ()
    if claim_until is not None:
        lines.append(reader("giveaway.dm_claim", until=moment(claim_until, "F"), relative=moment(claim_until, "R")))
        label = reader("giveaway.button_claim")
        buttons = (Button(label=label, custom_id=button_id("claim", giveaway.giveaway_id), style="success"),)
    lines.append(reader("giveaway.dm_host", host=mention(giveaway.host_id)))
    embed = Embed(title=reader("giveaway.dm_won_title"), description="\n".join(filter(None, lines)), colour=GOLD)
    return Message(
        embeds=(embed,), buttons=buttons, ref=f"{giveaway.draw_id}/dm/{user_id}", late=reader("giveaway.told_late")
    )


def message_link(giveaway: Giveaway) -> str:
    if giveaway.message_id is None:
        return ""
    return f"https://discord.com/channels/{giveaway.guild_id}/{giveaway.channel_id}/{giveaway.message_id}"


def to_host(reader: Reader, giveaway: Giveaway, key: str, **args: object) -> Message:
    """A notice for whoever holds the giveaway; `key` is one of `giveaway.host_*`."""
    text = reader(key, prize=escape(giveaway.prize), number=str(giveaway.giveaway_id), **args)
    embed = Embed(title=reader("giveaway.host_title"), description=text, colour=RED)
    return Message(embeds=(embed,), ref=f"{giveaway.draw_id}/host")


def logged(reader: Reader, giveaway: Giveaway, action: str, actor: int | None, reason: str) -> Message:
    """A line for the server's log channel: what was done, by whom, why."""
    who = reader("giveaway.log_itself") if actor is None else mention(actor)
    number = str(giveaway.giveaway_id)
    lines = [reader(f"giveaway.log.{action}", who=who, prize=escape(giveaway.prize), number=number)]
    if reason:
        lines.append(reader("giveaway.reason_line", reason=escape(reason)))
    return Message(embeds=(Embed(description="\n".join(lines), colour=GREY),))
