"""`core.messages` in discord.py's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from core.messages import Button, Embed, Message

NOBODY = discord.AllowedMentions.none()
TITLE, DESCRIPTION, FIELD_NAME, FIELD_VALUE, FOOTER, TOTAL = 256, 4096, 256, 1024, 2048, 6000
_STYLES = {
    "primary": discord.ButtonStyle.primary,
    "secondary": discord.ButtonStyle.secondary,
    "success": discord.ButtonStyle.success,
    "danger": discord.ButtonStyle.danger,
}


def clipped(text: str, most: int) -> str:
    """The text within Discord's limit, with an ellipsis where something is missing."""
    return text if len(text) <= most else text[: most - 1] + "…"


def embed_of(embed: Embed) -> discord.Embed:
    made = discord.Embed(
        title=clipped(embed.title, TITLE) or None,
        description=clipped(embed.description, DESCRIPTION) or None,
        colour=embed.colour,
    )
    for item in embed.fields:
        made.add_field(name=clipped(item.name, FIELD_NAME), value=clipped(item.value, FIELD_VALUE), inline=item.inline)
    if embed.footer:
        made.set_footer(text=clipped(embed.footer, FOOTER))
    if embed.thumbnail_url:
        made.set_thumbnail(url=embed.thumbnail_url)
    if embed.image_url:
        made.set_image(url=embed.image_url)
    while len(made) > TOTAL and made.fields:
        made.remove_field(-1)
    return made


def view_of(buttons: Sequence[Button]) -> discord.ui.View | None:
    """Buttons that nobody waits for: their `custom_id` says who answers. None where there are none.

    Must be called where an event loop runs. Discord.py keeps no view that has stopped, so this one is born stopped.
    """
    if not buttons:
        return None
    view = discord.ui.View(timeout=None)
    for button in buttons:
        view.add_item(
            discord.ui.Button(
                label=clipped(button.label, 80), custom_id=button.custom_id, style=_STYLES[button.style],
                emoji=button.emoji or None,
            )
        )  # fmt: skip
    view.stop()
    return view


def allowed_mentions(message: Message) -> discord.AllowedMentions:
    """Only the members and roles that the message names on purpose."""
    if not message.mentions and not message.role_mentions:
        return NOBODY
    users = [discord.Object(user_id) for user_id in message.mentions]
    roles = [discord.Object(role_id) for role_id in message.role_mentions]
    return discord.AllowedMentions(everyone=False, replied_user=False, users=users or False, roles=roles or False)


def sending(message: Message) -> dict[str, Any]:
    """Keyword arguments of `send` for the message, without its attachments."""
    arguments: dict[str, Any] = {"allowed_mentions": allowed_mentions(message)}
    if message.content:
        arguments["content"] = message.content
    if message.embeds:
        arguments["embeds"] = [embed_of(embed) for embed in message.embeds]
    view = view_of(message.buttons)
    if view is not None:
        arguments["view"] = view
    return arguments


def editing(message: Message) -> dict[str, Any]:
    """Keyword arguments of `edit`: the buttons that the message has no more are gone."""
    return {"view": None, **sending(message)}


def says(posted: discord.Message, message: Message) -> bool:
    """Whether a message of ours is what `sending` makes of this one, with or without the word that it is late."""
    if posted.content.strip() not in (message.content.strip(), f"{message.late}\n{message.content}".strip()):
        return False
    return [_words(embed) for embed in posted.embeds] == [_words(embed_of(embed)) for embed in message.embeds]


def _words(embed: discord.Embed) -> list[str]:
    """What an embed says, without the white space that Discord takes away."""
    fields = [text for field in embed.fields for text in (field.name, field.value)]
    return [(text or "").strip() for text in (embed.title, embed.description, embed.footer.text, *fields)]
