"""A message as data: what a feature wants said, before anybody knows Discord."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

GOLD, GREEN, BLUE, RED, GREY = 0xF1B82D, 0x2ECC71, 0x3B82F6, 0xE74C3C, 0x95A5A6


@dataclass(frozen=True, kw_only=True)
class EmbedField:
    name: str
    value: str
    inline: bool = True


@dataclass(frozen=True, kw_only=True)
class Embed:
    title: str = ""
    description: str = ""
    colour: int = BLUE
    fields: tuple[EmbedField, ...] = ()
    footer: str = ""
    thumbnail_url: str = ""
    image_url: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Embed:
        return cls(**{**data, "fields": tuple(EmbedField(**item) for item in data["fields"])})


@dataclass(frozen=True, kw_only=True)
class Button:
    """A button that outlives restarts: whoever owns the prefix of `custom_id` answers its presses."""

    label: str
    custom_id: str
    style: Literal["primary", "secondary", "success", "danger"] = "primary"
    emoji: str = ""


@dataclass(frozen=True, kw_only=True)
class Message:
    """`mentions` and `role_mentions` are all that may be pinged; `draw_ids` have their records attached.

    `ref` names a message for later, such as `giveaway/12`: its feature hears when it was delivered, and a message
    with the same `ref` that `edits` replaces it. `late` goes before the content when Discord was away for long.
    """

    content: str = ""
    embeds: tuple[Embed, ...] = ()
    mentions: tuple[int, ...] = ()
    draw_ids: tuple[str, ...] = field(default=())
    buttons: tuple[Button, ...] = ()
    role_mentions: tuple[int, ...] = ()
    ref: str = ""
    edits: bool = False
    late: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Message:
        return cls(
            content=data["content"],
            embeds=tuple(Embed.from_json(item) for item in data["embeds"]),
            mentions=tuple(data["mentions"]),
            draw_ids=tuple(data["draw_ids"]),
            buttons=tuple(Button(**item) for item in data.get("buttons", ())),
            role_mentions=tuple(data.get("role_mentions", ())),
            ref=data.get("ref", ""),
            edits=data.get("edits", False),
            late=data.get("late", ""),
        )
