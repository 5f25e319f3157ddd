"""The browser page: static files of this folder under a policy that lets it talk to nobody but this server."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).resolve().parent / "page"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class _File:
    body: bytes
    content_type: str
    tag: str


def files() -> dict[str, Path]:
    """Every file that is served, by its path below the folder."""
    found = sorted(one for one in FOLDER.rglob("*") if one.suffix in TYPES)
    return {one.relative_to(FOLDER).as_posix(): one for one in found}


def add_routes(app: web.Application) -> None:
    """Serve `/` and `/static/...`; names outside the folder do not exist."""
    known = files()

    async def index(request: web.Request) -> web.Response:
        return _answer(request, _read(known["index.html"]))

    async def static(request: web.Request) -> web.Response:
        found = known.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        return _answer(request, _read(found))

    app.router.add_get("/", index)
    app.router.add_get("/static/{name:.+}", static)


def _read(path: Path) -> _File:
    body = path.read_bytes()
    return _File(body, TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:24]}"')


def policy(request: web.Request) -> str:
    """What the page may do; its sockets are named as well, because not every browser counts them to 'self'."""
    socket = f"ws://{request.url.host}:{request.url.port}"
    return "; ".join((*POLICY, f"connect-src 'self' {socket}"))


def _answer(request: web.Request, file: _File) -> web.Response:
    headers = {**HEADERS, "Content-Security-Policy": policy(request), "ETag": file.tag}
    if request.headers.get("If-None-Match") == file.tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=file.body, content_type=file.content_type, charset="utf-8", headers=headers)
