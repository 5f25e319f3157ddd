"""Buttons, menus and forms of a process that is gone: answered, and what was typed is given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import discord

from cogs import _answers
from core.messages import GREY, Embed, EmbedField
from core.texts import Reader, plain

_ROLE_MENU, _USER_MENU, _MOST = 6, 5, 1000


async def answer(interaction: _answers.Press, reader: Reader) -> None:
    """Say that it is too old; the dead buttons go where the message is one that nobody can answer any more."""
    data: Mapping[str, Any] = interaction.data or {}
    if interaction.type is discord.InteractionType.modal_submit:
        fields = tuple(
            EmbedField(name=_label(reader, key), value=value, inline=False) for key, value in _typed(data["components"])
        )
        text = reader("old.form" if fields else "old.form_empty")
        await _answers.privately(interaction, Embed(description=text, fields=fields, colour=GREY))
        return
    page = Embed(description=reader("old.panel"), colour=GREY)
    if _answers.is_left_behind(str(data.get("custom_id", ""))):
        await _answers.in_place(interaction, page, content=None, attachments=[])
    else:
        await _answers.privately(interaction, page)


def _typed(components: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """(the field's id, what was typed or chosen) of every field that is not empty."""
    for row in components:
        inner = row.get("components") or ([row["component"]] if "component" in row else [])
        yield from _typed(inner)
        value = row.get("value")
        shown = _block(value) if isinstance(value, str) else _chosen(row)
        if shown:
            yield str(row.get("custom_id", "")), shown


def _block(typed: str) -> str:
    """To be copied as it is: nothing in it is markdown or a mention."""
    shown = plain(typed).replace("`", "'")[:_MOST]
    return f"```\n{shown}\n```" if shown.strip() else ""


def _chosen(component: Mapping[str, Any]) -> str:
    marks = {_ROLE_MENU: "<@&{}>", _USER_MENU: "<@{}>"}
    mark = marks.get(component.get("type", 0), "{}")
    return ", ".join(mark.format(value) for value in component.get("values") or ())


def _label(reader: Reader, key: str) -> str:
    return reader(key) if reader.knows(key) else "\u200b"
