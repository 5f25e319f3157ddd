"""Acts at Discord's edge: each request does its work once, and the page that it stored is the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cogs._services import Services
from core.acts import Act, Outcome
from core.db import Connection
from core.messages import Embed
from core.reserves import Unseen

Work = Callable[[Connection], Awaitable[Embed]]


async def perform(
    services: Services, request: int | str, guild_id: int | None, actor: int, name: str, work: Work
) -> Embed:  # fmt: skip
    """`work` in one transaction with its page; the stored page where the request was carried out before.

    `request` is the interaction's or the message's id. Members that the work asks about are looked up between its
    attempts. Errors: as `Acts.do`; `NotReady` while nobody can tell who is in the server.
    """

    async def stored(conn: Connection) -> Outcome:
        return (await work(conn)).to_json()

    act = Act(key=f"{name}:{request}", name=name, guild_id=guild_id, actor=actor)
    while True:
        try:
            return Embed.from_json(await services.acts.do(act, stored))
        except Unseen as unseen:
            await unseen.look_up(services.members, guild_id or 0)
