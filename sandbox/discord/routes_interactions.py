"""Routes with which the bot answers interactions: the callback and the follow-ups."""

from __future__ import annotations

from typing import Any

from . import payloads, posting
from .call import Call, Reply, Routes
from .check_commands import choice_value
from .check_message import Draft, read_message, require_something
from .check_modal import check_modal
from .errors import ApiError, Problems, invalid
from .form import Form, as_form
from .interactions import AUTOCOMPLETE, COMPONENT, SUBMIT, alive, tell, waiting
from .models import COMPONENTS_V2, EPHEMERAL, LOADING, Channel, Interaction, Message

routes = Routes()
HOOK = "/webhooks/{webhook_id}/{webhook_token}"
MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
SUPPRESS = 1 << 12
DEFER_FLAGS = EPHEMERAL | SUPPRESS | COMPONENTS_V2


@routes.add("POST", "/interactions/{interaction_id}/{interaction_token}/callback")
async def callback(call: Call) -> Reply:
    interaction = waiting(call.world, call["interaction_id"], call["interaction_token"])
    problems = Problems()
    form = as_form(call.body, problems)
    kind = form.choice("type", _kinds(interaction), required=True) if form else None
    problems.check()
    assert form is not None
    assert kind is not None
    _HANDLERS[kind](call, interaction, form)
    interaction.kind = kind
    interaction.state = "answered"
    tell(call.world, interaction, "INTERACTION_ANSWERED")
    if call.query.get("with_response") not in ("1", "true", "True"):
        return 204, None
    return 200, _with_response(call, interaction)


def _kinds(interaction: Interaction) -> tuple[int, ...]:
    """Which callback types fit this kind of interaction."""
    if interaction.type == AUTOCOMPLETE:
        return (CHOICES,)
    if interaction.type == COMPONENT:
        return (MESSAGE, DEFER, DEFER_UPDATE, UPDATE, MODAL)
    if interaction.type == SUBMIT:
        on_message = (DEFER_UPDATE, UPDATE) if interaction.message_id else ()
        return (MESSAGE, DEFER, *on_message)
    return (MESSAGE, DEFER, MODAL)


def _with_response(call: Call, interaction: Interaction) -> dict[str, Any]:
    about: dict[str, Any] = {"id": interaction.id, "type": interaction.type}
    body: dict[str, Any] = {"interaction": about}
    message = _find(call, interaction, interaction.original)
    if message is not None:
        about["response_message_id"] = message.id
        about["response_message_loading"] = bool(message.flags & LOADING)
        about["response_message_ephemeral"] = message.visible_to is not None
    if message is not None and interaction.kind in (MESSAGE, UPDATE):
        shown = payloads.message(call.world, message)
        body["resource"] = {"type": interaction.kind, "message": shown}
    return body


def _data(form: Form, *, required: bool = True) -> dict[str, Any]:
    data = form.value.get("data")
    if data is None and not required:
        return {}
    if not isinstance(data, dict):
        raise invalid(("data",), "BASE_TYPE_REQUIRED", "This field is required")
    return data


def _place(call: Call, interaction: Interaction) -> Channel:
    return call.world.channel(interaction.channel_id)


def _message(call: Call, interaction: Interaction, form: Form) -> None:
    draft = read_message(_data(form), call.filenames, path=("data",))
    require_something(draft, bool(call.files))
    interaction.ephemeral = bool(draft.flags & EPHEMERAL)
    message = _write(call, interaction, draft)
    interaction.original = message.id


def _write(call: Call, interaction: Interaction, draft: Draft) -> Message:
    visible_to = interaction.user_id if draft.flags & EPHEMERAL else None
    kind = 0
    if interaction.type == 2 and interaction.original is None:
        kind = 20 if interaction.data.get("type", 1) == 1 else 23
    message = posting.write(
        call.world,
        _place(call, interaction),
        call.world.bot_id,
        draft,
        call.files,
        kind=kind,
        interaction=interaction,
        visible_to=visible_to,
    )
    interaction.messages.append(message.id)
    return message


def _defer(call: Call, interaction: Interaction, form: Form) -> None:
    problems = Problems()
    data = Form(_data(form, required=False), problems, ("data",))
    flags = (data.whole("flags", low=0) or 0) & DEFER_FLAGS
    problems.check()
    interaction.ephemeral = bool(flags & EPHEMERAL)
    visible_to = interaction.user_id if interaction.ephemeral else None
    message = posting.load(call.world, _place(call, interaction), interaction, flags, visible_to)
    interaction.messages.append(message.id)
    interaction.original = message.id


