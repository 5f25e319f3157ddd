"""Changed ends, reminders, schedule, export, several prizes, claims, reports and the chart."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from cogs import _month_pages
from core import draws, identity, verify
from core.attendance import Attendance
from core.errors import NotReady, UserError
from core.messages import Message
from core.tables import as_csv
from raffle_system import chart, claims, draw, entrants, month_ends, month_store, periods, prizes, reports
from raffle_system.chart import Bar, ChartTexts
from raffle_system.claims import ClaimDeadlines, Claims
from raffle_system.models import Entering, Period
from tests.raffle.support import ADMIN, MEMBER, OTHER, THIRD, EchoReader, World
from tests.raffle_wagers.conftest import WagerWorld

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERYBODY = Entering(minimum=1)


async def move_end(world: World, end: datetime, period: Period | None = None) -> Period:
    wanted = period or await world.period()
    async with world.db.transaction() as conn:
        return await month_ends.change_end(conn, world.clock, world.guilds, world.settings, wanted, end, ADMIN)


async def test_a_moved_end_is_audited_announced_and_kept(world: WagerWorld) -> None:
    end = world.clock.now() + timedelta(days=3)
    await move_end(world, end)
    assert "end.changed" in (await world.members_told())[-1]
    audit = await world.rows("SELECT actor, detail FROM audit_log WHERE action = 'period_end'")
    assert (audit[0]["actor"], audit[0]["detail"]["to"]) == (ADMIN, end.isoformat())
    await world.end_month()
    first, second = await world.period(1), await world.period()
    assert (first.end_date, second.start_date, second.end_date) == (end, end, datetime(2025, 12, 1, tzinfo=UTC))


async def test_an_end_in_the_past_or_of_an_ended_period_is_refused(world: WagerWorld) -> None:
    first = await world.period()
    with pytest.raises(UserError, match=r"end\.past"):
        await move_end(world, world.clock.now())
    await world.end_month()
    with pytest.raises(UserError, match=r"end\.not_running"):
        await move_end(world, world.clock.now() + DAY, first)


async def test_an_end_that_another_admin_moved_meanwhile_stays(world: WagerWorld) -> None:
    seen, now = await world.period(), world.clock.now()
    await move_end(world, now + 3 * DAY, seen)
    with pytest.raises(UserError, match=r"end\.moved_meanwhile"):
        await move_end(world, now + 5 * DAY, seen)
    assert (await world.period()).end_date == now + 3 * DAY


async def test_a_raffle_is_set_aside_once_and_the_audit_log_says_by_whom(world: WagerWorld) -> None:
    await world.give(amount=7)
    period = await world.period()

    async def press() -> None:
        async with world.db.transaction() as conn:
            await month_ends.set_aside(
                conn, world.clock, world.guilds, world.settings, period.id, world.schedule.last_call, ADMIN, 5
            )

    await press()
    with pytest.raises(UserError, match=r"reset\.already"):
        await press()
    audit = await world.rows("SELECT actor, detail FROM audit_log WHERE action = 'reset'")
    assert audit == [{"actor": ADMIN, "detail": {"period": 1, "participants": 1, "tickets": 7}}]


async def test_reminders_come_once_each_and_after_a_sleep_only_the_nearest(world: WagerWorld) -> None:
    end = (await world.period()).end_date

    async def reminded_at(moment: datetime) -> int:
        world.clock.set(moment)
        await world.schedule.remind()
        await world.schedule.remind()
        return sum("reminder.text" in text for text in await world.members_told())

    assert await reminded_at(end - DAY - timedelta(seconds=1)) == 0
    assert await reminded_at(end - DAY) == 1
    assert await reminded_at(end - HOUR) == 2
    assert await reminded_at(end) == 2
    await world.schedule.close_due_periods()
    second = (await world.period()).end_date
    assert await reminded_at(second - timedelta(minutes=10)) == 3
    await world.set("remind_before_end", False)
    await move_end(world, second + timedelta(days=20))
    assert await reminded_at(second + timedelta(days=20) - HOUR) == 3


async def test_the_calendar_is_in_order(world: WagerWorld) -> None:
    await world.poll()
    async with world.db.transaction() as conn:
        found = await month_ends.calendar(conn, world.clock, world.settings, None)
    keys = [one.key for one in found.coming]
    assert sorted(keys) == sorted(["conversion", "poll", "reminder", "reminder", "end", "next_end"])
    assert [one.at for one in found.coming] == sorted(one.at for one in found.coming)
    assert keys[-2:] == ["end", "next_end"]


async def test_the_ledger_as_a_file(world: WagerWorld) -> None:
    await world.give(MEMBER, 5)
    await world.execute(
        "INSERT INTO raffle_ticket_log (guild_id, period_id, discord_id, kick_name, ticket_change, source, source_ref, "
        "description, occurred_at, created_at) VALUES (1, :p, 7, '=cmd|x', 1, 'bonus', 'r', '@SUM(A1)', :t, :t)",
        p=(await world.period()).id, t=world.clock.now(),
    )  # fmt: skip
    async with world.db.transaction() as conn:
        file = await month_ends.export(conn, await periods.active(conn, world.guild_id))
    rows = list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"))))
    assert [row["ticket_change"] for row in rows] == ["5", "1"]
    assert (rows[1]["kick_name"], rows[1]["description"]) == ("'=cmd|x", "'@SUM(A1)")
    assert rows[0]["discord_id"] == str(MEMBER)


async def test_a_large_file_is_written_beside_the_loop_in_pieces(world: WagerWorld) -> None:
    """Neither the rows nor the file are made in one piece: everybody else's clicks come in between."""
    await world.execute(
        "INSERT INTO raffle_ticket_log (guild_id, period_id, discord_id, kick_name, ticket_change, source, source_ref, "
        "occurred_at, created_at) SELECT 1, :p, n, '', 1, 'bonus', n, :t, :t FROM generate_series(1, 2500) n",
        p=(await world.period()).id, t=world.clock.now(),
    )  # fmt: skip
    async with world.db.transaction() as conn:
        period = await periods.active(conn, world.guild_id)
        pieces = [len(rows) async for rows in month_store.ledger(conn, period.id)]
        file = await month_ends.export(conn, period)
        writers = set()

        def line(row: Any) -> list[object]:
            writers.add(threading.current_thread())
            return [row["id"]]

        assert (await as_csv(["id"], month_store.ledger(conn, period.id), line)).count(b"\n") == 2501
    assert pieces == [1000, 1000, 500]
    assert file.count(b"\n") == 2501
    assert threading.main_thread() not in writers


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("$500", ["$500"]), (" a | b|c\nd;e ", ["a", "b", "c", "d", "e"]), ("none", []), ("بدون", []), ("|||", []),
        ("Laptop, Mug", ["Laptop", "Mug"]), ("a,b ,c", ["a", "b", "c"]), ("قميص، كوب", ["قميص", "كوب"]),
        ("$1,000", ["$1,000"]), ("$1,000, $500,$200", ["$1,000", "$500", "$200"]),
        ("1,000,000 points", ["1,000,000 points"]),
        ("$1,000 | Mug, red", ["$1,000", "Mug, red"]), ('"Laptop, with bag"', ["Laptop, with bag"]),
        ("a, b |", ["a, b"]), ("10, 20", ["10", "20"]), ("a\u202e\x07b,\u2067c", ["ab", "c"]),
    ],
)  # fmt: skip
def test_prizes_as_typed(written: str, found: list[str]) -> None:
    assert prizes.split(written) == found


