"""A beacon of our own: drand's HTTP interface and real signatures, by a key that the sandbox made up."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from aiohttp import web
from py_arkworks_bls12381 import G1Point, G2Point, Scalar

SCHEME = "bls-unchained-g1-rfc9380"
TAG = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"

ModeName = Literal["running", "delayed", "down"]


@dataclass(frozen=True)
class Mode:
    """What the beacon does: answers, answers `seconds` late, or answers 503 to everything."""

    name: ModeName = "running"
    seconds: float = 0.0


RUNNING = Mode()
DOWN = Mode("down")


def delayed(seconds: float) -> Mode:
    """Rounds come out `seconds` after their time."""
    return Mode("delayed", seconds)


class Beacon:
    """A chain with its own secret key.

    `now` gives the sandbox's time, aware; `genesis` is the Unix time of round 1, `period` in seconds;
    `secret` (any bytes) makes the same key again.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        genesis: int = 1_700_000_000,
        period: int = 3,
        secret: bytes | None = None,
    ) -> None:
        self._now = now
        self.genesis, self.period = genesis, period
        material = hashlib.sha512(secret or secrets.token_bytes(32)).digest()
        self._key = Scalar.from_be_bytes_mod_order(material)
        self.public_key: str = bytes((G2Point() * self._key).to_compressed_bytes()).hex()
        self.chain_hash = self._chain_hash()
        self.mode = RUNNING

    def _chain_hash(self) -> str:
        """Binds the chain's constants, as drand's does, though without its group file."""
        constants = self.period.to_bytes(4, "big") + self.genesis.to_bytes(8, "big")
        return hashlib.sha256(constants + bytes.fromhex(self.public_key) + SCHEME.encode()).hexdigest()

    def environ(self, url: str) -> dict[str, str]:
        """The bot's variables for this chain, served at `url`."""
        return {
            "DRAND_URLS": url,
            "DRAND_CHAIN_HASH": self.chain_hash,
            "DRAND_PUBLIC_KEY": self.public_key,
            "DRAND_GENESIS": str(self.genesis),
            "DRAND_PERIOD": str(self.period),
        }

    def sign(self, number: int) -> tuple[str, str]:
        """(signature, randomness) of a round, hex, whether it is out or not."""
        digest = hashlib.sha256(number.to_bytes(8, "big")).digest()
        signature = bytes((G1Point.hash_to_curve(digest, TAG) * self._key).to_compressed_bytes())
        return signature.hex(), hashlib.sha256(signature).hexdigest()

    def newest(self) -> int:
        """The newest round that is out by the sandbox's time and the mode; 0 for none."""
        elapsed = self._now().timestamp() - self.mode.seconds - self.genesis
        return max(int(elapsed // self.period) + 1, 0)

    def add_routes(self, app: web.Application) -> None:
        """Serve the chain under `/{chain_hash}/`."""
        app.router.add_get("/{chain_hash}/info", self._info)
        app.router.add_get("/{chain_hash}/public/latest", self._latest)
        app.router.add_get("/{chain_hash}/public/{round}", self._round)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.mode.name == "down":
            return web.json_response({"error": "the beacon is down"}, status=503)
        if request.match_info["chain_hash"] != self.chain_hash:
            return web.json_response({"error": "unknown chain"}, status=404)
        return None

    async def _info(self, request: web.Request) -> web.Response:
        return self._refusal(request) or web.json_response(
            {
                "public_key": self.public_key,
                "period": self.period,
                "genesis_time": self.genesis,
                "hash": self.chain_hash,
                "schemeID": SCHEME,
            }
        )

    async def _latest(self, request: web.Request) -> web.Response:
        return self._refusal(request) or self._answer(self.newest())

    async def _round(self, request: web.Request) -> web.Response:
        text = request.match_info["round"]
        if refusal := self._refusal(request):
            return refusal
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            return web.json_response({"error": "a round is a number"}, status=400)
        return self._answer(int(text))

    def _answer(self, number: int) -> web.Response:
        if number < 1:
            return web.json_response({"error": "there is no such round"}, status=404)
        if number > self.newest():
            return web.json_response({"error": "the round is not out yet"}, status=425)
        signature, randomness = self.sign(number)
        body: dict[str, Any] = {"round": number, "randomness": randomness, "signature": signature}
        return web.json_response(body)
