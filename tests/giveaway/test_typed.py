"""Prizes as people type them after `!giveaway`: apostrophes of phones, several words, quotes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from discord.ext.commands.view import StringView

from cogs._words import GivenName, Words
from giveaway import queries
from tests.giveaway.support import GUILD, OTHER_GUILD, World


def _all(text: str) -> list[str]:
    found: list[str] = []
    view = Words.after(StringView(text))
    while True:
        view.skip_ws()
        word = view.get_quoted_word()
        if word is None:
            return found
        found.append(word)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Bob’s PS5", ["Bob’s", "PS5"]),
        ("Bob's PS5", ["Bob's", "PS5"]),
        ("’tis 'tis ‘tis", ["’tis", "'tis", "‘tis"]),
        ('”5” 24” screen 24"', ["”5”", "24”", "screen", '24"']),
        ('"Bob\'s PS5" it is late', ["Bob's PS5", "it", "is", "late"]),
        ("“Bob’s PS5” late", ["Bob’s PS5", "late"]),
        ("„Bob’s PS5“ «a b» ‘c d’", ["Bob’s PS5", "a b", "c d"]),
        ('say "what', ["say", '"what']),
        ('"a"b c', ['"a"b', "c"]),
        ('"" x', ["", "x"]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert _all(text) == words


async def _given(world: World, text: str, guild_id: int = GUILD) -> tuple[str, str]:
    """(the name of the giveaway, what is left) of what was typed."""
    view = Words.after(StringView(text))
    first = view.get_quoted_word()
    assert first is not None
    ctx: Any = SimpleNamespace(
        interaction=None, guild=SimpleNamespace(id=guild_id), view=view,
        bot=SimpleNamespace(services=SimpleNamespace(db=world.db)),
    )  # fmt: skip
    return await GivenName().convert(ctx, first), view.buffer[view.index :].strip()


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [
        ("Bob’s PS5", "Bob’s PS5", ""),
        ("bob's  ps5 the prize is late", "bob's ps5", "the prize is late"),
        ("Bob`s", "Bob`s", ""),
        ("7 PS5", "7", "PS5"),
        ("#7 PS5", "#7", "PS5"),
        ("Nothing like it", "Nothing", "like it"),
        ('"Bob\'s PS5" late', "Bob's PS5", "late"),
    ],
)
async def test_a_name_takes_the_words_of_a_prize(world: World, text: str, name: str, rest: str) -> None:
    await world.create(prize="Bob's PS5 “Slim”")
    assert await _given(world, text) == (name, rest)


async def test_quotes_are_one_to_whoever_looks_for_a_prize(world: World) -> None:
    made = await world.create(prize="Bob’s “big” PS5")
    async with world.db.transaction() as conn:
        for typed in ("Bob's", "bob’s", 'Bob`s "big"', "“BIG”"):
            assert [one.giveaway_id for one in await queries.choices(conn, GUILD, typed, ["active"])] == [
                made.giveaway_id
            ], typed
    assert await _given(world, "Bob’s PS5", OTHER_GUILD) == ("Bob’s", "PS5")
