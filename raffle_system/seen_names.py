"""Whose name is whose: the Kick account that each name was last seen on, in one channel."""

from __future__ import annotations

from datetime import datetime

from core.identity import Seen, name_key
from core.kick_events import ANONYMOUS

MOST = 50_000


class SeenNames:
    """Names as they are heard, until they are kept; the database knows the rest."""

    def __init__(self) -> None:
        self._of_account: dict[int, tuple[str, datetime]] = {}
        self._bearers: dict[str, tuple[int, datetime]] = {}
        self._new: dict[int, Seen] = {}

    def saw(self, kick_user_id: int | None, name: str, at: datetime) -> None:
        """An account was seen under a name; an older sight than the last changes nothing."""
        key = name_key(name)
        if kick_user_id is None or key in ("", name_key(ANONYMOUS)):
            return
        own, bearer = self._of_account.get(kick_user_id), self._bearers.get(key)
        if (own is not None and own[1] > at) or (bearer is not None and bearer[1] > at):
            return
        self._of_account[kick_user_id], self._bearers[key] = (key, at), (kick_user_id, at)
        if own is None or own[0] != key or bearer is None or bearer[0] != kick_user_id:
            self._new[kick_user_id] = Seen(kick_user_id=kick_user_id, kick_name=name, at=at)
        if len(self._of_account) > MOST:
            self._forget()

    def _forget(self) -> None:
        self._of_account.clear()
        self._bearers.clear()
        if len(self._new) > MOST:
            self._new.clear()

    def new(self) -> list[Seen]:
        """What was not kept yet."""
        return list(self._new.values())

    def new_of(self, name: str) -> list[Seen]:
        """Of that, who bears a name."""
        bearer = self._bearers.get(name_key(name))
        return [self._new[bearer[0]]] if bearer is not None and bearer[0] in self._new else []

    def kept(self, seen: list[Seen]) -> None:
        for one in seen:
            if self._new.get(one.kick_user_id) is one:
                del self._new[one.kick_user_id]
