"""Messages as a test reads them."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]


class Message:
    """A message as one person sees it; `raw` is Discord's payload."""

    def __init__(self, raw: Body) -> None:
        self.raw = raw
        self.id = str(raw["id"])
        self.channel_id = str(raw["channel_id"])
        self.content = str(raw["content"])
        self.author = str(raw["author"]["username"])
        self.embeds: list[Body] = raw["embeds"]
        self.attachments: list[Body] = raw["attachments"]
        self.pinged: list[str] = raw.get("pinged", [])

    def __repr__(self) -> str:
        return f"<Message {line(self.raw)}>"

    @property
    def ephemeral(self) -> bool:
        return bool(self.raw["flags"] & 64)

    @property
    def components(self) -> list[Body]:
        """All components, nested ones included."""
        return _walk(self.raw["components"])

    @property
    def buttons(self) -> list[str]:
        """The labels (or emoji) of the buttons that can be pressed."""
        return [_label(one) for one in self.components if one["type"] == 2 and not one.get("disabled")]

    @property
    def text(self) -> str:
        """Everything that one can read in it."""
        parts = [self.content]
        for embed in self.embeds:
            parts += [embed.get("title", ""), embed.get("description", "")]
            parts += [f"{one['name']}\n{one['value']}" for one in embed.get("fields", [])]
            parts.append((embed.get("footer") or {}).get("text", ""))
            parts.append((embed.get("author") or {}).get("name", ""))
        parts += [str(one.get("content") or "") for one in self.components if one["type"] == 10]
        return "\n".join(part for part in parts if part)

    def field(self, name: str) -> str:
        """The value of the embed field whose name contains `name`; KeyError when there is none."""
        for embed in self.embeds:
            for one in embed.get("fields", []):
                if name.casefold() in one["name"].casefold():
                    return str(one["value"])
        raise KeyError(f"no field {name!r} in {self!r}")


def _walk(components: list[Body]) -> list[Body]:
    found = []
    for one in components:
        found.append(one)
        found += _walk(one.get("components", []))
        if isinstance(one.get("accessory"), dict):
            found.append(one["accessory"])
    return found


def _label(component: Body) -> str:
    emoji = (component.get("emoji") or {}).get("name")
    return str(component.get("label") or emoji or component.get("custom_id") or component.get("url"))


def line(raw: Body) -> str:
    """A message on one line, for failures."""
    message = Message(raw)
    marks = " (only for one)" if message.ephemeral else ""
    text = " | ".join(message.text.splitlines())
    buttons = "".join(f" [{one}]" for one in message.buttons)
    files = "".join(f" <{one['filename']}>" for one in message.attachments)
    return f"{message.author}{marks}: {text[:400]}{buttons}{files}"


def transcript(raws: list[Body]) -> str:
    return "\n".join(f"  {line(one)}" for one in raws) or "  (nothing)"
