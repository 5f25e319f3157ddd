"""The beacon: rounds and times, signatures, and mirrors that lie, break or lag."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from core import beacon
from core.beacon import (
    QUICKNET,
    BeaconChain,
    BeaconClient,
    BeaconRound,
    BeaconUnavailable,
    SignatureCheckUnavailable,
    chain_from_environ,
    verify_round,
)
from sandbox.beacon import DOWN, RUNNING, Beacon, delayed
from tests.patience import patient

KNOWN = {
    1000: (
        "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39",
        "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd",
    ),
    657413: (
        "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b",
        "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587",
    ),
}
SIGNATURE = KNOWN[1000][0]
INFINITY = "c0" + "00" * 47
GENESIS = datetime.fromtimestamp(QUICKNET.genesis, UTC)


@pytest.mark.parametrize("number", KNOWN)
def test_known_rounds_of_quicknet(number: int) -> None:
    signature, randomness = KNOWN[number]
    assert verify_round(QUICKNET, number, signature)
    assert beacon.randomness_of(signature) == randomness
    assert not verify_round(QUICKNET, number + 1, signature)


@pytest.mark.thorough
@given(st.integers(0, 383))
def test_a_flipped_bit_is_no_signature(bit: int) -> None:
    changed = bytearray.fromhex(SIGNATURE)
    changed[bit // 8] ^= 1 << bit % 8
    assert verify_round(QUICKNET, 1000, changed.hex()) is False


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "b4",
        "zz" * 48,
        SIGNATURE.upper(),
        SIGNATURE + "00",
        SIGNATURE[2:],
        f" {SIGNATURE[1:]}",
        SIGNATURE + "\n",
        INFINITY,
        "40" + "00" * 47,
        "00" * 48,
        "ff" * 48,
        "\u0661" * 96,
    ],
)
def test_garbage_is_no_signature(signature: str) -> None:
    assert verify_round(QUICKNET, 1000, signature) is False


@given(st.binary(min_size=48, max_size=48))
def test_random_bytes_are_no_signature(data: bytes) -> None:
    assert verify_round(QUICKNET, 1000, data.hex()) is False


@pytest.mark.parametrize("number", [0, -1, 2**64, 10**400])
def test_numbers_that_no_round_has(number: int) -> None:
    assert verify_round(QUICKNET, number, SIGNATURE) is False


@pytest.mark.parametrize("key", ["c0" + "00" * 95, "ff" * 96, "00" * 96])
def test_a_key_that_is_no_key_signs_nothing(key: str) -> None:
    chain = replace(QUICKNET, public_key=key)
    assert verify_round(chain, 1000, SIGNATURE) is False
    assert verify_round(chain, 1000, INFINITY) is False


def test_without_the_library_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py_arkworks_bls12381", None)
    with pytest.raises(SignatureCheckUnavailable, match="not installed"):
        verify_round(QUICKNET, 1000, SIGNATURE)


def test_rounds_and_times() -> None:
    second = timedelta(seconds=1)
    assert QUICKNET.time_of(1) == GENESIS
    assert QUICKNET.time_of(2) == GENESIS + 3 * second
    assert QUICKNET.round_at(GENESIS - second) == 0
    assert QUICKNET.round_at(GENESIS - 500 * second) == 0
    assert QUICKNET.round_at(GENESIS) == 1
    assert QUICKNET.round_at(GENESIS + 2.999 * second) == 1
    assert QUICKNET.round_at(GENESIS + 3 * second) == 2


def test_the_first_round_after_a_freeze() -> None:
    at = QUICKNET.time_of(1000)
    assert QUICKNET.first_round_after(at - timedelta(seconds=10)) == 1000
    assert QUICKNET.first_round_after(at - timedelta(seconds=10, microseconds=-1)) == 1001
    assert QUICKNET.first_round_after(at - timedelta(seconds=12, microseconds=999_999)) == 1000
    assert QUICKNET.first_round_after(at, timedelta(0)) == 1000
    assert QUICKNET.first_round_after(GENESIS - timedelta(days=9)) == 1


@given(st.datetimes(datetime(2023, 9, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis asks for naive bounds
def test_no_earlier_round_would_do(freeze: datetime) -> None:
    number = QUICKNET.first_round_after(freeze)
    assert QUICKNET.time_of(number) >= freeze + beacon.FREEZE_DELAY > QUICKNET.time_of(number - 1)
    assert QUICKNET.round_at(QUICKNET.time_of(number)) == number


@pytest.mark.parametrize(
    "change",
    [
        {"chain_hash": "AA" * 32},
        {"chain_hash": "aa"},
        {"public_key": "00"},
        {"period": 0},
        {"period": -3},
        {"genesis": -1},
        {"genesis": 2**40},
    ],
)
def test_constants_that_no_chain_has(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="chain"):
        replace(QUICKNET, **change)


def test_the_record_of_quicknet_brings_no_key_of_its_own() -> None:
    signature, randomness = KNOWN[1000]
    assert QUICKNET.record(BeaconRound(1000, signature, randomness)) == {
        "network": "drand quicknet",
        "chain_hash": QUICKNET.chain_hash,
        "round": 1000,
        "signature": signature,
        "randomness": randomness,
    }


# With the stand-in, which has a key of its own.


def stand_in(now: datetime = GENESIS, **options: Any) -> Beacon:
    return Beacon(lambda: now, genesis=QUICKNET.genesis, secret=b"a beacon for tests", **options)


def chain_of(source: Beacon) -> BeaconChain:
    return BeaconChain(source.chain_hash, source.public_key, source.genesis, source.period)


def test_the_stand_in_signs_as_drand_does() -> None:
    source = stand_in()
    signature, randomness = source.sign(7)
    assert verify_round(chain_of(source), 7, signature)
    assert not verify_round(chain_of(source), 8, signature)
    assert not verify_round(QUICKNET, 7, signature)
    assert randomness == beacon.randomness_of(signature)
    assert stand_in().sign(7) == (signature, randomness)
    assert Beacon(lambda: GENESIS).public_key != Beacon(lambda: GENESIS).public_key


def test_another_chain_goes_into_the_record_with_its_constants() -> None:
    chain = chain_of(stand_in())
    fields = chain.record(BeaconRound(1, "ab", "cd"))
    assert (fields["public_key"], fields["genesis"], fields["period"]) == (
        chain.public_key,
        chain.genesis,
        chain.period,
    )
    assert fields["network"] == "other"


def test_a_chain_from_the_environment() -> None:
    source = stand_in(period=30)
    environ = source.environ("http://127.0.0.1:1")
    assert chain_from_environ(environ) == chain_of(source)
    assert chain_from_environ({"DRAND_GENESIS": " "}) is None
    with pytest.raises(ValueError, match="DRAND_PUBLIC_KEY"):
        chain_from_environ(environ | {"DRAND_PUBLIC_KEY": ""})
    with pytest.raises(ValueError, match="whole seconds"):
        chain_from_environ(environ | {"DRAND_PERIOD": "3.5"})


@asynccontextmanager
async def served(source: Beacon) -> AsyncIterator[str]:
    app = web.Application()
    source.add_routes(app)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@asynccontextmanager
async def mirror(answer: Callable[[], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    async def handle(_request: web.Request) -> web.StreamResponse:
        return await answer()

    app = web.Application()
    app.router.add_get("/{tail:.*}", handle)
    async with TestServer(app) as server:
        yield str(server.make_url(""))


async def test_the_stand_in_over_http() -> None:
    source = stand_in(GENESIS + timedelta(seconds=10))
    async with served(source) as url, ClientSession() as session:

        async def get(path: str) -> tuple[int, Any]:
            async with session.get(f"{url}/{path}") as answer:
                return answer.status, await answer.json()

        chain = source.chain_hash
        signature, randomness = source.sign(4)
        newest = {"round": 4, "signature": signature, "randomness": randomness}
        assert await get(f"{chain}/public/latest") == (200, newest)
        assert await get(f"{chain}/public/4") == (200, newest)
        assert (await get(f"{chain}/public/5"))[0] == 425
        assert (await get(f"{chain}/public/0"))[0] == 404
        assert (await get(f"{chain}/public/x"))[0] == 400
        assert (await get(f"{chain}/public/{'9' * 30}"))[0] == 400
        assert (await get(f"{'0' * 64}/public/4"))[0] == 404
        assert (await get(f"{chain}/info"))[1]["public_key"] == source.public_key
        source.mode = delayed(3)
        assert (await get(f"{chain}/public/4"))[0] == 425
        assert (await get(f"{chain}/public/3"))[0] == 200
        source.mode = DOWN
        assert (await get(f"{chain}/public/3"))[0] == 503
        source.mode = RUNNING
        assert (await get(f"{chain}/public/4"))[0] == 200


async def test_the_client_gets_a_round_when_it_is_out() -> None:
    source = stand_in(GENESIS + timedelta(seconds=10))
    async with served(source) as url:
        client = BeaconClient(chain_of(source), [url + "/"], ClientSession)
        assert await client.fetch(4) == BeaconRound(4, *source.sign(4))
        assert await client.fetch(5) is None
        source.mode = DOWN
        with pytest.raises(BeaconUnavailable, match="1 mirrors"):
            await client.fetch(4)


def lies(source: Beacon) -> dict[str, bytes]:
    """Answers to the question for round 4 that are not round 4."""
    signature, randomness = source.sign(4)
    other, other_randomness = source.sign(3)
    forged, forged_randomness = Beacon(lambda: GENESIS, secret=b"somebody else").sign(4)
    honest = {"round": 4, "signature": signature, "randomness": randomness}
    objects: dict[str, Any] = {
        "another round": {"round": 3, "signature": other, "randomness": other_randomness},
        "another round's signature": honest | {"signature": other, "randomness": other_randomness},
        "another key": honest | {"signature": forged, "randomness": forged_randomness},
        "another randomness": honest | {"randomness": hashlib.sha256(b"mine").hexdigest()},
        "no randomness": {"round": 4, "signature": signature},
        "null signature": honest | {"signature": None},
        "infinity": honest | {"signature": INFINITY, "randomness": beacon.randomness_of(INFINITY)},
        "a list": [honest],
        "null": None,
    }
    raw = {"html": b"<html>", "empty": b"", "nested": b"[" * 10_000, "not utf-8": b"\xff\xfe\xfd"}
    long = json.dumps(honest | {"padding": "x" * (1 << 15)}).encode()
    return {name: json.dumps(value).encode() for name, value in objects.items()} | raw | {"long": long}


@pytest.mark.parametrize("lie", lies(stand_in()))
async def test_a_lying_mirror_is_skipped(lie: str, caplog: pytest.LogCaptureFixture) -> None:
    source = stand_in(GENESIS + timedelta(seconds=10))

    async def answer() -> web.StreamResponse:
        return web.Response(body=lies(source)[lie], content_type="application/json")

    async with mirror(answer) as liar, served(source) as url:
        with caplog.at_level(logging.WARNING, "core.beacon"):
            assert await BeaconClient(chain_of(source), [liar, url]).fetch(4) == BeaconRound(4, *source.sign(4))
        assert [record.message for record in caplog.records] == ["beacon.mirror_skipped"]
        with pytest.raises(BeaconUnavailable):
            await BeaconClient(chain_of(source), [liar]).fetch(4)


async def test_a_broken_mirror_is_skipped(unused_tcp_port: int) -> None:
    source = stand_in(GENESIS + timedelta(seconds=10))

    async def fail() -> web.StreamResponse:
        raise web.HTTPInternalServerError

    async with mirror(fail) as broken, served(source) as url:
        urls = [f"http://127.0.0.1:{unused_tcp_port}", "http://", "nonsense", broken, url]
        assert await BeaconClient(chain_of(source), urls).fetch(4) == BeaconRound(4, *source.sign(4))


async def test_a_silent_mirror_costs_its_time_out_only() -> None:
    source = stand_in(GENESIS + timedelta(seconds=10))
    release = asyncio.Event()

    async def silent() -> web.StreamResponse:
        await release.wait()
        return web.Response()

    async with mirror(silent) as mute, served(source) as url:
        client = BeaconClient(chain_of(source), [mute, url], mirror_seconds=patient(0.2))
        assert await client.fetch(4) == BeaconRound(4, *source.sign(4))
        release.set()


async def test_a_lagging_mirror_does_not_hold_back_the_next() -> None:
    late, early = stand_in(GENESIS), stand_in(GENESIS + timedelta(seconds=10))
    async with served(late) as behind, served(early) as url:
        assert await BeaconClient(chain_of(late), [behind, url]).fetch(4) == BeaconRound(4, *early.sign(4))
        late.mode = DOWN
        assert await BeaconClient(chain_of(late), [behind, url]).fetch(9) is None


async def test_unchecked_signatures_are_never_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    source = stand_in(GENESIS + timedelta(seconds=10))
    async with served(source) as url:
        monkeypatch.setitem(sys.modules, "py_arkworks_bls12381", None)
        # The stand-in signs with what it imported at the start; only the client lacks the library.
        with pytest.raises(SignatureCheckUnavailable):
            await BeaconClient(chain_of(source), [url]).fetch(4)


def test_the_default_mirrors_are_https() -> None:
    assert len(beacon.DEFAULT_URLS) == 4
    assert all(url.startswith("https://") for url in beacon.DEFAULT_URLS)
