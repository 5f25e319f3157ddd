"""Keys, counts and names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.kick_events import ChatMessage, GiftedSubs, fold, gift_count, gift_key, gift_key_is_final, slug_forms

NOW = datetime(2026, 9, 12, 20, tzinfo=UTC)
GIFT = GiftedSubs(
    chatroom_id=5,
    channel_id=6,
    correlation_id="77",
    gifter_name="Big_Gifter",
    gifter_id=None,
    giftees=("b", "A"),
    gifted_total=2,
    gifter_total=9,
    chunk_index=None,
    total_chunks=None,
    anonymous=False,
    received_at=NOW,
)
NAMELESS = replace(GIFT, correlation_id=None)


def test_key_is_the_correlation_id_in_its_chatroom() -> None:
    assert gift_key(GIFT) == "ws:5:77"
    assert gift_key(replace(GIFT, chatroom_id=4)) != gift_key(GIFT)


def test_without_an_id_twins_share_a_key_whatever_the_case_and_order() -> None:
    twin = replace(NAMELESS, gifter_name="big_gifter", giftees=("a", "B"), channel_id=None)
    assert gift_key(twin) == gift_key(NAMELESS)


@pytest.mark.parametrize(
    "other",
    [
        replace(NAMELESS, gifter_total=11),
        replace(NAMELESS, gifted_total=3),
        replace(NAMELESS, giftees=("b", "c")),
        replace(NAMELESS, gifter_name="somebody"),
        replace(NAMELESS, chatroom_id=4),
    ],
)
def test_without_an_id_another_gift_has_another_key(other: GiftedSubs) -> None:
    assert gift_key(other) != gift_key(NAMELESS)


def test_chunks_without_an_id_share_a_key() -> None:
    chunk = replace(NAMELESS, gifted_total=150, total_chunks=2, chunk_index=0)
    assert gift_key(chunk) == gift_key(replace(chunk, chunk_index=1, giftees=("z",)))


def test_only_a_gift_with_neither_id_nor_total_may_repeat_its_key() -> None:
    assert gift_key_is_final(GIFT)
    assert gift_key_is_final(NAMELESS)
    assert not gift_key_is_final(replace(NAMELESS, gifter_total=None))


def test_count_is_the_total_else_the_names_else_one() -> None:
    assert gift_count(replace(GIFT, gifted_total=150)) == 150
    assert gift_count(replace(GIFT, gifted_total=None)) == 2
    assert gift_count(replace(GIFT, gifted_total=None, giftees=())) == 1


def test_gift_told_by_chat() -> None:
    message = ChatMessage(5, "m1", None, "G", "g", "", frozenset(), "gift_subscription", 5, None, NOW)
    assert (gift_key(message), gift_count(message)) == ("chat:5:m1", 5)
    assert gift_count(replace(message, gift_count=None)) == 1


def test_names() -> None:
    assert fold(" @Night_OWL ") == "night_owl"
    assert fold("STRASSE") == fold("straße")
    assert slug_forms(" @Night_Owl") == ("night_owl", "night-owl")
    assert slug_forms("night-owl") == ("night-owl",)
