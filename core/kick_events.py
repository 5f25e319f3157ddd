"""What Kick tells us, as typed facts: every adapter decodes into these, every feature reads only these.

Ids are Kick's, and one streamer has three that differ: channel id, chatroom id, user id (the official API's
broadcaster_user_id). An event carries those that its source knew; None is "not said". Times are aware:
`received_at` is ours, `created_at` is Kick's. Texts hold neither NUL nor lone surrogates, fit for a database.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

ANONYMOUS: Final = "Anonymous"
GIFT_CHAT: Final = "gift_subscription"

LiveSource = Literal["socket", "webhook", "api", "site", "chat"]
Transport = Literal["socket", "webhook"]


@dataclass(frozen=True, slots=True)
class KickChannelIds:
    """One streamer's channel by its slug and Kick's three ids; they never change once known."""

    slug: str
    channel_id: int | None = None
    chatroom_id: int | None = None
    broadcaster_user_id: int | None = None


@dataclass(frozen=True, slots=True)
class KickSubscription:
    """An event subscription of our app; Kick sends its `id` with every delivery under it."""

    id: str
    event: str
    broadcaster_user_id: int
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message in a chat.

    `kind` is Kick's word: message, reply, celebration (somebody shares a renewal: not a payment), or
    gift_subscription in old recordings; then `gift_count` is the number of gifts (None when not said).
    `badges` are the badge types (moderator, vip, bot, ...).
    """

    chatroom_id: int | None
    message_id: str
    user_id: int | None
    username: str
    slug: str
    content: str
    badges: frozenset[str]
    kind: str
    gift_count: int | None
    created_at: datetime | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class GiftedSubs:
    """Subscriptions given away: the one event that pays, or one chunk of it (`chunk_index` from 0).

    Every chunk repeats the full `gifted_total`; `giftees` are only its own names. `gifter_total` counts all
    gifts of this gifter in this channel and serves only to tell two gifts apart. An anonymous gifter's name
    and id are never kept.
    """

    chatroom_id: int | None
    channel_id: int | None
    correlation_id: str | None
    gifter_name: str
    gifter_id: int | None
    giftees: tuple[str, ...]
    gifted_total: int | None
    gifter_total: int | None
    chunk_index: int | None
    total_chunks: int | None
    anonymous: bool
    received_at: datetime
    created_at: datetime | None = None
    transport: Transport = "socket"
    broadcaster_user_id: int | None = None
    giftee_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GiftNotice:
    """Another frame of a gift that GiftedSubs reports: it may name the gifter's id and never pays.

    `source` is the frame it came in: chat (the system message) or subscription_gifted.
    """

    chatroom_id: int | None
    channel_id: int | None
    notice_id: str
    gifter_id: int | None
    gifter_name: str
    giftees: tuple[str, ...]
    quantity: int | None
    source: Literal["chat", "subscription_gifted"]
    created_at: datetime | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class GifterTotal:
    """One row of a leaderboard: how many subs this user has given in its time span."""

    user_id: int | None
    username: str
    quantity: int


@dataclass(frozen=True, slots=True)
class GiftsLeaderboard:
    """Sent just before the gift that changed it: who gave (id and name), how many, and the new standings."""

    channel_id: int | None
    chatroom_id: int | None
    gifter_id: int | None
    username: str
    quantity: int | None
    all_time: tuple[GifterTotal, ...]
    monthly: tuple[GifterTotal, ...]
    weekly: tuple[GifterTotal, ...]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """The channel went live or offline, or was found so, at `at`; `source` says who told, some with how many watch."""

    channel_id: int | None
    chatroom_id: int | None
    live: bool
    source: LiveSource
    started_at: datetime | None
    at: datetime
    broadcaster_user_id: int | None = None
    viewers: int | None = None


@dataclass(frozen=True, slots=True)
class OwnSub:
    """Somebody paid for a subscription of their own, the first or a renewal.

    `key` names the frame or delivery that told of it; several tell of one.
    """

    chatroom_id: int | None
    channel_id: int | None
    user_id: int | None
    username: str
    key: str
    at: datetime
    transport: Transport = "socket"
    broadcaster_user_id: int | None = None


