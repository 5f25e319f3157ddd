"""Links between casino names and members: asked for by the member, decided by an admin, paid once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from core import guilds, identity, outbox
from core.clock import Clock
from core.db import Connection, IntegrityError, Row, violated_constraint
from core.errors import UserError
from core.guilds import Guilds, GuildSettings
from core.letters import Letter
from core.messages import Message
from core.texts import mention
from raffle_system import link_announcements as announcements
from raffle_system import periods, wager_store
from raffle_system import shuffle_link_store as store
from raffle_system.tickets import ledger_refusals
from raffle_system.wager_sources import name_key
from raffle_system.wager_sources.decoders import CASINOS
from raffle_system.wager_sources.rows import is_masked, username_of

CARD_REF, DECISION_REF = "shuffle-card", "shuffle-decision"
_TAKEN = ("raffle_shuffle_links_one_member", "raffle_shuffle_links_asked_once")


@dataclass(frozen=True, kw_only=True)
class ShuffleLink:
    """A request or a link; `status` is pending, verified, rejected or ended."""

    id: int
    casino: str
    username: str
    kick_name: str
    discord_id: int
    status: str
    linked_at: datetime
    channel_id: int | None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of a request; `tickets` were paid for the running period on approval."""

    link: ShuffleLink
    tickets: int


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What `raffle links` shows: requests, links, and earners without a link with their USD, largest first."""

    pending: Sequence[ShuffleLink]
    verified: Sequence[ShuffleLink]
    unlinked: Sequence[Row]
    waiting: Sequence[Row]


def _link(row: Row) -> ShuffleLink:
    return ShuffleLink(
        id=row["id"], casino=row["casino"], username=row["shuffle_username"], kick_name=row["kick_name"],
        discord_id=row["discord_id"], status=row["status"], linked_at=row["linked_at"], channel_id=row["channel_id"],
    )  # fmt: skip


def checked_name(written: str) -> str:
    """A casino name as typed. Errors: `shuffle.bad_name`."""
    try:
        return username_of(written.strip().removeprefix("@"))
    except ValueError as error:
        raise UserError("shuffle.bad_name") from error


def checked_casino(written: str) -> str:
    """Errors: `shuffle.no_such_casino`."""
    if written.casefold() not in CASINOS:
        raise UserError("shuffle.no_such_casino", casino=written, known=", ".join(CASINOS))
    return written.casefold()


async def request(
    conn: Connection, clock: Clock, guilds_: Guilds, settings: GuildSettings, casino: str, written: str,
    discord_id: int, channel_id: int | None, owner_id: int | None = None,
) -> ShuffleLink:  # fmt: skip
    """A member asks for a casino name; the admins get a card with buttons.

    Who plays where is nobody else's business: without an admin channel the card goes to the server's owner.

    Errors: `shuffle.bad_name`, `shuffle.kick_first`, `shuffle.taken`, `shuffle.asked`, `shuffle.most`,
    `shuffle.cooldown`.
    """
    name, casino = checked_name(written), checked_casino(casino)
    kick = await identity.link_of(conn, settings.guild_id, discord_id)
    if kick is None:
        raise UserError("shuffle.kick_first")
    await store.lock(conn, settings.guild_id)
    now = clock.now()
    await _may_ask(conn, settings, casino, name, discord_id, now)
    row = await _added(conn, settings, casino, name, kick.kick_name, discord_id, "pending", channel_id, None, now)
    link = _link(row)
    message = announcements.card(guilds_.reader(settings.guild_id), link, *await _usd(conn, settings, link))
    if settings.admin_channel_id is not None:
        await outbox.post(conn, clock, settings.guild_id, settings.admin_channel_id, message)
    elif owner_id is not None:
        await outbox.post_to_member(conn, clock, settings.guild_id, owner_id, message)
    return link


async def guild_of(conn: Connection, link_id: int) -> int | None:
    """Whose request a card is about that stands in nobody's server."""
    return await store.guild_of(conn, link_id)


