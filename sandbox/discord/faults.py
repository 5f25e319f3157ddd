"""Trouble on demand: answers that fail, replies that get lost, a gateway that refuses."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field

KINDS = ("429", "500", "502", "503", "504", "lost", "lost-500", "slow", "refused")


@dataclass
class Fault:
    """The next `count` requests whose "METHOD /template" or "METHOD /path" matches `pattern` (shell wildcards) fail.

    `lost` executes the request and closes the connection; `lost-500` executes it and answers 500, which
    makes discord.py itself repeat it; `slow` answers after `seconds`; `refused` answers Discord's `code`. `skip`
    lets that many through first.
    "GATEWAY REQUEST_GUILD_MEMBERS" is the request for a list of members, refused with RATE_LIMITED whatever the kind.
    """

    kind: str
    pattern: str = "*"
    count: int = 1
    seconds: float = 0.2
    skip: int = 0
    is_global: bool = False
    code: int = 0


@dataclass
class Faults:
    pending: list[Fault] = field(default_factory=list)
    gateway_down_until: float = 0.0

    def add(self, fault: Fault) -> None:
        """Raises ValueError for an unknown kind."""
        if fault.kind not in KINDS:
            raise ValueError(f"unknown fault {fault.kind!r}; one of {', '.join(KINDS)}")
        self.pending.append(fault)

    def take(self, method: str, template: str, path: str = "") -> Fault | None:
        """The fault that hits this request, counted down."""
        for fault in self.pending:
            if any(fnmatch.fnmatchcase(f"{method} {one}", fault.pattern) for one in (template, path)):
                return self._count(fault)
        return None

    def _count(self, fault: Fault) -> Fault | None:
        if fault.skip:
            fault.skip -= 1
            return None
        fault.count -= 1
        if fault.count <= 0:
            self.pending.remove(fault)
        return fault

    def clear(self) -> None:
        self.pending.clear()
        self.gateway_down_until = 0.0
