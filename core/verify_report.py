"""What checking a record found, and how it reads on a terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from core.record_fields import Fault


class Status(StrEnum):
    """How a check ended; only FAILED makes a record bad."""

    OK = "ok"
    FAILED = "FAILED"
    SKIPPED = "skipped"
    NOTE = "note"


@dataclass(frozen=True)
class Check:
    """One line of the report: a top-level field, perhaps a part of it, and what was found."""

    status: Status
    field: str
    text: str
    part: str = ""

    def render(self) -> str:
        name = f"{self.field}.{self.part}" if self.part else self.field
        return f"{self.status:<8}{_plain(name):<20} {_plain(self.text)}"


@dataclass
class Report:
    """What `verify` found; `winners` are lines for people, empty unless all is well."""

    checks: list[Check] = field(default_factory=list)
    winners: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.failed

    @property
    def failed(self) -> list[str]:
        """The top-level fields with a failed check, each once, in the order of the checks."""
        return list(dict.fromkeys(c.field for c in self.checks if c.status is Status.FAILED))

    def add(self, status: Status, name: str, text: str, part: str = "") -> None:
        self.checks.append(Check(status, name, text, part))

    def say(self, name: str, fault: Fault, text: str, part: str = "") -> None:
        """OK with `text`, or FAILED with the fault."""
        self.add(Status.FAILED if fault else Status.OK, name, fault or text, part)

    def render(self) -> str:
        """The report as text, one check to a line; nothing in it can steer a terminal."""
        lines = [check.render() for check in self.checks]
        verdict = "VERIFIED" if self.ok else f"NOT VERIFIED: {_plain(', '.join(self.failed))}"
        return "\n".join([*lines, "", *map(_plain, self.winners), verdict])


def _plain(text: str) -> str:
    """Control, direction and surrogate characters escaped: names in a record are anybody's text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
