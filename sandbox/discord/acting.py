"""What people do: each act checks that the person could do it, as Discord's client would."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import interactions, payloads, posting, slash
from .check_components import walk
from .check_message import Allowed, Draft, read_message
from .errors import RefusedError
from .fields import as_list, choose, submit
from .models import Channel, Interaction, Message, User
from .resolve import Resolved, channel, message, person, visible
from .selects import SELECTS
from .uploads import file_from

if TYPE_CHECKING:
    from .world import DiscordWorld

Body = dict[str, Any]
Act = Callable[["DiscordWorld", Body], Body]
ACTS: dict[str, Act] = {}


def act(name: str) -> Callable[[Act], Act]:
    def keep(function: Act) -> Act:
        ACTS[name] = function
        return function

    return keep


def need(body: Body, key: str) -> Any:
    if body.get(key) is None:
        raise RefusedError(f"{key!r} is missing")
    return body[key]


def actor(world: DiscordWorld, body: Body) -> User:
    return person(world, need(body, "as"))


def _where(world: DiscordWorld, body: Body) -> tuple[User, Channel]:
    user = actor(world, body)
    return user, visible(world, channel(world, body.get("channel", "general"), user), user)


@act("say")
def say(world: DiscordWorld, body: Body) -> Body:
    """{as, channel, content, reply_to?, files?}"""
    user, place = _where(world, body)
    files = {index: file_from(world, one) for index, one in enumerate(body.get("files") or [])}
    content = str(body.get("content", ""))
    if not content.strip() and not files:
        raise RefusedError("an empty message cannot be sent")
    if place.guild_id is not None and not world.may(place, user.id, "send_messages"):
        raise RefusedError(f"{user.username} may not write in #{place.name}")
    raw: Body = {"content": _mentions(world, content)}
    if body.get("reply_to"):
        raw["message_reference"] = {"message_id": str(body["reply_to"])}
    draft = read_message(raw, {})
    draft.allowed = Allowed()
    return shown(world, posting.write(world, place, user.id, draft, files))


def _mentions(world: DiscordWorld, content: str) -> str:
    """@handle becomes a mention, as the client makes it when one picks a name."""
    for user in sorted(world.users.values(), key=lambda one: -len(one.username)):
        content = content.replace(f"@{user.username}", f"<@{user.id}>")
    return content


@act("edit")
def edit(world: DiscordWorld, body: Body) -> Body:
    """{as, message, content}"""
    user = actor(world, body)
    place, found = message(world, need(body, "message"), user)
    if found.author_id != user.id:
        raise RefusedError("only one's own messages can be edited")
    draft = Draft(given={"content"}, content=str(need(body, "content")))
    posting.change(world, place, found, draft, {})
    return shown(world, found)


@act("delete")
def delete(world: DiscordWorld, body: Body) -> Body:
    """{as, message}"""
    user = actor(world, body)
    place, found = message(world, need(body, "message"), user)
    if found.author_id != user.id and not world.may(place, user.id, "manage_messages"):
        raise RefusedError(f"{user.username} may not delete this message")
    posting.remove(world, place, found)
    return {}


@act("react")
def react(world: DiscordWorld, body: Body) -> Body:
    """{as, message, emoji, on?}"""
    user = actor(world, body)
    place, found = message(world, need(body, "message"), user)
    posting.react(world, place, found, str(need(body, "emoji")), user.id, body.get("on", True) is not False)
    return {}


@act("slash")
def invoke(world: DiscordWorld, body: Body) -> Body:
    """{as, channel, name, options?}: `name` with its sub-commands, e.g. "raffle draw"."""
    user, place = _where(world, body)
    path = str(need(body, "name")).removeprefix("/").split()
    return _command(world, user, place, path, body.get("options") or {}, None)


@act("autocomplete")
def autocomplete(world: DiscordWorld, body: Body) -> Body:
    """{as, channel, name, option, value?, options?}: what the bot offers while `option` is typed."""
    user, place = _where(world, body)
    path = str(need(body, "name")).removeprefix("/").split()
    focus = str(need(body, "option"))
    values = {**(body.get("options") or {}), focus: body.get("value", "")}
    return _command(world, user, place, path, values, focus)


def _command(world: DiscordWorld, user: User, place: Channel, path: list[str], values: Body, focus: str | None) -> Body:
    command = slash.find(world, place, user, path[0], 1)
    resolved = Resolved(world, place, user)
    options = slash.Options(resolved, values, focus).build(command, path[1:])
    data: Body = {"id": command.id, "name": command.name, "type": 1, "options": options}
    _finish(data, resolved, command.guild_id)
    kind = interactions.AUTOCOMPLETE if focus else interactions.COMMAND
    return started(interactions.start(world, kind, place, user.id, data))


def _finish(data: Body, resolved: Resolved, guild_id: str | None = None) -> None:
    if resolved.data:
        data["resolved"] = resolved.data
    if guild_id is not None:
        data["guild_id"] = guild_id


@act("context")
def context(world: DiscordWorld, body: Body) -> Body:
    """{as, channel, name, target}: a user (name) or a message (id) with a context-menu command."""
    user, place = _where(world, body)
    target = need(body, "target")
    resolved = Resolved(world, place, user)
    is_message = str(target) in place.messages
    command = slash.find(world, place, user, str(need(body, "name")), 3 if is_message else 2)
    if is_message:
        _, found = message(world, target, user)
        target_id = resolved.add_message(found)
    else:
        target_id = resolved.add_user(target)
    data: Body = {"id": command.id, "name": command.name, "type": command.type, "target_id": target_id}
    _finish(data, resolved, command.guild_id)
    return started(interactions.start(world, interactions.COMMAND, place, user.id, data))


@act("click")
def click(world: DiscordWorld, body: Body) -> Body:
    """{as, message, button}: `button` by custom_id or label."""
    user = actor(world, body)
    place, found = message(world, need(body, "message"), user)
    component = _pick(found, str(need(body, "button")), (2,), "button")
    if "custom_id" not in component:
        raise RefusedError("this button only opens a link")
    data = {"custom_id": component["custom_id"], "component_type": 2, "id": component["id"]}
    return _component(world, user, place, found, data)


@act("select")
def select(world: DiscordWorld, body: Body) -> Body:
    """{as, message, select?, values}: the menu by custom_id or placeholder, the only one by default."""
    user = actor(world, body)
    place, found = message(world, need(body, "message"), user)
    component = _pick(found, body.get("select"), SELECTS, "menu")
    resolved = Resolved(world, place, user)
    values = choose(component, as_list(need(body, "values")), resolved)
    data: Body = {
        "custom_id": component["custom_id"],
        "component_type": component["type"],
        "id": component["id"],
        "values": values,
    }
    _finish(data, resolved)
    return _component(world, user, place, found, data)


def _component(world: DiscordWorld, user: User, place: Channel, found: Message, data: Body) -> Body:
    return started(interactions.start(world, interactions.COMPONENT, place, user.id, data, message=found))


def _pick(found: Message, wanted: Any, kinds: tuple[int, ...], what: str) -> Body:
    """The component of these kinds that is meant, which must not be disabled."""
    candidates = [one for one in walk(found.components) if one["type"] in kinds]
    exact = [one for one in candidates if wanted in (one.get("custom_id"), name_of(one))]
    chosen = exact or [one for one in candidates if wanted is None]
    if not chosen:
        listed = ", ".join(repr(name_of(one)) for one in candidates) or "none"
        raise RefusedError(f"the message has no {what} {wanted!r}; it has {listed}")
    if chosen[0].get("disabled"):
        raise RefusedError(f"the {what} {name_of(chosen[0])!r} is disabled")
    return chosen[0]


def name_of(component: Body) -> str:
    """What a person reads on a button or menu."""
    emoji = (component.get("emoji") or {}).get("name")
    return str(component.get("label") or component.get("placeholder") or emoji or component.get("custom_id"))


@act("submit")
def submit_modal(world: DiscordWorld, body: Body) -> Body:
    """{as, interaction, values}: the form that the interaction opened, each field by label or custom_id."""
    user = actor(world, body)
    opened = world.interactions.get(str(need(body, "interaction")))
    if opened is None or opened.modal is None or opened.user_id != user.id:
        raise RefusedError(f"no form stands open for {user.username} there")
    if opened.modal_used:
        raise RefusedError("this form was submitted already")
    place = world.channels.get(opened.channel_id)
    if place is None:
        raise RefusedError("the form's channel is gone")
    resolved = Resolved(world, place, user)
    components = submit(opened.modal, body.get("values") or {}, resolved)
    data: Body = {"custom_id": opened.modal["custom_id"], "components": components}
    _finish(data, resolved)
    opened.modal_used = True
    found = place.messages.get(opened.message_id or "")
    return started(interactions.start(world, interactions.SUBMIT, place, user.id, data, message=found, after=opened))


def started(interaction: Interaction) -> Body:
    return {"interaction": interaction.id, "channel": interaction.channel_id}


def shown(world: DiscordWorld, found: Message) -> Body:
    """A message for the control API: Discord's payload, whom it pinged, who reacted, and to whom it is visible."""
    body = payloads.message(world, found)
    for one in body.get("reactions", []):
        one["people"] = list(found.reactions[one["emoji"]["name"]])
    body["pinged"] = [world.users[one].username for one in found.mentions.pinged]
    body["visible_to"] = found.visible_to
    return body
