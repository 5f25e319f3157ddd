"""The public randomness beacon (drand): rounds, their signatures, and a client that believes no mirror.

Importing this needs the standard library alone, so that a record can be verified anywhere; `aiohttp` and
`py_arkworks_bls12381` are imported where they are used. Scheme `bls-unchained-g1-rfc9380`: signatures in
G1, public key in G2. Source of the constants: drand's quicknet, https://docs.drand.love.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp
    from py_arkworks_bls12381 import G1Point, G2Point

log = logging.getLogger(__name__)

FREEZE_DELAY = timedelta(seconds=10)
DEFAULT_URLS = (
    "https://api.drand.sh",
    "https://api2.drand.sh",
    "https://api3.drand.sh",
    "https://drand.cloudflare.com",
)
OTHER_NETWORK = "other"
ENVIRONMENT = ("DRAND_CHAIN_HASH", "DRAND_PUBLIC_KEY", "DRAND_GENESIS", "DRAND_PERIOD")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TAG = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
_CHAIN_HASH = re.compile(r"[0-9a-f]{64}")
_PUBLIC_KEY = re.compile(r"[0-9a-f]{192}")
_SIGNATURE = re.compile(r"[0-9a-f]{96}")
_NOT_OUT = (404, 425)
_MIRROR_SECONDS = 5.0
_ANSWER_BYTES = 1 << 14


class SignatureCheckUnavailable(RuntimeError):
    """The library that checks signatures is not installed."""


class BeaconUnavailable(RuntimeError):
    """No mirror gave an answer that could be used."""


class BadAnswerError(ValueError):
    """A mirror answered something that is not the round."""


@dataclass(frozen=True)
class BeaconRound:
    """A round that is out: signature (96 hex digits) and randomness (64), lower case."""

    round: int
    signature: str
    randomness: str


@dataclass(frozen=True)
class BeaconChain:
    """A chain's constants: the part of the beacon that is trusted.

    `genesis` is the Unix time of round 1, `period` the seconds between rounds. Raises ValueError for
    values that no chain of this scheme has.
    """

    chain_hash: str
    public_key: str
    genesis: int
    period: int
    network: str = OTHER_NETWORK

    def __post_init__(self) -> None:
        if not _CHAIN_HASH.fullmatch(self.chain_hash):
            raise ValueError("a chain hash is 64 lower-case hex digits")
        if not _PUBLIC_KEY.fullmatch(self.public_key):
            raise ValueError("a chain's public key is 192 lower-case hex digits")
        if not 0 <= self.genesis < 1 << 36 or not 1 <= self.period <= 86_400:
            raise ValueError("a chain begins at 0 or later (Unix time) and has a period of 1..86400 s")

    def round_at(self, when: datetime) -> int:
        """The newest round that is out at `when` (aware); 0 before the first."""
        return max((when - self._genesis) // timedelta(seconds=self.period) + 1, 0)

    def time_of(self, number: int) -> datetime:
        """When the round comes out, UTC; OverflowError beyond the year 9999."""
        return self._genesis + timedelta(seconds=(number - 1) * self.period)

    def first_round_after(self, freeze: datetime, delay: timedelta = FREEZE_DELAY) -> int:
        """The first round whose time is at least `delay` after the freeze, so that nobody knows it yet."""
        waited = freeze + delay - self._genesis
        return max(-(-waited // timedelta(seconds=self.period)) + 1, 1)

    @property
    def _genesis(self) -> datetime:
        return _EPOCH + timedelta(seconds=self.genesis)

    @property
    def is_quicknet(self) -> bool:
        return self.chain_hash == QUICKNET.chain_hash

    def record(self, drawn: BeaconRound) -> dict[str, Any]:
        """The `beacon` field of a draw's record.

        A chain other than quicknet adds its public key, genesis and period, so that the signature can be
        checked at all; whether that key deserves trust is the reader's to say.
        """
        fields: dict[str, Any] = {
            "network": self.network,
            "chain_hash": self.chain_hash,
            "round": drawn.round,
            "signature": drawn.signature,
            "randomness": drawn.randomness,
        }
        own = {"public_key": self.public_key, "genesis": self.genesis, "period": self.period}
        return fields if self.is_quicknet else fields | own


QUICKNET = BeaconChain(
    chain_hash="52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    public_key=(
        "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c"
        "8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb"
        "5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
    ),
    genesis=1_692_803_367,
    period=3,
    network="drand quicknet",
)


def chain_from_environ(environ: Mapping[str, str]) -> BeaconChain | None:
    """The chain that the DRAND_* variables describe, None where none is set; ValueError for half a chain."""
    values = [environ.get(name, "").strip() for name in ENVIRONMENT]
    if not any(values):
        return None
    if missing := [name for name, value in zip(ENVIRONMENT, values, strict=True) if not value]:
        raise ValueError(f"another beacon chain needs {', '.join(missing)} too")
    chain_hash, public_key, genesis, period = values
    if not (genesis.isdecimal() and period.isdecimal()):
        raise ValueError("DRAND_GENESIS and DRAND_PERIOD are whole seconds")
    network = QUICKNET.network if chain_hash == QUICKNET.chain_hash else OTHER_NETWORK
    return BeaconChain(chain_hash, public_key, int(genesis), int(period), network)


def randomness_of(signature: str) -> str:
    """SHA-256 of the signature's bytes, hex; ValueError if it is not hex."""
    return hashlib.sha256(bytes.fromhex(signature)).hexdigest()


