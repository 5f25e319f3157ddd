"""Writing, changing and removing messages, whoever does it."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Any

from . import mentions, payloads
from .check_components import walk
from .check_message import FILE_BYTES, Draft
from .errors import ApiError, invalid
from .models import LOADING, Channel, File, Interaction, Message
from .world import Event

if TYPE_CHECKING:
    from .world import DiscordWorld

Uploads = dict[int, File]


def new_file(world: DiscordWorld, filename: str, content: bytes, content_type: str | None = None) -> File:
    """Keep an upload; ApiError 40005 above 10 MiB."""
    if len(content) > FILE_BYTES:
        raise ApiError(40005)
    guess = mimetypes.guess_type(filename)[0] or "application/octet-stream"
    if content_type in (None, "application/octet-stream"):
        content_type = guess
    file = File(world.ids.next(), filename, content, str(content_type))
    world.files[file.id] = file
    return file


def describe_file(file: File) -> dict[str, Any]:
    return {
        "id": file.id,
        "filename": file.filename,
        "size": len(file.content),
        "content_type": file.content_type,
    }


def open_dm(world: DiscordWorld, user_id: str) -> Channel:
    """The DM channel between the bot and `user_id`, made when it does not exist."""
    for channel in world.channels.values():
        if channel.type == 1 and user_id in channel.recipients:
            return channel
    channel = Channel(world.ids.next(), 1, recipients=[world.bot_id, user_id])
    world.channels[channel.id] = channel
    return channel


def write(
    world: DiscordWorld,
    channel: Channel,
    author_id: str,
    draft: Draft,
    uploads: Uploads,
    *,
    kind: int = 0,
    interaction: Interaction | None = None,
    visible_to: str | None = None,
) -> Message:
    """Put a checked draft into a channel and tell everybody who may see it."""
    message = Message(
        id=world.ids.next(),
        channel_id=channel.id,
        author_id=author_id,
        timestamp=world.stamp(),
        guild_id=channel.guild_id,
        type=kind,
        nonce=draft.nonce,
        visible_to=visible_to,
    )
    _reply(world, channel, message, draft)
    if interaction is not None:
        message.webhook_id = world.bot_id
        message.interaction = about_interaction(interaction)
    fill(world, channel, message, draft, uploads, fresh=True)
    channel.messages[message.id] = message
    if visible_to is None:
        channel.last_message_id = message.id
    announce(world, "MESSAGE_CREATE", channel, message)
    return message


def about_interaction(interaction: Interaction) -> dict[str, Any]:
    """What a message remembers of the interaction that it answers."""
    return {
        "id": interaction.id,
        "type": interaction.type,
        "user_id": interaction.user_id,
        "guild_id": interaction.guild_id,
        "name": interaction.data.get("name"),
        "command_type": interaction.data.get("type"),
        "message_id": interaction.message_id,
        "origin": interaction.origin,
    }


def _reply(world: DiscordWorld, channel: Channel, message: Message, draft: Draft) -> None:
    wanted = draft.reference
    if wanted is None:
        return
    target = channel.messages.get(str(wanted["message_id"]))
    if target is None or target.visible_to is not None:
        if wanted["fail_if_not_exists"]:
            raise invalid(("message_reference",), "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return
    message.type = 19
    message.reference = {"channel_id": channel.id, "message_id": target.id}
    if channel.guild_id:
        message.reference["guild_id"] = channel.guild_id


def fill(
    world: DiscordWorld,
    channel: Channel,
    message: Message,
    draft: Draft,
    uploads: Uploads,
    *,
    fresh: bool = False,
) -> None:
    """Take what the draft carries into the message; what it does not name stays."""
    if fresh or "content" in draft.given:
        message.content = draft.content
    if fresh or "embeds" in draft.given:
        message.embeds = draft.embeds
    if fresh or "components" in draft.given:
        message.components = draft.components
    if fresh or "flags" in draft.given:
        message.flags = (message.flags & ~(1 << 2)) | draft.flags
    if fresh or draft.attachments is not None or uploads:
        message.attachments = _attachments(message, draft, uploads)
    _check_attachment_urls(message)
    if fresh or "content" in draft.given:
        target = channel.messages.get(str((message.reference or {}).get("message_id")))
        replied_to = target.author_id if target else None
        everything = " ".join([message.content, *_texts(message)])
        message.mentions = mentions.find(world, channel, message.author_id, everything, draft.allowed, replied_to)
        if message.visible_to is not None:
            message.mentions.pinged = []


def _texts(message: Message) -> list[str]:
    """Text displays mention as content does."""
    return [str(one["content"]) for one in walk(message.components) if one["type"] == 10]


def _attachments(message: Message, draft: Draft, uploads: Uploads) -> list[dict[str, Any]]:
    """Kept ones that the body lists, then the uploads with their descriptions."""
    listed = draft.attachments
    notes = {str(one["id"]): one for one in listed or []}
    kept = [one for one in message.attachments if listed is None or one["id"] in notes]
    for index, file in sorted(uploads.items()):
        entry = describe_file(file)
        note = notes.get(str(index), {})
        if note.get("description"):
            entry["description"] = note["description"]
        if note.get("filename"):
            entry["filename"] = file.filename = note["filename"]
        kept.append(entry)
    if len(kept) > 10:
        raise invalid(("attachments",), "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    return kept


def _check_attachment_urls(message: Message) -> None:
    """attachment:// must name a file of the same message."""
    names = {one["filename"] for one in message.attachments}
    for index, embed in enumerate(message.embeds):
        for key, part in (
            ("image", "url"),
            ("thumbnail", "url"),
            ("footer", "icon_url"),
            ("author", "icon_url"),
        ):
            url = str((embed.get(key) or {}).get(part, ""))
            if url.startswith("attachment://") and url.removeprefix("attachment://") not in names:
                raise invalid(("embeds", index, key, part), "ATTACHMENT_NOT_FOUND", "Referenced attachment not found.")


