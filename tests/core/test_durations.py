"""Spans and moments as people type them, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.durations import LONGEST, SHORTEST, is_moment, parse_duration, parse_end, parse_moment
from core.errors import UserError

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("typed", "span"),
    [
        ("1d 12h", 36 * HOUR), ("90m", 90 * MINUTE), ("1w", 7 * DAY), ("45", 45 * MINUTE), ("60s", MINUTE),
        ("1 Day and 2 hours", 26 * HOUR), ("1d12h30m", 36.5 * HOUR), ("1.5h", 90 * MINUTE), ("1y", 365 * DAY),
        ("1d, 1d", 2 * DAY), ("  2  WEEKS ", 14 * DAY), ("2mo", 60 * DAY),
        ("٣ أيام", 3 * DAY), ("يوم", DAY), ("يومين", 2 * DAY), ("ساعة واحدة", None), ("يوم و ١٢ ساعة", 36 * HOUR),
        ("يوم و12 ساعة", 36 * HOUR), ("٩٠ دقيقة", 90 * MINUTE), ("أسبوع", 7 * DAY), ("أسبوعين", 14 * DAY),
        ("يوم وساعتين", 26 * HOUR), ("١س", HOUR), ("۲ ساعة", 2 * HOUR), ("شهر", 30 * DAY), ("١٫٥ ساعة", 90 * MINUTE),
    ],
)  # fmt: skip
def test_spans(typed: str, span: timedelta | None) -> None:
    if span is None:
        with pytest.raises(UserError, match=r"duration\.unreadable"):
            parse_duration(typed)
    else:
        assert parse_duration(typed) == span


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("", "duration.empty"), ("   ", "duration.empty"), ("abc", "duration.unreadable"),
        ("1x", "duration.unreadable"), ("-5m", "duration.unreadable"), ("1d 12", "duration.unreadable"),
        ("🎉", "duration.unreadable"), ("1e5h", "duration.unreadable"), ("x" * 4000, "duration.unreadable"),
        ("day", "duration.unreadable"), ("1..5h", "duration.unreadable"),
        ("0", "duration.too_short"), ("59s", "duration.too_short"), ("0d", "duration.too_short"),
        ("10 years", "duration.too_long"), ("366d", "duration.too_long"), ("9" * 60, "duration.too_long"),
    ],
)  # fmt: skip
def test_spans_that_cannot_be_used(typed: str, key: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_duration(typed)
    assert refused.value.key == key
    assert all(len(str(value)) < 100 for value in refused.value.args_.values())


@pytest.mark.thorough
@given(st.text(max_size=100))
def test_any_text_gives_a_span_in_bounds_or_a_refusal(typed: str) -> None:
    try:
        span = parse_duration(typed)
    except UserError:
        return
    assert SHORTEST <= span <= LONGEST


@given(st.integers(0, 400), st.integers(0, 100), st.integers(0, 200))
def test_parts_add_up_or_are_refused(days: int, hours: int, minutes: int) -> None:
    wanted = timedelta(days=days, hours=hours, minutes=minutes)
    typed = f"{days}d {hours}h {minutes}m"
    if SHORTEST <= wanted <= LONGEST:
        assert parse_duration(typed) == wanted
    else:
        with pytest.raises(UserError):
            parse_duration(typed)


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("2026-12-24 20:00", datetime(2026, 12, 24, 19, 0, tzinfo=UTC)),
        ("2026-12-24T20:00", datetime(2026, 12, 24, 19, 0, tzinfo=UTC)),
        ("٢٠٢٦/١٢/٢٤ ٢٠:٠٠", datetime(2026, 12, 24, 19, 0, tzinfo=UTC)),
        ("2026-12-24", datetime(2026, 12, 23, 23, 0, tzinfo=UTC)),
        ("20:00", datetime(2026, 12, 1, 19, 0, tzinfo=UTC)),
        ("9:30", datetime(2026, 12, 2, 8, 30, tzinfo=UTC)),
        ("2027-07-01 20:00", datetime(2027, 7, 1, 18, 0, tzinfo=UTC)),
    ],
)
def test_moments_in_the_guilds_zone(typed: str, moment: datetime) -> None:
    assert is_moment(typed)
    assert parse_moment(typed, BERLIN, NOW) == moment
    assert parse_end(typed, BERLIN, NOW) == moment


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("2026-02-30 10:00", "moment.unreadable"), ("2026-12-24 25:00", "moment.unreadable"),
        ("99:99", "moment.unreadable"), ("0000-01-01", "moment.unreadable"), ("tomorrow", "moment.unreadable"),
        ("2026-11-01 10:00", "moment.past"), ("2030-01-01", "moment.too_far"), ("9999-12-31 23:59", "moment.too_far"),
    ],
)  # fmt: skip
def test_moments_that_cannot_be_used(typed: str, key: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_moment(typed, BERLIN, NOW)
    assert refused.value.key == key


def test_an_end_may_be_a_span_and_is_not_too_near() -> None:
    assert parse_end("2h", BERLIN, NOW) == NOW + 2 * HOUR
    with pytest.raises(UserError, match=r"duration\.too_short"):
        parse_end("13:01", BERLIN, NOW + timedelta(seconds=30))


@given(st.text(max_size=40))
def test_any_text_as_a_moment_is_in_the_future_or_refused(typed: str) -> None:
    try:
        moment = parse_moment(typed, BERLIN, NOW)
    except UserError:
        return
    assert NOW < moment <= NOW + LONGEST
