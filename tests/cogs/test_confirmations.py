"""Questions: the right to an act is asked at the press, and the act is done once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord.ext import commands

from cogs._acting import perform
from cogs._context import Confirmation, Context
from core.acts import Acts
from core.db import Connection, Database
from core.errors import UserError
from core.messages import Embed
from core.stores import process_state
from core.texts import Texts
from tests.cogs.support import FakeInteraction
from tests.cut_proxy import CutProxy
from tests.raffle.support import FakeClock

READER = Texts().reader("en")


async def staff_only(ctx: Any) -> bool:
    if "staff" not in ctx.author.roles:
        raise commands.CheckFailure from UserError("error.admin_only")
    return True


def asked(db: Database, *roles: str) -> Any:
    """A context of a command for staff."""
    ctx = Context.__new__(Context)
    ctx.author = SimpleNamespace(id=7, roles=roles)  # type: ignore[assignment]
    ctx.command = SimpleNamespace(checks=[staff_only])  # type: ignore[assignment]
    services = SimpleNamespace(acts=Acts(db, FakeClock()), guilds=SimpleNamespace(reader=lambda *_: READER))
    ctx.bot = SimpleNamespace(services=services)
    ctx.message = SimpleNamespace(guild=None)  # type: ignore[assignment]
    ctx.interaction = None
    return ctx


async def count(conn: Connection) -> Embed:
    number = int(await process_state.get(conn, "count") or "0") + 1
    await process_state.put(conn, "count", str(number))
    return Embed(description=f"number {number}")


async def counted(db: Database) -> str | None:
    async with db.reading() as conn:
        return await process_state.get(conn, "count")


def question(ctx: Any) -> Confirmation:
    return Confirmation(ctx, "Do it", "test", count, danger=True, before=None)


async def press(view: Confirmation, user: Any, number: int = 1) -> Any:
    made: Any = FakeInteraction(user, message=object(), number=number)
    button: Any = view.children[0]
    if await view.interaction_check(made):
        await button.callback(made)
    return made


def told(interaction: Any) -> str:
    arguments = interaction.said[-1][1]
    embeds: list[discord.Embed] = arguments.get("embeds") or [arguments["embed"]]
    return str(embeds[0].description)


@pytest.fixture
async def db(database_url: str) -> Any:
    made = Database(database_url)
    yield made
    await made.close()


@pytest.mark.thorough
async def test_who_lost_the_right_since_the_question_is_refused(db: Database) -> None:
    view = question(asked(db, "staff"))
    pressed = await press(view, SimpleNamespace(id=7, roles=()))
    assert told(pressed) == READER("error.admin_only")
    assert await counted(db) is None


async def test_others_press_in_vain_and_a_second_press_does_nothing(db: Database) -> None:
    view, user = question(asked(db, "staff")), SimpleNamespace(id=7, roles=("staff",))
    other = await press(view, SimpleNamespace(id=8, roles=("staff",)))
    assert (other.kinds, told(other)) == (["send"], READER("confirm.not_yours"))
    assert told(await press(view, user)) == "number 1"
    assert (await press(view, user, 2)).kinds == ["defer"]
    assert await counted(db) == "1"


async def test_a_press_whose_commit_is_cut_off_is_told_as_it_is(database_url: str) -> None:
    proxy = CutProxy(database_url)
    await proxy.start()
    db = Database(proxy.url)
    try:
        ctx = asked(db, "staff")
        proxy.cut_after(b"COMMIT")
        pressed = await press(question(ctx), SimpleNamespace(id=7, roles=("staff",)))
        assert (proxy.cuts, told(pressed), await counted(db)) == (1, "number 1", "1")
        again = await perform(ctx.services, 1, 900, 7, "test", count)
        assert again.description == "number 1", "the same request came twice"
    finally:
        await db.close()
        await proxy.close()
