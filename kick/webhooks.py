"""From a webhook's body to typed events: one pure function that never raises.

Shapes: Kick's documentation of event types, and deliveries seen until October 2026.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from core.kick_events import ANONYMOUS, GiftedSubs, KickEvent, KicksGifted, LiveStatus, OwnSub, UnknownEvent, fold
from core.moments import read_moment
from kick.coerce import JsonObject, items, mapping, parse, text, whole

LARGEST_BODY = 256 * 1024

WANTED_EVENTS = (
    "channel.subscription.gifts",
    "channel.subscription.new",
    "channel.subscription.renewal",
    "kicks.gifted",
    "livestream.status.updated",
)

LONGEST_LATE, LONGEST_EARLY = timedelta(days=2), timedelta(minutes=1)

Decoder = Callable[[dict[str, Any], str, datetime], KickEvent | None]


def decode_webhook(event: str, message_id: str, body: bytes, sent_at: datetime) -> KickEvent | None:
    """The event in a delivery: UnknownEvent for a type that we do not read, None where the body makes no sense.

    `sent_at` is the delivery's own timestamp, which stands in for times that the body does not give.
    """
    decoder = _DECODERS.get(event)
    if decoder is None:
        return UnknownEvent(event[:100], None)
    try:
        data = parse(body)
    except ValueError:
        return None
    return decoder(data, message_id, sent_at) if isinstance(data, dict) else None


def _person(value: object) -> tuple[int | None, str]:
    person = mapping(value)
    return whole(person.get("user_id")) or None, text(person.get("username"), 100)


def _broadcaster(data: JsonObject) -> int | None:
    return _person(data.get("broadcaster"))[0]


def _told(data: JsonObject, sent_at: datetime, name: str = "created_at") -> datetime | None:
    """When it happened, as the body says; None where that is no moment shortly before the delivery was sent."""
    at = read_moment(data.get(name), sent_at)
    return at if at is not None and -LONGEST_EARLY <= sent_at - at <= LONGEST_LATE else None


def _gift(data: dict[str, Any], _message_id: str, sent_at: datetime) -> GiftedSubs | None:
    """channel.subscription.gifts: whoever is anonymous is nobody, whatever else the delivery says of them."""
    user_id, name = _person(data.get("gifter"))
    hidden = mapping(data.get("gifter")).get("is_anonymous") is True
    anonymous = hidden or user_id is None or fold(name) in ("", fold(ANONYMOUS))
    people = [_person(person) for person in items(data.get("giftees"))]
    if not people:
        return None
    return GiftedSubs(
        chatroom_id=None,
        channel_id=None,
        correlation_id=None,
        gifter_name=ANONYMOUS if anonymous else name,
        gifter_id=None if anonymous else user_id,
        giftees=tuple(name for _id, name in people if name),
        gifted_total=len(people),
        gifter_total=None,
        chunk_index=None,
        total_chunks=None,
        anonymous=anonymous,
        received_at=sent_at,
        created_at=_told(data, sent_at),
        transport="webhook",
        broadcaster_user_id=_broadcaster(data),
        giftee_ids=tuple(giftee for giftee, _name in people if giftee is not None),
    )


def _own_sub(data: dict[str, Any], _message_id: str, sent_at: datetime) -> OwnSub | None:
    user_id, name = _person(data.get("subscriber"))
    at = _told(data, sent_at) or sent_at
    broadcaster = _broadcaster(data)
    if not name:
        return None
    return OwnSub(None, None, user_id, name, _key(broadcaster, user_id, at), at, "webhook", broadcaster)


def _kicks(data: dict[str, Any], _message_id: str, sent_at: datetime) -> KicksGifted | None:
    user_id, name = _person(data.get("sender"))
    amount = whole(mapping(data.get("gift")).get("amount"), 10_000_000)
    at = _told(data, sent_at) or sent_at
    broadcaster = _broadcaster(data)
    if not name or not amount:
        return None
    key = _key(broadcaster, user_id, amount, at)
    return KicksGifted(None, None, user_id, name, amount, key, at, "webhook", broadcaster)


def _live(data: dict[str, Any], _message_id: str, sent_at: datetime) -> LiveStatus | None:
    """livestream.status.updated; `at` is when the stream began or ended, because deliveries come hours late.

    A time after the delivery's own would outlast every newer word.
    """
    live, broadcaster = data.get("is_live"), _broadcaster(data)
    if not isinstance(live, bool) or broadcaster is None:
        return None
    started = read_moment(data.get("started_at"), sent_at)
    at = (started if live else read_moment(data.get("ended_at"), sent_at)) or sent_at
    return LiveStatus(None, None, live, "webhook", started if live else None, min(at, sent_at), broadcaster)


def _key(*fields: object) -> str:
    """What happened, hashed: the same however many subscriptions deliver it."""
    return hashlib.sha256(json.dumps([str(field) for field in fields]).encode()).hexdigest()


_DECODERS: dict[str, Decoder] = {
    "channel.subscription.gifts": _gift,
    "channel.subscription.new": _own_sub,
    "channel.subscription.renewal": _own_sub,
    "kicks.gifted": _kicks,
    "livestream.status.updated": _live,
}
