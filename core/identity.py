"""Who is who: the link between a Discord member and a Kick account."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import Clock
from core.db import Connection, IntegrityError, Row, violated_constraint
from core.errors import UserError
from core.kick_events import fold
from core.stores import links as store
from core.stores.settings import audit
from core.texts import visible

CODE_LIFE = timedelta(minutes=10)
_LETTERS, _DIGITS = "ABCDEFGHJKMNPQRSTUVWXYZ", "23456789"
_CODE = re.compile(rf"(?:!link\s+)?([{_LETTERS}]{{3}}[{_DIGITS}]{{3}})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Link:
    discord_id: int
    kick_name: str
    kick_user_id: int | None
    linked_at: datetime


@dataclass(frozen=True, kw_only=True)
class LinkCode:
    code: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A Kick account was seen under a name."""

    kick_user_id: int
    kick_name: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class NewLink:
    """A code that was typed: who it binds, and the channel where it was asked for."""

    guild_id: int
    discord_id: int
    channel_id: int | None
    kick_name: str
    kick_user_id: int | None


def name_key(name: str) -> str:
    """How Kick names compare: case-folded and otherwise as written, for `a_b` and `a-b` are two people."""
    return fold(name)


def code_in(content: str) -> str | None:
    """The link code that a chat message consists of, if it looks like one."""
    found = _CODE.fullmatch(visible(content))
    return found.group(1).upper() if found else None


def _random_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(3))
    return letters + "".join(secrets.choice(_DIGITS) for _ in range(3))


def _link(row: Row) -> Link:
    return Link(
        discord_id=row["discord_id"], kick_name=row["kick_name"],
        kick_user_id=row["kick_user_id"], linked_at=row["linked_at"],
    )  # fmt: skip


async def link_of(conn: Connection, guild_id: int, discord_id: int) -> Link | None:
    row = await store.of_member(conn, guild_id, discord_id)
    return _link(row) if row else None


async def member_of(conn: Connection, guild_id: int, kick_user_id: int | None, kick_name: str) -> Link | None:
    """The link of a Kick account: by id, said or seen in the chat under the name; by name where nobody knows one."""
    if kick_user_id is None:
        kick_user_id = await known_kick_id(conn, guild_id, kick_name)
    row = await store.of_kick(conn, guild_id, kick_user_id, name_key(kick_name))
    return _link(row) if row else None


async def new_code(conn: Connection, clock: Clock, guild_id: int, discord_id: int, channel_id: int | None) -> LinkCode:
    """A one-time code for the member to type in the Kick chat. Errors: `link.already`."""
    link = await link_of(conn, guild_id, discord_id)
    if link is not None:
        raise UserError("link.already", kick_name=link.kick_name)
    code = _random_code()
    now = clock.now()
    expires_at = now + CODE_LIFE
    await store.add_code(
        conn, guild_id=guild_id, code=code, discord_id=discord_id, channel_id=channel_id,
        now=now, expires_at=expires_at,
    )  # fmt: skip
    return LinkCode(code=code, expires_at=expires_at)


async def good_codes(conn: Connection, typed: Sequence[tuple[int, str]], now: datetime) -> set[tuple[int, str]]:
    """Which of these (guild, code) are good at this moment."""
    return await store.good_codes(conn, [guild for guild, _code in typed], [code for _guild, code in typed], now)


async def redeem(
    conn: Connection, clock: Clock, guild_id: int, code: str, kick_user_id: int, kick_name: str
) -> NewLink | None:
    """Bind the Kick account that typed the code; None when the code is not (or no longer) good.

    Errors: `link.kick_taken` when the account belongs to another member.
    """
    now = clock.now()
    row = await store.use_code(conn, guild_id, code, now)
    if row is None:
        return None
    discord_id = row["discord_id"]
    await bind(conn, guild_id, discord_id, kick_name, kick_user_id, None, now)
    return NewLink(
        guild_id=guild_id, discord_id=discord_id, channel_id=row["channel_id"],
        kick_name=kick_name, kick_user_id=kick_user_id,
    )  # fmt: skip


async def bind(
    conn: Connection, guild_id: int, discord_id: int, kick_name: str,
    kick_user_id: int | None, actor: int | None, now: datetime,
) -> None:  # fmt: skip
    """Link both sides. Errors: `link.already`, `link.kick_taken`.

    Where the account's id is known, another one's link does not stand in its way for having had its name once.
    """
    if kick_user_id is not None:
        await store.release_name(conn, guild_id, name_key(kick_name), kick_user_id)
    try:
        async with conn.begin_nested():
            await store.add(
                conn, guild_id=guild_id, discord_id=discord_id, kick_name=kick_name,
                name_key=name_key(kick_name), kick_user_id=kick_user_id, linked_by=actor, now=now,
            )  # fmt: skip
    except IntegrityError as error:
        taken = violated_constraint(error) != "links_one_per_member"
        raise UserError("link.kick_taken" if taken else "link.already", kick_name=kick_name) from error
    await audit(conn, guild_id, actor or discord_id, "link", {"kick_name": kick_name, "member": str(discord_id)}, now)


async def unlink(conn: Connection, clock: Clock, guild_id: int, discord_id: int, actor: int) -> str:
    """End the member's link; the Kick name it had. Errors: `link.none`."""
    now = clock.now()
    row = await store.remove(conn, guild_id, discord_id, actor, now)
    if row is None:
        raise UserError("link.none")
    await audit(conn, guild_id, actor, "unlink", {"kick_name": row["kick_name"], "member": str(discord_id)}, now)
    return str(row["kick_name"])


async def learn_names(
    conn: Connection, guild_id: int, minute: datetime, slugs: Mapping[int, str] | None = None
) -> None:
    """From those who were active in a minute: ids of links made by name alone, names that changed, or changed hands.

    `slugs` are those accounts' names in addresses, by id, where they differ: a link may have been made by one.
    """
    await store.release_seen(conn, guild_id, minute)
    await store.learn_ids(conn, guild_id, minute)
    if slugs:
        await store.learn_ids_by_slug(conn, guild_id, list(slugs), [name_key(slug) for slug in slugs.values()])
    for row in await store.renamed(conn, guild_id, minute):
        await store.release_name(conn, guild_id, row["name_key"], row["kick_user_id"])
        await store.rename(conn, guild_id, row["kick_user_id"], row["kick_name"], row["name_key"])


async def keep_names(conn: Connection, guild_id: int, seen: Sequence[Seen]) -> None:
    """Keep who was seen under which name, and let the links follow: each account once."""
    ids = [one.kick_user_id for one in seen]
    names = [one.kick_name for one in seen]
    await store.keep_names(conn, guild_id, ids, names, list(map(name_key, names)), [one.at for one in seen])
    await store.follow_names(conn, guild_id, ids)


async def known_kick_id(conn: Connection, guild_id: int, kick_name: str) -> int | None:
    """The id of the Kick account that was last seen under the name in this guild's channel."""
    return await store.seen_id(conn, guild_id, name_key(kick_name))
