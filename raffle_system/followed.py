"""A Kick channel as one guild follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.kick_events import (
    ChatMessage,
    GiftedSubs,
    GiftNotice,
    GiftsLeaderboard,
    KickChannelIds,
    KickEvent,
    KicksGifted,
    OwnSub,
)
from raffle_system.chat_activity import ChatActivity
from raffle_system.gifter_ids import GifterIds
from raffle_system.live import LiveState
from raffle_system.seen_names import SeenNames


class NotKnownYet(Exception):
    """An event of a broadcaster whom no channel is known to be yet: it has to wait for the look-up."""


@dataclass
class Followed:
    """What one guild's Kick channel has told so far. `minute_done` is None until this process credits minutes."""

    ids: KickChannelIds
    activity: ChatActivity
    live: LiveState = field(default_factory=LiveState)
    gifters: GifterIds = field(default_factory=GifterIds)
    names: SeenNames = field(default_factory=SeenNames)
    minute_done: datetime | None = None

    def saw_bearer(self, event: KickEvent) -> None:
        """Remember whose name it is, where an event tells both."""
        who = bearer_in(event)
        if who is not None:
            self.names.saw(*who)


def concerns(event: KickEvent, ids: KickChannelIds) -> bool:
    """Whether an event of some channel is of this one: any id that both know must agree."""
    for name in ("chatroom_id", "channel_id", "broadcaster_user_id"):
        said, own = getattr(event, name, None), getattr(ids, name)
        if said is not None and own is not None:
            return bool(said == own)
    return False


def bearer_in(event: KickEvent) -> tuple[int | None, str, datetime] | None:
    """(id, name, when) of the account that an event is of; the id is None where only a name is told."""
    match event:
        case ChatMessage():
            return event.user_id, event.username, event.received_at
        case GiftsLeaderboard():
            return event.gifter_id, event.username, event.received_at
        case GiftedSubs() | GiftNotice():
            return event.gifter_id, event.gifter_name, event.created_at or event.received_at
        case OwnSub() | KicksGifted():
            return event.user_id, event.username, event.at
        case _:
            return None


def in_room(event: KickEvent, ids: KickChannelIds) -> KickEvent:
    """A gift's frame with the chatroom's id, whichever channel it came on: it is part of the gift's key."""
    if isinstance(event, GiftedSubs | GiftNotice) and event.chatroom_id is None:
        return replace(event, chatroom_id=ids.chatroom_id)
    return event


def of_broadcaster(followed: Mapping[int, Followed] | None, broadcaster: int | None) -> dict[int, Followed]:
    """Who follows a broadcaster. Errors: `NotKnownYet` where a broadcaster, or (None) any channel, is not known."""
    known = followed or {}
    found = {guild: one for guild, one in known.items() if one.ids.broadcaster_user_id == broadcaster}
    if not found and (followed is None or any(one.ids.broadcaster_user_id is None for one in known.values())):
        raise NotKnownYet(f"no channel is known to be broadcaster {broadcaster}")
    return found
