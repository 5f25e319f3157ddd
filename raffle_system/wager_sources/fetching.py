"""One request to a feed. Whatever goes wrong becomes a `FeedTrouble` that does not contain the address."""

from __future__ import annotations

import asyncio
import logging
from email.utils import parsedate_to_datetime

import aiohttp

from core.addresses import NotPublic, feed_address, public_sockets
from raffle_system.wager_sources.decoders import Span, WagerSource
from raffle_system.wager_sources.feeds import Feed
from raffle_system.wager_sources.rows import Answer, FeedTrouble, collect, parse_json

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 20.0
LARGEST_ANSWER = 16 * 1024 * 1024
_HEADERS = {"Accept": "application/json", "User-Agent": "Mozilla/5.0 (compatible; Drumroll)"}


def feed_session(*, loopback: bool) -> aiohttp.ClientSession:
    """A client for addresses that an admin typed: to public ones alone, and in the sandbox to `loopback`."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=public_sockets(loopback=loopback)))


async def fetch(session: aiohttp.ClientSession, feed: Feed, span: Span, patience: float = PATIENCE_SECONDS) -> Answer:
    """Ask the feed once. Errors: `FeedTrouble`, and nothing else that the network can do."""
    status, retry_after, body = await _asked(session, feed, span, patience)
    return await asyncio.to_thread(read, feed.source, feed.codes, status, retry_after, body)


async def _asked(
    session: aiohttp.ClientSession, feed: Feed, span: Span, patience: float
) -> tuple[int, float | None, bytes]:
    try:
        feed_address(feed.address)
    except ValueError:  # stored before addresses were checked
        raise FeedTrouble("not_public") from None
    asking = feed.source.ask(span, feed.secret)
    try:
        async with session.get(
            feed.address, params=dict(asking.parameters), headers={**_HEADERS, **asking.headers},
            timeout=aiohttp.ClientTimeout(total=patience), allow_redirects=False,
        ) as answer:  # fmt: skip
            body = await answer.content.read(LARGEST_ANSWER + 1)
            while len(body) <= LARGEST_ANSWER and (more := await answer.content.read(LARGEST_ANSWER + 1)):
                body += more
            return answer.status, _seconds(answer.headers.get("Retry-After"), answer.headers.get("Date")), body
    except TimeoutError:
        raise FeedTrouble("timeout") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # These exceptions carry the address, which is a credential.
        raise FeedTrouble(_why(error)) from None


def _why(error: BaseException) -> str:
    """The trouble with a connection. Admins are told the same whatever refused: they could search networks by it."""
    log.info("wager_feed_unreachable", extra={"error": type(error).__name__})
    refused = isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, NotPublic)
    return "not_public" if refused else "unreachable"


def _seconds(header: str | None, now: str | None) -> float | None:
    """What «Retry-After» asks for: a number, or a date by the clock of the one who answers (its «Date»)."""
    if header is None or (header.isascii() and header.isdigit()):
        return float(header) if header is not None else None
    try:
        return max((parsedate_to_datetime(header) - parsedate_to_datetime(now or "")).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def read(
    source: WagerSource, codes: tuple[str, ...], status: int, retry_after: float | None, body: bytes
) -> Answer:  # fmt: skip
    """The rows of an answer. Errors: `FeedTrouble` for every answer that is no list with at least one row."""
    if status == 429:
        raise FeedTrouble("too_many", retry_after=retry_after)
    if 300 <= status < 400:
        raise FeedTrouble("redirect")
    if len(body) > LARGEST_ANSWER:
        raise FeedTrouble("too_large")
    if status in (401, 403):
        raise FeedTrouble("refused", str(status))
    if status >= 500:
        raise FeedTrouble("status", str(status))
    items = source.rows(parse_json(body))
    if status != 200:
        raise FeedTrouble("status", str(status))
    if not items:
        raise FeedTrouble("empty")
    answer = collect(items, source.read, codes, source.divisor)
    if not answer.rows and answer.bad:
        raise FeedTrouble("not_rows")
    return answer
