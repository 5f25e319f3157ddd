"""Slow, many and curious clients: limits, time-outs, and who reads what."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from kick.webhooks import LARGEST_BODY
from tests.patience import in_time, until
from tests.web.clients import HALF, held
from web import connections
from web.app import WebServer
from web.connections import HEADERS, Guests, client_of, most_connections


async def _healthy() -> dict[str, Any]:
    up = {"up": True}
    return {"status": "ok", "role": "leader", "discord": up, "database": up, "kick": {"live": {"secret-streamer": {}}}}


async def _echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def _stuck(_request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    return web.Response()


def _pages(app: web.Application) -> None:
    app.router.add_post("/echo", _echo)
    app.router.add_get("/stuck", _stuck)


@asynccontextmanager
async def _served(guests: Guests | None = None, token: str | None = None) -> AsyncIterator[WebServer]:
    server = WebServer("127.0.0.1", 0, _healthy, CollectorRegistry(), [_pages], token, guests)
    task = asyncio.create_task(server.run())
    try:
        await until(lambda: server.bound_port)
        yield server
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _asked(
    server: WebServer, path: str, method: str = "GET", **more: Any
) -> tuple[int, Mapping[str, str], bytes]:
    timeout = aiohttp.ClientTimeout(total=30)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.request(method, f"http://127.0.0.1:{server.bound_port}{path}", **more) as answer,
    ):
        return answer.status, answer.headers, await answer.read()


async def _until_closed(one: socket.socket) -> bytes:
    """What came until the server closed the connection; the test fails when it does not."""
    said = b""
    async with in_time(5):
        try:
            while more := await asyncio.get_running_loop().sock_recv(one, 65536):
                said += more
        except ConnectionError:
            pass
    return said


@pytest.mark.thorough
async def test_eleven_hundred_half_open_connections_do_not_keep_an_honest_one_out() -> None:
    """The server never holds more than its share, and the client who holds many loses its own."""
    async with _served(Guests(most=200, most_a_client=50)) as server, held(server.bound_port, HALF, 1100) as all_held:
        for path in ("/health", "/ready", "/health"):
            assert (await _asked(server, path))[0] == 200
        assert len(server.guests) <= 51
        assert server.guests.dropped >= 1050
        assert {await _until_closed(one) for one in all_held[:1000]} == {b""}


@pytest.mark.thorough
async def test_who_is_answered_stays_while_those_who_wait_go() -> None:
    async with _served(Guests(most=4)) as server, held(server.bound_port, b"GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n"):
        await until(lambda: len(server.guests._answered))
        async with held(server.bound_port, HALF, 20) as others:
            assert {await _until_closed(one) for one in others[:17]} == {b""}
            assert (len(server.guests._answered), len(server.guests)) == (1, 4)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (HALF, b""),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /he", b" 200 "),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nslow", b" 408 "),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", b" 408 "),
        (b"GET /stuck HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b" 504 "),
        (b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nslow", b" 408 "),
    ],
)
async def test_whoever_is_slow_is_let_go(sent: bytes, answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IDLE_SECONDS", "BODY_SECONDS", "LINGERING_SECONDS"):
        monkeypatch.setattr(connections, name, 0.2)
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 1.0)
    async with _served() as server, held(server.bound_port, sent) as (one,):
        assert answer in (await _until_closed(one)).partition(b"\r\n")[0]
        await until(lambda: len(server.guests) == 0)


async def test_bodies_have_a_size_and_are_given_as_they_came() -> None:
    async with _served() as server:
        whole = b"x" * LARGEST_BODY
        assert (await _asked(server, "/echo", "POST", data=whole))[::2] == (200, whole)
        assert (await _asked(server, "/echo", "POST", data=whole + b"x"))[0] == 413
        assert (await _asked(server, "/echo", "POST", data=_chunks(whole + b"xx")))[0] == 413
        zipped = {"Content-Encoding": "gzip"}
        assert (await _asked(server, "/echo", "POST", data=b"no gzip", headers=zipped))[::2] == (200, b"no gzip")


async def _chunks(whole: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(whole), 65536):
        yield whole[begin : begin + 65536]


PROXIED = ("X-Forwarded-For", "x-forwarded-proto", "Forwarded", "Via", "X-Real-IP", "CF-Connecting-IP")


@pytest.mark.parametrize(
    "headers", [*({name: "192.0.2.1"} for name in PROXIED), {"Host": "raffle.example"}, {"Host": "127.0.0.1.evil:80"}]
)
async def test_strangers_read_up_or_down_and_nothing_else(headers: dict[str, str]) -> None:
    async with _served() as server:
        assert (await _asked(server, "/health", headers=headers))[::2] == (200, b'{"status": "up"}')
        assert (await _asked(server, "/metrics", headers=headers))[0] == 401
        assert b"secret-streamer" in (await _asked(server, "/health"))[2]
        assert (await _asked(server, "/metrics", headers={"Host": "localhost:80"}))[0] == 200


async def test_with_a_token_only_who_brings_it_sees_the_details() -> None:
    async with _served(token="s3cret") as server:
        for given in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "s3cret"},
            {"Authorization": "Bearer é"},
        ):
            assert b"secret-streamer" not in (await _asked(server, "/health", headers=given))[2]
        good = {"Authorization": "Bearer s3cret", "X-Forwarded-For": "192.0.2.1"}
        assert b"secret-streamer" in (await _asked(server, "/health", headers=good))[2]
        assert (await _asked(server, "/metrics", headers=good))[0] == 200


async def test_every_answer_has_safe_headers_and_says_not_what_serves_it(caplog: pytest.LogCaptureFixture) -> None:
    async with _served() as server:
        for path, status in (("/health", 200), ("/nowhere", 404), ("/records/raffle/1/1.json", 404), ("/echo", 405)):
            answer = await _asked(server, path)
            assert (answer[0], {name: answer[1][name] for name in HEADERS}) == (status, HEADERS)
        async with held(server.bound_port, b"nonsense\r\n\r\n") as (one,):
            said = (await _until_closed(one)).decode()
        assert said.startswith("HTTP/1.0 400")
        assert all(f"{name}: {value}\r\n" in said for name, value in HEADERS.items())
        assert "aiohttp" not in said
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    ("files", "most"), [(1024, 512), (256, 128), (20, 16), (10**6, 512), (resource.RLIM_INFINITY, 512)]
)
def test_half_of_the_files_stay_with_the_bot(files: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (files, files))
    assert most_connections() == most


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1, 0, 0), "192.0.2.7"),
        (("2001:db8:1:2:3::4", 1, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1, 0, 2), "fe80::/64"),
        ("/run/socket", ""),
        (None, ""),
    ],
)
def test_a_client_is_an_address_or_an_ipv6_network(peer: object, client: str) -> None:
    assert client_of(peer) == client