async def _may_ask(
    conn: Connection, settings: GuildSettings, casino: str, name: str, discord_id: int, now: datetime
) -> None:  # fmt: skip
    owner = await store.verified_owner(conn, settings.guild_id, casino, name_key(name))
    if owner is not None:
        raise UserError("shuffle.already_yours" if owner["discord_id"] == discord_id else "shuffle.taken", name=name)
    mine = [_link(row) for row in await store.of_member(conn, settings.guild_id, discord_id)]
    own = [link for link in mine if link.casino == casino]
    if any(link.status == "pending" and name_key(link.username) == name_key(name) for link in own):
        raise UserError("shuffle.asked", name=name)
    if sum(link.status in ("pending", "verified") for link in own) >= settings.max_shuffle_links_per_user:
        raise UserError("shuffle.most", most=settings.max_shuffle_links_per_user)
    free_at = max((link.linked_at for link in mine), default=now - timedelta(days=36_500))
    free_at += timedelta(seconds=settings.link_shuffle_cooldown)
    if free_at > now:
        raise UserError("shuffle.cooldown", seconds=str(int(free_at.timestamp())))


async def _added(
    conn: Connection, settings: GuildSettings, casino: str, name: str, kick_name: str, discord_id: int, status: str,
    channel_id: int | None, actor: int | None, now: datetime,
) -> Row:  # fmt: skip
    try:
        async with conn.begin_nested():
            return await store.add(
                conn, guild_id=settings.guild_id, casino=casino, name=name, name_key=name_key(name),
                kick_name=kick_name, discord_id=discord_id, status=status, channel_id=channel_id, actor=actor, now=now,
            )  # fmt: skip
    except IntegrityError as error:
        if violated_constraint(error) not in _TAKEN:
            raise
        raise UserError("shuffle.taken", name=name) from error


async def _usd(conn: Connection, settings: GuildSettings, link: ShuffleLink) -> tuple[Decimal | None, bool]:
    """(USD of the name in the running period, whether others may have the name, too)."""
    period = await periods.active(conn, settings.guild_id)
    key = name_key(link.username)
    row = await wager_store.usd_of(conn, period.id, link.casino, key)
    if row is None:
        return None, is_masked(key)
    return Decimal(row["usd"]), is_masked(key) or row["many"] or row["waiting"]


async def decide(
    conn: Connection, clock: Clock, guilds_: Guilds, settings: GuildSettings, link_id: int, actor: int, *,
    approve: bool,
) -> Decision:  # fmt: skip
    """An admin's answer to a request, once. The member hears of it. Errors: `shuffle.decided`, `shuffle.taken`."""
    period = await periods.held_open(conn, settings.guild_id)
    await store.lock(conn, settings.guild_id)
    row = await store.get(conn, settings.guild_id, link_id)
    if row is None or row["status"] != "pending":
        raise UserError("shuffle.decided")
    link = await _set(conn, settings, _link(row), "verified" if approve else "rejected", actor, clock.now())
    tickets = await _settle(conn, settings, period.id, link, clock.now()) if approve else 0
    await _after(conn, clock, guilds_, settings, link, tickets, actor)
    return Decision(link=link, tickets=tickets)


async def _set(
    conn: Connection, settings: GuildSettings, link: ShuffleLink, status: str, actor: int, now: datetime
) -> ShuffleLink:  # fmt: skip
    try:
        async with conn.begin_nested():
            return _link(await store.set_status(conn, link.id, status, actor, now))
    except IntegrityError as error:
        if violated_constraint(error) not in _TAKEN:
            raise
        raise UserError("shuffle.taken", name=link.username) from error


async def _settle(conn: Connection, settings: GuildSettings, period_id: int, link: ShuffleLink, now: datetime) -> int:
    await store.bind(conn, settings.guild_id, link.casino)
    bound = await store.get(conn, settings.guild_id, link.id)
    with ledger_refusals():
        rows = await wager_store.settle(
            conn, guild_id=settings.guild_id, period_id=period_id, casino=link.casino,
            name_key=name_key(link.username), rate=settings.shuffle_tickets_per_1000_usd, now=now,
            account_key=bound["account_key"] if bound is not None else None,
        )  # fmt: skip
    return int(rows[0]["tickets"]) if rows else 0


