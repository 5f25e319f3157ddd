"""Kick's official API, its OAuth and its webhooks, signed with a key of the stand-in's own."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox.kick.frames import slug_of, viewer_id

if TYPE_CHECKING:
    from sandbox.kick.world import Channel, KickWorld

CLIENT_ID, CLIENT_SECRET = "sandbox-app", "sandbox-secret"
TOKEN_SECONDS = 7200
API = "/public/v1"


class OfficialKick:
    """One app, its tokens and its event subscriptions. `down` answers every call of the API with that status.

    `automatic`: what happens in the world is delivered to the subscriptions by itself. `illness`: people saw
    subscriptions answered with 200 that it "makes nothing" of, or that it "lists nothing" of.
    """

    def __init__(self, world: KickWorld) -> None:
        self.world = world
        self.webhook_url: str | None = None
        self.down: int | None = None
        self.automatic = True
        self.illness: str | None = None
        self.oauth_user = "viewer1"
        self.nameless = False
        self.token_seconds = TOKEN_SECONDS
        self.subscriptions: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self._tokens: dict[str, tuple[str | None, float]] = {}
        self._codes: dict[str, tuple[str, str, str]] = {}
        self._key: rsa.RSAPrivateKey | None = None

    @property
    def key(self) -> rsa.RSAPrivateKey:
        if self._key is None:
            self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return self._key

    def public_key(self) -> str:
        """What Kick publishes of it, as PEM."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def rotate_key(self) -> None:
        """Sign with another key from now on."""
        self._key = None

    # -- webhooks -----------------------------------------------------------------------------------

    def signed(
        self, event: str, body: bytes, message_id: str | None = None, timestamp: str | None = None,
        subscription: str | None = None,
    ) -> dict[str, str]:  # fmt: skip
        """The headers of a delivery; without `subscription` under the app's first one for the event."""
        first = next((row["id"] for row in self.subscriptions if row["event"] == event), "none")
        message_id = message_id or uuid.uuid4().hex.upper()
        timestamp = timestamp or self.world.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        raw = f"{message_id}.{timestamp}.".encode() + body
        signature = self.key.sign(raw, padding.PKCS1v15(), SHA256())
        return {
            "Kick-Event-Message-Id": message_id,
            "Kick-Event-Message-Timestamp": timestamp,
            "Kick-Event-Subscription-Id": subscription or first,
            "Kick-Event-Type": event,
            "Kick-Event-Version": "1",
            "Kick-Event-Signature": base64.b64encode(signature).decode(),
            "Content-Type": "application/json",
        }

    async def deliver(
        self, event: str, data: Mapping[str, Any], message_id: str | None = None, subscription: str | None = None
    ) -> int:  # fmt: skip
        """Send a webhook to `webhook_url`; the status of the answer, 0 where there is none.

        Without `subscription` it comes under the app's for this event of this broadcaster.
        """
        if self.webhook_url is None:
            return 0
        body = json.dumps(data).encode()
        subscription = subscription or self._subscription_for(event, data)
        headers = self.signed(event, body, message_id, subscription=subscription)
        self.counts[f"webhook {event}"] += 1
        try:
            patience = aiohttp.ClientTimeout(total=5)
            async with aiohttp.request(
                "POST", self.webhook_url, data=body, headers=headers, timeout=patience
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    def _subscription_for(self, event: str, data: Mapping[str, Any]) -> str | None:
        broadcaster = data.get("broadcaster") or {}
        wanted = (event, broadcaster.get("user_id"))
        return next(
            (row["id"] for row in self.subscriptions if (row["event"], row["broadcaster_user_id"]) == wanted), None
        )

    # -- addresses ----------------------------------------------------------------------------------

    def add_routes(self, app: web.Application, prefix: str) -> None:
        api = f"{prefix}{API}"
        app.router.add_get(f"{api}/public-key", self._public_key)
        app.router.add_get(f"{api}/channels", self._as_app(self._channels))
        app.router.add_get(f"{api}/livestreams", self._as_app(self._livestreams))
        app.router.add_get(f"{api}/users", self._users)
        app.router.add_get(f"{api}/events/subscriptions", self._as_app(self._subscriptions))
        app.router.add_post(f"{api}/events/subscriptions", self._as_app(self._subscribe))
        app.router.add_delete(f"{api}/events/subscriptions", self._as_app(self._unsubscribe))
        app.router.add_get(f"{prefix}/oauth/authorize", self._authorize)
        app.router.add_post(f"{prefix}/oauth/token", self._token)
        app.router.add_post(f"{prefix}/oauth/revoke", self._revoke)

    def _as_app(self, handler: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        async def checked(request: web.Request) -> web.StreamResponse:
            self.counts[request.path.rpartition("/")[2]] += 1
            if self.down is not None:
                return web.Response(status=self.down, text="down")
            if self._user(request) is not None:
                return _refused(401, "Unauthorized")
            answer: web.StreamResponse = await handler(request)
            return answer

        return checked

    def _user(self, request: web.Request) -> str | None:
        """Whose token it is: None for the app's, "" for none that is good."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        user, until = self._tokens.get(token, ("", 0.0))
        return user if until > time.monotonic() else ""

    def expire_tokens(self) -> None:
        """Every token is refused from now on."""
        self._tokens.clear()

    async def _public_key(self, _request: web.Request) -> web.Response:
        if self.down is not None:
            return web.Response(status=self.down)
        return _found({"public_key": self.public_key()})

    async def _channels(self, request: web.Request) -> web.Response:
        slugs = request.query.getall("slug", [])
        ids = request.query.getall("broadcaster_user_id", [])
        known = [*self.world.channels.values(), *map(self.world.owner, self.world.people)]
        wanted = {one.slug: one for one in known if one is not None and str(one.user_id) in ids}
        wanted |= {slug: one for slug in slugs if (one := self.world.owner(slug)) is not None}
        return _found([_channel(one) for one in wanted.values()])

    async def _livestreams(self, request: web.Request) -> web.Response:
        ids = request.query.getall("broadcaster_user_id", [])
        live = [one for one in self.world.channels.values() if one.live_since and str(one.user_id) in ids]
        return _found([_livestream(one) for one in live])

    async def _users(self, request: web.Request) -> web.Response:
        name = self._user(request)
        ids = request.query.getall("id", [])
        if name is None and self.down is None:
            found = [known for known in self.world.people.values() if str(viewer_id(known)) in ids]
            return _found([{"user_id": viewer_id(known), "name": known} for known in found])
        if not name:
            return _refused(401, "Unauthorized")
        shown = "" if self.nameless else name
        return _found([{"user_id": viewer_id(name), "name": shown, "email": "", "profile_picture": ""}])

    async def _subscriptions(self, _request: web.Request) -> web.Response:
        return _found([] if self.illness == "lists nothing" else self.subscriptions)

    async def _subscribe(self, request: web.Request) -> web.Response:
        """Like Kick, it takes the same subscription as often as it is asked for."""
        body = await request.json()
        answers = []
        if self.illness == "makes nothing":
            self.counts["not made"] += len(body["events"])
            return _found([])
        for event in body["events"]:
            row = {
                "app_id": CLIENT_ID,
                "id": uuid.uuid4().hex.upper(),
                "event": event["name"],
                "version": event["version"],
                "method": body["method"],
                "broadcaster_user_id": body["broadcaster_user_id"],
                "created_at": self.world.now().isoformat(),
                "updated_at": self.world.now().isoformat(),
            }
            self.subscriptions.append(row)
            self.counts["made"] += 1
            answers.append({"name": event["name"], "version": 1, "subscription_id": row["id"], "error": ""})
        return _found(answers)

    async def _unsubscribe(self, request: web.Request) -> web.Response:
        gone = set(request.query.getall("id", []))
        self.subscriptions = [row for row in self.subscriptions if row["id"] not in gone]
        return web.Response(status=204)

    async def _authorize(self, request: web.Request) -> web.Response:
        """Whoever comes agrees at once, as `oauth_user`."""
        asked = request.query
        missing = [name for name in ("client_id", "redirect_uri", "state", "code_challenge") if not asked.get(name)]
        if missing or asked["client_id"] != CLIENT_ID or asked.get("code_challenge_method") != "S256":
            return web.Response(status=400, text=f"invalid request: {', '.join(missing)}")
        code = uuid.uuid4().hex
        self._codes[code] = (asked["code_challenge"], asked["redirect_uri"], self.oauth_user)
        answer = urlencode({"code": code, "state": asked["state"]})
        raise web.HTTPFound(f"{asked['redirect_uri']}?{answer}")

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.counts["token"] += 1
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _refused(401, "invalid_client")
        user: str | None = None
        if form.get("grant_type") == "authorization_code":
            challenge, redirect, user = self._codes.pop(form.get("code", ""), ("", "", ""))
            proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            right = base64.urlsafe_b64encode(proof).rstrip(b"=").decode() == challenge
            if not right or form.get("redirect_uri") != redirect:
                return _refused(400, "invalid_grant")
        token = uuid.uuid4().hex
        self._tokens[token] = (user, time.monotonic() + self.token_seconds)
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": self.token_seconds})

    async def _revoke(self, request: web.Request) -> web.Response:
        self._tokens.pop(request.query.get("token", ""), None)
        return web.Response(status=200)


def _found(data: Any) -> web.Response:
    return web.json_response({"data": data, "message": "OK"})


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"data": {}, "message": message, "error": message}, status=status)


def person(name: str, user_id: int | None = None) -> dict[str, Any]:
    """Somebody as webhooks show them."""
    return {
        "is_anonymous": False,
        "user_id": viewer_id(name) if user_id is None else user_id,
        "username": name,
        "is_verified": False,
        "profile_picture": "",
        "channel_slug": slug_of(name),
        "identity": None,
    }


def nobody() -> dict[str, Any]:
    """An anonymous gifter."""
    fields = ("user_id", "username", "is_verified", "profile_picture", "channel_slug", "identity")
    return {"is_anonymous": True, **dict.fromkeys(fields)}


def gifts_body(channel: Channel, gifter: str | None, giftees: tuple[str, ...], at: datetime) -> dict[str, Any]:
    """channel.subscription.gifts; `gifter` None is anonymous."""
    return {
        "broadcaster": person(channel.slug, channel.user_id),
        "gifter": nobody() if gifter is None else person(gifter),
        "giftees": [person(name) for name in giftees],
        "created_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "expires_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def status_body(channel: Channel, live: bool, started: datetime, ended: datetime | None) -> dict[str, Any]:
    """livestream.status.updated."""
    return {
        "broadcaster": person(channel.slug, channel.user_id),
        "is_live": live,
        "title": "Playing for the raffle",
        "started_at": started.isoformat(),
        "ended_at": ended.isoformat() if ended else None,
    }


def _channel(one: Channel) -> dict[str, Any]:
    start = one.live_since.isoformat() if one.live_since else "0001-01-01T00:00:00Z"
    return {
        "broadcaster_user_id": one.user_id,
        "slug": one.slug,
        "channel_description": "",
        "stream_title": "Playing for the raffle",
        "stream": {
            "is_live": one.live_since is not None,
            "start_time": start,
            "viewer_count": one.viewers,
            "language": "en",
        },
    }


def _livestream(one: Channel) -> dict[str, Any]:
    started = one.live_since.isoformat() if one.live_since else None
    return {"broadcaster_user_id": one.user_id, "channel_id": one.channel_id, "slug": one.slug, "started_at": started}
