"""What every test stands on: a real PostgreSQL of its own, a fresh database per test, and no way out."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from core import db
from tests.patience import FACTOR
from tests.postgres import Engines, PostgresServer

TEST_SECONDS = 60.0
PROCESSES = ("/tests/e2e/", "/tests/e2e_kick/", "/tests/core/test_embedded_")

# The same examples on every machine: a failure somewhere is a failure everywhere.
settings.register_profile("house", max_examples=40, deadline=None, derandomize=True, database=None, print_blob=True,
                          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
settings.load_profile("house")

# The suite makes few circles: looking for them as often as Python does costs a twentieth of its time.
gc.set_threshold(50_000, 20, 20)

# Many at once on a slow machine wait long for a connection: that is no outage.
db.POOL_SECONDS *= FACTOR


class LeftLoopback(RuntimeError):
    """A test tried to reach another machine. Not an OSError, so that no retry takes it for bad weather."""


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One server per session (per worker under xdist), started by the first test that needs it."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def template_database(postgres_server: PostgresServer) -> str:
    """The name of a migrated database, for copying; nobody may stay connected to it."""
    from core.db import migrate

    name = postgres_server.create_database()
    postgres_server.run(migrate(postgres_server.url(name)))
    return name


@pytest.fixture(scope="session")
async def engines(postgres_server: PostgresServer) -> AsyncIterator[Engines]:
    """The engines that tests hand on, on the event loop that tests share."""
    made = Engines()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "_pooled", made.pooled)
        yield made
    await made.end()


@pytest.fixture
def database_url(postgres_server: PostgresServer, template_database: str, engines: Engines) -> Iterator[str]:
    """The URL of a migrated database that only this test sees."""
    name = postgres_server.lend(template_database)
    url = postgres_server.url(name)
    engines.keep(url)
    yield url
    postgres_server.take_back(name, engines)


@pytest.fixture
def empty_database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a database without any table that only this test sees."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


def _is_loopback(family: int, address: Any) -> bool:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return True
    host = str(address[0]).partition("%")[0]
    if host == "localhost":
        return True
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


@pytest.fixture(scope="session", autouse=True)
def _only_loopback() -> Iterator[None]:
    """Refuse every connection that would leave this machine."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def check(sock: socket.socket, address: Any) -> None:
        if not _is_loopback(sock.family, address):
            raise LeftLoopback(f"a test may not connect to {address!r}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check(self, address)
        return connect_ex(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        yield


def pytest_report_header() -> str:
    return f"patience: {FACTOR:g} (what may take a second on a quiet machine is waited for so long)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that hangs ends, after a time that suits the machine; no worker has all the slow ones."""
    for item in items:
        marker = item.get_closest_marker("timeout")
        seconds = float(marker.args[0]) if marker is not None else TEST_SECONDS
        item.add_marker(pytest.mark.timeout(seconds * FACTOR), append=False)
        if "start_bot" in getattr(item, "fixturenames", ()) or any(folder in str(item.path) for folder in PROCESSES):
            item.add_marker(pytest.mark.process)
    items[:] = _spread(items)


def _spread(items: list[pytest.Item]) -> list[pytest.Item]:
    """The slow ones evenly among the others: each worker begins with a piece of the list."""
    kinds: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        kinds[any(item.get_closest_marker(name) for name in ("process", "thorough"))].append(item)
    place = {item: (at + 0.5) / len(kind) for kind in kinds.values() for at, item in enumerate(kind)}
    return sorted(items, key=place.__getitem__)


def pytest_xdist_auto_num_workers() -> int:
    """Two for each core that this run may use: half of a test is waiting for others."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 2 * cores
