"""One frame in, its events out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.kick_events import (
    ChatMessage,
    GiftedSubs,
    GiftNotice,
    GiftsLeaderboard,
    Hosting,
    KickEvent,
    KicksGifted,
    LiveStatus,
    OwnSub,
    UnknownEvent,
)
from kick.decode import FrameKind, decode_frame
from tests.kick import shapes
from tests.kick.shapes import CHANNEL, ROOM, frame

NOW = datetime(2026, 9, 12, 20, 0, 6, tzinfo=UTC)
V2 = f"chatrooms.{ROOM}.v2"


def only(raw: str | bytes) -> KickEvent:
    """The frame's one event."""
    decoded = decode_frame(raw, NOW)
    assert len(decoded.events) == 1, decoded
    return decoded.events[0]


def gift(**changes: Any) -> GiftedSubs:
    event = only(frame("GiftedSubscriptionsEvent", f"chatroom_{ROOM}", shapes.gift(**changes)))
    assert isinstance(event, GiftedSubs)
    return event


def test_chat_message_with_all_its_fields() -> None:
    assert only(frame("ChatMessageEvent", V2, shapes.chat(), prefix=True)) == ChatMessage(
        chatroom_id=ROOM,
        message_id="0f8fad5b-d9cb-469f-a165-70867728950e",
        user_id=515,
        username="Night_Owl",
        slug="night-owl",
        content="مرحبا 🎁",
        badges=frozenset({"moderator", "subscriber"}),
        kind="message",
        gift_count=None,
        created_at=datetime(2026, 9, 12, 20, 0, 5, tzinfo=UTC),
        received_at=NOW,
    )


@pytest.mark.parametrize("prefix", [True, False])
@pytest.mark.parametrize("inner", [True, False])
def test_prefix_and_encoding_of_the_data_make_no_difference(prefix: bool, inner: bool) -> None:
    raw = frame("GiftedSubscriptionsEvent", f"chatroom_{ROOM}", shapes.gift(), prefix=prefix, inner=inner)
    assert only(raw) == gift()
    assert only(raw.encode()) == gift()


def test_data_as_an_array_gives_an_event_for_each() -> None:
    both = [shapes.gift(correlation_id="a"), 5, shapes.gift(correlation_id="b")]
    events = decode_frame(frame("GiftedSubscriptionsEvent", V2, both), NOW).events
    assert [event.correlation_id for event in events if isinstance(event, GiftedSubs)] == ["a", "b"]


def test_data_wrapped_twice_is_unwrapped() -> None:
    raw = frame("GiftedSubscriptionsEvent", f"chatroom_{ROOM}", json.dumps(shapes.gift()))
    assert only(raw) == gift()


@pytest.mark.parametrize(
    ("channel", "room", "channel_id"),
    [
        (f"chatrooms.{ROOM}.v2", ROOM, None),
        (f"chatroom_{ROOM}", ROOM, None),
        (f"chatrooms.{ROOM}", ROOM, None),
        (f"channel.{CHANNEL}", None, CHANNEL),
        (f"channel_{CHANNEL}", None, CHANNEL),
        ("chatrooms.x.v2", None, None),
        ("private-anything", None, None),
    ],
)
def test_every_spelling_of_a_channel(channel: str, room: int | None, channel_id: int | None) -> None:
    event = only(frame("GiftedSubscriptionsEvent", channel, shapes.gift(chatroom_id=None)))
    assert isinstance(event, GiftedSubs)
    assert (event.chatroom_id, event.channel_id) == (room, channel_id)


def test_the_channel_outweighs_an_id_in_the_payload() -> None:
    event = only(frame("ChatMessageEvent", V2, shapes.chat(chatroom_id=1)))
    assert isinstance(event, ChatMessage)
    assert event.chatroom_id == ROOM


def test_gift_of_each_age() -> None:
    names = {"chatroom_id": ROOM, "gifted_usernames": ["a"], "gifter_username": "G"}
    ages: list[dict[str, Any]] = [names, names | {"gifter_total": 4}]
    for data in ages:
        event = only(frame("GiftedSubscriptionsEvent", V2, data, prefix=True))
        assert isinstance(event, GiftedSubs)
        assert (event.correlation_id, event.gifted_total, event.giftees) == (None, None, ("a",))
        assert event.gifter_total == data.get("gifter_total")
    assert (gift().correlation_id, gift().gifted_total, gift().gifter_total) == ("600000000000001", 2, 17)


def test_chunk_of_a_gift() -> None:
    details = {"correlation_id": "c9", "chunk_index": 0, "total_chunks": 3}
    event = gift(correlation_id=None, gifted_total=150, chunk_details=details)
    assert (event.correlation_id, event.chunk_index, event.total_chunks) == ("c9", 0, 3)
    assert event.gifted_total == 150


