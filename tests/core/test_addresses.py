"""No admin of a server lets this process ask what only this process can reach."""

from __future__ import annotations

import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from core import settings_schema
from core.addresses import feed_address, is_public, public_sockets
from core.config import load
from core.errors import ConfigError, UserError

HIDDEN = (
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.255", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9",
    "192.88.99.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
    "3fff::1", "100::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::1",
)  # fmt: skip
PUBLIC = ("1.1.1.1", "104.16.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


def test_what_is_public() -> None:
    assert [address for address in HIDDEN if is_public(address)] == []
    assert [address for address in PUBLIC if not is_public(address)] == []


@pytest.mark.parametrize(
    "written",
    [
        "http://casino.example/stats", "ftp://casino.example/", "https://", "https://intranet/x", "https://a.local/",
        "https://metadata.google.internal/x", "https://x.localhost/", "https://casino.example./", "https://10.0.0.1/x",
        "https://[::ffff:10.0.0.1]/", "https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://0177.0.0.1/",
        "https://user:key@casino.example/", "https://casino.example\\@127.0.0.1/", "https://casino.example/a b",
        "https://casino.example/\x00", "https://casino.example/\r\nX: y", "https://casino.example/ü",
        "https://casino.example:99999/", "https://①②⑦.⓪.⓪.①/", "http://169.254.169.254/latest/meta-data/iam",
    ],
)  # fmt: skip
def test_addresses_that_are_refused_when_typed(written: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        feed_address(written)
    for name, value in (("shuffle_affiliate_url", written), ("wager_sources", f"howl={written}#key")):
        with pytest.raises(UserError, match=r"config\.bad_value"):
            settings_schema.parse(name, value, sandboxed=True)


def test_public_ones_are_taken() -> None:
    assert feed_address("https://affiliate.casino.example/stats/1?a=b&c=%20/") == (
        "https://affiliate.casino.example/stats/1?a=b&c=%20"
    )
    assert settings_schema.parse("wager_sources", "howl:b=https://1.1.1.1:8443/lb#k-3_y=") is not None


def test_this_machine_is_for_the_sandbox() -> None:
    for name, written in (("shuffle_affiliate_url", "http://127.0.0.1:9/x"), ("wager_sources", "howl=http://[::1]/#k")):
        assert settings_schema.parse(name, written, sandboxed=True) == written.rstrip("/")
        with pytest.raises(UserError, match=r"config\.bad_value"):
            settings_schema.parse(name, written)
        with pytest.raises(ConfigError, match=r"\*\*\*\* must be"):
            load({name.upper(): written})
        assert load({name.upper(): written, "DISCORD_API_BASE": "http://127.0.0.1:1"}).sandboxed


class Rebound(AbstractResolver):
    """A name server that answers what its owner likes."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0)
            for one in self.addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize(("loopback", "reached"), [(False, 0), (True, 1)])
async def test_a_name_that_points_inside_is_not_connected_to(loopback: bool, reached: int) -> None:
    """Whatever was true when the name was typed: the address of the very connection decides."""
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/x", answer)
    async with TestServer(app) as server:
        connector = aiohttp.TCPConnector(
            resolver=Rebound("127.0.0.1", "10.0.0.1"), socket_factory=public_sockets(loopback=loopback)
        )
        async with aiohttp.ClientSession(connector=connector) as session:
            try:
                await session.get(f"http://casino.example:{server.port}/x")
            except aiohttp.ClientConnectorError:
                assert not loopback
    assert len(asked) == reached
