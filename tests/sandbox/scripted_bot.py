"""A bot that answers from a table, for tests of the page: what it got is kept, what it says is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from sandbox.app import Sandbox
from sandbox.discord.world import Event

Body = dict[str, Any]
Answer = Callable[[Body], Body]


class ScriptedBot:
    """`answers` maps a command's path, a custom_id or `complete <command>` to the callback's body."""

    def __init__(self, sandbox: Sandbox, answers: dict[str, Body | Answer]) -> None:
        self.sandbox = sandbox
        self.world = sandbox.discord
        self.answers = answers
        self.got: list[Body] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> ScriptedBot:
        headers = {"Authorization": f"Bot {self.world.token}"}
        self._session = aiohttp.ClientSession(headers=headers)
        self.world.listeners.append(self._hear)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.world.listeners.remove(self._hear)
        await asyncio.gather(*self._tasks)
        assert self._session is not None
        await self._session.close()

    async def call(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        assert self._session is not None
        url = f"{self.sandbox.url}/discord/api/v10{path}"
        async with self._session.request(method, url, json=body) as response:
            return response.status, (await response.json() if response.content_type == "application/json" else None)

    async def register(self, commands: list[Body]) -> None:
        status, answer = await self.call("PUT", f"/applications/{self.world.bot_id}/commands", commands)
        assert status == 200, answer

    async def say(self, channel: str, body: Body) -> tuple[int, Any]:
        place = next(one.id for one in self.world.channels.values() if one.name == channel)
        return await self.call("POST", f"/channels/{place}/messages", body)

    def _hear(self, event: Event) -> None:
        if event.name == "INTERACTION_CREATE":
            task = asyncio.create_task(self._answer(event.data))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, interaction: Body) -> None:
        self.got.append(interaction)
        answer = self.answers.get(key_of(interaction))
        if answer is None:
            return
        body = answer(interaction) if callable(answer) else answer
        edit = body.pop("then", None)
        await self.call("POST", f"/interactions/{interaction['id']}/{interaction['token']}/callback", body)
        if edit is not None:
            path = f"/webhooks/{self.world.bot_id}/{interaction['token']}/messages/@original"
            await self.call("PATCH", path, edit)

    def last(self, key: str) -> Body:
        """The data of the last interaction of that key."""
        data: Body = [one for one in self.got if key_of(one) == key][-1]["data"]
        return data


def key_of(interaction: Body) -> str:
    """`raffle draw` for a command, its custom_id for a component or form."""
    data = interaction["data"]
    if "custom_id" in data:
        return str(data["custom_id"])
    path = [str(data["name"])]
    options = data.get("options") or []
    while options and options[0]["type"] in (1, 2):
        path.append(str(options[0]["name"]))
        options = options[0].get("options") or []
    return ("complete " if interaction["type"] == 4 else "") + " ".join(path)


def options_of(data: Body) -> Body:
    """The values of a command's options by name."""
    options = data.get("options") or []
    while options and options[0]["type"] in (1, 2):
        options = options[0].get("options") or []
    return {one["name"]: one["value"] for one in options}


def fields_of(data: Body) -> Body:
    """The values of a submitted form by custom_id."""
    found = {}
    for row in data["components"]:
        inner = [row["component"]] if "component" in row else row.get("components", [])
        for one in inner:
            found[one["custom_id"]] = one.get("values", one.get("value"))
    return found
