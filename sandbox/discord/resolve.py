"""Finding people, channels, roles and messages by the names that a person would say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import payloads
from .errors import RefusedError
from .models import Channel, Guild, Message, Role, User
from .posting import describe_file, open_dm
from .uploads import file_from

if TYPE_CHECKING:
    from .world import DiscordWorld


def person(world: DiscordWorld, name: Any) -> User:
    """By id, mention, handle or shown name; `bot` is the bot."""
    text = str(name).strip().removeprefix("<@").removesuffix(">").removeprefix("!").removeprefix("@")
    if text == "bot":
        return world.users[world.bot_id]
    if text in world.users:
        return world.users[text]
    for user in world.users.values():
        if text.casefold() in (user.username.casefold(), (user.global_name or "").casefold()):
            return user
    raise RefusedError(
        f"there is nobody called {name!r}; there are {_names(user.username for user in world.users.values())}"
    )


def _names(names: Any) -> str:
    listed = list(names)
    return ", ".join(listed[:20]) + (", ..." if len(listed) > 20 else "")


def guild(world: DiscordWorld, name: Any = None) -> Guild:
    """By id or name; the first one where nothing is said."""
    if name is None:
        if not world.guilds:
            raise RefusedError("there is no guild")
        return world.home
    for one in world.guilds.values():
        if str(name) in (one.id, one.name):
            return one
    raise RefusedError(f"there is no guild {name!r}")


def channel(world: DiscordWorld, name: Any, user: User | None = None) -> Channel:
    """By id, mention or name; `dm` is the user's conversation with the bot."""
    text = str(name).strip().removeprefix("<#").removesuffix(">").removeprefix("#")
    if text == "dm" and user is not None:
        return open_dm(world, user.id)
    if text in world.channels:
        return world.channels[text]
    for one in world.channels.values():
        if one.guild_id is not None and one.name == text:
            return one
    raise RefusedError(
        f"there is no channel {name!r}; there are {_names(c.name for c in world.channels.values() if c.name)}"
    )


def role(world: DiscordWorld, within: Guild, name: Any) -> Role:
    text = str(name).strip().removeprefix("<@&").removesuffix(">").removeprefix("@")
    if text in within.roles:
        return within.roles[text]
    for one in within.roles.values():
        if one.name.casefold().removeprefix("@") == text.casefold():
            return one
    raise RefusedError(f"there is no role {name!r}; there are {_names(one.name for one in within.roles.values())}")


def visible(world: DiscordWorld, place: Channel, user: User) -> Channel:
    """The channel, where `user` may see it."""
    if place.guild_id is None:
        if user.id not in place.recipients:
            raise RefusedError(f"{user.username} is not part of this conversation")
    elif not world.may(place, user.id, "view_channel"):
        raise RefusedError(f"{user.username} cannot see #{place.name}")
    return place


def message(world: DiscordWorld, message_id: Any, user: User) -> tuple[Channel, Message]:
    """A message that `user` can see, wherever it stands."""
    for place in world.channels.values():
        found = place.messages.get(str(message_id))
        if found is None:
            continue
        visible(world, place, user)
        if found.visible_to not in (None, user.id):
            raise RefusedError(f"{user.username} cannot see message {message_id}: it is for somebody else only")
        return place, found
    raise RefusedError(f"there is no message {message_id}")


class Resolved:
    """The `resolved` part of an interaction's data, filled as values are looked up."""

    def __init__(self, world: DiscordWorld, place: Channel, user: User) -> None:
        self.world = world
        self.place = place
        self.user = user
        self.data: dict[str, dict[str, Any]] = {}

    @property
    def guild(self) -> Guild:
        if self.place.guild_id is None:
            raise RefusedError("this needs a guild")
        return self.world.guilds[self.place.guild_id]

    def _put(self, kind: str, key: str, body: Any) -> str:
        self.data.setdefault(kind, {})[key] = body
        return key

    def add_user(self, name: Any) -> str:
        found = person(self.world, name)
        self._put("users", found.id, payloads.user(found))
        if self.place.guild_id is not None and found.id in self.guild.members:
            member = self.guild.members[found.id]
            rights = str(self.world.permissions(self.place, found.id))
            body = payloads.member(self.world, member, with_user=False)
            lean = {key: body[key] for key in body if key not in ("mute", "deaf")}
            self._put("members", found.id, {**lean, "permissions": rights})
        return found.id

    def add_role(self, name: Any) -> str:
        found = role(self.world, self.guild, name)
        return self._put("roles", found.id, payloads.role(found))

    def add_mentionable(self, name: Any) -> str:
        try:
            return self.add_user(name)
        except RefusedError:
            return self.add_role(name)

    def add_channel(self, name: Any, kinds: list[int] | None = None) -> str:
        found = visible(self.world, channel(self.world, name), self.user)
        if kinds and found.type not in kinds:
            raise RefusedError(f"#{found.name} is not of a type that can be chosen here")
        rights = str(self.world.permissions(found, self.user.id))
        return self._put("channels", found.id, {**payloads.channel(self.world, found), "permissions": rights})

    def add_file(self, value: Any) -> str:
        """`value`: {"filename", "text" or "base64"}."""
        file = file_from(self.world, value)
        body = payloads.attachment(self.world, None, describe_file(file))
        return self._put("attachments", file.id, {**body, "ephemeral": True})

    def add_message(self, found: Message) -> str:
        return self._put("messages", found.id, payloads.message(self.world, found))