@dataclass(frozen=True, slots=True)
class KicksGifted:
    """Kicks, the site's own currency, given to the streamer; `amount` in Kicks.

    `key` is None for the basic tier, which has no id; `received_at` is None where a webhook told.
    """

    chatroom_id: int | None
    channel_id: int | None
    user_id: int | None
    username: str
    amount: int
    key: str | None
    at: datetime
    transport: Transport = "socket"
    broadcaster_user_id: int | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hosting:
    """`outgoing`: this channel sends its viewers to `other`; else `other` sends theirs here."""

    channel_id: int | None
    chatroom_id: int | None
    outgoing: bool
    other: str
    viewers: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class SocketGap:
    """Nothing was heard of any channel from `started_at` (last frame) to `ended_at` (subscribed again)."""

    started_at: datetime
    ended_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """An event that this version does not read."""

    name: str
    channel: str | None


KickEvent = (
    ChatMessage
    | GiftedSubs
    | GiftNotice
    | GiftsLeaderboard
    | OwnSub
    | KicksGifted
    | LiveStatus
    | Hosting
    | SocketGap
    | UnknownEvent
)


def fold(name: str) -> str:
    """A name as it is compared: without blanks around it and a leading @, case-folded."""
    return name.strip().lstrip("@").casefold()


def slug_forms(name: str) -> tuple[str, ...]:
    """What to ask Kick for by a name, in this order: as written, and with `-` for `_` as in slugs of before 2025.

    `a_b` and `a-b` can be two channels: the second form is asked for only where nobody has the first.
    """
    written = fold(name)
    return tuple(dict.fromkeys((written, written.replace("_", "-"))))


def gift_count(gift: GiftedSubs | ChatMessage) -> int:
    """How many subs one gift counts for: its total, else the giftees in this frame, else 1."""
    if isinstance(gift, ChatMessage):
        return gift.gift_count or 1
    return gift.gifted_total or len(gift.giftees) or 1


def gift_key(gift: GiftedSubs | ChatMessage) -> str:
    """The inbox key of a gift seen on the socket: the same for all its frames, chunks and twins.

    `ws:{chatroom}:{correlation id}`, without such an id `ws:{chatroom}:h:{hash}` of what the gift says, and
    for a gift told by chat `chat:{chatroom}:{message id}`. Where `gift_key_is_final` is False, an equal
    key means the same gift only within ten seconds: the caller must keep later ones apart.
    """
    room = "-" if gift.chatroom_id is None else str(gift.chatroom_id)
    if isinstance(gift, ChatMessage):
        return f"chat:{room}:{gift.message_id or _hashed([fold(gift.username), gift.gift_count])}"
    if gift.correlation_id is not None:
        return f"ws:{room}:{gift.correlation_id}"
    return f"ws:{room}:h:{_gift_hash(gift)}"


def webhook_gift_key(gift: GiftedSubs, message_id: str) -> str:
    """The inbox key of a gift told by webhook: the same however many subscriptions deliver it.

    A hash of what happened, so that one gift under two message ids is one; without the giftees' ids or its own
    time only the message's id can tell it from another.
    """
    if not gift.giftee_ids or gift.created_at is None:
        return f"wh:{message_id}"
    giver = None if gift.anonymous else gift.gifter_id
    fields: list[object] = [
        gift.broadcaster_user_id, giver, sorted(gift.giftee_ids), gift.created_at.isoformat()
    ]  # fmt: skip
    return f"wh:h:{_hashed(fields)}"


def gift_key_is_final(gift: GiftedSubs | ChatMessage) -> bool:
    """True when an equal `gift_key` is the same gift however much later it arrives."""
    if isinstance(gift, ChatMessage):
        return bool(gift.message_id)
    return gift.correlation_id is not None or gift.gifter_total is not None


def _gift_hash(gift: GiftedSubs) -> str:
    """SHA-256 of the fields that tell gifts without an id apart; the chunks of one gift share theirs."""
    chunked = gift.total_chunks is not None and gift.total_chunks > 1
    giftees = [] if chunked else sorted(fold(name) for name in gift.giftees)
    return _hashed(
        [
            gift.chatroom_id,
            fold(gift.gifter_name),
            giftees,
            gift.gifted_total,
            gift.gifter_total,
            gift.total_chunks if chunked else None,
        ]
    )


def _hashed(fields: list[object]) -> str:
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()
