"""What DATABASE_URL says, in the shapes in which hosts give it, and the one place that connects by it."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import asyncpg

__all__ = ["ReadOnlyServer", "Target", "Unusable", "connect", "keeps_sessions", "require_writable", "target"]

if TYPE_CHECKING:
    Driver = asyncpg.Connection[asyncpg.Record]

SCHEMES = ("postgres", "postgresql", "postgresql+asyncpg")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
CONNECT_SECONDS = 10.0


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What the driver reads from an address itself, and what it hands on to the server.
_DRIVERS = _names(
    "host port user password dbname database passfile sslmode sslrootcert sslcert sslkey sslcrl sslpassword "
    "ssl_min_protocol_version ssl_max_protocol_version target_session_attrs krbsrvname"
)
_SERVERS = _names(
    "application_name options search_path statement_timeout lock_timeout idle_in_transaction_session_timeout"
)
# What speaks to other client libraries, and asks nothing of the server.
_OTHERS = _names(
    "channel_binding gssencmode sslnegotiation sslcompression sslsni pgbouncer supa schema connection_limit "
    "pool_timeout pool_size keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout "
    "load_balance_hosts fallback_application_name prepared_statement_cache_size prepareThreshold"
)
_OURS = frozenset({"connect_timeout", "statement_cache_size"})
# A server that vanished without a word (power, network) is noticed within 15 s, not after two hours.
_SESSION = "SET jit = off; SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 5"
_READ_ONLY = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"
_PROBES = 3


class Unusable(ValueError):
    """An address that cannot be used; the text says why, without its secrets."""


class ReadOnlyServer(ConnectionError):
    """The server answers and takes no writes: a standby, or a primary that was demoted."""


@dataclass(frozen=True)
class Target:
    """Where to connect: an address that asyncpg reads, and what it takes beside it."""

    address: str
    timeout: float = CONNECT_SECONDS
    ssl: ssl.SSLContext | None = None
    arguments: dict[str, Any] = field(default_factory=dict)


def target(url: str) -> Target:
    """Read an address. Errors: `Unusable`, which names what cannot be used."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise Unusable(f"the address begins with {parts.scheme or 'nothing'}://")
    query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    for name in ("host", "port"):  # one host each, as SQLAlchemy writes it, or all in one, as libpq does
        if name in query:
            query[name] = ",".join(parse_qs(parts.query)[name])
    if len(parts.path) < 2 and not query.keys() & {"dbname", "database"}:
        raise Unusable("it names no database")
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if not all(re.fullmatch(r"(\[[^\]]*\]|[^:\s]*)(:\d{1,5})?", host) for host in hosts):
        raise Unusable("its host or port cannot be read")
    unknown = sorted(query.keys() - _DRIVERS - _SERVERS - _OTHERS - _OURS)
    if unknown:
        raise Unusable(f"its parameter {unknown[0]} is not known")
    numbers = {name: query[name] for name in _OURS & query.keys()}
    if not all(number.isdecimal() for number in numbers.values()):
        raise Unusable(f"its {' and '.join(sorted(numbers))} must be whole numbers")
    timeout = float(numbers.pop("connect_timeout", CONNECT_SECONDS))
    context = _trusted(query)
    kept = {name: value for name, value in query.items() if name in _DRIVERS | _SERVERS}
    if "," in parts.netloc.rpartition("@")[2] + kept.get("host", ""):
        kept.setdefault("target_session_attrs", "read-write")
    address = urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(kept), ""))
    return Target(address, timeout or CONNECT_SECONDS, context, {name: int(number) for name, number in numbers.items()})


def _trusted(query: dict[str, str]) -> ssl.SSLContext | None:
    """For certificates that are to be checked against the machine's own list, which the driver would not do."""
    mode = query.get("sslmode")
    if mode is not None and mode not in SSL_MODES:
        raise Unusable(f"its sslmode is none of {', '.join(SSL_MODES)}")
    if query.get("sslrootcert") == "system":
        del query["sslrootcert"]
        mode = "verify-full"
    if mode not in ("verify-ca", "verify-full") or "sslrootcert" in query:
        return None
    query.pop("sslmode", None)
    context = ssl.create_default_context()
    context.check_hostname = mode == "verify-full"
    return context


async def connect(url: str, **more: Any) -> Driver:
    """A connection to a server that takes writes. Errors: the driver's, `ReadOnlyServer`."""
    to = target(url)
    arguments = {"timeout": to.timeout, **to.arguments, **more}
    if to.ssl is not None:
        arguments["ssl"] = to.ssl
    connection: Driver = await asyncpg.connect(to.address, server_settings={"timezone": "UTC"}, **arguments)
    try:
        async with asyncio.timeout(to.timeout):
            await connection.execute(_SESSION)
            await require_writable(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def require_writable(connection: Driver) -> None:
    """Errors: `ReadOnlyServer`."""
    if await connection.fetchval(_READ_ONLY):
        raise ReadOnlyServer("the server is read-only")


async def keeps_sessions(url: str) -> bool:
    """Whether a connection is one session of the server for as long as it stands.

    A pooler in transaction mode gives each transaction whichever session is free: what one connection used last,
    another one gets next. A lock that a session holds then belongs to nobody.
    """
    ours = await connect(url, statement_cache_size=0)
    try:
        return not any([await _shared(ours, url) for _ in range(_PROBES)])
    except (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError):
        return False
    finally:
        ours.terminate()


async def _shared(ours: Driver, url: str) -> bool:
    pid = await ours.fetchval("SELECT pg_backend_pid()")
    try:
        other = await connect(url, statement_cache_size=0)
    except (OSError, TimeoutError, asyncpg.TooManyConnectionsError):
        return False  # no second session is to be had: nobody can be handed ours either
    try:
        async with other.transaction():
            if await other.fetchval("SELECT pg_backend_pid()") == pid:
                return True
            async with asyncio.timeout(CONNECT_SECONDS):
                return bool(await ours.fetchval("SELECT pg_backend_pid()") != pid)
    finally:
        other.terminate()