async def test_the_answer_says_how_commas_were_read(world: WagerWorld) -> None:
    period = await world.period()

    def told(written: str) -> str:
        page = _month_pages.prizes(EchoReader(), world.settings, period, prizes.split(written), written)
        return f"{page.description} {page.footer}"

    several = told("First, Second")
    assert ("prizes.read_as_several" in several, "prizes.how[2]" in several) == (True, True)
    assert "prizes.read_as_one" in told('"First, Second"')
    assert "prizes.how[1]" in told("$1,000")
    assert "read_as" not in told("First | Second")


async def test_a_draws_prize_keeps_its_commas_and_may_be_several(world: WagerWorld) -> None:
    assert draw.prizes_of("$500 cash, paid in points") == ["$500 cash, paid in points"]
    for who in (MEMBER, OTHER):
        await world.give(who, 10)
    started = await world.start_draw(prize="$500 | $200")
    rows = await world.rows("SELECT winners, prize FROM draws WHERE draw_id = :id", id=started.frozen.draw_id)
    assert rows == [{"winners": 2, "prize": "1. $500 · 2. $200"}]


@pytest.mark.parametrize("written", ["|".join("x" * 21), "y" * 101])
def test_prizes_that_are_too_many_or_too_long(written: str) -> None:
    with pytest.raises(UserError):
        prizes.split(written)


