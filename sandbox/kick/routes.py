"""Kick's addresses, and the handles to turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.kick.pusher import APP_KEY
from sandbox.kick.world import Channel, KickWorld

Handle = Callable[[KickWorld, dict[str, Any]], Awaitable[Any]]

_CHALLENGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"


def add_routes(app: web.Application, world: KickWorld, prefix: str = "/kick") -> None:
    """Serve `world` under `prefix`: the socket, the site API, the negotiation, and `/control/{handle}`."""

    async def site_channel(request: web.Request) -> web.Response:
        if world.site_blocked:
            return web.Response(status=403, text=_CHALLENGE, content_type="text/html")
        channel = world.owner(request.match_info["slug"])
        if channel is None:
            return web.json_response({"message": "Not found"}, status=404)
        return web.json_response(site_view(channel))

    async def negotiate(request: web.Request) -> web.Response:
        if world.site_blocked:
            return web.Response(status=403, text=_CHALLENGE, content_type="text/html")
        credentials = {"app_key": APP_KEY, "cluster": "sandbox"}
        if world.provider == "centrifugo":
            credentials = {"url": f"ws://{request.host}{prefix}{world.other_path}"}
        connection = {"provider": world.provider, "credentials": credentials}
        return web.json_response({"data": {"connections": [connection], "mode": "websocket"}})

    async def state(_request: web.Request) -> web.Response:
        return web.json_response(world.state())

    async def turn(request: web.Request) -> web.Response:
        return await _turned(world, request)

    async def stop(_app: web.Application) -> None:
        await world.stop()

    app.router.add_get(f"{prefix}/app/{{key}}", world.pusher.handle)
    app.router.add_get(f"{prefix}/api/v2/channels/{{slug}}", site_channel)
    app.router.add_post(f"{prefix}/api/v1/realtime/channels/{{id}}/chat/connection", negotiate)
    world.centrifugo.add_routes(app, prefix)
    world.official.add_routes(app, prefix)
    app.router.add_get(f"{prefix}/control/state", state)
    app.router.add_post(f"{prefix}/control/{{handle}}", turn)
    app.on_shutdown.append(stop)


def site_view(channel: Channel) -> dict[str, Any]:
    """A channel as Kick's site API shows it."""
    live = channel.live_since
    stream = None
    if live is not None:
        stream = {
            "id": channel.stream_id,
            "channel_id": channel.channel_id,
            "is_live": True,
            "viewer_count": channel.viewers,
            "start_time": live.strftime("%Y-%m-%d %H:%M:%S"),
        }
    return {
        "id": channel.channel_id,
        "user_id": channel.user_id,
        "slug": channel.slug,
        "user": {"id": channel.user_id, "username": channel.owner or channel.slug},
        "chatroom": {"id": channel.chatroom_id, "channel_id": channel.channel_id},
        "livestream": stream,
    }


async def _turned(world: KickWorld, request: web.Request) -> web.Response:
    handle = _HANDLES.get(request.match_info["handle"])
    if handle is None:
        return web.json_response({"error": f"one of {', '.join(sorted(_HANDLES))}"}, status=404)
    try:
        body = await request.json() if request.can_read_body else {}
        result = await handle(world, dict(body))
    except (KeyError, TypeError, ValueError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
    return web.json_response({"result": result})


async def _live(world: KickWorld, body: dict[str, Any]) -> None:
    await world.go_live(body.get("slug"))


async def _offline(world: KickWorld, body: dict[str, Any]) -> None:
    await world.go_offline(body.get("slug"))


async def _host(world: KickWorld, body: dict[str, Any]) -> None:
    await world.host(str(body["other"]), int(body.get("viewers", 50)), body.get("slug"))


async def _chat(world: KickWorld, body: dict[str, Any]) -> str:
    badges = tuple(str(badge) for badge in body.get("badges", ()))
    return await world.chat(str(body["username"]), str(body["text"]), badges, body.get("slug"))


async def _gift(world: KickWorld, body: dict[str, Any]) -> dict[str, Any]:
    giftees = body.get("giftees", body.get("count", 1))
    told = await world.gift(
        str(body["gifter"]),
        [str(name) for name in giftees] if isinstance(giftees, list) else int(giftees),
        anonymous=bool(body.get("anonymous", False)),
        correlated=bool(body.get("correlated", True)),
        slug=body.get("slug"),
    )
    return {"correlation_id": told.correlation_id, "count": len(told.giftees)}


async def _replay(world: KickWorld, body: dict[str, Any]) -> int:
    return await world.replay_last_gift(body.get("slug"))


async def _crowd(world: KickWorld, body: dict[str, Any]) -> None:
    rounds, pause = int(body.get("rounds", 1)), float(body.get("pause", 5))
    world.channel(body.get("slug"))
    world.start_crowd(int(body["size"]), rounds, pause, body.get("slug"))


async def _raw(world: KickWorld, body: dict[str, Any]) -> int:
    return await world.raw(str(body["event"]), str(body["channel"]), body.get("data"))


async def _garbage(world: KickWorld, body: dict[str, Any]) -> int:
    return await world.garbage(int(body.get("rounds", 1)))


async def _drop(world: KickWorld, body: dict[str, Any]) -> int:
    code = body.get("code")
    return await world.drop(
        float(body.get("seconds", 10)),
        status=int(body.get("status", 503)),
        code=None if code is None else int(code),
    )


async def _silence(world: KickWorld, body: dict[str, Any]) -> None:
    world.pusher.silence(float(body.get("seconds", 10)))


async def _close(world: KickWorld, body: dict[str, Any]) -> int:
    return await world.pusher.close_all(int(body.get("code", 4200)))


async def _heal(world: KickWorld, _body: dict[str, Any]) -> None:
    world.pusher.heal()
    world.site_blocked = False
    world.centrifugo.refuse_tokens = None
    world.official.down = None


async def _webhook(world: KickWorld, body: dict[str, Any]) -> int:
    """Any webhook, signed; the status of the bot's answer."""
    message_id = body.get("message_id")
    return await world.official.deliver(
        str(body["event"]), dict(body.get("data", {})), None if message_id is None else str(message_id)
    )


async def _webhook_url(world: KickWorld, body: dict[str, Any]) -> None:
    url = body.get("url")
    world.official.webhook_url = None if url is None else str(url)


async def _api_down(world: KickWorld, body: dict[str, Any]) -> None:
    world.official.down = int(body.get("status", 503))


async def _provider(world: KickWorld, body: dict[str, Any]) -> None:
    """What negotiation offers from now on."""
    if body["provider"] not in ("pusher", "centrifugo"):
        raise ValueError("pusher or centrifugo")
    world.provider = str(body["provider"])


async def _block_site(world: KickWorld, body: dict[str, Any]) -> None:
    world.site_blocked = bool(body.get("blocked", True))


_HANDLES: dict[str, Handle] = {
    "live": _live,
    "offline": _offline,
    "host": _host,
    "chat": _chat,
    "gift": _gift,
    "replay": _replay,
    "crowd": _crowd,
    "raw": _raw,
    "garbage": _garbage,
    "drop": _drop,
    "silence": _silence,
    "close": _close,
    "heal": _heal,
    "block-site": _block_site,
    "provider": _provider,
    "webhook": _webhook,
    "webhook-url": _webhook_url,
    "api-down": _api_down,
}
