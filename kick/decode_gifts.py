"""The frames of a gift: GiftedSubscriptionsEvent becomes GiftedSubs, which pays; the rest corroborate."""

from __future__ import annotations

import hashlib
from typing import Any

from core.kick_events import (
    ANONYMOUS,
    GiftedSubs,
    GifterTotal,
    GiftNotice,
    GiftsLeaderboard,
    KicksGifted,
    OwnSub,
    UnknownEvent,
    fold,
)
from kick.coerce import JsonObject, items, mapping, quantity, text, whole
from kick.source import Source

_LONGEST_ID = 100
_GIFTEES = ("gifted_usernames", "gifted_users", "usernames")


def decode_gift(data: dict[str, Any], source: Source) -> GiftedSubs | None:
    """GiftedSubscriptionsEvent of any age since 2023, or one chunk of it; None when it names neither side."""
    user = mapping(data.get("user"))
    name, anonymous = _gifter(data.get("gifter_username") or user.get("username"), data.get("is_anonymous"))
    giftees = _giftees(data)
    total = quantity(data.get("gifted_total"))
    if anonymous and not giftees and total is None:
        return None
    chunk = mapping(data.get("chunk_details"))
    return GiftedSubs(
        chatroom_id=source.chatroom(data.get("chatroom_id")),
        channel_id=source.channel(data.get("channel_id")),
        correlation_id=_identifier(data.get("correlation_id"))
        or _identifier(chunk.get("correlation_id"))
        or (_identifier(data.get("id")) if user else None),
        gifter_name=name,
        gifter_id=None if anonymous else whole(data.get("gifter_id")) or whole(user.get("id")) or None,
        giftees=giftees,
        gifted_total=total,
        gifter_total=whole(data.get("gifter_total")),
        chunk_index=whole(chunk.get("chunk_index")),
        total_chunks=quantity(chunk.get("total_chunks")),
        anonymous=anonymous,
        received_at=source.received_at,
        created_at=source.moment(data.get("created_at")),
    )


def decode_leaderboard(data: dict[str, Any], source: Source) -> GiftsLeaderboard:
    """GiftsLeaderboardUpdated: precedes the gift and knows the gifter's id."""
    name, anonymous = _gifter(data.get("gifter_username"), None)
    return GiftsLeaderboard(
        channel_id=source.channel(data.get("channel_id")),
        chatroom_id=source.chatroom_id,
        gifter_id=None if anonymous else whole(data.get("gifter_id")),
        username=name,
        quantity=quantity(data.get("gifted_quantity")),
        all_time=_standings(data.get("leaderboard")),
        monthly=_standings(data.get("monthly_leaderboard")),
        weekly=_standings(data.get("weekly_leaderboard")),
        received_at=source.received_at,
    )


def decode_sent_message(data: dict[str, Any], source: Source) -> GiftNotice | OwnSub | UnknownEvent | None:
    """ChatMessageSentEvent: a system message in the chat; those of a gift or a subscription carry the payer's id."""
    message, user = mapping(data.get("message")), mapping(data.get("user"))
    action = text(message.get("action"), 40)
    if action == "subscribe":
        return _own_sub(user.get("username"), whole(user.get("id")), _identifier(message.get("id")), message, source)
    if action != "gift":
        return UnknownEvent(f"ChatMessageSentEvent/{action}", None) if message else None
    name, anonymous = _gifter(user.get("username"), None)
    return GiftNotice(
        chatroom_id=source.chatroom(message.get("chatroom_id")),
        channel_id=source.channel_id,
        notice_id=_identifier(message.get("id")) or "",
        gifter_id=None if anonymous else whole(user.get("id")),
        gifter_name=name,
        giftees=_names(message.get("giftedUsers")),
        quantity=quantity(message.get("subscriptions_count")),
        source="chat",
        created_at=source.moment(message.get("created_at")),
        received_at=source.received_at,
    )


def decode_subscription(data: dict[str, Any], source: Source) -> OwnSub | None:
    """SubscriptionEvent: somebody subscribed; only the name is told."""
    return _own_sub(data.get("username"), None, None, data, source)


def _own_sub(username: object, user_id: int | None, key: str | None, data: JsonObject, source: Source) -> OwnSub | None:
    name = text(username, 100)
    if fold(name) in ("", fold(ANONYMOUS)):
        return None
    key = key or f"{fold(name)}@{source.received_at.timestamp():.3f}"
    room = source.chatroom(data.get("chatroom_id"))
    return OwnSub(room, source.channel_id, user_id or None, name, key, source.received_at)


def decode_kicks(data: dict[str, Any], source: Source) -> KicksGifted | None:
    """KicksGifted: the site's own currency. The basic tier comes without its transaction's id and without a time."""
    sender, key = mapping(data.get("sender")), _identifier(data.get("gift_transaction_id"))
    name, amount = text(sender.get("username"), 100), whole(mapping(data.get("gift")).get("amount"), 10_000_000)
    if not name or not amount:
        return None
    user_id, at = whole(sender.get("id")) or None, source.moment(data.get("created_at")) or source.received_at
    return KicksGifted(
        source.chatroom_id, source.channel_id, user_id, name, amount, key, at, received_at=source.received_at
    )


def decode_subscription_gifted(data: dict[str, Any], source: Source) -> GiftNotice | None:
    """SubscriptionGifted: known from Kick's site code only, never captured; read as far as it can be."""
    user = mapping(data.get("user"))
    name, anonymous = _gifter(user.get("username"), data.get("is_anonymous"))
    giftees = _giftees(data)
    if anonymous and not giftees:
        return None
    return GiftNotice(
        chatroom_id=source.chatroom(data.get("chatroom_id")),
        channel_id=source.channel(data.get("channel_id")),
        notice_id=_identifier(data.get("id")) or "",
        gifter_id=None if anonymous else whole(user.get("id")),
        gifter_name=name,
        giftees=giftees,
        quantity=quantity(len(giftees)),
        source="subscription_gifted",
        created_at=source.moment(data.get("created_at")),
        received_at=source.received_at,
    )


def _gifter(username: object, is_anonymous: object) -> tuple[str, bool]:
    """(name, anonymous): a gifter without a usable name, or called Anonymous, is nobody."""
    name = text(username, 100)
    if is_anonymous is True or fold(name) in ("", fold(ANONYMOUS)):
        return ANONYMOUS, True
    return name, False


def _names(value: object) -> tuple[str, ...]:
    """Usernames from an array of texts or of objects with a `username`; other items are left out."""
    named = [item.get("username") if isinstance(item, dict) else item for item in items(value)]
    return tuple([name for name in (text(item, 100) for item in named) if name])


def _giftees(data: JsonObject) -> tuple[str, ...]:
    """Who was given to, by the names under which payloads have them."""
    return next((found for key in _GIFTEES if (found := _names(data.get(key)))), ())


def _identifier(value: object) -> str | None:
    """An id as text, hashed where it is too long for a key; None where there is none."""
    identifier = text(value, 100_000).strip()
    if len(identifier) > _LONGEST_ID:
        return hashlib.sha256(identifier.encode()).hexdigest()
    return identifier or None


def _standings(value: object) -> tuple[GifterTotal, ...]:
    rows = [mapping(row) for row in items(value)[:100]]
    return tuple(
        GifterTotal(whole(row.get("user_id")), text(row.get("username"), 100), count)
        for row in rows
        if (count := whole(row.get("quantity"))) is not None
    )