async def set_prizes(world: World, *wanted: str) -> None:
    async with world.db.transaction() as conn:
        await prizes.set_(conn, world.clock, world.settings, None, wanted, ADMIN)


async def drawn(world: World, *wanted: str, members: Sequence[int] = (MEMBER, OTHER, THIRD)) -> Period:
    """A period with these prizes, drawn."""
    for member in members:
        await world.give(member, 10)
    await set_prizes(world, *wanted)
    started = await world.start_draw(prize="")
    await world.finish()
    return started.period


async def places(world: World, period: Period) -> list[dict[str, object]]:
    return await world.rows("SELECT * FROM raffle_winners WHERE period_id = :p ORDER BY position", p=period.id)


async def record_is_good(world: World, period: Period) -> dict[str, object]:
    async with world.db.transaction() as conn:
        record: dict[str, object] = json.loads(await draws.record_of(conn, period.draw_id))
    report = verify.verify(record, world.beacon.chain)
    assert report.ok, report.render()
    return record


async def test_the_draw_fills_several_prizes_in_order(world: WagerWorld) -> None:
    period = await drawn(world, "first", "second")
    record = await record_is_good(world, period)
    assert (record["winners"], record["prize"]) == (2, "1. first · 2. second")
    held = await places(world, period)
    assert [row["prize"] for row in held] == ["first", "second"]
    assert [str(row["discord_id"]) for row in held] == [pick["id"] for pick in record["picks"][:2]]  # type: ignore[index]
    said = (await world.members_told())[-1]
    assert said.index(f"<@{held[0]['discord_id']}>") < said.index(f"<@{held[1]['discord_id']}>")
    with pytest.raises(UserError, match=r"draw\.already_frozen"):
        async with world.db.transaction() as conn:
            await prizes.set_(conn, world.clock, world.settings, period.number, ["x"], ADMIN)


async def test_more_prizes_than_entrants_fill_what_they_can(world: WagerWorld) -> None:
    period = await drawn(world, "a", "b", "c", members=(MEMBER,))
    assert (await record_is_good(world, period))["winners"] == 1
    assert len(await places(world, period)) == 1


async def test_a_prize_named_at_the_draw_replaces_the_list(world: WagerWorld) -> None:
    await world.give(MEMBER, 1)
    await set_prizes(world, "a", "b")
    started = await world.start_draw(prize="the one")
    await world.finish()
    assert [row["prize"] for row in await places(world, started.period)] == ["the one"]


async def test_the_draw_keeps_the_winners_casino_name(world: WagerWorld) -> None:
    await world.verify("Obel")
    await drawn(world, "a", members=(MEMBER,))
    assert await world.scalar("SELECT winner_shuffle_name FROM raffle_draws") == "Obel"


async def test_without_a_claim_time_there_is_no_button(world: WagerWorld) -> None:
    await drawn(world, "a")
    assert not any(message.buttons for message in await world.said())