async def _after(
    conn: Connection, clock: Clock, guilds_: Guilds, settings: GuildSettings, link: ShuffleLink, tickets: int,
    actor: int,
) -> None:  # fmt: skip
    """The card says what became of it, the member hears, and the audit log remembers."""
    guild_id = settings.guild_id
    card = announcements.card_decided(guilds_.reader(guild_id), link, actor, tickets)
    if await store.has_card(conn, f"{CARD_REF}/{link.id}"):
        channel = await store.card_channel(conn, f"{CARD_REF}/{link.id}")
        await outbox.post(conn, clock, guild_id, channel, card)
    told = announcements.decision(guilds_.reader(guild_id, link.discord_id), link, tickets)
    await outbox.post_to_member(conn, clock, guild_id, link.discord_id, told)
    detail = {"casino": link.casino, "name": link.username, "member": str(link.discord_id), "tickets": tickets}
    await guilds.audit(conn, guild_id, actor, f"shuffle_{link.status}", detail, clock.now())


async def verify(
    conn: Connection, clock: Clock, guilds_: Guilds, settings: GuildSettings, casino: str, written: str,
    kick_name: str, actor: int,
) -> Decision:  # fmt: skip
    """An admin links a casino name to the member of a Kick account, asked for or not.

    Errors: `shuffle.bad_name`, `shuffle.kick_unknown`, `shuffle.taken`, `shuffle.already`, `shuffle.most`.
    """
    name, casino = checked_name(written), checked_casino(casino)
    period = await periods.held_open(conn, settings.guild_id)
    await store.lock(conn, settings.guild_id)
    kick = await identity.member_of(conn, settings.guild_id, None, kick_name)
    if kick is None:
        raise UserError("shuffle.kick_unknown", name=kick_name)
    now = clock.now()
    owner = await store.verified_owner(conn, settings.guild_id, casino, name_key(name))
    if owner is not None:
        raise UserError("shuffle.already" if owner["discord_id"] == kick.discord_id else "shuffle.taken", name=name)
    own = [_link(row) for row in await store.of_member(conn, settings.guild_id, kick.discord_id)]
    own = [link for link in own if link.casino == casino]
    if sum(link.status == "verified" for link in own) >= settings.max_shuffle_links_per_user:
        raise UserError(
            "shuffle.member_most", most=settings.max_shuffle_links_per_user, member=mention(kick.discord_id)
        )
    asked = next((o for o in own if o.status == "pending" and name_key(o.username) == name_key(name)), None)
    if asked is not None:
        return await decide(conn, clock, guilds_, settings, asked.id, actor, approve=True)
    row = await _added(conn, settings, casino, name, kick.kick_name, kick.discord_id, "verified", None, actor, now)
    link = _link(row)
    tickets = await _settle(conn, settings, period.id, link, now)
    await _after(conn, clock, guilds_, settings, link, tickets, actor)
    return Decision(link=link, tickets=tickets)


async def unlink(
    conn: Connection, clock: Clock, settings: GuildSettings, casino: str, written: str, actor: int
) -> ShuffleLink:  # fmt: skip
    """End a link; what was paid stays paid, and no later link of the name is paid for it again.

    Errors: `shuffle.not_linked`.
    """
    name, casino = checked_name(written), checked_casino(casino)
    await store.lock(conn, settings.guild_id)
    owner = await store.verified_owner(conn, settings.guild_id, casino, name_key(name))
    if owner is None:
        raise UserError("shuffle.not_linked", name=name)
    now = clock.now()
    link = _link(await store.set_status(conn, owner["id"], "ended", actor, now))
    detail = {"casino": casino, "name": link.username, "member": str(link.discord_id)}
    await guilds.audit(conn, settings.guild_id, actor, "shuffle_ended", detail, now)
    return link


