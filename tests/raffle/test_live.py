"""Whether the stream is live: the newest word, hosting is offline, the chat as the last resort."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.kick_events import Hosting, LiveSource, LiveStatus
from raffle_system.live import LiveState
from tests.raffle.support import MINUTE, SECOND, START


def status(source: LiveSource, live: bool = True, at: timedelta = timedelta(0)) -> LiveStatus:
    return LiveStatus(
        channel_id=1, chatroom_id=None, live=live, source=source, started_at=None, at=START + at
    )  # fmt: skip


def hosting(outgoing: bool = True, at: timedelta = timedelta(0)) -> Hosting:
    return Hosting(channel_id=1, chatroom_id=None, outgoing=outgoing, other="x", viewers=None, at=START + at)


def state(*events: LiveStatus | Hosting) -> LiveState:
    made = LiveState()
    for event in events:
        made.hear(event)
    return made


@pytest.mark.parametrize("chat_says", [True, False])
def test_with_nothing_heard_the_chat_decides(chat_says: bool) -> None:
    assert state().decide(START, chat_says=chat_says) == (chat_says, "chat")


def test_without_the_fallback_nothing_heard_is_offline() -> None:
    assert state().decide(START, chat_says=None) == (False, None)


@pytest.mark.parametrize(
    ("weak", "strong"), [("socket", "webhook"), ("socket", "api"), ("site", "socket"), ("site", "webhook")]
)
@pytest.mark.parametrize("says", [True, False])
def test_of_equally_new_words_the_more_trusted_one_decides_and_a_newer_one_in_any_case(
    weak: LiveSource, strong: LiveSource, says: bool
) -> None:
    made = state(status(strong, says), status(weak, not says))
    assert made.decide(START + SECOND, chat_says=not says) == (says, strong)
    made.hear(status(weak, not says, SECOND))
    assert made.decide(START + SECOND, chat_says=says) == (not says, weak)


@pytest.mark.parametrize("source", ["api", "site", "webhook"])
def test_a_word_holds_for_ten_minutes(source: LiveSource) -> None:
    made = state(status(source))
    assert made.decide(START + 10 * MINUTE, chat_says=False) == (True, source)
    assert made.decide(START + 10 * MINUTE + SECOND, chat_says=False) == (False, "chat")


def test_what_the_socket_told_holds_until_it_is_taken_back() -> None:
    made = state(status("socket"))
    assert made.decide(START + 600 * MINUTE, chat_says=None) == (True, "socket")
    made.hear(status("socket", False, MINUTE))
    assert made.decide(START + 600 * MINUTE, chat_says=True) == (False, "socket")


def test_a_gap_of_the_socket_forgets_what_the_socket_said() -> None:
    made = state(status("socket"), status("site"))
    made.forget_socket()
    assert made.decide(START, chat_says=None) == (True, "site")


def test_hosting_another_channel_is_offline_until_it_ends() -> None:
    made = state(status("socket"), hosting())
    assert made.decide(START, chat_says=True) == (False, "socket")
    made.hear(hosting(False, SECOND))
    assert made.decide(START, chat_says=True) == (True, "socket")


def test_going_live_ends_the_hosting() -> None:
    made = state(hosting(), status("socket", True, MINUTE))
    assert made.decide(START + MINUTE, chat_says=None) == (True, "socket")


@given(st.lists(st.tuples(st.sampled_from(["webhook", "api", "socket", "site"]), st.booleans(), st.integers(0, 900))))
def test_late_news_never_overrules_newer_news_of_its_source(told: list[tuple[LiveSource, bool, int]]) -> None:
    in_order = state(*(status(source, live, n * SECOND) for source, live, n in sorted(told, key=lambda t: t[2])))
    shuffled = state(*(status(source, live, n * SECOND) for source, live, n in told))
    moments = {(source, n) for source, _live, n in told}
    if len(moments) == len(told):
        assert shuffled.said == in_order.said