async def test_a_winner_claims_once_and_nobody_else_can(world: WagerWorld) -> None:
    await world.set("claim_hours", 48)
    period = await drawn(world, "a")
    held = (await places(world, period))[0]
    announced = [message for message in await world.said() if message.buttons]
    assert {button.custom_id for message in announced for button in message.buttons} == {f"raffle-claim:{period.id}"}
    direct = await world.rows("SELECT payload FROM outbox WHERE user_id = :m", m=held["discord_id"])
    assert Message.from_json(direct[-1]["payload"]).buttons

    async def claim(member: object) -> None:
        async with world.db.transaction() as conn:
            await claims.claim(conn, world.clock, world.guilds, period.id, int(str(member)))

    stranger = next(m for m in (MEMBER, OTHER, THIRD) if m != held["discord_id"])
    with pytest.raises(UserError, match=r"claim\.not_yours"):
        await claim(stranger)
    await claim(held["discord_id"])
    with pytest.raises(UserError, match=r"claim\.done"):
        await claim(held["discord_id"])
    world.clock.advance(timedelta(days=9))
    await Claims(world.db, world.clock, world.guilds, world.presence, world.attendance).expire_due()
    assert (await places(world, period))[0]["discord_id"] == held["discord_id"]


async def test_unclaimed_prizes_go_to_the_reserves_until_none_is_left(world: WagerWorld) -> None:
    await world.set("claim_hours", 24)
    period = await drawn(world, "a", "b")
    before = [row["discord_id"] for row in await places(world, period)]
    expiry = Claims(world.db, world.clock, world.guilds, world.presence, world.attendance)
    await expiry.expire_due()
    assert [row["discord_id"] for row in await places(world, period)] == before
    world.clock.advance(DAY)
    with pytest.raises(UserError, match=r"claim\.over"):
        async with world.db.transaction() as conn:
            await claims.claim(conn, world.clock, world.guilds, period.id, before[0])  # type: ignore[arg-type]
    await expiry.expire_due()
    after = await places(world, period)
    third = next(m for m in (MEMBER, OTHER, THIRD) if m not in before)
    assert [row["discord_id"] for row in after] == [third, before[1]]
    assert after[1]["expired_at"] is not None
    record = await record_is_good(world, period)
    event = record["events"][0]  # type: ignore[index]
    assert (event["kind"], event["position"], event["reason"]) == ("unclaimed", 0, "not claimed in time")
    said = await world.members_told()
    assert "claim.unclaimed" in said[-2]
    assert "claim.nobody_left" in said[-1]
    assert (await world.period(period.number)).winner_discord_id == third


async def test_a_reserve_who_left_is_passed_over_when_a_claim_runs_out(world: WagerWorld) -> None:
    await world.set("claim_hours", 24)
    period = await drawn(world, "a")
    (held,) = await places(world, period)
    world.clock.advance(DAY)
    world.presence.fault = NotReady("Discord is not connected")
    expiry = Claims(world.db, world.clock, world.guilds, world.presence, world.attendance)
    await expiry.expire_due()
    assert await places(world, period) == [held]
    world.presence.fault = None
    others = {MEMBER, OTHER, THIRD} - {held["discord_id"]}
    world.presence.gone = {min(others)}
    await expiry.expire_due()
    assert (await places(world, period))[0]["discord_id"] == max(others)
    events = (await record_is_good(world, period))["events"]
    passed = [event for event in events if event["kind"] == "disqualified"]  # type: ignore[attr-defined]
    assert {event["reason"] for event in passed} <= {"left the server"}
    assert events[0]["by"] == str(world.presence.own_id)  # type: ignore[index]
    audited = await world.rows("SELECT actor, detail FROM audit_log WHERE action = 'unclaimed'")
    assert audited[0]["detail"]["from"] == str(held["discord_id"])
    said = (await world.members_told())[-1]
    assert said.count("reserve.left") == len(passed)


