"""Whether a webhook is Kick's: RSA PKCS#1 v1.5 with SHA-256 over id, timestamp and raw body.

Source of the scheme and of the known key: Kick's developer documentation on webhook security.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Awaitable, Callable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from core.clock import monotonic

log = logging.getLogger(__name__)

KNOWN_KEY = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAq/+l1WnlRrGSolDMA+A8
6rAhMbQGmQ2SapVcGM3zq8ANXjnhDWocMqfWcTd95btDydITa10kDvHzw9WQOqp2
MZI7ZyrfzJuz5nhTPCiJwTwnEtWft7nV14BYRDHvlfqPUaZ+1KR4OCaO/wWIk/rQ
L/TjY0M70gse8rlBkbo2a8rKhu69RQTRsoaf4DVhDPEeSeI5jVrRDGAMGL3cGuyY
6CLKGdjVEM78g3JfYOvDU/RvfqD7L89TZ3iN94jrmWdGz34JNlEI5hqK8dd7C5EF
BEbZ5jgB8s8ReQV8H+MkuffjdAj3ajDDX3DOJMIut1lBrUVD1AaSrGCKHooWoL2e
twIDAQAB
-----END PUBLIC KEY-----
"""

FETCH_AGAIN_SECONDS = 30.0

FetchKey = Callable[[], Awaitable[str | None]]


def parse_key(pem: str) -> RSAPublicKey | None:
    """The RSA key in `pem`, None where there is none."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) else None


def is_signed(key: RSAPublicKey, message_id: str, timestamp: str, body: bytes, signature: str) -> bool:
    """Whether `signature` (base64) is the key's over `{message_id}.{timestamp}.{body}`."""
    try:
        raw = base64.b64decode(signature, validate=True)
        signed = f"{message_id}.{timestamp}.".encode() + body
        key.verify(raw, signed, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


class KickKeys:
    """Kick's keys: the one that Kick publishes now, and the one known when this was written.

    `fetch` asks Kick for its key (None where it does not answer). It is asked for the first delivery and, because
    keys change, again when a signature fits none, but at most every `again` real seconds.
    """

    def __init__(self, fetch: FetchKey, again: float = FETCH_AGAIN_SECONDS) -> None:
        self._fetch = fetch
        self._again = again
        known = parse_key(KNOWN_KEY)
        assert known is not None
        self._known = known
        self._published: RSAPublicKey | None = None
        self._asked: float | None = None

    async def accept(self, message_id: str, timestamp: str, body: bytes, signature: str) -> bool:
        """Whether the delivery is Kick's."""
        if self._published is None:
            await self._ask()
        if self._fits(message_id, timestamp, body, signature):
            return True
        return await self._ask() and self._fits(message_id, timestamp, body, signature)

    def _fits(self, message_id: str, timestamp: str, body: bytes, signature: str) -> bool:
        keys = [key for key in (self._published, self._known) if key is not None]
        return any(is_signed(key, message_id, timestamp, body, signature) for key in keys)

    async def _ask(self) -> bool:
        """Fetch the key unless that was done just now; whether it changed."""
        now = monotonic()
        if self._asked is not None and now - self._asked < self._again:
            return False
        self._asked = now
        found = parse_key(await self._fetch() or "")
        if found is None:
            log.warning("kick_key_not_fetched")
            return False
        changed = self._published is None or found.public_numbers() != self._published.public_numbers()
        self._published = found
        return changed
