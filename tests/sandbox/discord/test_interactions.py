"""The rules of answering interactions: once, in time, with what fits, visible to the right person."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.discord.models import Interaction
from tests.sandbox.discord.serving import Api, Body, codes

TOO_LONG = "BASE_TYPE_MAX_LENGTH"
BAD_LENGTH = "BASE_TYPE_BAD_LENGTH"
REQUIRED = "BASE_TYPE_REQUIRED"
COMMAND = {
    "name": "draw",
    "description": "Draws",
    "options": [{"type": 3, "name": "prize", "description": "p", "autocomplete": True}],
}
ROW = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}


@pytest.fixture
async def slash(api: Api) -> Interaction:
    """A command on its way to the bot."""
    await api.call("PUT", api.commands, [COMMAND])
    started = await api.discord.as_user("viewer1").slash("draw")
    return api.world.interactions[started.id]


async def press(api: Api) -> Interaction:
    _, message = await api.send({"content": "x", "components": [ROW]})
    user = api.discord.as_user("viewer1")
    body = await user.act("click", message=message["id"], button="Go")
    return api.world.interactions[body["interaction"]]


async def answer(api: Api, item: Interaction, kind: int, data: Any = None) -> tuple[int, Any]:
    path = f"/interactions/{item.id}/{item.token}/callback"
    return await api.call("POST", path, {"type": kind, **({"data": data} if data is not None else {})})


async def refused(api: Api, item: Interaction, kind: int, data: Any = None) -> Body:
    status, body = await answer(api, item, kind, data)
    assert status >= 400, body
    return {**body, "status": status}


def hook(api: Api, item: Interaction) -> str:
    return f"/webhooks/{api.world.bot_id}/{item.token}"


def modal(*components: Body, **parts: Any) -> Body:
    return {"custom_id": "m", "title": "t", "components": list(components), **parts}


def label(component: Body, **parts: Any) -> Body:
    return {"type": 18, "label": "l", "component": component, **parts}


def text_input(**parts: Any) -> Body:
    return {"type": 4, "custom_id": "i", "style": 1, **parts}


def choices(count: int) -> list[Body]:
    return [{"label": f"l{number}", "value": f"v{number}"} for number in range(count)]


# -- when -----------------------------------------------------------------------------------------


async def test_a_second_acknowledgement_is_40060(api: Api, slash: Interaction) -> None:
    assert (await answer(api, slash, 4, {"content": "one"}))[0] == 204
    body = await refused(api, slash, 4, {"content": "two"})
    assert (body["status"], body["code"]) == (400, 40060)


async def test_after_three_seconds_it_is_unknown(api: Api, slash: Interaction) -> None:
    late = datetime.now(UTC) + timedelta(seconds=3.1)
    api.world.wall = lambda: late
    body = await refused(api, slash, 4, {"content": "late"})
    assert (body["status"], body["code"]) == (404, 10062)
    assert slash.state == "failed"


async def test_a_wrong_token_is_10062(api: Api, slash: Interaction) -> None:
    status, body = await api.call("POST", f"/interactions/{slash.id}/nonsense/callback", {"type": 5})
    assert (status, body["code"]) == (404, 10062)


async def test_a_refused_answer_leaves_time_for_a_better_one(api: Api, slash: Interaction) -> None:
    assert (await refused(api, slash, 4, {"content": ""}))["code"] == 50006
    assert (await answer(api, slash, 4, {"content": "better"}))[0] == 204


async def test_no_follow_up_before_the_answer_and_none_after_fifteen_minutes(api: Api, slash: Interaction) -> None:
    follow_up = {"content": "more"}
    assert (await api.refused("POST", hook(api, slash), follow_up))["code"] == 10015
    await answer(api, slash, 4, {"content": "one"})
    assert (await api.call("POST", hook(api, slash), follow_up))[0] == 204
    late = datetime.now(UTC) + timedelta(minutes=15, seconds=1)
    api.world.wall = lambda: late
    body = await api.refused("POST", hook(api, slash), follow_up)
    assert (body["status"], body["code"]) == (401, 50027)


# -- what -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [1, 6, 7, 8, 99])
async def test_a_command_is_not_answered_as_something_else(api: Api, slash: Interaction, kind: int) -> None:
    assert codes(await refused(api, slash, kind, {"content": "x"})) == {"type: BASE_TYPE_CHOICES"}


async def test_a_form_does_not_open_another(api: Api) -> None:
    item = await press(api)
    await answer(api, item, 9, modal(label(text_input())))
    started = await api.discord.as_user("viewer1").act("submit", interaction=item.id, values={"l": "x"})
    submitted = api.world.interactions[started["interaction"]]
    assert "type: BASE_TYPE_CHOICES" in codes(await refused(api, submitted, 9, modal(label(text_input()))))
    assert (await answer(api, submitted, 7, {"content": "changed by the form"}))[0] == 204


async def test_the_callback_tells_what_it_made_when_asked(api: Api, slash: Interaction) -> None:
    path = f"/interactions/{slash.id}/{slash.token}/callback?with_response=1"
    _, body = await api.call("POST", path, {"type": 4, "data": {"content": "here", "flags": 64}})
    assert body["resource"]["message"]["content"] == "here"
    assert body["interaction"]["response_message_ephemeral"] is True


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"content": "x" * 2001}, f"data.content: {TOO_LONG}"),
        ({"embeds": [{"title": "t" * 257}]}, f"data.embeds.0.title: {TOO_LONG}"),
        (None, f"data: {REQUIRED}"),
    ],
)
async def test_answers_keep_to_the_limits_of_messages(api: Api, slash: Interaction, data: Any, expected: str) -> None:
    assert expected in codes(await refused(api, slash, 4, data))


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ([{"name": str(n), "value": str(n)} for n in range(26)], f"data.choices: {TOO_LONG}"),
        ([{"name": "n" * 101, "value": "v"}], f"data.choices.0.name: {BAD_LENGTH}"),
        ([{"name": "", "value": "v"}], f"data.choices.0.name: {REQUIRED}"),
        ([{"name": "n", "value": "v" * 101}], f"data.choices.0.value: {TOO_LONG}"),
        ([{"name": "n", "value": 5}], "data.choices.0.value: STRING_TYPE_CONVERT"),
        ([{"name": "n"}], f"data.choices.0.value: {REQUIRED}"),
    ],
)
async def test_limits_of_autocomplete(api: Api, offered: list[Body], expected: str) -> None:
    await api.call("PUT", api.commands, [COMMAND])
    body = await api.discord.as_user("viewer1").act("autocomplete", name="draw", option="prize", value="a")
    item = api.world.interactions[body["interaction"]]
    assert expected in codes(await refused(api, item, 8, {"choices": offered}))
    fine = [{"name": str(n), "value": str(n)} for n in range(25)]
    assert (await answer(api, item, 8, {"choices": fine}))[0] == 204
    assert item.choices == fine


GOOD_MODALS: list[Body] = [
    modal(label(text_input()), title="t" * 45, custom_id="c" * 100),
    modal(*[label(text_input(custom_id=str(n))) for n in range(5)]),
    modal(label(text_input(max_length=4000, placeholder="p" * 100), label="l" * 45, description="d" * 100)),
    modal(label({"type": 21, "custom_id": "r", "options": choices(10)})),
    modal(label({"type": 22, "custom_id": "c", "options": choices(10), "max_values": 10})),
    modal({"type": 10, "content": "Read this"}, label({"type": 23, "custom_id": "x"})),
    modal({"type": 1, "components": [text_input(label="Old style")]}),
]

BAD_MODALS: list[tuple[Body, str]] = [
    (modal(label(text_input()), title="t" * 46), f"data.title: {BAD_LENGTH}"),
    (modal(label(text_input()), custom_id="c" * 101), f"data.custom_id: {BAD_LENGTH}"),
    (modal(), f"data.components: {BAD_LENGTH}"),
    (modal(*[label(text_input(custom_id=str(n))) for n in range(6)]), f"data.components: {BAD_LENGTH}"),
    (modal(text_input()), "data.components.0.type: BASE_TYPE_CHOICES"),
    (modal(label(text_input(), label="l" * 46)), f"data.components.0.label: {BAD_LENGTH}"),
    (modal(label(text_input(), description="d" * 101)), f"data.components.0.description: {BAD_LENGTH}"),
    (
        modal(label(text_input(custom_id="c" * 101))),
        f"data.components.0.component.custom_id: {BAD_LENGTH}",
    ),
    (modal(label(text_input(style=3))), "data.components.0.component.style: BASE_TYPE_CHOICES"),
    (
        modal(label(text_input(placeholder="p" * 101))),
        f"data.components.0.component.placeholder: {TOO_LONG}",
    ),
    (modal(label(text_input(max_length=4001))), "data.components.0.component.max_length: NUMBER_TYPE_MAX"),
    (
        modal(label(text_input(min_length=5, max_length=4))),
        "data.components.0.component.min_length: TEXT_INPUT_MIN_GREATER_THAN_MAX",
    ),
    (modal(label(text_input(value="v" * 4001))), f"data.components.0.component.value: {TOO_LONG}"),
    (
        modal(label(text_input(label="twice"))),
        "data.components.0.component.label: COMPONENT_LABEL_NOT_ALLOWED",
    ),
    (
        modal(label(text_input()), label(text_input())),
        "data.components.1.component.custom_id: COMPONENT_CUSTOM_ID_DUPLICATED",
    ),
    (
        modal(label({"type": 21, "custom_id": "r", "options": choices(1)})),
        f"data.components.0.component.options: {BAD_LENGTH}",
    ),
    (
        modal(label({"type": 21, "custom_id": "r", "options": choices(11)})),
        f"data.components.0.component.options: {BAD_LENGTH}",
    ),
    (
        modal(label({"type": 22, "custom_id": "r", "options": choices(11)})),
        f"data.components.0.component.options: {BAD_LENGTH}",
    ),
    (
        modal(label({"type": 3, "custom_id": "r", "options": choices(26)})),
        f"data.components.0.component.options: {BAD_LENGTH}",
    ),
    (
        modal(label({"type": 19, "custom_id": "f", "max_values": 11})),
        "data.components.0.component.max_values: NUMBER_TYPE_MAX",
    ),
    (
        modal(label({"type": 2, "custom_id": "b", "style": 1})),
        "data.components.0.component.type: BASE_TYPE_CHOICES",
    ),
    (
        modal({"type": 1, "components": [text_input()]}),
        f"data.components.0.components.0.label: {REQUIRED}",
    ),
]


@pytest.mark.parametrize("body", GOOD_MODALS, ids=range(len(GOOD_MODALS)))
async def test_forms_that_just_fit_open(api: Api, slash: Interaction, body: Body) -> None:
    assert (await answer(api, slash, 9, body))[0] == 204
    assert slash.modal is not None


@pytest.mark.parametrize(("body", "expected"), BAD_MODALS, ids=[f"{n}-{case[1]}" for n, case in enumerate(BAD_MODALS)])
async def test_forms_that_are_too_much_are_refused(api: Api, slash: Interaction, body: Body, expected: str) -> None:
    assert expected in codes(await refused(api, slash, 9, body))
    assert slash.modal is None


# -- who ------------------------------------------------------------------------------------------


async def test_a_deferred_answer_is_filled_by_the_first_follow_up(api: Api, slash: Interaction) -> None:
    await answer(api, slash, 5, {"flags": 64})
    _, original = await api.call("GET", f"{hook(api, slash)}/messages/@original")
    assert original["flags"] == 64 | 128
    _, first = await api.call("POST", f"{hook(api, slash)}?wait=true", {"content": "done"})
    assert (first["id"], first["flags"]) == (original["id"], 64)
    _, second = await api.call("POST", f"{hook(api, slash)}?wait=true", {"content": "to all"})
    assert second["id"] != original["id"]
    seen = [one.content for one in await api.discord.as_user("viewer2").messages("general")]
    assert seen == ["to all"]


async def test_follow_ups_are_edited_and_deleted_by_their_id(api: Api, slash: Interaction) -> None:
    await answer(api, slash, 4, {"content": "one"})
    _, second = await api.call("POST", f"{hook(api, slash)}?wait=true", {"content": "two"})
    path = f"{hook(api, slash)}/messages/{second['id']}"
    assert (await api.call("PATCH", path, {"content": "three"}))[1]["content"] == "three"
    assert (await api.call("DELETE", path))[0] == 204
    assert (await api.refused("GET", path))["code"] == 10008
    assert (await api.call("DELETE", f"{hook(api, slash)}/messages/@original"))[0] == 204
    assert (await api.refused("PATCH", f"{hook(api, slash)}/messages/@original", {}))["code"] == 10008


async def test_a_foreign_message_is_not_reached_through_the_token(api: Api, slash: Interaction) -> None:
    await answer(api, slash, 4, {"content": "one"})
    _, other = await api.send({"content": "not mine"})
    assert (await api.refused("DELETE", f"{hook(api, slash)}/messages/{other['id']}"))["code"] == 10008


async def test_ephemeral_messages_are_unknown_to_the_channel_routes(api: Api, slash: Interaction) -> None:
    await answer(api, slash, 4, {"content": "secret", "flags": 64})
    path = f"/channels/{slash.channel_id}/messages"
    assert (await api.call("GET", path))[1] == []
    assert (await api.refused("DELETE", f"{path}/{slash.original}"))["code"] == 10008


@pytest.mark.thorough
async def test_a_press_gives_up_by_itself(api: Api) -> None:
    item = await press(api)
    state = await api.discord.link.get("/interaction", id=item.id, timeout=10)
    assert state["state"] == "failed"


async def test_many_presses_are_answered_side_by_side(api: Api) -> None:
    _, message = await api.send({"content": "x", "components": [ROW]})
    crowd = await api.discord.act("crowd", count=40)

    async def one(name: str) -> int:
        body = await api.discord.as_user(name).act("click", message=message["id"], button="go")
        item = api.world.interactions[body["interaction"]]
        return (await answer(api, item, 4, {"content": "in", "flags": 64}))[0]

    assert set(await asyncio.gather(*(one(name) for name in crowd["users"]))) == {204}
