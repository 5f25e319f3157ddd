"""The tests' own guard: nothing leaves this machine."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.conftest import LeftLoopback


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, ("192.0.2.1", 80)),
        (socket.AF_INET, ("discord.com", 443)),
        (socket.AF_INET6, ("2001:db8::1", 80)),
        (socket.AF_INET6, ("::ffff:192.0.2.1", 80, 0, 0)),
    ],
)
def test_other_machines_are_refused(family: socket.AddressFamily, address: tuple[str, int]) -> None:
    with socket.socket(family) as client:
        with pytest.raises(LeftLoopback):
            client.connect(address)
        with pytest.raises(LeftLoopback):
            client.connect_ex(address)


async def test_asyncio_is_refused_too() -> None:
    with pytest.raises(LeftLoopback):
        await asyncio.open_connection("192.0.2.1", 80)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8"])
def test_this_machine_is_allowed(host: str) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server, socket.socket() as client:
        client.connect((host, server.getsockname()[1]))
        assert client.getpeername()[1] == server.getsockname()[1]
