"""Short words for what people do with giveaways."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from sandbox.driver import Message, Outcome, Person
from tests.e2e.support import Stage


async def turned(who: Person, page: Message, outcome: Outcome) -> Message:
    """The panel after a press that changed it in place."""
    await outcome.settled()
    return await who.see(page)


async def press(who: Person, page: Message, button: str) -> Message:
    """Press a button of a panel; the panel as it is then."""
    return await turned(who, page, await who.click(page, button))


async def fill(who: Person, page: Message, button: str, values: dict[str, Any]) -> Message:
    """Press a button that opens a form, submit it; the panel as it is then."""
    form = await (await who.click(page, button)).form()
    return await turned(who, page, await form.submit(values))


async def preview(stage: Stage, by: str = "streamer", **options: Any) -> Message:
    """`/giveaway create` with everything typed, up to the preview."""
    wanted = {"channel": "giveaways", "prize": "Nitro", "duration": "1h", **options}
    who = stage.discord.as_user(by)
    return await (await who.slash_in("general", "giveaway create", wanted)).answer()


async def create(stage: Stage, by: str = "streamer", **options: Any) -> Message:
    """A giveaway that runs; its message in the channel."""
    who, before = stage.discord.as_user(by), await stage.discord.messages("giveaways")
    page = await preview(stage, by, **options)
    done = await press(who, page, "Start" if "Start" in page.buttons else "ابدأ")
    assert not done.buttons, done.text
    after = before[-1] if before else None
    return await stage.discord.wait_for_message("giveaways", containing=options.get("prize", "Nitro"), after=after)


async def enter(stage: Stage, giveaway: Message, *names: str) -> list[Message]:
    """Each of them presses Enter; their private answers."""
    return [await (await stage.discord.as_user(name).click(giveaway, giveaway.buttons[0])).answer() for name in names]


async def stale_press(stage: Stage, message: Message, by: str) -> Message:
    """Press a button that the person's screen still shows although the message has lost it."""
    shown = stage.sandbox.discord.channels[message.channel_id].messages[message.id]
    kept, shown.components = shown.components, message.raw["components"]
    try:
        outcome = await stage.discord.as_user(by).click(message, "Enter")
    finally:
        shown.components = kept
    return await outcome.answer()


async def run_out(stage: Stage, span: timedelta) -> None:
    """Time passes in two jumps: the checker looks every 30 seconds, and may be looking at the first one."""
    stage.clock.turn(forward=span)
    await asyncio.sleep(0.5)
    stage.clock.turn(forward=timedelta(seconds=31))
