"""Windows of chat-active time: pure rules, no database."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from raffle_system.chat_activity import ChatActivity, Viewer, counts_as_activity, floor_minute, minutes_between
from tests.raffle.support import MINUTE, SECOND, START, FakeClock, chat

WINDOW = 10 * MINUTE


def active(activity: ChatActivity, minutes: range) -> list[int]:
    """The minutes after START in which somebody is active."""
    return [n for n in minutes if activity.active_in(START + n * MINUTE)]


def test_a_message_opens_ten_minutes() -> None:
    clock, activity = FakeClock(START + 30 * SECOND), ChatActivity(WINDOW)
    activity.saw(chat(clock))
    assert active(activity, range(-5, 20)) == list(range(10))
    (viewer,) = activity.active_in(START)
    assert viewer == Viewer(71, "viewer71", clock.now() + WINDOW)


def test_a_message_after_the_minute_does_not_undo_it() -> None:
    """Ticks come a moment after a minute's end, and after a fault much later."""
    clock, activity = FakeClock(START + 30 * SECOND), ChatActivity(WINDOW)
    activity.saw(chat(clock))
    clock.set(START + 25 * MINUTE)
    activity.saw(chat(clock))
    assert active(activity, range(40)) == [*range(10), *range(25, 34)]


@pytest.mark.parametrize(
    "content",
    [
        "!tickets", " !link ABC234", "/me", "\u200b!points", "\u2800 \U000e0000/me", "\u2800", "\u034f\u2060 ", "",
    ],
)  # fmt: skip
def test_commands_and_what_nobody_sees_open_nothing(content: str) -> None:
    assert not counts_as_activity(chat(FakeClock(), content))


def test_bots_people_without_id_and_shared_renewals_open_nothing() -> None:
    clock = FakeClock()
    assert counts_as_activity(chat(clock))
    assert counts_as_activity(chat(clock, kind="reply"))
    assert not counts_as_activity(chat(clock, badges=frozenset({"bot"})))
    assert not counts_as_activity(chat(clock, username="BotRix", slug="botrix"))
    assert not counts_as_activity(chat(clock, user_id=None))
    for kind in ("celebration", "gift_subscription"):
        assert not counts_as_activity(chat(clock, kind=kind))


def test_windows_of_an_earlier_process_go_on() -> None:
    clock, activity = FakeClock(START + 5 * MINUTE), ChatActivity(WINDOW)
    activity.restore([Viewer(71, "viewer71", START + WINDOW), Viewer(72, "viewer72", START + WINDOW)])
    assert len(activity.active_in(START + 8 * MINUTE)) == 2
    activity.saw(chat(clock))
    assert [viewer.kick_user_id for viewer in activity.active_in(START + 13 * MINUTE)] == [71]


@pytest.mark.parametrize(("later", "minutes"), [(5, range(14)), (20, [*range(9), *range(20, 29)])])
def test_a_message_that_comes_before_the_restoring_loses_no_window(later: int, minutes: list[int]) -> None:
    clock, activity = FakeClock(START + later * MINUTE), ChatActivity(WINDOW)
    activity.saw(chat(clock))
    activity.restore([Viewer(71, "viewer71", START + WINDOW)])
    assert active(activity, range(40)) == list(minutes)


def test_a_window_that_is_made_longer_names_nobody_twice() -> None:
    clock, activity = FakeClock(), ChatActivity(MINUTE)
    for _ in range(3):
        activity.saw(chat(clock))
        clock.advance(2 * MINUTE)
    activity.window = WINDOW
    assert len(activity.active_in(START + 5 * MINUTE)) == 1


def test_old_windows_are_forgotten() -> None:
    clock, activity = FakeClock(), ChatActivity(WINDOW)
    for user in range(100):
        activity.saw(chat(clock, user_id=user))
        clock.advance(MINUTE)
    activity.forget_before(clock.now())
    assert len(activity._open) == 9
    assert activity._past == []


def test_three_chatters_within_five_minutes_look_live() -> None:
    clock, activity = FakeClock(), ChatActivity(WINDOW)
    for user in (1, 2, 2, 1):
        activity.saw(chat(clock, user_id=user))
    assert not activity.looks_live(clock.now())
    clock.advance(5 * MINUTE)
    activity.saw(chat(clock, user_id=3))
    assert activity.looks_live(clock.now())
    assert not activity.looks_live(clock.now() + SECOND)


def test_whole_minutes_between_two_ticks() -> None:
    done = START
    assert list(minutes_between(done, START + 119 * SECOND, 10)) == []
    assert list(minutes_between(done, START + 2 * MINUTE, 10)) == [START + MINUTE]
    late = list(minutes_between(done, START + 20 * MINUTE, 3))
    assert late == [START + 17 * MINUTE, START + 18 * MINUTE, START + 19 * MINUTE]
    assert list(minutes_between(START + 5 * MINUTE, START, 10)) == []


MESSAGES = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3600)), max_size=40)
TICKS = st.lists(st.integers(0, 4000), min_size=1, max_size=30)


@example(messages=[(1, 600), (1, 1440)], ticks=[0], window=14)
@given(messages=MESSAGES, ticks=TICKS, window=st.integers(1, 15))
def test_however_ticks_fall_every_open_minute_is_credited_once(
    messages: list[tuple[int, int]], ticks: list[int], window: int
) -> None:
    """The reference: a minute counts for whoever wrote less than a window before its end."""
    activity, span = ChatActivity(timedelta(minutes=window)), timedelta(minutes=window)
    pending = sorted(messages, key=lambda message: message[1])
    done, credited = START - MINUTE, Counter[tuple[int, int]]()
    for tick in [*sorted(ticks), 5000]:
        now = START + tick * SECOND
        while pending and pending[0][1] <= tick:
            user, second = pending.pop(0)
            activity.saw(chat(FakeClock(START + second * SECOND), user_id=user))
        for minute in minutes_between(done, now, 24 * 60):
            for viewer in activity.active_in(minute):
                credited[viewer.kick_user_id, int((minute - START) / MINUTE)] += 1
            done = minute
        activity.forget_before(done)
    expected = {
        (user, n)
        for user, second in messages
        for n in range(5000 // 60)
        if START + (n + 1) * MINUTE - span < START + second * SECOND < START + (n + 1) * MINUTE
    }
    assert set(credited) == expected
    assert set(credited.values()) <= {1}
    for user in {user for user, _second in messages}:
        written = sum(1 for who, _second in messages if who == user)
        assert sum(1 for who, _n in credited if who == user) <= window * written


@given(st.integers(0, 10**6))
def test_a_minute_is_floored(seconds: int) -> None:
    floored = floor_minute(START + timedelta(seconds=seconds / 7))
    assert (floored.second, floored.microsecond) == (0, 0)
    assert timedelta(0) <= START + timedelta(seconds=seconds / 7) - floored < MINUTE