def _defer_update(call: Call, interaction: Interaction, form: Form) -> None:
    interaction.original = interaction.message_id


def _update(call: Call, interaction: Interaction, form: Form) -> None:
    channel = _place(call, interaction)
    message = _find(call, interaction, interaction.message_id)
    if message is None:
        raise ApiError(10008)
    draft = read_message(_data(form, required=False), call.filenames, path=("data",))
    posting.change(call.world, channel, message, draft, call.files)
    interaction.original = message.id


def _choices(call: Call, interaction: Interaction, form: Form) -> None:
    problems = Problems()
    data = Form(_data(form), problems, ("data",))
    kind = focused(interaction.data.get("options", [])).get("type")
    choices = []
    for child in data.forms("choices", high=25, required=True):
        name = child.text("name", low=1, high=100, required=True)
        choices.append({"name": name, "value": choice_value(child, kind, text_high=100)})
    problems.check()
    interaction.choices = choices


def focused(options: list[dict[str, Any]]) -> dict[str, Any]:
    """The option that is being typed, at whatever depth."""
    for option in options:
        if option.get("focused"):
            return option
        found = focused(option.get("options", []))
        if found:
            return found
    return {}


def _modal(call: Call, interaction: Interaction, form: Form) -> None:
    problems = Problems()
    modal = check_modal(Form(_data(form), problems, ("data",)))
    problems.check()
    interaction.modal = modal


_HANDLERS = {
    MESSAGE: _message,
    DEFER: _defer,
    DEFER_UPDATE: _defer_update,
    UPDATE: _update,
    CHOICES: _choices,
    MODAL: _modal,
}


# -- follow-ups -----------------------------------------------------------------------------------


def _alive(call: Call) -> Interaction:
    if call["webhook_id"] != call.world.bot_id:
        raise ApiError(10015)
    return alive(call.world, call["webhook_token"])


def _find(call: Call, interaction: Interaction, message_id: str | None) -> Message | None:
    channel = call.world.channels.get(interaction.channel_id)
    return channel.messages.get(message_id or "") if channel else None


def _target(call: Call) -> tuple[Interaction, Message]:
    """The message that the path names: one of this interaction's own, or its original."""
    interaction = _alive(call)
    wanted = call.params.get("message_id", interaction.original)
    message = _find(call, interaction, wanted)
    if message is None or (message.id not in interaction.messages and message.id != interaction.original):
        raise ApiError(10008)
    return interaction, message


@routes.add("POST", HOOK)
async def follow_up(call: Call) -> Reply:
    interaction = _alive(call)
    draft = read_message(call.body, call.filenames)
    require_something(draft, bool(call.files))
    original = _find(call, interaction, interaction.original)
    if interaction.kind == DEFER and original is not None and original.flags & LOADING:
        draft.flags = original.flags & EPHEMERAL | draft.flags & ~EPHEMERAL
        draft.given.add("flags")
        posting.change(call.world, _place(call, interaction), original, draft, call.files)
        message = original
    else:
        message = _write(call, interaction, draft)
    tell(call.world, interaction, "INTERACTION_FOLLOWED")
    if call.query.get("wait") not in ("1", "true", "True"):
        return 204, None
    return 200, payloads.message(call.world, message)


@routes.add("GET", HOOK + "/messages/@original")
@routes.add("GET", HOOK + "/messages/{message_id}")
async def get_message(call: Call) -> Reply:
    _, message = _target(call)
    return 200, payloads.message(call.world, message)


@routes.add("PATCH", HOOK + "/messages/@original")
@routes.add("PATCH", HOOK + "/messages/{message_id}")
async def edit_message(call: Call) -> Reply:
    interaction, message = _target(call)
    draft = read_message(call.body, call.filenames)
    posting.change(call.world, _place(call, interaction), message, draft, call.files)
    tell(call.world, interaction, "INTERACTION_FOLLOWED")
    return 200, payloads.message(call.world, message)


@routes.add("DELETE", HOOK + "/messages/@original")
@routes.add("DELETE", HOOK + "/messages/{message_id}")
async def delete_message(call: Call) -> Reply:
    interaction, message = _target(call)
    posting.remove(call.world, _place(call, interaction), message)
    tell(call.world, interaction, "INTERACTION_FOLLOWED")
    return 204, None
