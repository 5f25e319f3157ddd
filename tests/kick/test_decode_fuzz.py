"""Whatever comes over the wire, decoding returns."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.kick_events import GiftedSubs, KickEvent, gift_count, gift_key
from core.moments import happened, read_moment
from kick.decode import Frame, decode_frame
from kick.webhooks import decode_webhook
from sandbox.kick.official import gifts_body, person, status_body
from sandbox.kick.world import Channel
from tests.kick import shapes
from tests.kick.shapes import CHANNEL, ROOM

NOW = datetime(2026, 9, 12, 20, tzinfo=UTC)
SHAPES: list[tuple[str, dict[str, Any]]] = [
    ("ChatMessageEvent", shapes.chat()),
    ("GiftedSubscriptionsEvent", shapes.gift()),
    ("GiftsLeaderboardUpdated", shapes.leaderboard()),
    ("ChatMessageSentEvent", shapes.system_message()),
    ("SubscriptionGifted", {"user": {"username": "a"}, "gifted_users": ["b"], "id": 1}),
    ("StreamerIsLive", shapes.stream_started()),
    ("StopStreamBroadcast", shapes.stream_stopped()),
    ("ChatMoveToSupportedChannelEvent", shapes.chat_moved()),
    ("StreamHostEvent", {"chatroom_id": ROOM, "number_viewers": 1, "host_username": "a"}),
    ("StreamHostedEvent", {"message": {"numberOfViewers": 1}, "user": {"username": "a"}}),
    ("pusher:connection_established", {"activity_timeout": 120}),
    ("pusher:error", {"code": 4200}),
]
NO_MOMENTS: list[object] = [
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-12:00",
    "1970-01-01T00:00:00Z", "2021-12-31T23:59:59Z", "2026-09-14T00:00:00Z", "0000-00-00 00:00:00", "2026-09-12T25:00Z",
    0, -1, -62135596800, 253402300799, 253402300799999, 10**30, 1e308, float("nan"), 1, "1970-01-01", "infinity",
]  # fmt: skip
STREAMER = Channel("b", CHANNEL, 8001, ROOM)
PAID = {"created_at": "2026-09-12T19:59:00Z", "expires_at": "2026-10-12T19:59:00Z", "broadcaster": person("b", 8001)}
BODIES: list[tuple[str, dict[str, Any]]] = [
    ("channel.subscription.gifts", gifts_body(STREAMER, "giver", ("one",), NOW)),
    ("channel.subscription.new", {**PAID, "subscriber": person("s")}),
    ("channel.subscription.renewal", {**PAID, "subscriber": person("s")}),
    ("kicks.gifted", {**PAID, "sender": person("s"), "gift": {"amount": 500}}),
    ("livestream.status.updated", status_body(STREAMER, True, NOW, None)),
    ("livestream.status.updated", status_body(STREAMER, False, NOW, NOW)),
]
CHANNELS = [f"chatrooms.{ROOM}.v2", f"chatroom_{ROOM}", f"channel_{CHANNEL}", "channel.", "", None, 7]
anything = st.recursive(
    st.sampled_from([*NO_MOMENTS, "\ud800\x00"]) | st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def paths(value: object, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [here]
    steps: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    for key, inner in steps:
        found += paths(inner, (*here, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:
    """`value` with `new` at `path`."""
    if not path:
        return new
    if isinstance(value, dict):
        return {key: replaced(inner, path[1:], new) if key == path[0] else inner for key, inner in value.items()}
    return [replaced(inner, path[1:], new) if i == path[0] else inner for i, inner in enumerate(value)]


@st.composite
def mutated_frames(draw: st.DrawFn) -> str:
    """A known frame with up to three of its values replaced by anything."""
    name, data = draw(st.sampled_from(SHAPES))
    changed: Any = data
    for _ in range(draw(st.integers(0, 3))):
        changed = replaced(changed, draw(st.sampled_from(paths(changed))), draw(anything))
    inner = json.dumps(changed) if draw(st.booleans()) else changed
    return json.dumps({"event": name, "data": inner, "channel": draw(st.sampled_from(CHANNELS))})


def stored(frame: Frame) -> None:
    """What is decoded can be written to a database and counted."""
    for event in frame.events:
        _check(event)


def _check(event: KickEvent) -> None:
    shown = repr(event)
    assert "\\x00" not in shown
    assert "\\ud8" not in shown
    times = [value for field in dataclasses.fields(event) if isinstance(value := getattr(event, field.name), datetime)]
    assert all(happened(when, NOW) for when in times)
    if isinstance(event, GiftedSubs):
        assert gift_count(event) >= 1
        assert len(gift_key(event)) < 200


@pytest.mark.thorough
@given(mutated_frames())
@settings(max_examples=300, deadline=None)
def test_mutated_frames_never_raise(raw: str) -> None:
    stored(decode_frame(raw, NOW))


@pytest.mark.thorough
@given(mutated_frames(), st.data())
@settings(max_examples=150, deadline=None)
def test_cut_and_spoilt_frames_never_raise(raw: str, data: st.DataObject) -> None:
    spoilt = bytearray(raw.encode("utf-8", "surrogatepass"))
    for _ in range(data.draw(st.integers(0, 5))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    stored(decode_frame(bytes(spoilt[: data.draw(st.integers(0, len(spoilt)))]), NOW))


@pytest.mark.thorough
@given(st.binary(max_size=200) | st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_random_input_never_raises(raw: bytes | str) -> None:
    stored(decode_frame(raw, NOW))


@pytest.mark.thorough
@given(st.sampled_from(BODIES), st.data())
@settings(max_examples=100, deadline=None)
def test_spoilt_webhooks_never_tell_of_an_impossible_moment(
    known: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    name, body = known
    for _ in range(data.draw(st.integers(1, 3))):
        body = replaced(body, data.draw(st.sampled_from(paths(body)[1:])), data.draw(anything))
    event = decode_webhook(name, "id", json.dumps(body).encode(), NOW)
    if event is not None:
        _check(event)


@pytest.mark.parametrize("spoilt", NO_MOMENTS, ids=repr)
def test_a_date_that_is_no_moment_is_unknown_in_every_payload(spoilt: object) -> None:
    assert read_moment(spoilt, NOW) is None
    for name, shape in SHAPES:
        for path in paths(shape):
            if path and path[-1] in ("created_at", "start_time"):
                raw = json.dumps({"event": name, "data": replaced(shape, path, spoilt), "channel": CHANNELS[0]})
                stored(decode_frame(raw, NOW))
    for name, body in BODIES:
        for field in ("created_at", "started_at", "ended_at"):
            event = decode_webhook(name, "id", json.dumps({**body, field: spoilt}).encode(), NOW)
            assert event is not None
            _check(event)
