"""One telling of a gift: what a frame or a delivery says of it, in whichever shape it came."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from core.db import Row
from core.identity import name_key
from core.kick_events import (
    ANONYMOUS,
    ChatMessage,
    GiftedSubs,
    GiftNotice,
    gift_count,
    gift_key,
    gift_key_is_final,
)

TWIN_SPAN: Final = timedelta(seconds=10)
MATCH_SPAN: Final = timedelta(seconds=120)

Gift = GiftedSubs | ChatMessage | GiftNotice
Kind = Literal["socket", "bare", "chat", "notice", "webhook"]


@dataclass(frozen=True, kw_only=True)
class Telling:
    """What one frame or delivery says of a gift.

    `kind` is its shape: socket (Kick's event with an id), bare (that event without one), chat (the old chat message),
    notice (SubscriptionGifted) or webhook. A gift is told at most once in each shape, under one `key`, which names it
    for ever, or where it is not `final`, for ten seconds. `total` counts all gifts of the gifter, where that is said.
    """

    kind: Kind
    key: str
    final: bool
    gifter: str
    gifter_id: int | None
    anonymous: bool
    names: Sequence[str]
    count: int
    at: datetime
    total: int | None = None
    chunked: bool = False

    @property
    def pays(self) -> bool:
        """The socket's own word pays; a webhook or a notice waits for a second sign."""
        return self.kind in ("socket", "bare", "chat")

    @property
    def live(self) -> bool:
        """Heard as it happened: its time is ours."""
        return self.kind != "webhook"

    @property
    def giftees(self) -> list[str]:
        return sorted({name_key(name) for name in self.names})

    @property
    def name_key(self) -> str:
        return name_key(self.gifter)


def telling(gift: Gift, gifter_id: int | None, webhook_key: str | None = None) -> Telling:
    """`gifter_id` is the gifter's Kick id by the frames of this gift; `webhook_key` the inbox key of a delivery."""
    if isinstance(gift, ChatMessage):
        name, anonymous = gift.username, name_key(gift.username) in ("", name_key(ANONYMOUS))
    else:
        name = gift.gifter_name
        anonymous = gift.anonymous if isinstance(gift, GiftedSubs) else name_key(name) == name_key(ANONYMOUS)
    return Telling(
        kind=_kind(gift), key=webhook_key or _key(gift), final=_is_final(gift),
        gifter="" if anonymous else name, gifter_id=None if anonymous else gifter_id, anonymous=anonymous,
        names=() if isinstance(gift, ChatMessage) else gift.giftees, count=_count(gift), at=told_at(gift),
        total=gift.gifter_total if isinstance(gift, GiftedSubs) else None,
        chunked=isinstance(gift, GiftedSubs) and bool(gift.total_chunks),
    )  # fmt: skip


def _kind(gift: Gift) -> Kind:
    if isinstance(gift, ChatMessage):
        return "chat"
    if isinstance(gift, GiftNotice):
        return "notice"
    if gift.transport == "webhook":
        return "webhook"
    return "bare" if gift.correlation_id is None else "socket"


def _key(gift: Gift) -> str:
    if not isinstance(gift, GiftNotice):
        return gift_key(gift)
    room = "-" if gift.chatroom_id is None else str(gift.chatroom_id)
    said = [gift.gifter_id, name_key(gift.gifter_name), sorted(gift.giftees), gift.quantity]
    return f"sg:{room}:{gift.notice_id or hashlib.sha256(json.dumps(said).encode()).hexdigest()}"


def _is_final(gift: Gift) -> bool:
    if isinstance(gift, GiftNotice):
        return bool(gift.notice_id)
    return (isinstance(gift, GiftedSubs) and gift.transport == "webhook") or gift_key_is_final(gift)


def _count(gift: Gift) -> int:
    return gift.quantity or len(gift.giftees) or 1 if isinstance(gift, GiftNotice) else gift_count(gift)


def told_at(gift: Gift) -> datetime:
    """When the gift happened: the webhook's own time, else when the socket told us."""
    webhook = isinstance(gift, GiftedSubs) and gift.transport == "webhook"
    return gift.created_at if webhook and gift.created_at is not None else gift.received_at


def told_before(rows: Sequence[Row], told: Telling, arrived: datetime) -> Row | None:
    """Which of these gifts, that no telling of this shape was of, this one is of too; None: a gift of its own.

    The gifter's own before an anonymous one's, then the nearest in time. `arrived` is now, by our clock.
    """
    near = [(row, apart) for row in rows if (apart := _apart(row, told, arrived)) is not None and _fits(row, told)]
    order = sorted(near, key=lambda one: (one[0]["anonymous"] != told.anonymous, one[1], one[0]["id"]))
    return order[0][0] if order else None


def _fits(row: Row, told: Telling) -> bool:
    """Nothing that both say differs. Where one hides its gifter, the people who were given to have to tell it."""
    if None not in (row["gifter_total"], told.total) and row["gifter_total"] != told.total:
        return False
    if row["anonymous"] or told.anonymous:
        return row["anonymous"] == told.anonymous or bool(row["giftees"] and told.giftees)
    known = None if row["gifter_by_name"] else row["gifter_kick_user_id"]
    if None not in (known, told.gifter_id):
        return bool(known == told.gifter_id)
    return bool(row["gifter_name_key"] == told.name_key)


def _apart(row: Row, told: Telling, arrived: datetime) -> timedelta | None:
    """The time between two tellings; None: too much for them to be of one gift.

    The socket's frames come together. A webhook's own time counts, or where that is off, its arrival: then it has to
    name the same people.
    """
    heard = row["socket_at"]
    if told.live and heard is not None:
        return _within(TWIN_SPAN, told.at, heard)
    apart = _within(MATCH_SPAN, told.at, heard or row["gifted_at"])
    if apart is None and told.giftees and row["giftees"] == told.giftees:
        return _within(MATCH_SPAN, told.at, row["arrived_at"]) if told.live else _within(MATCH_SPAN, arrived, heard)
    return apart


def _within(span: timedelta, one: datetime, other: datetime | None) -> timedelta | None:
    return None if other is None or abs(one - other) > span else abs(one - other)
