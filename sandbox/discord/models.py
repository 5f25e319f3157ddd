"""What the small Discord consists of. Ids are decimal strings; moments are ISO 8601 strings in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

EPHEMERAL = 1 << 6
LOADING = 1 << 7
COMPONENTS_V2 = 1 << 15


@dataclass
class User:
    id: str
    username: str
    global_name: str | None = None
    bot: bool = False
    locale: str = "en-US"
    dms_open: bool = True


@dataclass
class Role:
    id: str
    name: str
    permissions: int = 0
    position: int = 1
    color: int = 0
    hoist: bool = False
    mentionable: bool = False
    managed: bool = False
    tags: dict[str, Any] = field(default_factory=dict)


@dataclass
class Overwrite:
    """Channel exception for a role (`type` 0) or a member (`type` 1)."""

    id: str
    type: int
    allow: int = 0
    deny: int = 0


@dataclass
class Channel:
    """Type 0 text, 1 DM, 4 category, 5 announcements."""

    id: str
    type: int
    name: str = ""
    guild_id: str | None = None
    topic: str | None = None
    position: int = 0
    parent_id: str | None = None
    nsfw: bool = False
    overwrites: list[Overwrite] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    last_message_id: str | None = None
    messages: dict[str, Message] = field(default_factory=dict)


@dataclass
class Member:
    user_id: str
    joined_at: str
    roles: list[str] = field(default_factory=list)
    nick: str | None = None
    premium_since: str | None = None


@dataclass
class Guild:
    id: str
    name: str
    owner_id: str
    roles: dict[str, Role] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    preferred_locale: str = "en-US"


@dataclass
class Mentions:
    """Who a message names, after allowed_mentions, and who it really notified (`pinged`, user ids)."""

    users: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    everyone: bool = False
    pinged: list[str] = field(default_factory=list)


@dataclass
class Message:
    id: str
    channel_id: str
    author_id: str
    timestamp: str
    guild_id: str | None = None
    content: str = ""
    type: int = 0
    flags: int = 0
    embeds: list[dict[str, Any]] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    mentions: Mentions = field(default_factory=Mentions)
    edited_timestamp: str | None = None
    pinned: bool = False
    nonce: str | int | None = None
    reference: dict[str, Any] | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    interaction: dict[str, Any] | None = None
    webhook_id: str | None = None
    visible_to: str | None = None


@dataclass
class Command:
    """A registered application command; `body` is the normalised JSON without ids."""

    id: str
    version: str
    body: dict[str, Any]
    guild_id: str | None = None

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def type(self) -> int:
        return int(self.body["type"])


@dataclass
class Interaction:
    """One press, command or submit on its way to the bot and back.

    `state`: pending -> answered | failed. `kind` is the callback type that answered it. `original` is the
    id of the message that `@original` names; `messages` all that it produced.
    """

    id: str
    token: str
    type: int
    channel_id: str
    user_id: str
    data: dict[str, Any]
    created: float
    guild_id: str | None = None
    message_id: str | None = None
    state: str = "pending"
    kind: int | None = None
    original: str | None = None
    messages: list[str] = field(default_factory=list)
    ephemeral: bool = False
    modal: dict[str, Any] | None = None
    modal_used: bool = False
    choices: list[dict[str, Any]] | None = None
    origin: dict[str, Any] | None = None


@dataclass
class File:
    id: str
    filename: str
    content: bytes
    content_type: str
