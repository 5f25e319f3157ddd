"""Small pieces at the giveaways' edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import text

from cogs._giveaway_wish import Wish, span_text
from cogs._members import TicketCredits
from core import chart
from core.db import HotStatement
from core.durations import parse_duration
from giveaway import wishes
from giveaway.facts import Holding
from giveaway.models import Entities, Options, Requirement, Requirements, RoleEntity
from tests.giveaway.support import GUILD, NOW, World


@pytest.mark.parametrize(
    "good",
    ["🎉", "❤️", "❤", "<:party:1301969004142788609>", "<a:party:1301969004142788609>", "1️⃣", "🇩🇪", "👨‍👩‍👧", "👍🏽"],
)
def test_an_emoji(good: str) -> None:
    assert wishes.is_emoji(good)


@pytest.mark.parametrize(
    "bad", ["", "hello", "1", "🎉🎉", "🎉!", "♪", "①", "→", ":tada:", "<:p:1>", "<:party:x>", "<b>", "é", "🎉" * 40]
)
def test_no_emoji(bad: str) -> None:
    assert not wishes.is_emoji(bad)


GOOD_ADDRESSES = (
    "https://cdn.example/a.png", "http://93.184.216.34:8080/x?y=z#w", "https://münchen.example/ü.png",
)  # fmt: skip
BAD_ADDRESSES = (
    "https://", "https:///a.png", "https://?a", "https://#a", "https://.", "https://a..b/c", "https://-a.b/c",
    "https://a.b-/c", "https://localhost/a.png", "https://a.b:99999/c", "https://a.b:0/c", "https://a.b:x/c",
    "https://u:p@a.b/c", "https://a b.c", "ftp://a.b/c", "javascript:alert(1)", "https://[::1/a", "//a.b/c", "a.b/c",
    "https://a.b/{c}", "https://a.b/c\nd", f"https://a.b/{'c' * 1000}", f"https://{'a.' * 130}b/c",
)  # fmt: skip


@pytest.mark.parametrize("url", GOOD_ADDRESSES)
def test_an_address_of_a_picture(url: str) -> None:
    assert wishes.is_picture_address(url)


@pytest.mark.parametrize("url", BAD_ADDRESSES)
def test_no_address_of_a_picture(url: str) -> None:
    assert not wishes.is_picture_address(url)


@pytest.mark.parametrize("seconds", [60, 90, 3600, 129_600, 31_536_000])
def test_a_span_reads_as_it_was(seconds: int) -> None:
    assert parse_duration(span_text(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_vanished_roles_are_taken_out_everywhere() -> None:
    wish = Wish(
        host_id=1, entities=Entities(enabled=True, roles=(RoleEntity(role_id=5, points=1),)),
        requirements=Requirements(
            rules=(Requirement(kind="any_role", roles=(5,)), Requirement(kind="all_roles", roles=(5, 6)),
                   Requirement(kind="linked")), bypass_roles=(5, 7),
        ), options=Options(ping_role_id=5, winner_role_id=6),
    )  # fmt: skip
    assert wish.role_ids() == {5, 6, 7}
    wish.drop_roles({5})
    assert wish.role_ids() == {6, 7}
    assert not wish.entities.enabled
    assert [rule.kind for rule in wish.requirements.rules] == ["all_roles", "linked"]


async def test_a_hot_statement_answers_the_same_alone_and_in_a_transaction(world: World) -> None:
    statement = HotStatement("SELECT CAST(:a AS bigint) AS a, :b || '::x' AS b, :a + 1 AS c")
    async with world.db.statements() as conn:
        alone = await statement.one(conn, a=1, b="é")
    async with world.db.transaction() as conn:
        inside = await statement.one(conn, a=1, b="é")
    assert alone == inside == {"a": 1, "b": "é::x", "c": 2}


async def test_a_connection_that_rested_and_died_is_replaced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.db.IDLE_SECONDS", 0.0)
    async with world.db.transaction() as conn:
        own = (await conn.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    async with world.db.transaction() as conn:
        await conn.execute(text("SELECT 1"))
    admin = await asyncpg.connect(world.db.url)
    await admin.execute("SELECT pg_terminate_backend($1)", own)
    await admin.close()
    async with world.db.transaction() as conn:
        assert (await conn.execute(text("SELECT pg_backend_pid()"))).scalar_one() != own


async def test_credits_are_all_tickets_and_tickets_are_the_running_raffles(world: World) -> None:
    async with world.db.transaction() as conn:
        for number, status in ((1, "ended"), (2, "active")):
            period = (
                await conn.execute(
                    text(
                        "INSERT INTO raffle_periods (guild_id, number, start_date, end_date, status, created_at) "
                        "VALUES (:guild, :number, :start, :end, :status, :start) RETURNING id"
                    ),
                    {"guild": GUILD, "number": number, "start": NOW + timedelta(days=30 * number),
                     "end": NOW + timedelta(days=30 * number + 30), "status": status},
                )
            ).scalar_one()  # fmt: skip
            await conn.execute(
                text(
                    "INSERT INTO raffle_tickets "
                    "(guild_id, period_id, discord_id, kick_name, bonus_tickets, total_tickets, last_updated) "
                    "VALUES (:guild, :period, 5, '', :n, :n, :now)"
                ),
                {"guild": GUILD, "period": period, "n": 10 * number, "now": NOW},
            )
        found = await TicketCredits().of_many(conn, GUILD, [5, 6])
    assert found == {5: Holding(credits=30, tickets=20)}


def test_a_chart_is_a_picture_of_its_values() -> None:
    def series(*values: int) -> list[tuple[datetime, int]]:
        return [(NOW + timedelta(hours=hour), value) for hour, value in enumerate(values)]

    flat, steep = chart.line_chart(series(0, 0), "en"), chart.line_chart(series(0, 100), "ar")
    assert flat.startswith(b"\x89PNG")
    assert flat != steep


@pytest.mark.parametrize(
    ("days", "locale", "text"),
    [
        (0, "en", "15:04"), (3, "en", "3/1 15:04"), (30, "en", "3/1/2026"),
        (0, "ar", "15:04"), (3, "ar", "1/3 15:04"), (30, "ar", "1/3/2026"),
    ],
)  # fmt: skip
def test_the_dates_of_a_chart_are_the_readers(days: int, locale: str, text: str) -> None:
    assert chart.time_text(datetime(2026, 3, 1, 15, 4, tzinfo=UTC), days, locale) == text
