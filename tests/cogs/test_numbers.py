"""Numbers as people write them, and numbers that no column can hold."""

from __future__ import annotations

from typing import Any

import pytest
from discord.ext import commands
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cogs import _errors
from cogs._converters import WrittenNumber, numbers_as_written
from core.db import Database, UnknownOutcome
from core.texts import Texts

READER = Texts().reader("en")


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1,000", 1000),
        ("1_000", 1000),
        ("12,345,678", 12_345_678),
        ("1٬000", 1000),
        ("١٬٠٠٠", 1000),
        ("-5", -5),
        ("7", 7),
    ],
)
async def test_a_number_as_it_is_written(written: str, number: int) -> None:
    assert await WrittenNumber().convert(None, written) == number  # type: ignore[arg-type]


@pytest.mark.parametrize("written", ["", "1,00", ",100", "1,0000", "1.5", "1,000.5", "ten", "1 000", "--5", "0x10"])
async def test_what_is_no_number(written: str) -> None:
    with pytest.raises(commands.BadArgument):
        await WrittenNumber().convert(None, written)  # type: ignore[arg-type]


def test_every_whole_number_of_a_command_is_read_so() -> None:
    async def body(ctx: Any, amount: int, count: int | None = None, name: str = "") -> None: ...

    command: commands.Command[Any, ..., Any] = commands.Command(body)
    numbers_as_written(command)
    assert [param.annotation for param in command.clean_params.values()] == [WrittenNumber, WrittenNumber | None, str]


@pytest.mark.parametrize(("column", "number"), [("integer", 2**31), ("integer", 10**30), ("bigint", 2**63)])
async def test_a_number_beyond_its_column_is_there_nowhere(database_url: str, column: str, number: int) -> None:
    db = Database(database_url)
    try:
        with pytest.raises(DBAPIError) as refused:
            async with db.reading() as conn:
                await conn.execute(text(f"SELECT CAST(:number AS {column})"), {"number": number})
    finally:
        await db.close()
    assert _errors.explain(refused.value, READER) == READER("error.no_such_number")


def test_an_unknown_outcome_is_told_as_one() -> None:
    lost = UnknownOutcome("COMMIT")
    lost.__cause__ = ConnectionError()
    assert _errors.explain(commands.CommandInvokeError(lost), READER) == READER("error.outcome_unknown")
    assert _errors.explain(ConnectionError(), READER) == READER("error.database_away")