def test_ids_and_numbers_may_come_as_texts_and_the_reverse() -> None:
    event = gift(correlation_id=6001, gifted_total="2", gifter_total="17")
    assert (event.correlation_id, event.gifted_total, event.gifter_total) == ("6001", 2, 17)


@pytest.mark.parametrize("name", ["Anonymous", "anonymous", " ANONYMOUS ", "", "@", None, [], {}])
def test_anonymous_gifters_have_no_name_and_no_id(name: object) -> None:
    event = gift(gifter_username=name, gifter_id=12)
    assert (event.anonymous, event.gifter_name, event.gifter_id) == (True, "Anonymous", None)


def test_a_gifter_who_is_said_to_be_anonymous_is_not_named() -> None:
    event = gift(is_anonymous=True)
    assert (event.anonymous, event.gifter_name) == (True, "Anonymous")


@pytest.mark.parametrize("total", [0, -1, 10**12, True, "many", 1.5, float("nan"), float("inf"), [3]])
def test_a_total_that_no_gift_can_have_is_not_believed(total: object) -> None:
    assert gift(gifted_total=total).gifted_total is None


def test_texts_fit_a_database() -> None:
    event = gift(gifter_username="a\x00b\ud800", gifted_usernames=["x\x00", None, 5, {"username": "y"}, ""])
    assert event.gifter_name == "ab?"
    assert event.giftees == ("x", "5", "y")


def test_an_overlong_id_stays_an_id() -> None:
    first, second = gift(correlation_id="9" * 5000 + "1"), gift(correlation_id="9" * 5000 + "2")
    assert first.correlation_id != second.correlation_id
    assert len(first.correlation_id or "") == 64


def test_leaderboard_knows_the_gifter() -> None:
    event = only(frame("GiftsLeaderboardUpdated", f"channel_{CHANNEL}", shapes.leaderboard()))
    assert isinstance(event, GiftsLeaderboard)
    assert (event.channel_id, event.gifter_id, event.username, event.quantity) == (
        CHANNEL,
        77,
        "Big_Gifter",
        2,
    )
    assert [(row.user_id, row.quantity) for row in event.all_time] == [(77, 17)]


def test_system_message_of_a_gift_is_a_notice() -> None:
    event = only(frame("ChatMessageSentEvent", f"chatrooms.{ROOM}", shapes.system_message(), prefix=True))
    assert isinstance(event, GiftNotice)
    assert (event.gifter_id, event.quantity, event.giftees) == (77, 2, ("lucky_1", "lucky_2"))
    assert event.created_at == datetime(2026, 9, 12, 20, 0, 5, tzinfo=UTC)


def test_system_message_of_something_else_is_unknown() -> None:
    event = only(frame("ChatMessageSentEvent", f"chatroom_{ROOM}", shapes.system_message("unban")))
    assert event == UnknownEvent("ChatMessageSentEvent/unban", None)


def test_subscription_gifted_never_pays() -> None:
    data = {
        "id": "01J8ZQ",
        "user": {"id": "77", "slug": "big-gifter", "username": "Big_Gifter"},
        "gift": {"tier": 1},
        "gifted_users": [{"id": 1, "username": "lucky_1"}, "lucky_2"],
        "created_at": "2026-09-12T20:00:05.123456789Z",
    }
    event = only(frame("SubscriptionGifted", f"channel_{CHANNEL}", data))
    assert isinstance(event, GiftNotice)
    assert (event.source, event.gifter_id, event.quantity) == ("subscription_gifted", 77, 2)


def test_gift_in_the_shape_of_the_plan_keeps_its_count() -> None:
    data = {
        "id": "abc",
        "type": "gift_subscription",
        "sender": {"username": "Big_Gifter"},
        "metadata": {"gift_count": 5},
    }
    event = only(json.dumps({"event": "ChatMessageEvent", "data": data}))
    assert isinstance(event, ChatMessage)
    assert (event.kind, event.gift_count, event.message_id, event.user_id) == (
        "gift_subscription",
        5,
        "abc",
        None,
    )


def test_going_live_and_offline() -> None:
    started = only(frame("StreamerIsLive", f"channel.{CHANNEL}", shapes.stream_started(), prefix=True))
    stopped = only(frame("StopStreamBroadcast", "odd", shapes.stream_stopped(), prefix=True))
    began = datetime(2026, 9, 12, 19, tzinfo=UTC)
    assert started == LiveStatus(CHANNEL, None, True, "socket", began, NOW)
    assert stopped == LiveStatus(CHANNEL, None, False, "socket", None, NOW)


