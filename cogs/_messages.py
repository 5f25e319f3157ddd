"""`core.messages` in discord.py's words."""

from __future__ import annotations

from typing import Any

import discord

from core.messages import Embed, Message

NOBODY = discord.AllowedMentions.none()
TITLE, DESCRIPTION, FIELD_NAME, FIELD_VALUE, FOOTER = 256, 4096, 256, 1024, 2048


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
    return made


def allowed_mentions(message: Message) -> discord.AllowedMentions:
    """Only the members that the message names on purpose."""
    if not message.mentions:
        return NOBODY
    users = [discord.Object(user_id) for user_id in message.mentions]
    return discord.AllowedMentions(everyone=False, roles=False, replied_user=False, users=users)


def sending(message: Message) -> dict[str, Any]:
    """Keyword arguments of `send` for the message, without its attachments."""
    arguments: dict[str, Any] = {"allowed_mentions": allowed_mentions(message)}
    if message.content:
        arguments["content"] = message.content
    if message.embeds:
        arguments["embeds"] = [embed_of(embed) for embed in message.embeds]
    return arguments
