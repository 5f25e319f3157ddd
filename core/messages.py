"""A message as data: what a feature wants said, before anybody knows Discord."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

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


@dataclass(frozen=True, kw_only=True)
class Message:
    """`mentions` are the only members that may be pinged; `draw_ids` have their records attached."""

    content: str = ""
    embeds: tuple[Embed, ...] = ()
    mentions: tuple[int, ...] = ()
    draw_ids: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Message:
        return cls(
            content=data["content"],
            embeds=tuple(_embed(item) for item in data["embeds"]),
            mentions=tuple(data["mentions"]),
            draw_ids=tuple(data["draw_ids"]),
        )


def _embed(data: dict[str, Any]) -> Embed:
    return Embed(**{**data, "fields": tuple(EmbedField(**item) for item in data["fields"])})