async def rename(
    conn: Connection, clock: Clock, settings: GuildSettings, casino: str, old: str, new: str, actor: int
) -> Decision:  # fmt: skip
    """A member has a new name at the casino: the link and the amounts go on under it.

    Errors: `shuffle.not_linked`, `shuffle.taken`, `shuffle.bad_name`.
    """
    old_name, new_name, casino = checked_name(old), checked_name(new), checked_casino(casino)
    period = await periods.held_open(conn, settings.guild_id)
    await store.lock(conn, settings.guild_id)
    owner = await store.verified_owner(conn, settings.guild_id, casino, name_key(old_name))
    if owner is None:
        raise UserError("shuffle.not_linked", name=old_name)
    now = clock.now()
    await store.set_status(conn, owner["id"], "ended", actor, now)
    row = await _added(
        conn, settings, casino, new_name, owner["kick_name"], owner["discord_id"], "verified", None, actor, now
    )
    await wager_store.rename(conn, period.id, casino, name_key(old_name), name_key(new_name))
    link = _link(row)
    tickets = await _settle(conn, settings, period.id, link, now)
    detail = {"casino": casino, "old": old_name, "new": new_name, "member": str(link.discord_id)}
    await guilds.audit(conn, settings.guild_id, actor, "shuffle_renamed", detail, now)
    return Decision(link=link, tickets=tickets)


async def decide_waiting(
    conn: Connection, clock: Clock, settings: GuildSettings, casino: str, written: str, actor: int, *, count: bool
) -> int:  # fmt: skip
    """An admin lets a waiting name count, with all that it has or from now on; the tickets paid at once.

    Errors: `shuffle.not_waiting`.
    """
    name, casino = checked_name(written), checked_casino(casino)
    period, now = await periods.held_open(conn, settings.guild_id), clock.now()
    rate = settings.shuffle_tickets_per_1000_usd
    found = await wager_store.decide_waiting(conn, period.id, casino, name_key(name), count=count, rate=rate)
    if not found:
        raise UserError("shuffle.not_waiting", name=name)
    with ledger_refusals():
        rows = await wager_store.settle(
            conn, guild_id=settings.guild_id, period_id=period.id, casino=casino, name_key=name_key(name),
            rate=rate, now=now, trusted=True,
        )  # fmt: skip
    detail = {"casino": casino, "name": name}
    await guilds.audit(conn, settings.guild_id, actor, "wager_counted" if count else "wager_skipped", detail, now)
    return int(rows[0]["tickets"]) if rows else 0


async def overview(conn: Connection, settings: GuildSettings, limit: int = 15) -> Overview:
    period = await periods.active(conn, settings.guild_id)
    return Overview(
        pending=[_link(row) for row in await store.with_status(conn, settings.guild_id, "pending", limit)],
        verified=[_link(row) for row in await store.with_status(conn, settings.guild_id, "verified", limit)],
        unlinked=await wager_store.unlinked_earners(conn, settings.guild_id, period.id, limit),
        waiting=await wager_store.waiting(conn, period.id),
    )


async def links_of(conn: Connection, guild_id: int, discord_id: int) -> list[ShuffleLink]:
    """A member's requests and links that stand, for `link status`."""
    rows = await store.of_member(conn, guild_id, discord_id)
    return [_link(row) for row in rows if row["status"] in ("pending", "verified")]


class DecisionFollower:
    """Hears when a member's direct messages are closed, and says it where the member asked."""

    def __init__(self, clock: Clock, guilds_: Guilds) -> None:
        self._clock = clock
        self._guilds = guilds_

    async def delivered(self, conn: Connection, letter: Letter, message_id: int) -> None:
        """Nothing to do: the member has read it."""

    async def undeliverable(self, conn: Connection, letter: Letter, reason: str) -> bool:
        settings = self._guilds.get(letter.guild_id)
        row = await store.get(conn, letter.guild_id, int(letter.message.ref.partition("/")[2]))
        if row is None or letter.user_id is None:
            return False
        channel = row["channel_id"] or settings.announcement_channel_id
        shown = Message(content=f"<@{letter.user_id}>", embeds=letter.message.embeds, mentions=(letter.user_id,))
        await outbox.post(conn, self._clock, letter.guild_id, channel, shown)
        return channel is not None
