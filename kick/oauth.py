"""Signing in with Kick: PKCE (S256), and a signed state that says for whom.

The state travels through the browser; it is signed, expires, and is good once. The verifier stays with us.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from core.moments import read_moment
from kick.coerce import parse, whole

LONGEST_STATE = 600


@dataclass(frozen=True, slots=True)
class State:
    """Who asked to be linked, in which guild; `nonce` names the one attempt."""

    guild_id: int
    discord_id: int
    nonce: str
    expires_at: datetime


def new_nonce() -> str:
    return secrets.token_urlsafe(24)


def new_verifier() -> str:
    """A PKCE code verifier, 64 characters."""
    return secrets.token_urlsafe(48)


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier."""
    return _encoded(hashlib.sha256(verifier.encode()).digest())


def signed_state(state: State, secret: str) -> str:
    """The state as it travels."""
    fields = [state.guild_id, state.discord_id, state.nonce, int(state.expires_at.timestamp())]
    payload = _encoded(json.dumps(fields).encode())
    return f"{payload}.{_signature(payload, secret)}"


def read_state(text: str, secret: str, now: datetime) -> State | None:
    """The state, None where it is not ours, was changed, or has expired."""
    payload, dot, signature = text.partition(".")
    if not dot or len(text) > LONGEST_STATE or not text.isascii():
        return None
    if not hmac.compare_digest(signature, _signature(payload, secret)):
        return None
    try:
        fields = parse(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        return None
    if not isinstance(fields, list) or len(fields) != 4:
        return None
    guild_id, discord_id, expires_at = whole(fields[0]), whole(fields[1]), read_moment(fields[3], now)
    if not guild_id or not discord_id or expires_at is None or not isinstance(fields[2], str):
        return None
    return State(guild_id, discord_id, fields[2], expires_at) if now < expires_at else None


def authorize_url(id_base: str, client_id: str, redirect_uri: str, state: str, verifier: str) -> str:
    """Where the browser is sent: Kick asks there whether we may know who it is."""
    query = urlencode(
        {
            "response_type": "code", "client_id": client_id, "redirect_uri": redirect_uri, "scope": "user:read",
            "code_challenge": challenge(verifier), "code_challenge_method": "S256", "state": state,
        }
    )  # fmt: skip
    return f"{id_base.rstrip('/')}/oauth/authorize?{query}"


def browser_mark(state: State, stage: str, secret: str) -> str:
    """What a browser keeps to show that it has come to a stage of this attempt; nobody else can make it."""
    return _signature(f"{stage} {state.nonce}", secret)


def is_browser_mark(mark: str, state: State, stage: str, secret: str) -> bool:
    return mark.isascii() and hmac.compare_digest(mark, browser_mark(state, stage, secret))


def _signature(payload: str, secret: str) -> str:
    key = hashlib.sha256(f"drumroll link state {secret}".encode()).digest()
    return _encoded(hmac.new(key, payload.encode(), hashlib.sha256).digest())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
