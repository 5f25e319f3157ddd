"""`python -m bench [name ...]`: every figure beside its limit; exit code 1 when one is over."""

from __future__ import annotations

import asyncio
import sys

from bench.chat import chat
from bench.conversion import conversion, minute
from bench.draw import draw
from bench.giveaways import giveaways
from bench.grants import grants
from bench.handover import handover
from bench.kick import kick
from bench.outbox import outbox_lanes
from bench.process import idle_memory, start_to_ready
from bench.support import Bench
from bench.wagers import month, poll

BENCHES: dict[str, Bench] = {
    "grants": grants,
    "conversion": conversion,
    "minute": minute,
    "wagers": poll,
    "month_end": month,
    "chat": chat,
    "kick": kick,
    "handover": handover,
    "draw": draw,
    "giveaways": giveaways,
    "outbox": outbox_lanes,
    "start_to_ready": start_to_ready,
    "idle_memory": idle_memory,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        sys.stderr.write(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}\n")
        return 2
    over = False
    for name in names or BENCHES:
        for measured in asyncio.run(BENCHES[name]()):
            print(measured.line(), flush=True)
            over = over or measured.over
    return int(over)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
