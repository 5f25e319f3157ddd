"""Where and when an event was heard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.moments import read_moment
from kick.coerce import whole


@dataclass(frozen=True, slots=True)
class Source:
    """The ids that the channel's name gave, and the moment of receipt.

    The channel is what we subscribed to: an id in the payload counts only where the channel's name is silent.
    """

    chatroom_id: int | None
    channel_id: int | None
    received_at: datetime

    def moment(self, said: object) -> datetime | None:
        """A moment that the payload says, if one can be that."""
        return read_moment(said, self.received_at)

    def chatroom(self, said: object) -> int | None:
        """The chatroom's id, else the one that the payload says."""
        return whole(said) if self.chatroom_id is None else self.chatroom_id

    def channel(self, said: object) -> int | None:
        """The channel's id, else the one that the payload says."""
        return whole(said) if self.channel_id is None else self.channel_id
