"""Whether a webhook is Kick's: RSA PKCS#1 v1.5 with SHA-256 over id, timestamp and raw body.

Source of the scheme and of the known key: Kick's developer documentation on webhook security.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections import deque
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

MOST_LOOKS, WITHIN_SECONDS = 10, 60.0

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
    """The key that Kick publishes now; until it was fetched once, the one known when this was written.

    A key that was changed was changed for a reason: from then on the old one fits nothing. `fetch` asks Kick for its
    key (None where it does not answer). It is asked for the first delivery and, because keys change, again when a
    signature does not fit, but at most `looks` times in `within` real seconds, whatever strangers send.
    """

    def __init__(self, fetch: FetchKey, looks: int = MOST_LOOKS, within: float = WITHIN_SECONDS) -> None:
        self._fetch = fetch
        self._within = within
        known = parse_key(KNOWN_KEY)
        assert known is not None
        self._key = known
        self._is_published = False
        self._looked: deque[float] = deque(maxlen=looks)
        self._looking = asyncio.Lock()

    async def accept(self, message_id: str, timestamp: str, body: bytes, signature: str) -> bool:
        """Whether the delivery is Kick's."""
        if not self._is_published:
            await self._look(self._key)
        tried = self._key
        if is_signed(tried, message_id, timestamp, body, signature):
            return True
        await self._look(tried)
        return self._key is not tried and is_signed(self._key, message_id, timestamp, body, signature)

    async def _look(self, tried: RSAPublicKey) -> None:
        """Fetch the key, unless somebody did while we waited, or it was fetched often of late."""
        async with self._looking:
            now = monotonic()
            crowded = len(self._looked) == self._looked.maxlen and now - self._looked[0] < self._within
            if self._key is not tried or crowded:
                return
            self._looked.append(now)
            found = parse_key(await self._fetch() or "")
            if found is None:
                log.warning("kick_key_not_fetched")
                return
            self._is_published = True
            if found.public_numbers() != self._key.public_numbers():
                self._key = found
