"""What is said of casino links: the admins' card with its buttons, and the decision to the member."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from core.messages import BLUE, GREEN, GREY, RED, Button, Embed, Message
from core.texts import Reader, escape, mention
from raffle_system.wager_announcements import NAMES, usd

APPROVE, REJECT = "shuffle-link:approve:", "shuffle-link:reject:"


class LinkFacts(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def casino(self) -> str: ...
    @property
    def username(self) -> str: ...
    @property
    def kick_name(self) -> str: ...
    @property
    def discord_id(self) -> int: ...
    @property
    def status(self) -> str: ...


def _about(reader: Reader, link: LinkFacts) -> str:
    return reader(
        "shuffle.card", member=mention(link.discord_id), kick=escape(link.kick_name), casino=NAMES[link.casino],
        name=escape(link.username),
    )  # fmt: skip


def card(reader: Reader, link: LinkFacts, wagered: Decimal | None, shared: bool) -> Message:
    """For admins: who asks for which name, what it wagered, whether it may be `shared`, Approve and Reject."""
    seen = reader("shuffle.card_unseen") if wagered is None else reader("shuffle.card_usd", amount=usd(wagered))
    lines = [_about(reader, link), seen, *([reader("shuffle.card_shared")] if shared else [])]
    embed = Embed(title=reader("shuffle.card_title"), description="\n".join(lines), colour=BLUE)
    buttons = (
        Button(label=reader("shuffle.approve"), custom_id=f"{APPROVE}{link.id}", style="success"),
        Button(label=reader("shuffle.reject"), custom_id=f"{REJECT}{link.id}", style="danger"),
    )
    return Message(embeds=(embed,), buttons=buttons, ref=f"shuffle-card/{link.id}")


def card_decided(reader: Reader, link: LinkFacts, actor: int, tickets: int) -> Message:
    """The same card without its buttons, saying who decided what."""
    verdict = reader(
        f"shuffle.card_{link.status}", admin=mention(actor), tickets=reader.count("count.tickets", tickets)
    )
    colour = GREEN if link.status == "verified" else GREY
    embed = Embed(
        title=reader("shuffle.card_title"), description=f"{_about(reader, link)}\n{verdict}", colour=colour
    )  # fmt: skip
    return Message(embeds=(embed,), ref=f"shuffle-card/{link.id}", edits=True)


def decision(reader: Reader, link: LinkFacts, tickets: int) -> Message:
    """To the member."""
    key = "shuffle.told_verified" if link.status == "verified" else "shuffle.told_rejected"
    lines = [reader(key, casino=NAMES[link.casino], name=escape(link.username))]
    if tickets:
        lines.append(reader("shuffle.told_credit", tickets=reader.count("count.tickets", tickets)))
    colour = GREEN if link.status == "verified" else RED
    embed = Embed(title=reader("shuffle.told_title"), description="\n".join(lines), colour=colour)
    return Message(embeds=(embed,), ref=f"shuffle-decision/{link.id}")
