"""A client of the stand-in's control API, for tests and stories that read like what people do.

discord = Discord("http://127.0.0.1:8765/discord")
anna = discord.as_user("viewer1")
await anna.say("general", "!tickets")
reply = await discord.wait_for_message("general", containing="tickets")
form = await (await anna.slash("giveaway create", channel="#giveaways")).form()
answer = await (await form.submit({"Prize": "Nitro"})).answer()
await (await anna.click(answer, "Confirm")).answer()
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from sandbox.driver_json import Failure, Link
from sandbox.driver_views import Message, transcript

TIMEOUT = 10.0
Body = dict[str, Any]

__all__ = ["Discord", "Failure", "Form", "Message", "Outcome", "Person"]


class Discord:
    """The whole stand-in, seen by whoever runs it. Use as an async context manager, or call `close`."""

    def __init__(self, base: str, session: aiohttp.ClientSession | None = None, patience: float = 1.0) -> None:
        """`base` is where the stand-in is mounted, e.g. `http://127.0.0.1:8765/discord`.

        All time-outs are multiplied by `patience`, for machines that are slow.
        """
        self.base = base.rstrip("/")
        self.patience = patience
        self.link = Link(f"{self.base}/control", session)

    @property
    def api_base(self) -> str:
        """What the bot gets as DISCORD_API_BASE."""
        return f"{self.base}/api/v10"

    async def __aenter__(self) -> Discord:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.link.close()

    def as_user(self, name: str) -> Person:
        return Person(self, name)

    # -- looking ----------------------------------------------------------------------------------

    async def state(self, as_user: str | None = None) -> Body:
        found: Body = await self.link.get("/state", **{"as": as_user})
        return found

    async def messages(self, channel: str, *, as_user: str | None = None) -> list[Message]:
        """What stands in a channel, oldest first; ephemeral ones only as the person they are for."""
        found = await self.link.get("/messages", channel=channel, **{"as": as_user})
        return [Message(one) for one in found]

    async def violations(self, *, status: int | None = None) -> list[Body]:
        """The bot's requests that were refused; `status` 400 leaves those that Discord calls malformed."""
        found: list[Body] = await self.link.get("/violations")
        return [one for one in found if status in (None, one["status"])]

    async def requests(self, method: str | None = None, template: str | None = None) -> list[Body]:
        """The bot's requests in order, e.g. `("POST", "/channels/{channel_id}/messages")`."""
        found: list[Body] = await self.link.get("/requests", method=method, template=template)
        return found

    async def wait_for_message(
        self,
        channel: str,
        *,
        containing: str = "",
        author: str | None = "bot",
        after: Message | None = None,
        as_user: str | None = None,
        timeout: float = TIMEOUT,
    ) -> Message:
        """The first message in `channel` with that text (embeds and buttons count).

        Raises Failure with the channel's last messages when none comes within `timeout` seconds.
        """
        timeout *= self.patience
        answer = await self.link.get(
            "/wait-message",
            channel=channel,
            containing=containing,
            author=author,
            after=after.id if after else None,
            timeout=timeout,
            **{"as": as_user},
        )
        if answer["found"] is None:
            raise Failure(
                f"no message from {author or 'anybody'} containing {containing!r} in {channel!r} "
                f"within {timeout:g} s; there is:\n{transcript(answer['last'])}"
            )
        return Message(answer["found"])

    async def wait_until_ready(self, timeout: float = 30.0) -> None:
        """Until the bot has identified itself on the gateway."""
        timeout *= self.patience
        if not (await self.link.get("/wait-ready", timeout=timeout))["ready"]:
            raise Failure(f"the bot did not come online within {timeout:g} s")

    async def wait_for_command(self, name: str, *, as_user: str, timeout: float = TIMEOUT) -> Body:
        """Until the bot has registered a command that `as_user` sees."""
        timeout *= self.patience
        found = await self.link.get("/wait-command", name=name, timeout=timeout, **{"as": as_user})
        if found["command"] is None:
            listed = ", ".join(one["name"] for one in await self.as_user(as_user).commands()) or "none"
            raise Failure(f"{as_user} sees no command {name!r} after {timeout:g} s; visible: {listed}")
        command: Body = found["command"]
        return command

    async def events(self, as_user: str | None = None) -> AsyncIterator[Body]:
        """Everything that changes, as it happens: {name, guild_id, channel_id, visible_to, data}."""
        async for event in self.link.stream("/events", **{"as": as_user}):
            yield event

    # -- interfering ------------------------------------------------------------------------------

    async def act(self, name: str, /, **body: Any) -> Body:
        """Any act of the control API by name."""
        answer: Body = await self.link.post(f"/act/{name}", body)
        return answer

    async def fault(self, kind: str, pattern: str = "*", count: int = 1, **more: Any) -> None:
        """The next `count` requests matching `pattern` ("POST /channels/*") answer 429, 500, ..., or are lost."""
        await self.act("fault", kind=kind, pattern=pattern, count=count, **more)

    async def heal(self) -> None:
        await self.act("no-faults")

    async def close_gateway(self, code: int = 4000) -> None:
        await self.link.post("/gateway", {"action": "close", "code": code})

    async def gateway_down(self, seconds: float) -> None:
        await self.link.post("/gateway", {"action": "down", "seconds": seconds})

    async def invalidate_sessions(self) -> None:
        await self.link.post("/gateway", {"action": "invalidate"})

    async def forbid_intents(self, *missing: str) -> None:
        await self.act("intents", missing=list(missing))

    async def bot_permissions(
        self, channel: str, *, give: tuple[str, ...] = (), take: tuple[str, ...] = (), reset: tuple[str, ...] = ()
    ) -> None:
        """Single permissions of the bot in a channel, e.g. `take=("send_messages",)`."""
        await self.act("permissions", channel=channel, give=list(give), take=list(take), reset=list(reset))

    async def roles(self, who: str, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> None:
        await self.act("roles", who=who, add=list(add), remove=list(remove))

    async def join(self, who: str) -> None:
        await self.act("join", who=who)

    async def leave(self, who: str) -> None:
        await self.act("leave", who=who)

    async def new_user(self, username: str, *, age_days: float = 0.0) -> Person:
        """A new account that joins the first guild."""
        await self.act("user", username=username, age_days=age_days)
        return self.as_user(username)

    async def delete(self, **what: str) -> None:
        """`channel=`, `role=` or `guild=` by name."""
        await self.act("remove", **what)

    async def file(self, url: str) -> bytes:
        """An attachment's content from the stand-in's CDN."""
        return await self.link.fetch(url)


class Person:
    """One person at the keyboard. Raises Failure for what this person could not do."""

    def __init__(self, discord: Discord, name: str) -> None:
        self.discord = discord
        self.name = name

    async def act(self, act: str, /, **body: Any) -> Body:
        return await self.discord.act(act, **{"as": self.name}, **body)

    async def _start(self, act: str, /, **body: Any) -> Outcome:
        return Outcome(self, (await self.act(act, **body))["interaction"])

    async def say(
        self, channel: str, text: str, *, reply_to: Message | None = None, files: list[Body] | None = None
    ) -> Message:
        """A message; `channel` "dm" is the conversation with the bot, @handle mentions somebody."""
        replied = reply_to.id if reply_to else None
        return Message(await self.act("say", channel=channel, content=text, reply_to=replied, files=files))

    async def slash(self, name: str, *, channel: str = "general", **options: Any) -> Outcome:
        """`/name` with its sub-commands, options by their names and plain values."""
        return await self._start("slash", channel=channel, name=name, options=options)

    async def slash_in(self, channel: str, name: str, options: Body) -> Outcome:
        """As `slash`, for options whose names are no Python names (or `name`, `channel`)."""
        return await self._start("slash", channel=channel, name=name, options=options)

    async def autocomplete(
        self, name: str, option: str, typed: str = "", *, channel: str = "general", **options: Any
    ) -> list[Body]:
        """What the bot offers while `option` is typed: [{name, value}]."""
        outcome = await self._start(
            "autocomplete", channel=channel, name=name, option=option, value=typed, options=options
        )
        choices: list[Body] = (await outcome.settled())["choices"] or []
        return choices

    async def context(self, name: str, target: str | Message, *, channel: str = "general") -> Outcome:
        """A user or message context-menu command."""
        wanted = target.id if isinstance(target, Message) else target
        place = target.channel_id if isinstance(target, Message) else channel
        return await self._start("context", channel=place, name=name, target=wanted)

    async def click(self, message: Message, button: str) -> Outcome:
        """A button by its label or custom_id."""
        return await self._start("click", message=message.id, button=button)

    async def select(self, message: Message, *values: Any, menu: str | None = None) -> Outcome:
        """Choices of a menu (the only one, or by placeholder or custom_id)."""
        return await self._start("select", message=message.id, values=list(values), select=menu)

    async def react(self, message: Message, emoji: str, *, on: bool = True) -> None:
        await self.act("react", message=message.id, emoji=emoji, on=on)

    async def delete(self, message: Message) -> None:
        await self.act("delete", message=message.id)

    async def see(self, message: Message) -> Message:
        """The message as it stands now; Failure when it is gone or hidden."""
        return Message(await self.discord.link.get("/message", id=message.id, **{"as": self.name}))

    async def messages(self, channel: str) -> list[Message]:
        return await self.discord.messages(channel, as_user=self.name)

    async def wait_for_message(self, channel: str, **more: Any) -> Message:
        """As Discord.wait_for_message, ephemeral messages and "dm" included."""
        return await self.discord.wait_for_message(channel, as_user=self.name, **more)

    async def commands(self, channel: str = "general") -> list[Body]:
        found: list[Body] = await self.discord.link.get("/commands", channel=channel, **{"as": self.name})
        return found

    async def set_dms(self, open_: bool) -> None:
        await self.discord.act("dms", who=self.name, open=open_)


class Outcome:
    """What comes of a command, a click or a submitted form."""

    def __init__(self, person: Person, interaction: str) -> None:
        self.person = person
        self.id = interaction

    async def state(self, timeout: float = 0.0, *, done: bool = False) -> Body:
        """The control API's view; waits up to `timeout` seconds for an answer."""
        until = "done" if done else "answered"
        discord = self.person.discord
        view: Body = await discord.link.get("/interaction", id=self.id, timeout=timeout * discord.patience, until=until)
        return view

    async def settled(self, timeout: float = TIMEOUT) -> Body:
        """The view of an answered interaction; Failure where the bot did not answer in time."""
        view = await self.state(timeout, done=True)
        if view["state"] != "answered":
            raise Failure(f"the application did not respond to {self.person.name} ({view['state']})")
        return view

    async def answer(self, timeout: float = TIMEOUT) -> Message:
        """The bot's reply, a deferred one once it is there; ephemeral ones included."""
        view = await self.settled(timeout)
        if view["answer"] is None:
            shown = "a form" if view["modal"] else f"callback type {view['kind']} without a message"
            raise Failure(f"{self.person.name} got {shown}, not a message")
        return Message(view["answer"])

    async def followups(self) -> list[Message]:
        return [Message(one) for one in (await self.settled())["followups"]]

    async def form(self, timeout: float = TIMEOUT) -> Form:
        """The modal that opened."""
        view = await self.settled(timeout)
        if view["modal"] is None:
            got = transcript([view["answer"]]) if view["answer"] else "nothing to read"
            raise Failure(f"{self.person.name} got no form but: {got}")
        return Form(self.person, self.id, view["modal"])

    async def failed(self, timeout: float = TIMEOUT) -> bool:
        """Whether the bot let the three seconds pass."""
        return bool((await self.state(timeout))["state"] == "failed")


class Form:
    """An open modal; `title` and `labels` are what the person reads."""

    def __init__(self, person: Person, interaction: str, modal: Body) -> None:
        self.person = person
        self.id = interaction
        self.modal = modal

    @property
    def title(self) -> str:
        return str(self.modal["title"])

    @property
    def labels(self) -> list[str]:
        rows = [one["components"][0] if one["type"] == 1 else one for one in self.modal["components"]]
        return [str(one["label"]) for one in rows if one.get("label")]

    async def submit(self, values: Body) -> Outcome:
        """Fields by label or custom_id; what is not named keeps its default."""
        started = await self.person.act("submit", interaction=self.id, values=values)
        return Outcome(self.person, started["interaction"])
