"""Kick's official API with an app's credentials: channels, live status, event subscriptions, the public key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from core.clock import Clock, monotonic
from core.kick_events import KickChannelIds, KickSubscription, LiveStatus, fold, slug_forms
from core.moments import read_moment
from kick.coerce import items, mapping, parse, text, whole

log = logging.getLogger(__name__)

API, ID = "https://api.kick.com", "https://id.kick.com"
REFRESH_EARLY = 60.0
_PATIENCE = aiohttp.ClientTimeout(total=10)
_LARGEST_ANSWER = 4 * 1024 * 1024
NOTHING_MADE = "Kick answered and made no subscription"


class ApiFailed(Exception):
    """Kick's API did not give what was asked for; the message holds no credential."""

    def __init__(self, what: str, why: str, status: int | None = None) -> None:
        super().__init__(f"Kick's API: {what}: {why}")
        self.status = status


@dataclass(frozen=True, slots=True)
class KickUser:
    user_id: int
    name: str


class Nameless(ApiFailed):
    """Kick knows an account and does not tell its name."""


class KickApi:
    """One app's view of Kick. Every call raises `ApiFailed` (and its kinds) and nothing else."""

    def __init__(
        self, session: aiohttp.ClientSession, clock: Clock, *, api_base: str, id_base: str,
        client_id: str | None, client_secret: str | None,
    ) -> None:  # fmt: skip
        self._session = session
        self._clock = clock
        self._base = f"{api_base.rstrip('/').removesuffix('/public/v1')}/public/v1"
        self._id_base = id_base.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._token: str | None = None
        self._token_until = 0.0
        self._asking = asyncio.Lock()

    @property
    def configured(self) -> bool:
        """Whether there is an app to speak for; without one only the public key can be asked for."""
        return bool(self._client_id and self._client_secret)

    async def public_key(self) -> str | None:
        """The key that webhooks are signed with, as PEM; None where Kick does not give it."""
        try:
            answer = await self._asked("GET", f"{self._base}/public-key", "public key")
        except ApiFailed as error:
            log.warning("kick_key_refused", extra={"error": str(error)})
            return None
        return text(mapping(mapping(answer).get("data")).get("public_key"), 10_000) or None

    async def channel(self, slug: str) -> tuple[KickChannelIds, LiveStatus] | None:
        """A channel by its name: its broadcaster's id (the API knows no other), and whether it is live.

        The name as written is asked for first; an answer that is of another channel is none.
        """
        for form in slug_forms(slug):
            for row in _rows(await self._call("GET", "/channels", "channel", params={"slug": form})):
                if row and fold(text(row.get("slug"), 100)) in ("", form):
                    ids = KickChannelIds(form, broadcaster_user_id=whole(row.get("broadcaster_user_id")) or None)
                    return ids, self._live(row, ids.broadcaster_user_id)
        return None

    async def name_of(self, user_id: int) -> str | None:
        """What an account is called; None where the API does not say."""
        answer = await self._call("GET", "/users", "user", params={"id": str(user_id)})
        rows = [row for row in _rows(answer) if whole(row.get("user_id")) == user_id]
        return text(rows[0].get("name"), 100) or None if rows else None

    async def live(self, broadcaster_user_id: int) -> LiveStatus | None:
        """Whether the broadcaster is live; None where the API does not know them."""
        parameters = {"broadcaster_user_id": str(broadcaster_user_id)}
        answer = await self._call("GET", "/channels", "live status", params=parameters)
        for row in _rows(answer):
            if whole(row.get("broadcaster_user_id")) == broadcaster_user_id:
                return self._live(row, broadcaster_user_id)
        return None

    def _live(self, row: Mapping[str, Any], broadcaster_user_id: int | None) -> LiveStatus:
        stream = mapping(row.get("stream"))
        live = stream.get("is_live") is True
        now = self._clock.now()
        started = read_moment(stream.get("start_time"), now) if live else None
        viewers = whole(stream.get("viewer_count")) if live else None
        return LiveStatus(None, None, live, "api", started, now, broadcaster_user_id, viewers)

    async def subscriptions(self) -> list[KickSubscription]:
        """The app's event subscriptions, oldest first."""
        answer = await self._call("GET", "/events/subscriptions", "subscriptions")
        found = [
            KickSubscription(
                text(row.get("id"), 100), text(row.get("event"), 100),
                whole(row.get("broadcaster_user_id")) or 0, text(row.get("created_at"), 100),
            )
            for row in _rows(answer)
        ]  # fmt: skip
        return sorted((one for one in found if one.id), key=lambda one: (one.created_at, one.id))

    async def subscribe(
        self, broadcaster_user_id: int, events: Sequence[str]
    ) -> tuple[list[KickSubscription], dict[str, str]]:
        """Ask for events of a broadcaster: (what was made, why not by event). Kick may answer 200 and make nothing."""
        body = {
            "broadcaster_user_id": broadcaster_user_id,
            "events": [{"name": name, "version": 1} for name in events],
            "method": "webhook",
        }
        answer = await self._call("POST", "/events/subscriptions", "subscribe", json=body)
        rows = {text(row.get("name"), 100): row for row in _rows(answer)}
        ids = {name: text(row.get("subscription_id"), 100) for name, row in rows.items()}
        errors = {name: text(row.get("error"), 300) for name, row in rows.items()}
        made = [
            KickSubscription(ids[name], name, broadcaster_user_id)
            for name in events
            if ids.get(name) and not errors[name]
        ]
        refused = set(events) - {one.event for one in made}
        return made, {name: errors.get(name) or NOTHING_MADE for name in events if name in refused}

    async def unsubscribe(self, ids: Sequence[str]) -> None:
        parameters = [("id", one) for one in ids]
        await self._call("DELETE", "/events/subscriptions", "unsubscribe", params=parameters)

    async def user_of(self, token: str) -> KickUser:
        """Who a user's token belongs to. Errors: `ApiFailed`; `Nameless` where Kick gives neither name nor channel."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self._asked("GET", f"{self._base}/users", "user", headers=headers)
        for row in _rows(answer):
            user_id, name = whole(row.get("user_id")), text(row.get("name"), 100)
            if user_id:
                return KickUser(user_id, name or await self._slug_of(user_id))
        raise ApiFailed("user", "no user in the answer")

    async def _slug_of(self, user_id: int) -> str:
        """The name in an account's address. Errors: `Nameless`."""
        answer = await self._call("GET", "/channels", "channel", params={"broadcaster_user_id": str(user_id)})
        for row in _rows(answer):
            if whole(row.get("broadcaster_user_id")) == user_id and (slug := text(row.get("slug"), 100)):
                return slug
        raise Nameless("user", "no name in the answer")

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> str:
        """A user's access token for the code that Kick's authorization gave (PKCE)."""
        answer = await self._token_request(
            {
                "grant_type": "authorization_code", "code": code, "code_verifier": verifier,
                "redirect_uri": redirect_uri,
            }
        )  # fmt: skip
        return answer[0]

    async def revoke(self, token: str) -> None:
        """Give a user's token back: it was needed once."""
        parameters = {"token": token, "token_hint_type": "access_token"}
        await self._asked("POST", f"{self._id_base}/oauth/revoke", "revoke", params=parameters)

    async def _call(self, method: str, path: str, what: str, **more: Any) -> object:
        """As the app; a token that is refused is replaced once."""
        for attempt in (1, 2):
            token = await self._app_token()
            headers = {"Authorization": f"Bearer {token}"}
            try:
                return await self._asked(method, f"{self._base}{path}", what, headers=headers, **more)
            except ApiFailed as error:
                if error.status != 401 or attempt == 2:
                    raise
                if self._token == token:
                    self._token = None
        raise AssertionError

    async def _app_token(self) -> str:
        async with self._asking:
            if self._token is None or monotonic() >= self._token_until:
                self._token, lasts = await self._token_request({"grant_type": "client_credentials"})
                self._token_until = monotonic() + max(lasts - REFRESH_EARLY, lasts / 2)
            return self._token

    async def _token_request(self, fields: dict[str, str]) -> tuple[str, float]:
        """(token, its life in seconds)."""
        if not self.configured:
            raise ApiFailed("token", "KICK_CLIENT_ID and KICK_CLIENT_SECRET are not set")
        form = {**fields, "client_id": self._client_id or "", "client_secret": self._client_secret or ""}
        answer = mapping(await self._asked("POST", f"{self._id_base}/oauth/token", "token", data=form))
        token = text(answer.get("access_token"), 10_000)
        if not token:
            raise ApiFailed("token", "no token in the answer")
        return token, float(whole(answer.get("expires_in"), 10**9) or 3600)

    async def _asked(self, method: str, url: str, what: str, **more: Any) -> object:
        try:
            async with self._session.request(method, url, timeout=_PATIENCE, **more) as response:
                status, body = response.status, await response.content.read(_LARGEST_ANSWER)
                while not response.content.at_eof() and len(body) < _LARGEST_ANSWER:
                    body += await response.content.read(_LARGEST_ANSWER)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiFailed(what, type(error).__name__) from None
        if not 200 <= status < 300:
            raise ApiFailed(what, f"status {status}", status)
        try:
            return parse(body) if body.strip() else None
        except ValueError:
            raise ApiFailed(what, "no JSON", status) from None


def _rows(answer: object) -> list[Mapping[str, Any]]:
    data = mapping(answer).get("data")
    return [mapping(row) for row in items(data if isinstance(data, list) else [data])]
