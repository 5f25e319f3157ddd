"""`python -m sandbox`: the stand-ins, the unchanged bot, and a story of one raffle month told while it runs."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

from sandbox.run import Demo
from sandbox.story import Story

FOLDER = Path(".drumroll") / "demo"
KEPT_LOG_LINES = 25


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--speed", type=float, default=1.0, help="seconds of the sandbox's clock to a real one")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run left")
    parser.add_argument("--no-story", action="store_true", help="only stay up")
    return parser.parse_args()


async def main(arguments: argparse.Namespace) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    demo = Demo(FOLDER, speed=arguments.speed, fresh=arguments.fresh)
    try:
        await demo.start(arguments.port)
    except OSError as error:
        print(f"Port {arguments.port} of this machine cannot be used ({error.strerror}). Try --port.")
        return 2
    print(f"The sandbox listens on this machine only: {demo.sandbox.url}", flush=True)
    told = asyncio.create_task(_tell(demo, arguments))
    await stopping.wait()
    print("Stopping ...", flush=True)
    told.cancel()
    with suppress(asyncio.CancelledError):
        await told
    await demo.stop()
    return 0


async def _tell(demo: Demo, arguments: argparse.Namespace) -> None:
    if arguments.no_story:
        return
    if demo.kept:
        print("Everything is as the last run left it. --fresh starts anew, with the story of a month.", flush=True)
        return
    try:
        await Story(demo).tell()
    except Exception:
        print("The story stopped. The bot's last words were:", *demo.last_words(KEPT_LOG_LINES), sep="\n  ", flush=True)
        raise
    finally:
        print(f"Still up at {demo.sandbox.url} (Ctrl-C stops everything).", flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(parse())))
