"""Mounting the stand-in on an aiohttp application."""

from __future__ import annotations

from aiohttp import web

from .control import add_control
from .gateway import Gateway
from .rest import Rest, serve_file
from .world import DiscordWorld

GATEWAY: web.AppKey[Gateway] = web.AppKey("discord_gateway", Gateway)


def add_routes(app: web.Application, world: DiscordWorld, prefix: str = "/discord") -> None:
    """Put REST (`/api/v10`), gateway, CDN and control API of `world` under `prefix`."""
    rest = Rest(world, prefix)
    gateway = Gateway(world)
    app[GATEWAY] = gateway

    async def cdn(request: web.Request) -> web.Response:
        return await serve_file(world, request)

    async def close(_: web.Application) -> None:
        await gateway.close_all(1001)

    app.router.add_route("*", prefix + r"/api/v{version:\d+}/{tail:.*}", rest.serve)
    app.router.add_get(prefix + "/gateway", gateway.serve)
    app.router.add_get(prefix + "/gateway/", gateway.serve)
    app.router.add_get(prefix + "/cdn/attachments/{file_id}/{name}", cdn)
    add_control(app, world, gateway, prefix + "/control")
    app.on_shutdown.append(close)
