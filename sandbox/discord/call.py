"""One request of the bot on its way to a handler, and the table of routes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote

from aiohttp import BodyPartReader, web

from .check_message import ATTACHMENTS
from .errors import ApiError
from .models import File
from .posting import Uploads, new_file
from .world import DiscordWorld

Reply = tuple[int, Any]


@dataclass
class Call:
    """A matched request. `files` holds uploaded parts by their index; `body` the JSON (or payload_json)."""

    world: DiscordWorld
    method: str
    template: str
    params: dict[str, str]
    query: dict[str, str]
    body: Any = None
    files: Uploads = field(default_factory=dict)
    reason: str | None = None
    host: str = ""

    def __getitem__(self, name: str) -> str:
        return self.params[name]

    @property
    def filenames(self) -> dict[int, str]:
        return {index: file.filename for index, file in self.files.items()}


Handler = Callable[[Call], Awaitable[Reply]]
H = TypeVar("H", bound=Handler)


@dataclass
class Routes:
    """Templates such as `/channels/{channel_id}/messages`, matched segment by segment, fixed ones first."""

    table: dict[str, list[tuple[list[str], str, Handler]]] = field(default_factory=dict)

    def add(self, method: str, template: str) -> Callable[[H], H]:
        def keep(handler: H) -> H:
            rows = self.table.setdefault(method, [])
            rows.append((template.strip("/").split("/"), template, handler))
            rows.sort(key=lambda row: sum(part.startswith("{") for part in row[0]))
            return handler

        return keep

    def include(self, other: Routes) -> None:
        for method, rows in other.table.items():
            for _, template, handler in rows:
                self.add(method, template)(handler)

    def match(self, method: str, path: str) -> tuple[str, dict[str, str], Handler] | None:
        parts = path.strip("/").split("/")
        for wanted, template, handler in self.table.get(method, []):
            params = _fit(wanted, parts)
            if params is not None:
                return template, params, handler
        return None


def _fit(wanted: list[str], parts: list[str]) -> dict[str, str] | None:
    if len(wanted) != len(parts):
        return None
    params: dict[str, str] = {}
    for want, part in zip(wanted, parts, strict=True):
        if want.startswith("{"):
            if want.endswith("_id}") and not part.isdigit():
                return None
            params[want[1:-1]] = unquote(part)
        elif want != unquote(part):
            return None
    return params


async def read_body(world: DiscordWorld, request: web.Request) -> tuple[Any, Uploads]:
    """The JSON of a request and its uploaded files; ApiError 50109 where the JSON is broken."""
    if request.content_type.startswith("multipart/"):
        return await _read_parts(world, request)
    raw = await request.read()
    return (parse_json(raw) if raw else None), {}


def parse_json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise ApiError(50109) from error


async def _read_parts(world: DiscordWorld, request: web.Request) -> tuple[Any, Uploads]:
    body: Any = {}
    files: dict[int, File] = {}
    reader = await request.multipart()
    async for part in reader:
        if not isinstance(part, BodyPartReader):
            continue
        raw = bytes(await part.read(decode=True))
        name = part.name or ""
        if name == "payload_json":
            body = parse_json(raw)
        elif name.startswith("files[") and name[6:-1].isdigit():
            index = int(name[6:-1])
            files[index] = new_file(world, part.filename or "file", raw, part.headers.get("Content-Type"))
    if len(files) > ATTACHMENTS:
        raise ApiError(
            50035,
            errors={
                "files": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 10 or fewer in length."}]}
            },
        )
    return body, files