def change(world: DiscordWorld, channel: Channel, message: Message, draft: Draft, uploads: Uploads) -> None:
    """Edit a message; nothing is changed where the result would be refused."""
    before = vars(message).copy()
    try:
        fill(world, channel, message, draft, uploads)
        if not (message.content or message.embeds or message.components or message.attachments):
            raise ApiError(50006)
    except ApiError:
        vars(message).update(before)
        raise
    message.flags &= ~LOADING
    message.edited_timestamp = world.stamp()
    announce(world, "MESSAGE_UPDATE", channel, message)


def load(
    world: DiscordWorld, channel: Channel, interaction: Interaction, flags: int, visible_to: str | None
) -> Message:
    """The "thinking..." message of a deferred answer."""
    draft = Draft(given=set(), flags=flags | LOADING)
    kind = 20 if interaction.type == 2 else 0
    return write(world, channel, world.bot_id, draft, {}, kind=kind, interaction=interaction, visible_to=visible_to)


def remove(world: DiscordWorld, channel: Channel, message: Message) -> None:
    channel.messages.pop(message.id, None)
    data = {"id": message.id, "channel_id": channel.id}
    if channel.guild_id:
        data["guild_id"] = channel.guild_id
    world.emit(Event("MESSAGE_DELETE", data, channel.guild_id, channel.id, message.visible_to))


def announce(world: DiscordWorld, name: str, channel: Channel, message: Message) -> None:
    """MESSAGE_CREATE and MESSAGE_UPDATE carry the guild and, for a member's message, the member."""
    data = payloads.message(world, message)
    if channel.guild_id:
        data["guild_id"] = channel.guild_id
        member = world.guilds[channel.guild_id].members.get(message.author_id)
        if member is not None:
            data["member"] = payloads.member(world, member, with_user=False)
    world.emit(Event(name, data, channel.guild_id, channel.id, message.visible_to))


def react(world: DiscordWorld, channel: Channel, message: Message, emoji: str, user_id: str, on: bool) -> None:
    """Add or take away one person's reaction; ApiError 30010 above 20 different ones."""
    people = message.reactions.get(emoji, [])
    if on == (user_id in people):
        return
    if on:
        if emoji not in message.reactions and len(message.reactions) >= 20:
            raise ApiError(30010)
        message.reactions.setdefault(emoji, []).append(user_id)
    else:
        people.remove(user_id)
        if not people:
            message.reactions.pop(emoji)
    data: dict[str, Any] = {
        "user_id": user_id,
        "channel_id": channel.id,
        "message_id": message.id,
        "emoji": {"id": None, "name": emoji},
        "burst": False,
        "type": 0,
    }
    if channel.guild_id:
        data["guild_id"] = channel.guild_id
        member = world.guilds[channel.guild_id].members.get(user_id)
        if on and member is not None:
            data["member"] = payloads.member(world, member)
            data["message_author_id"] = message.author_id
    name = "MESSAGE_REACTION_ADD" if on else "MESSAGE_REACTION_REMOVE"
    world.emit(Event(name, data, channel.guild_id, channel.id))
