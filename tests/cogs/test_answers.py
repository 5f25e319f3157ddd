"""Presses are acknowledged in time, answered once, and answered although nobody knows them any more."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest

from cogs import _answers, _left_behind
from core.messages import Embed
from core.texts import Texts
from tests.cogs.support import FakeInteraction

PAGE = Embed(description="done")
MESSAGE = object()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_answers, "ACKNOWLEDGE_SECONDS", 0.0)


def watched(**facts: Any) -> Any:
    made = FakeInteraction(**facts)
    _answers.watch(made, private=True)  # type: ignore[arg-type]
    return made


async def test_what_takes_long_is_acknowledged_and_answered_afterwards() -> None:
    command, press = watched(), watched(message=MESSAGE)
    for one in (command, press):
        await one.response.acknowledged.wait()
    await _answers.privately(command, PAGE)
    await _answers.in_place(press, PAGE)
    assert command.kinds == ["defer", "follow-up"]
    assert command.said[0][1] == {"ephemeral": True, "thinking": True}
    assert press.kinds == ["defer", "edit original"]
    assert press.said[0][1]["thinking"] is False


async def test_what_is_quick_is_not_acknowledged() -> None:
    press = watched(message=MESSAGE)
    await _answers.in_place(press, PAGE)
    other = watched()
    await other.response.acknowledged.wait()
    assert press.kinds == ["edit"]


async def test_an_answer_waits_for_the_acknowledgement_that_is_under_way() -> None:
    press = watched(message=MESSAGE)
    press.response.held.clear()
    other = watched()
    await other.response.acknowledged.wait()
    answer = asyncio.create_task(_answers.in_place(press, PAGE))
    again = watched()
    await again.response.acknowledged.wait()
    assert press.kinds == []
    press.response.held.set()
    await answer
    assert press.kinds == ["defer", "edit original"]


async def test_no_form_opens_after_an_acknowledgement() -> None:
    press = watched()
    await press.response.acknowledged.wait()
    assert not await _answers.open_form(press, None)  # type: ignore[arg-type]
    assert press.kinds == ["defer"]


@pytest.mark.parametrize(
    ("custom_id", "kind"),
    [("live:0000:ab", "edit"), ("0123456789abcdef" * 2, "edit"), (_answers.live_id(), "send"), ("raffle-x:1", "send")],
    ids=["an earlier process", "a library's", "this process", "nobody's"],
)
async def test_a_button_that_nobody_knows_is_answered(custom_id: str, kind: str) -> None:
    """Those of an earlier process go; what else nobody answers keeps its message."""
    press: Any = FakeInteraction(message=MESSAGE, data={"custom_id": custom_id})
    press.type = discord.InteractionType.component
    await _left_behind.answer(press, Texts().reader("en"))
    assert press.kinds == [kind]
    if kind == "edit":
        assert press.said[0][1]["view"] is None


async def test_a_form_that_nobody_knows_gives_back_what_was_typed() -> None:
    form: Any = FakeInteraction(
        data={
            "custom_id": "live:0:1",
            "components": [
                {"type": 18, "component": {"type": 4, "custom_id": "giveaway.form_prize", "value": "`Nitro`\n*it*"}},
                {"type": 18, "component": {"type": 6, "custom_id": "giveaway.options_ping", "values": ["12"]}},
                {"type": 1, "components": [{"type": 4, "custom_id": "unknown.key", "value": ""}]},
            ],
        }
    )  # fmt: skip
    form.type = discord.InteractionType.modal_submit
    reader = Texts().reader("en")
    await _left_behind.answer(form, reader)
    embed = form.said[0][1]["embed"]
    assert [(field.name, field.value) for field in embed.fields] == [
        (reader("giveaway.form_prize"), "```\n'Nitro'\n*it*\n```"),
        (reader("giveaway.options_ping"), "<@&12>"),
    ]
