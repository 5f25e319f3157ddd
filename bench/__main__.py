"""`python -m bench [name ...]`: every figure beside its limit; exit code 1 when one is over."""

from __future__ import annotations

import asyncio
import sys

from bench.conversion import conversion, minute
from bench.support import Bench

BENCHES: dict[str, Bench] = {
    "conversion": conversion,
    "minute": minute,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        sys.stderr.write(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}\n")
        return 2
    over = False
    for name in names or BENCHES:
        for figure in asyncio.run(BENCHES[name]()):
            print(figure.line(), flush=True)
            over = over or figure.over
    return int(over)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
