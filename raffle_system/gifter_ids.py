"""Who gave lately, by the frames that come with a gift: a name and a number lead to the Kick id."""

from __future__ import annotations

from collections import deque
from datetime import datetime

from core.identity import name_key
from core.kick_events import GiftedSubs, GiftNotice, GiftsLeaderboard, gift_count
from raffle_system.gift_telling import TWIN_SPAN


class GifterIds:
    """What the frames around gifts said of one channel's gifters."""

    def __init__(self) -> None:
        self._seen: deque[tuple[datetime, str, int | None, int]] = deque(maxlen=500)

    def note(self, event: GiftsLeaderboard | GiftNotice) -> None:
        name = event.username if isinstance(event, GiftsLeaderboard) else event.gifter_name
        if event.gifter_id is not None:
            self._seen.append((event.received_at, name_key(name), event.quantity, event.gifter_id))

    def find(self, gift: GiftedSubs) -> int | None:
        """The gifter's Kick id: said by the gift itself, or by a frame at most 10 s before it."""
        if gift.gifter_id is not None or gift.anonymous:
            return gift.gifter_id
        key, count = name_key(gift.gifter_name), gift_count(gift)
        for seen_at, name, quantity, gifter_id in reversed(self._seen):
            near = abs(gift.received_at - seen_at) <= TWIN_SPAN
            if near and name == key and quantity in (None, count):
                return gifter_id
        return None