def test_hosting_in_both_directions() -> None:
    moved = only(frame("ChatMoveToSupportedChannelEvent", f"channel.{CHANNEL}", shapes.chat_moved()))
    assert moved == Hosting(CHANNEL, None, True, "Streamer_B", 12, NOW)
    hosted = {"message": {"numberOfViewers": 8}, "user": {"username": "Friend", "verified": {}}}
    assert only(frame("StreamHostedEvent", f"chatrooms.{ROOM}", hosted)) == Hosting(None, ROOM, False, "Friend", 8, NOW)
    host = {"chatroom_id": ROOM, "number_viewers": 8, "host_username": "Friend"}
    assert only(frame("StreamHostEvent", V2, host)) == Hosting(None, ROOM, False, "Friend", 8, NOW)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ('{"event":"pusher:ping","data":"{}"}', FrameKind.PING),
        ('{"event":"pusher:pong"}', FrameKind.PONG),
        ('{"event":"pusher_internal:subscription_succeeded","channel":"a"}', FrameKind.SUBSCRIBED),
        ('{"event":"pusher:subscription_error","channel":"a","data":[]}', FrameKind.SUBSCRIBE_FAILED),
    ],
)
def test_frames_of_the_protocol(raw: str, kind: FrameKind) -> None:
    assert decode_frame(raw, NOW).kind is kind


@pytest.mark.parametrize("inner", [True, False])
def test_errors_carry_their_code_as_text_or_object(inner: bool) -> None:
    decoded = decode_frame(frame("pusher:error", "c", {"code": 4200, "message": "again"}, inner=inner), NOW)
    assert (decoded.kind, decoded.code, decoded.message) == (FrameKind.ERROR, 4200, "again")


@pytest.mark.parametrize(("said", "heard"), [(90, 90), ("30", 30), (0, None), (-5, None), (10**9, None), (None, None)])
def test_activity_timeout_is_believed_when_sensible(said: object, heard: int | None) -> None:
    data = {"socket_id": "1.1", "activity_timeout": said}
    assert decode_frame(frame("pusher:connection_established", "", data), NOW).activity_timeout == heard


def test_unknown_events_keep_their_name() -> None:
    assert only(frame("NewActivityFeedEvent", f"channel_{CHANNEL}", {}, prefix=True)) == UnknownEvent(
        "NewActivityFeedEvent", f"channel_{CHANNEL}"
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"<html>Just a moment...</html>",
        b"null",
        b"[]",
        b'{"event":5}',
        b"[" * 200_000,
        b'{"event":"x","data":' + b"9" * 10_000 + b"}",
        frame("ChatMessageEvent", V2, None).encode(),
        frame("ChatMessageEvent", V2, "<html>").encode(),
        frame("ChatMessageEvent", V2, "[" * 100_000).encode(),
        frame("ChatMessageEvent", V2, {"sender": {"username": None}}).encode(),
        frame("GiftedSubscriptionsEvent", V2, {}).encode(),
    ],
)
def test_what_cannot_be_read_is_malformed(raw: bytes) -> None:
    decoded = decode_frame(raw, NOW)
    assert (decoded.kind, decoded.events) == (FrameKind.MALFORMED, ())


SAMPLES = Path(__file__).parents[3] / "shared" / "kick" / "payloads"
EXPECTED: dict[str, type] = {
    "ws_2025-07_chatmessageevent_message": ChatMessage,
    "ws_2025-07_chatmessageevent_reply": ChatMessage,
    "ws_chat_2026-09_badges": ChatMessage,
    "ws_chat_2026-09_reply": ChatMessage,
    "ws_2025-07_giftedsubscriptionsevent": GiftedSubs,
    "ws_gift_2026-09_correlation_id": GiftedSubs,
    "ws_gift_chunked_fixture": GiftedSubs,
    "ws_2025-07_giftsleaderboardupdated": GiftsLeaderboard,
    "ws_giftsleaderboard_2026-09": GiftsLeaderboard,
    "ws_2025-07_chatmessagesentevent": GiftNotice,
    "ws_2025-07_chatmovetosupportedchannelevent": Hosting,
    "ws_streamhosted_2025-02": Hosting,
    "ws_stopstream_2026-09": LiveStatus,
    "ws_streamerislive_model": LiveStatus,
    "ws_2025-07_subscriptionevent": OwnSub,
    "ws_kicksgifted_2026-09": KicksGifted,
}
MIXED = {"ws_selfsub_2026-09_sequence": [UnknownEvent, UnknownEvent, UnknownEvent, OwnSub, OwnSub]}
OTHER_PROTOCOLS = {"ws_2025-07_pusher_error", "ws_pusher_protocol_frames", "ws_centrifugo_frames"}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not part of the repository")
def test_every_sample_decodes_to_its_type() -> None:
    for path in sorted(SAMPLES.glob("ws_*.json")):
        if path.stem in OTHER_PROTOCOLS:
            continue
        content = json.loads(path.read_text())
        items = content if isinstance(content, list) else [content]
        kinds = [type(only(json.dumps(item))) for item in items]
        expected = MIXED.get(path.stem, [EXPECTED.get(path.stem, UnknownEvent)] * len(items))
        assert kinds == expected, path.name
