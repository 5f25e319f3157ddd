"""A channel's ids and live status from Kick's site, by its slug. Unofficial, and now and then blocked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from core.clock import Clock
from core.kick_events import KickChannelIds, LiveStatus, fold, slug_forms
from core.moments import read_moment
from kick.coerce import mapping, parse, text, whole

_PATIENCE = aiohttp.ClientTimeout(total=10)
_LARGEST_ANSWER = 4 * 1024 * 1024
_HEADERS = {"Accept": "application/json", "User-Agent": "Mozilla/5.0 (compatible; Drumroll)"}


class LookupBlocked(Exception):
    """Kick did not answer the look-up; the ids can be entered by hand."""

    def __init__(self, slug: str, why: str) -> None:
        super().__init__(
            f"Kick did not give the ids of channel {slug!r} ({why}). Set KICK_CHANNEL_ID, "
            "KICK_CHATROOM_ID and KICK_BROADCASTER_USER_ID by hand; they never change."
        )
        self.slug = slug
        self.why = why


class ChannelUnknown(Exception):
    """Kick has no channel of this name."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"Kick has no channel named {slug!r}; KICK_CHANNEL is the name in the channel's address.")
        self.slug = slug


@dataclass(frozen=True, slots=True)
class FoundChannel:
    """What the site says of a channel: its ids, whether it is live, and its owner's name, if it says that."""

    ids: KickChannelIds
    live: LiveStatus
    owner: str


async def lookup_channel(session: aiohttp.ClientSession, site_base: str, name: str, clock: Clock) -> FoundChannel:
    """Ask `{site_base}/api/v2/channels/{slug}`, for the name as written first.

    Raises ChannelUnknown where Kick has no such channel and LookupBlocked for every other answer without
    ids or of another channel: an error status, a challenge page, no answer in 10 s.
    """
    written, *others = slug_forms(name)
    for slug in (written, *others):
        try:
            found = await _asked(session, site_base, slug, clock)
        except ChannelUnknown:
            continue
        if found.ids.slug not in (written, *others):
            raise LookupBlocked(written, f"the answer is of {found.ids.slug!r}")
        return found
    raise ChannelUnknown(written)


async def _asked(session: aiohttp.ClientSession, site_base: str, slug: str, clock: Clock) -> FoundChannel:
    url = f"{site_base.rstrip('/')}/api/v2/channels/{quote(slug, safe='')}"
    try:
        async with session.get(url, headers=_HEADERS, timeout=_PATIENCE) as response:
            status, body = response.status, await response.content.read(_LARGEST_ANSWER)
            while not response.content.at_eof() and len(body) < _LARGEST_ANSWER:
                body += await response.content.read(_LARGEST_ANSWER)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise LookupBlocked(slug, type(error).__name__) from error
    return _found(slug, status, body, clock)


def _found(slug: str, status: int, body: bytes, clock: Clock) -> FoundChannel:
    if status == 404:
        raise ChannelUnknown(slug)
    if status != 200:
        raise LookupBlocked(slug, f"status {status}")
    try:
        answer = parse(body)
    except ValueError as error:
        raise LookupBlocked(slug, "no JSON") from error
    fields = mapping(answer)
    ids = KickChannelIds(
        slug=fold(text(fields.get("slug"), 100)) or slug,
        channel_id=whole(fields.get("id")) or None,
        chatroom_id=whole(mapping(fields.get("chatroom")).get("id")) or None,
        broadcaster_user_id=whole(fields.get("user_id")) or None,
    )
    if ids.channel_id is None or ids.chatroom_id is None:
        said = text(fields.get("error"), 100) or text(fields.get("message"), 100)
        raise LookupBlocked(slug, said or "no ids in the answer")
    owner = text(mapping(fields.get("user")).get("username"), 100)
    return FoundChannel(ids, _live_status(ids, fields.get("livestream"), clock), owner)


def _live_status(ids: KickChannelIds, livestream: Any, clock: Clock) -> LiveStatus:
    """A stream object counts as live unless it says `is_live: false`."""
    stream = mapping(livestream)
    live = bool(stream) and stream.get("is_live") is not False
    now = clock.now()
    started = read_moment(stream.get("start_time"), now) or read_moment(stream.get("created_at"), now)
    viewers = whole(stream.get("viewer_count")) if live else None
    return LiveStatus(
        ids.channel_id, ids.chatroom_id, live, "site", started if live else None, now, viewers=viewers
    )  # fmt: skip
