"""An interaction as discord.py hands it over, with Discord's side written down instead of sent."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any


class FakeResponse:
    """Keeps what was answered; `held` keeps an acknowledgement from arriving."""

    def __init__(self, said: list[tuple[str, dict[str, Any]]]) -> None:
        self.said = said
        self.held = asyncio.Event()
        self.held.set()
        self.acknowledged = asyncio.Event()
        self._done = False

    def is_done(self) -> bool:
        return self._done

    async def _answer(self, kind: str, arguments: dict[str, Any]) -> None:
        assert not self._done, "Discord refuses a second answer"
        self.said.append((kind, arguments))
        self._done = True

    async def defer(self, **arguments: Any) -> None:
        await self.held.wait()
        await self._answer("defer", arguments)
        self.acknowledged.set()

    async def send_message(self, **arguments: Any) -> None:
        await self._answer("send", arguments)

    async def edit_message(self, **arguments: Any) -> None:
        await self._answer("edit", arguments)

    async def send_modal(self, form: Any) -> None:
        await self._answer("form", {"form": form})


class FakeInteraction:
    def __init__(self, user: Any = None, *, message: object = None, data: Any = None, number: int = 1) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.id, self.guild_id = number, 900
        self.user = user or SimpleNamespace(id=7)
        self.message = message
        self.data = data or {}
        self.type: Any = None
        self.extras: dict[str, Any] = {}
        self.response = FakeResponse(self.said)
        self.followup = SimpleNamespace(send=self._follow)

    async def _follow(self, **arguments: Any) -> None:
        self.said.append(("follow-up", arguments))

    async def edit_original_response(self, **arguments: Any) -> None:
        self.said.append(("edit original", arguments))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _arguments in self.said]
