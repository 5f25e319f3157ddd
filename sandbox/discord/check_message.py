"""Discord's rules for the body of a message; limits from its API documentation and description."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from .check_components import check_message_components
from .errors import ApiError, Problems
from .form import Form, as_form
from .models import COMPONENTS_V2

CONTENT = 2000
EMBEDS = 10
EMBED_TOTAL = 6000
ATTACHMENTS = 10
FILE_BYTES = 10 * 1024 * 1024
ALLOWED_FLAGS = (1 << 2) | (1 << 6) | (1 << 12) | COMPONENTS_V2
_IMAGE_SCHEMES = ("http", "https", "attachment")
_NONCE = re.compile(r".{0,25}", re.DOTALL)


@dataclass
class Allowed:
    """allowed_mentions as sent; `parse` None stands for "everything that the text names"."""

    parse: set[str] | None = None
    users: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    replied_user: bool = True


@dataclass
class Draft:
    """A checked message body. `given` names the keys that the body carried (an edit touches only those)."""

    given: set[str]
    content: str = ""
    embeds: list[dict[str, Any]] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[dict[str, Any]] | None = None
    allowed: Allowed | None = None
    flags: int = 0
    nonce: str | int | None = None
    enforce_nonce: bool = False
    reference: dict[str, Any] | None = None


def read_message(body: object, files: dict[int, str], *, path: tuple[str | int, ...] = ()) -> Draft:
    """Check a message body; `files` maps the index of each uploaded part to its file name.

    Raises ApiError 50035 with the whole tree. Emptiness is the caller's to judge (an edit may be partial).
    """
    problems = Problems()
    form = as_form(body, problems, path)
    problems.check()
    assert form is not None
    draft = Draft(given=set(form.value))
    draft.flags = form.whole("flags", low=0) or 0
    v2 = bool(draft.flags & COMPONENTS_V2)
    draft.content = form.text("content", high=CONTENT) or ""
    draft.embeds = _embeds(form)
    draft.components = check_message_components(form, v2=v2)
    _no_mixing(form, draft, v2)
    draft.attachments = _attachments(form, files)
    draft.allowed = _allowed(form)
    _nonce(form, draft)
    draft.reference = _reference(form)
    form.flag("tts")
    problems.check()
    return draft


def require_something(draft: Draft, has_files: bool) -> None:
    """A new message needs text, an embed, a component or a file."""
    if not (draft.content.strip() or draft.embeds or draft.components or has_files):
        raise ApiError(50006)


def _no_mixing(form: Form, draft: Draft, v2: bool) -> None:
    if not v2:
        return
    for key, used in (("content", draft.content), ("embeds", draft.embeds)):
        if used:
            form.note(
                key,
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )


def _embeds(form: Form) -> list[dict[str, Any]]:
    found = []
    total = 0
    for child in form.forms("embeds", high=EMBEDS):
        embed, size = _embed(child)
        found.append(embed)
        total += size
    if total > EMBED_TOTAL:
        form.note("embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {EMBED_TOTAL}")
    return found


def _embed(form: Form) -> tuple[dict[str, Any], int]:
    """The normalised embed and its length in characters."""
    title = form.text("title", high=256)
    description = form.text("description", high=4096)
    fields, size = _fields(form)
    footer = _part(form, "footer", "text", 2048, ("icon_url",))
    author = _part(form, "author", "name", 256, ("url", "icon_url"))
    embed = {
        "type": "rich",
        "title": title,
        "description": description,
        "url": form.url("url"),
        "color": form.whole("color", low=0, high=0xFFFFFF),
        "timestamp": form.moment("timestamp"),
        "fields": fields,
        "footer": footer,
        "author": author,
        "image": _picture(form, "image"),
        "thumbnail": _picture(form, "thumbnail"),
    }
    embed = {key: value for key, value in embed.items() if value not in (None, [], "")}
    size += len(title or "") + len(description or "")
    size += len((footer or {}).get("text") or "") + len((author or {}).get("name") or "")
    if len(embed) == 1 or (len(embed) == 2 and "color" in embed):
        form.note("description", "BASE_TYPE_REQUIRED", "This field is required")
    return embed, size


def _fields(form: Form) -> tuple[list[dict[str, Any]], int]:
    found = []
    size = 0
    for child in form.forms("fields", high=25):
        name = child.text("name", high=256, required=True) or ""
        value = child.text("value", high=1024, required=True) or ""
        found.append({"name": name, "value": value, "inline": bool(child.flag("inline"))})
        size += len(name) + len(value)
    return found, size


def _part(form: Form, key: str, main: str, high: int, urls: tuple[str, ...]) -> dict[str, Any] | None:
    child = form.form(key)
    if child is None:
        return None
    part: dict[str, Any] = {main: child.text(main, high=high, required=True)}
    for name in urls:
        schemes = ("http", "https") if name == "url" else _IMAGE_SCHEMES
        part[name] = child.url(name, schemes=schemes)
    return {name: value for name, value in part.items() if value is not None}


def _picture(form: Form, key: str) -> dict[str, Any] | None:
    child = form.form(key)
    if child is None:
        return None
    if child.text("url", high=2048, required=True) is None:
        return None
    url = child.url("url", schemes=_IMAGE_SCHEMES)
    return {"url": url} if url else None


def _attachments(form: Form, files: dict[int, str]) -> list[dict[str, Any]] | None:
    """Kept attachments (by snowflake) and descriptions of uploaded ones (by index); None where not sent."""
    if form.value.get("attachments") is None:
        return None
    found = []
    for child in form.forms("attachments", high=ATTACHMENTS):
        identifier = child.snowflake("id", required=True)
        name = child.text("filename", high=1024)
        description = child.text("description", high=1024)
        if identifier is not None and int(identifier) < 100 and int(identifier) not in files:
            child.note("id", "ATTACHMENT_NOT_FOUND", "Uploaded attachment not found.")
        found.append({"id": identifier, "filename": name, "description": description})
    return found


def _allowed(form: Form) -> Allowed | None:
    child = form.form("allowed_mentions")
    if child is None:
        return None
    parse = set()
    for index, value in child.items("parse", high=3):
        if value not in ("users", "roles", "everyone"):
            child.problems.add(
                (*child.path, "parse", index),
                "BASE_TYPE_CHOICES",
                "Value must be one of ('users', 'roles', 'everyone').",
            )
        else:
            parse.add(value)
    allowed = Allowed(
        parse,
        child.snowflakes("users", high=100),
        child.snowflakes("roles", high=100),
        child.flag("replied_user") or False,
    )
    for key in ("users", "roles"):
        if key in parse and getattr(allowed, key):
            message = f'parse:["{key}"] and {key}: [ids...] are mutually exclusive.'
            form.note("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
    return allowed


def _nonce(form: Form, draft: Draft) -> None:
    value = form.value.get("nonce")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | str)):
        form.note("nonce", "NONCE_TYPE_INVALID", "Nonce must be a string or an integer.")
    elif isinstance(value, str) and not _NONCE.fullmatch(value):
        form.note("nonce", "NONCE_TYPE_TOO_LONG", "Nonce must be 25 or fewer in length.")
    else:
        draft.nonce = value
    draft.enforce_nonce = bool(form.flag("enforce_nonce"))


def _reference(form: Form) -> dict[str, Any] | None:
    child = form.form("message_reference")
    if child is None:
        return None
    return {
        "message_id": child.snowflake("message_id", required=True),
        "channel_id": child.snowflake("channel_id"),
        "guild_id": child.snowflake("guild_id"),
        "fail_if_not_exists": child.flag("fail_if_not_exists") is not False,
    }
