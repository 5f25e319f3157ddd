"""What only the caller may read stays with the caller, also where the command was a message in a channel."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord.ext import commands

from cogs._commands import hybrid_command
from cogs._context import Context
from core.errors import UserError
from core.messages import Embed
from core.texts import Texts

READER = Texts().reader("en")
Sent = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """(where, what, how) of everything that was sent."""
    found: Sent = []

    async def send(_ctx: object, **arguments: Any) -> None:
        found.append(("channel", arguments["embed"].description, arguments))

    monkeypatch.setattr(commands.Context, "send", send)
    return found


def called(sent: Sent, audience: Any, *, slash: bool = False, closed: bool = False) -> Any:
    async def directly(**arguments: Any) -> None:
        if closed:
            response: Any = SimpleNamespace(status=403, reason="Forbidden")
            raise discord.Forbidden(response, {"code": 50007, "message": "Cannot send messages to this user"})
        sent.append(("direct", arguments["embed"].description, arguments))

    @hybrid_command(name="kick", audience=audience)
    async def command(_ctx: Any) -> None: ...

    ctx = Context.__new__(Context)
    ctx.command = command
    ctx.author = SimpleNamespace(id=7, send=directly)  # type: ignore[assignment]
    ctx.message = SimpleNamespace(guild=SimpleNamespace(id=900))  # type: ignore[assignment]
    ctx.bot = SimpleNamespace(services=SimpleNamespace(guilds=SimpleNamespace(reader=lambda *_: READER)))
    interaction: Any = SimpleNamespace(extras={}, response=SimpleNamespace(is_done=lambda: False))
    ctx.interaction = interaction if slash else None
    return ctx


PAGE = Embed(description="the code")


async def test_a_secret_comes_as_a_direct_message(sent: Sent) -> None:
    await called(sent, "secret").say(PAGE)
    assert [(where, what) for where, what, _how in sent] == [
        ("direct", "the code"),
        ("channel", READER("private.sent", command="`/kick`")),
    ]


async def test_closed_direct_messages_are_told_and_nothing_is_shown(sent: Sent) -> None:
    with pytest.raises(UserError) as refused:
        await called(sent, "secret", closed=True).say(PAGE)
    assert (refused.value.key, refused.value.args_["command"], sent) == ("error.use_slash", "/kick", [])


@pytest.mark.parametrize(("audience", "hidden"), [("secret", True), ("caller", True), ("public", False)])
async def test_a_slash_command_is_as_private_as_its_answers(sent: Sent, audience: str, hidden: bool) -> None:
    await called(sent, audience, slash=True).say(PAGE)
    assert [(where, how["ephemeral"]) for where, _what, how in sent] == [("channel", hidden)]


@pytest.mark.parametrize("audience", ["caller", "public"])
async def test_what_is_no_secret_is_answered_where_it_was_asked(sent: Sent, audience: str) -> None:
    await called(sent, audience).say(PAGE)
    assert [where for where, _what, _how in sent] == ["channel"]
