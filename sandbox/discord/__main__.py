"""`python -m sandbox.discord --port N`: the stand-in alone, with the default guild."""

from __future__ import annotations

import argparse

from aiohttp import web

from sandbox.visitors import own_visitors

from . import DiscordWorld, add_routes


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.discord", description=__doc__)
    parser.add_argument("--port", type=int, default=8766)
    port = parser.parse_args().port
    world = DiscordWorld.default()
    app = web.Application(middlewares=[own_visitors])
    add_routes(app, world)
    print(f"DISCORD_API_BASE=http://127.0.0.1:{port}/discord/api/v10 DISCORD_TOKEN={world.token}", flush=True)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main()
