"""All stand-ins on one loopback server."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from sandbox import discord, kick, page, panels
from sandbox.affiliate import CODE, FEED_ID, AffiliateFeed
from sandbox.beacon import Beacon
from sandbox.clock import TurnableClock
from sandbox.visitors import own_visitors

HOST = "127.0.0.1"
SECRET = b"the sandbox's beacon signs for itself"


class Sandbox:
    """Discord, Kick, an affiliate feed and a beacon on one clock, and how a bot is led to them."""

    def __init__(self, clock: TurnableClock | None = None, world: discord.DiscordWorld | None = None) -> None:
        self.clock = clock or TurnableClock()
        self.discord = world or discord.DiscordWorld.default(now=self.clock.now)
        self.kick = kick.KickWorld(self.clock.now)
        self.affiliate = AffiliateFeed(self.clock.now)
        self.beacon = Beacon(self.clock.now, secret=SECRET)
        self.port = 0
        self.routes: list[Callable[[web.Application], None]] = []
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def application(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[own_visitors])
        discord.add_routes(app, self.discord, "/discord")
        kick.add_routes(app, self.kick, "/kick")
        self.affiliate.add_routes(app, "/affiliate")
        drand = web.Application()
        self.beacon.add_routes(drand)
        app.add_subapp("/drand", drand)
        page.add_routes(app)
        panels.add_routes(app, self)
        for add in self.routes:
            add(app)
        app.router.add_get("/clock", self.clock.serve)
        app.router.add_post("/clock", self.clock.serve_turn)
        return app

    async def start(self, port: int = 0) -> None:
        """Listen on loopback only; port 0 takes any free one. Raises OSError when the port is taken."""
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port).start()
        self.port = self._runner.addresses[0][1]
        self.discord.origin = f"{self.url}/discord"

    async def stop(self) -> None:
        await self.kick.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    def environment(self) -> dict[str, str]:
        """The variables that lead a bot to the stand-ins; its clock follows ours."""
        announcements = next(c.id for c in self.discord.channels.values() if c.name == "announcements")
        return {
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_API_BASE": f"{self.url}/discord/api/v10",
            "KICK_CHANNEL": self.kick.default.slug,
            "KICK_WS_URL": f"ws://{HOST}:{self.port}/kick{self.kick.socket_path}",
            "KICK_SITE_BASE": f"{self.url}/kick",
            "KICK_API_BASE": f"{self.url}/kick",
            "KICK_ID_BASE": f"{self.url}/kick",
            "KICK_CLIENT_ID": kick.CLIENT_ID,
            "KICK_CLIENT_SECRET": kick.CLIENT_SECRET,
            "RAFFLE_ANNOUNCEMENT_CHANNEL_ID": announcements,
            "SHUFFLE_AFFILIATE_URL": self.affiliate_url,
            "SHUFFLE_CAMPAIGN_CODE": CODE,
            "SANDBOX_CLOCK_START": self.clock.now().isoformat(),
            "SANDBOX_CLOCK_SPEED": str(self.clock.speed),
            "SANDBOX_CLOCK_URL": f"{self.url}/clock",
            **self.beacon.environ(f"{self.url}/drand"),
        }

    @property
    def affiliate_url(self) -> str:
        return f"{self.url}/affiliate/stats/{FEED_ID}"
