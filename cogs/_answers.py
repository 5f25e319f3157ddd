"""The one way in which presses and slash commands are answered: acknowledged in time, whatever the answer waits for.

Discord wants a word within three seconds and an answer within a quarter of an hour. `watch` acknowledges what was not
answered after a moment; every answer goes through here, so that the two never meet.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from functools import cache
from typing import Any

import discord

from cogs._messages import NOBODY, embed_of
from core.messages import Embed

log = logging.getLogger(__name__)

ACKNOWLEDGE_SECONDS = 1.5
_ACKNOWLEDGEMENT, _TAKEN = "acknowledgement", "taken"
Press = discord.Interaction[Any]


@cache
def _process() -> str:
    """Names this process; made when it is asked for, as a fork shares what was made before."""
    return secrets.token_hex(4)


def live_id() -> str:
    """An id for a button, menu or form that only this process can answer."""
    return f"live:{_process()}:{secrets.token_hex(8)}"


def is_left_behind(custom_id: str) -> bool:
    """Whether the id is one of `live_id` of an earlier process, or of a time when discord.py made them."""
    if custom_id.startswith("live:"):
        return not custom_id.startswith(f"live:{_process()}:")
    return len(custom_id) == 32 and all(sign in "0123456789abcdef" for sign in custom_id)


class Acknowledgement:
    """Says «working on it» to Discord unless the answer is faster."""

    def __init__(self, interaction: Press, *, private: bool) -> None:
        self._interaction = interaction
        self._private = private
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(ACKNOWLEDGE_SECONDS, self._due)

    def _due(self) -> None:
        self._task = asyncio.create_task(self._send(), name="acknowledge")

    async def _send(self) -> None:
        response = self._interaction.response
        if response.is_done():
            return
        # A press leaves its message as it is; a form that came from none needs a message of its own.
        of_panel = self._interaction.message is not None
        try:
            await response.defer(ephemeral=self._private, thinking=not of_panel)
        except (discord.HTTPException, discord.InteractionResponded) as error:
            log.info("not_acknowledged", extra={"error": repr(error)})

    async def settle(self) -> None:
        """The answer comes now: no acknowledgement any more, or the one that is under way first."""
        self._timer.cancel()
        if self._task is not None:
            await asyncio.shield(self._task)


def watch(interaction: Press, *, private: bool) -> None:
    """See to it that the interaction is acknowledged in time."""
    if not interaction.response.is_done():
        interaction.extras[_ACKNOWLEDGEMENT] = Acknowledgement(interaction, private=private)


def take(interaction: Press) -> None:
    """Somebody answers this press: it is no press of a button that nobody knows any more."""
    interaction.extras[_TAKEN] = True


def is_taken(interaction: Press) -> bool:
    return _TAKEN in interaction.extras


async def settle(interaction: Press) -> bool:
    """Before every answer; whether the interaction was acknowledged, and needs a follow-up or an edit."""
    waiting = interaction.extras.get(_ACKNOWLEDGEMENT)
    if isinstance(waiting, Acknowledgement):
        await waiting.settle()
    return interaction.response.is_done()


async def acknowledge(interaction: Press) -> None:
    """Now, without a visible answer."""
    if not await settle(interaction):
        await interaction.response.defer()


async def privately(interaction: Press, page: Embed, **more: Any) -> None:
    """A message for whoever pressed."""
    arguments: dict[str, Any] = {"embed": embed_of(page), "ephemeral": True, "allowed_mentions": NOBODY, **more}
    if await settle(interaction):
        await interaction.followup.send(**arguments)
    else:
        await interaction.response.send_message(**arguments)


async def in_place(interaction: Press, *pages: Embed, view: discord.ui.View | None = None, **more: Any) -> None:
    """In the place of the message that was pressed; privately where there was none."""
    arguments: dict[str, Any] = {
        "embeds": [embed_of(page) for page in pages], "view": view, "allowed_mentions": NOBODY, **more,
    }  # fmt: skip
    if interaction.message is not None:
        try:
            if await settle(interaction):
                await interaction.edit_original_response(**arguments)
            else:
                await interaction.response.edit_message(**arguments)
        except discord.NotFound:
            log.info("pressed_message_gone", extra={"interaction": interaction.id})
        else:
            return
    if view is None:
        del arguments["view"]
    if await settle(interaction):
        await interaction.followup.send(ephemeral=True, **arguments)
    else:
        await interaction.response.send_message(ephemeral=True, **arguments)


async def open_form(interaction: Press, form: discord.ui.Modal) -> bool:
    """False where the interaction was acknowledged already: no form can open then."""
    if await settle(interaction):
        return False
    await interaction.response.send_modal(form)
    return True