def verify_round(chain: BeaconChain, number: int, signature: str) -> bool:
    """Whether `signature` (hex) is the chain's signature of the round; False for any malformed input.

    Raises SignatureCheckUnavailable where the library is missing.
    """
    try:
        from py_arkworks_bls12381 import GT, G1Point, G2Point
    except ImportError as error:
        raise SignatureCheckUnavailable("py-arkworks-bls12381 is not installed") from error
    if not 0 < number < 1 << 64 or not _SIGNATURE.fullmatch(signature):
        return False
    try:
        signed = G1Point.from_compressed_bytes(bytes.fromhex(signature))
        key = G2Point.from_compressed_bytes(bytes.fromhex(chain.public_key))
    except ValueError:
        return False
    if _is_infinity(signed, G1Point.identity()) or _is_infinity(key, G2Point.identity()):
        return False
    message = G1Point.hash_to_curve(hashlib.sha256(number.to_bytes(8, "big")).digest(), _TAG)
    # e(signature, generator) = e(message, key), as one product that must be 1.
    return GT.pairing_check([signed, -message], [G2Point(), key])


def _is_infinity(point: G1Point | G2Point, identity: G1Point | G2Point) -> bool:
    """The point at infinity signs every message for the key at infinity: neither is ever honest."""
    return point == identity


class BeaconClient:
    """Asks the mirrors for a round and returns it only when its signature is the chain's."""

    def __init__(
        self,
        chain: BeaconChain = QUICKNET,
        urls: Sequence[str] = DEFAULT_URLS,
        session_factory: Callable[[], aiohttp.ClientSession] | None = None,
        mirror_seconds: float = _MIRROR_SECONDS,
    ) -> None:
        self.chain = chain
        self._urls = tuple(url.rstrip("/") for url in urls)
        self._session_factory = session_factory
        self._mirror_seconds = mirror_seconds

    async def fetch(self, number: int) -> BeaconRound | None:
        """The round, verified; None while no mirror has it yet.

        Mirrors are tried in turn, `mirror_seconds` each. Raises BeaconUnavailable when every one failed
        or lied, SignatureCheckUnavailable when signatures cannot be checked at all.
        """
        pending = False
        async with self._session() as session:
            for url in self._urls:
                try:
                    found = await self._ask(session, url, number)
                except _mirror_faults() as error:
                    log.warning(
                        "beacon.mirror_skipped",
                        extra={"url": url, "round": number, "error": f"{type(error).__name__}: {error}"},
                    )
                    continue
                if found is not None:
                    return found
                pending = True
        if not pending:
            raise BeaconUnavailable(f"none of {len(self._urls)} mirrors gave round {number}")
        return None

    def _session(self) -> aiohttp.ClientSession:
        if self._session_factory is not None:
            return self._session_factory()
        import aiohttp

        return aiohttp.ClientSession()

    async def _ask(self, session: aiohttp.ClientSession, url: str, number: int) -> BeaconRound | None:
        from aiohttp import ClientTimeout

        address = f"{url}/{self.chain.chain_hash}/public/{number}"
        async with session.get(address, timeout=ClientTimeout(total=self._mirror_seconds)) as answer:
            if answer.status in _NOT_OUT:
                return None
            if answer.status != 200:
                raise BadAnswerError(f"status {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_chunked(_ANSWER_BYTES):
                body += chunk
                if len(body) > _ANSWER_BYTES:
                    raise BadAnswerError("the answer is far too long for a round")
        return self._checked(bytes(body), number)

    def _checked(self, body: bytes, number: int) -> BeaconRound:
        """Decode an answer and believe it only as far as the public key goes."""
        answer = json.loads(body)
        if not isinstance(answer, dict) or answer.get("round") != number:
            raise BadAnswerError("not the round that was asked for")
        signature = answer.get("signature")
        if not isinstance(signature, str) or not verify_round(self.chain, number, signature):
            raise BadAnswerError("the signature is not the chain's")
        randomness = randomness_of(signature)
        if answer.get("randomness") != randomness:
            raise BadAnswerError("the randomness is not the signature's")
        return BeaconRound(number, signature, randomness)


def _mirror_faults() -> tuple[type[Exception], ...]:
    """What a broken or lying mirror can cause; ValueError covers bad JSON and BadAnswerError."""
    from aiohttp import ClientError

    return (ClientError, TimeoutError, OSError, ValueError, RecursionError)