async def test_the_time_without_the_bot_is_no_time_to_claim(world: WagerWorld) -> None:
    await world.set("claim_hours", 24)
    period = await drawn(world, "a")
    (held,) = await places(world, period)
    await world.attendance.there()
    world.clock.advance(3 * DAY)
    back = Attendance(world.db, world.clock, lambda: True, [ClaimDeadlines(world.clock, world.guilds)])
    expiry = Claims(world.db, world.clock, world.guilds, world.presence, back)
    await expiry.expire_due()
    (kept,) = await places(world, period)
    assert (kept["discord_id"], kept["claim_until"]) == (held["discord_id"], held["claim_until"] + 3 * DAY)  # type: ignore[operator]
    assert "claim.extended" in (await world.members_told())[-1]
    world.clock.advance(DAY)
    await expiry.expire_due()
    assert (await places(world, period))[0]["discord_id"] != held["discord_id"]


async def test_two_processes_let_a_claim_run_out_once(world: WagerWorld) -> None:
    await world.set("claim_hours", 24)
    period = await drawn(world, "a")
    world.clock.advance(DAY)
    await asyncio.gather(
        *(Claims(world.db, world.clock, world.guilds, world.presence, world.attendance).expire_due() for _ in range(3))
    )
    record = await record_is_good(world, period)
    assert len(record["events"]) == 1  # type: ignore[arg-type]


async def test_success_metrics(world: WagerWorld) -> None:
    await world.give(MEMBER, 200)
    await world.end_month()
    await world.verify("obel")
    async with world.db.transaction() as conn:
        await identity.bind(conn, world.guild_id, OTHER, "idle", 4, None, world.clock.now())
    await world.give(MEMBER, 100)
    world.clock.advance(timedelta(days=15, hours=12))
    async with world.db.transaction() as conn:
        period = await periods.active(conn, world.guild_id)
        stats = await entrants.stats(conn, period, EVERYBODY)
        found = await reports.success(conn, world.settings, period, stats, world.clock.now())
    assert (found.participation, found.adoption) == ((1, 2), (1, 2))
    assert [(month.number, month.total, month.running) for month in found.months] == [(1, 200, False), (2, 100, True)]
    assert found.projection == 200
    assert found.growth == 0.0
    assert (found.gifted, found.by_linked) == (0, 0)


def test_growth_needs_a_month_before() -> None:
    assert reports.growth(0, 10) is None
    assert reports.growth(200, 100) == -50


async def test_odds_and_the_way_to_the_top(world: WagerWorld) -> None:
    for n in range(12):
        await world.give(MEMBER + 100 + n, 100 + n)
    await world.give(MEMBER, 5)
    async with world.db.transaction() as conn:
        period = await periods.active(conn, world.guild_id)
        bands = await entrants.odds(conn, period, EVERYBODY)
        missing = await entrants.missing_to_top(conn, period, 5, EVERYBODY)
        inside = await entrants.missing_to_top(conn, period, 111, EVERYBODY)
    assert [(b.members, b.tickets, b.smallest, b.largest) for b in bands] == [(12, 1266, 100, 111), (1, 5, 5, 5)]
    assert (missing, inside) == (97, None)


@pytest.mark.parametrize("rtl", [False, True])
@pytest.mark.parametrize(
    "bars", [[], [Bar(label="x", by_source={"bonus": -3})], [Bar(label="ن", by_source={"new": 7})] * 6]
)
def test_a_chart_is_drawn_of_anything(bars: list[Bar], rtl: bool) -> None:
    texts = ChartTexts(title="التذاكر", sources={"bonus": "b", "new": "c" * 40}, projection="p", rtl=rtl)
    image = Image.open(io.BytesIO(chart.draw(bars, texts)))
    assert image.size == (chart.WIDTH, chart.HEIGHT)


def test_arabic_is_joined_where_pillow_cannot() -> None:
    assert chart.shaped("سحب", raqm=True) == "سحب"
    joined = chart.shaped("سحب", raqm=False)
    assert joined != "سحب"
    assert all(0xFB50 <= ord(letter) <= 0xFEFF for letter in joined)
