"""Every documented limit on messages, embeds and their components is refused with Discord's code."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.discord.serving import Api, Body, codes

TOO_LONG = "BASE_TYPE_MAX_LENGTH"
BAD_LENGTH = "BASE_TYPE_BAD_LENGTH"
REQUIRED = "BASE_TYPE_REQUIRED"
FIELD = {"name": "n", "value": "v"}


def embed(**parts: Any) -> Body:
    return {"embeds": [{"description": "d", **parts}]}


def button(**parts: Any) -> Body:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": "go", **parts}


def select(**parts: Any) -> Body:
    options = [{"label": "A", "value": "a"}, {"label": "B", "value": "b"}]
    return {"type": 3, "custom_id": "s", "options": options, **parts}


def row(*components: Body) -> Body:
    return {"type": 1, "components": list(components)}


def rows(*components: Body) -> Body:
    return {"content": "x", "components": [row(*components)]}


def options(count: int, **parts: Any) -> list[Body]:
    return [{"label": f"o{number}", "value": f"v{number}", **parts} for number in range(count)]


GOOD: list[Body] = [
    {"content": "x" * 2000},
    {"content": "x", "nonce": "n" * 25, "enforce_nonce": True},
    {"content": "x", "nonce": 5},
    embed(title="t" * 256, description="d" * 4096),
    embed(fields=[FIELD] * 25, color=0xFFFFFF, timestamp="2026-01-01T00:00:00+00:00"),
    embed(fields=[{"name": "n" * 256, "value": "v" * 1024}]),
    embed(footer={"text": "f" * 2048}, author={"name": "a" * 256}),
    {"embeds": [{"description": "d"}] * 10},
    {"content": "x", "components": [row(*[button(custom_id=f"{r}{c}") for c in range(5)]) for r in range(5)]},
    rows(button(label="l" * 80, custom_id="c" * 100)),
    rows(button(label=None, emoji={"name": "🎉"})),
    rows({"type": 2, "style": 5, "label": "open", "url": "https://example.com"}),
    rows(select(options=options(25), placeholder="p" * 150, max_values=25)),
    rows({"type": 5, "custom_id": "u", "min_values": 0}),
    {"content": "x", "allowed_mentions": {"parse": ["users"], "roles": ["1"], "replied_user": True}},
    {"flags": 1 << 15, "components": [{"type": 10, "content": "text"}, row(button())]},
]

BAD: list[tuple[Body, str]] = [
    ({"content": "x" * 2001}, f"content: {TOO_LONG}"),
    ({"content": 5}, "content: STRING_TYPE_CONVERT"),
    ({"content": "x", "tts": "yes"}, "tts: BOOLEAN_TYPE_CONVERT"),
    ({"content": "x", "flags": "many"}, "flags: NUMBER_TYPE_COERCE"),
    ({"content": "x", "nonce": "n" * 26}, "nonce: NONCE_TYPE_TOO_LONG"),
    ({"content": "x", "nonce": True}, "nonce: NONCE_TYPE_INVALID"),
    ({"content": "x", "embeds": {}}, "embeds: LIST_TYPE_CONVERT"),
    ({"content": "x", "embeds": ["no"]}, "embeds.0: MODEL_TYPE_CONVERT"),
    ({"embeds": [{"description": "d"}] * 11}, f"embeds: {TOO_LONG}"),
    ({"embeds": [{}]}, f"embeds.0.description: {REQUIRED}"),
    (embed(title="t" * 257), f"embeds.0.title: {TOO_LONG}"),
    (embed(description="d" * 4097), f"embeds.0.description: {TOO_LONG}"),
    (embed(fields=[FIELD] * 26), f"embeds.0.fields: {TOO_LONG}"),
    (embed(fields=[{"name": "n" * 257, "value": "v"}]), f"embeds.0.fields.0.name: {TOO_LONG}"),
    (embed(fields=[{"name": "n", "value": "v" * 1025}]), f"embeds.0.fields.0.value: {TOO_LONG}"),
    (embed(fields=[{"name": "n", "value": ""}]), f"embeds.0.fields.0.value: {REQUIRED}"),
    (embed(fields=[{"value": "v"}]), f"embeds.0.fields.0.name: {REQUIRED}"),
    (embed(footer={"text": "f" * 2049}), f"embeds.0.footer.text: {TOO_LONG}"),
    (embed(author={"name": "a" * 257}), f"embeds.0.author.name: {TOO_LONG}"),
    (embed(color=0x1000000), "embeds.0.color: NUMBER_TYPE_MAX"),
    (embed(timestamp="tomorrow"), "embeds.0.timestamp: DATE_TIME_TYPE_PARSE"),
    (embed(url="ftp://example.com"), "embeds.0.url: URL_TYPE_INVALID_SCHEME"),
    (embed(image={"url": "nowhere"}), "embeds.0.image.url: URL_TYPE_INVALID_SCHEME"),
    (embed(image={"url": "attachment://none.png"}), "embeds.0.image.url: ATTACHMENT_NOT_FOUND"),
    ({"embeds": [{"description": "d" * 3001}] * 2}, "embeds: MAX_EMBED_SIZE_EXCEEDED"),
    ({"content": "x", "components": [row(button(custom_id=str(n))) for n in range(6)]}, f"components: {TOO_LONG}"),
    ({"content": "x", "components": [button()]}, "components.0.type: BASE_TYPE_CHOICES"),
    (rows(), f"components.0.components: {BAD_LENGTH}"),
    (rows(*[button(custom_id=str(n)) for n in range(6)]), f"components.0.components: {BAD_LENGTH}"),
    (rows(button(label="l" * 81)), f"components.0.components.0.label: {TOO_LONG}"),
    (rows(button(custom_id="c" * 101)), f"components.0.components.0.custom_id: {BAD_LENGTH}"),
    (rows(button(custom_id=None)), f"components.0.components.0.custom_id: {REQUIRED}"),
    (rows(button(style=9)), "components.0.components.0.style: BASE_TYPE_CHOICES"),
    (rows(button(), button()), "components.0.components.1.custom_id: COMPONENT_CUSTOM_ID_DUPLICATED"),
    (rows(button(label="")), "components.0.components.0.label: BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED"),
    (rows(button(emoji={"name": "smile"})), "components.0.components.0.emoji.name: COMPONENT_INVALID_EMOJI"),
    (rows(button(url="https://x.example")), "components.0.components.0.url: BUTTON_COMPONENT_URL_FORBIDDEN"),
    (rows(button(style=5)), f"components.0.components.0.url: {REQUIRED}"),
    (
        rows(button(style=5, url="https://x.example")),
        "components.0.components.0.custom_id: BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
    ),
    (
        rows(button(style=5, custom_id=None, url="https://x.example/" + "u" * 500)),
        f"components.0.components.0.url: {TOO_LONG}",
    ),
    (rows(select(), button()), "components.0.components: COMPONENT_LAYOUT_WIDTH_EXCEEDED"),
    (rows(select(options=[])), f"components.0.components.0.options: {BAD_LENGTH}"),
    (rows(select(options=options(26))), f"components.0.components.0.options: {BAD_LENGTH}"),
    (rows(select(placeholder="p" * 151)), f"components.0.components.0.placeholder: {TOO_LONG}"),
    (rows(select(custom_id="c" * 101)), f"components.0.components.0.custom_id: {BAD_LENGTH}"),
    (rows(select(max_values=26)), "components.0.components.0.max_values: NUMBER_TYPE_MAX"),
    (rows(select(min_values=-1)), "components.0.components.0.min_values: NUMBER_TYPE_MIN"),
    (
        rows(select(max_values=3)),
        "components.0.components.0.max_values: SELECT_COMPONENT_VALUES_EXCEED_OPTIONS",
    ),
    (
        rows(select(min_values=2, max_values=1)),
        "components.0.components.0.min_values: SELECT_COMPONENT_MIN_VALUES_GREATER_THAN_MAX",
    ),
    (
        rows(select(options=options(2, default=True))),
        "components.0.components.0.options: SELECT_COMPONENT_TOO_MANY_DEFAULTS",
    ),
    (
        rows(select(options=[*options(1), *options(1)])),
        "components.0.components.0.options.1.value: SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
    ),
    (
        rows(select(options=options(1, description="d" * 101))),
        f"components.0.components.0.options.0.description: {TOO_LONG}",
    ),
    (
        rows(select(options=[{"label": "l" * 101, "value": "v" * 101}])),
        f"components.0.components.0.options.0.label: {BAD_LENGTH}",
    ),
    (
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        "allowed_mentions: MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
    ),
    (
        {"content": "x", "allowed_mentions": {"parse": ["all"]}},
        "allowed_mentions.parse.0: BASE_TYPE_CHOICES",
    ),
    (
        {"content": "x", "allowed_mentions": {"users": [str(n) for n in range(101)]}},
        f"allowed_mentions.users: {TOO_LONG}",
    ),
    ({"content": "x", "message_reference": {}}, f"message_reference.message_id: {REQUIRED}"),
    (
        {"content": "x", "message_reference": {"message_id": "1"}},
        "message_reference: REPLIES_UNKNOWN_MESSAGE",
    ),
    ({"content": "x", "attachments": [{"id": 0}]}, "attachments.0.id: ATTACHMENT_NOT_FOUND"),
    (
        {"content": "x", "flags": 1 << 15, "components": [{"type": 10, "content": "t"}]},
        "content: MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
    ),
    (
        {"flags": 1 << 15, "components": [{"type": 10, "content": "t" * 2001}] * 2},
        "components: COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
    ),
    (
        {"flags": 1 << 15, "components": [{"type": 17, "components": [{"type": 10, "content": "t"}] * 40}]},
        "components: COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
    ),
    ({"content": "x", "components": [{"type": 10, "content": "t"}]}, "components.0.type: BASE_TYPE_CHOICES"),
]


@pytest.mark.parametrize("body", GOOD, ids=range(len(GOOD)))
async def test_what_just_fits_is_taken(api: Api, body: Body) -> None:
    assert (await api.send(body))[0] == 200
    assert api.world.violations == []


@pytest.mark.parametrize(("body", "expected"), BAD, ids=[f"{n}-{case[1]}" for n, case in enumerate(BAD)])
async def test_what_is_too_much_is_refused(api: Api, body: Body, expected: str) -> None:
    answer = await api.send_refused(body)
    assert answer["status"] == 400
    assert expected in codes(answer)
    assert api.world.violations[0].errors == answer["errors"]
    assert not api.world.channels[api.channel("general")].messages


@pytest.mark.parametrize("body", [{}, {"content": "  \n"}, {"content": None, "embeds": []}])
async def test_an_empty_message_is_50006(api: Api, body: Body) -> None:
    assert (await api.send_refused(body))["code"] == 50006


async def test_all_that_is_wrong_is_told_at_once(api: Api) -> None:
    body = {"content": "x" * 2001, **embed(title="t" * 257, fields=[{"name": "", "value": "v" * 1025}])}
    assert codes(await api.send_refused(body)) == {
        f"content: {TOO_LONG}",
        f"embeds.0.title: {TOO_LONG}",
        f"embeds.0.fields.0.name: {REQUIRED}",
        f"embeds.0.fields.0.value: {TOO_LONG}",
    }


async def test_broken_json_is_50109(api: Api) -> None:
    path = f"/channels/{api.channel('general')}/messages"
    status, answer = await api.call("POST", path, data=b"{", headers={"Content-Type": "application/json"})
    assert (status, answer["code"]) == (400, 50109)


async def test_an_edit_keeps_to_the_same_limits_and_changes_nothing_when_refused(api: Api) -> None:
    _, message = await api.send({"content": "before"})
    path = f"/channels/{message['channel_id']}/messages/{message['id']}"
    assert f"content: {TOO_LONG}" in codes(await api.refused("PATCH", path, {"content": "x" * 2001}))
    assert (await api.refused("PATCH", path, {"content": ""}))["code"] == 50006
    assert (await api.call("GET", path))[1]["content"] == "before"
