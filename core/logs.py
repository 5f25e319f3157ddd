"""Logs: a static event name and its fields on one line, secrets masked."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
_PASSWORD = re.compile(r"(://[^:/@\s]+:)[^@\s]+@")
MASK = "****"
_OURS = re.compile(r'[ |+-]*(?:File "|Traceback \(most|\n?(?:The above exception|During handling))')
_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


class Formatter(logging.Formatter):
    """`2026-01-01T00:00:00Z INFO event key=value ...`; a traceback follows on its own lines.

    Nothing that is logged can forge a line, steer a terminal or turn the text: what is not seen is written as in JSON.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        parts = [when, record.levelname, _escaped(record.getMessage() if record.args else str(record.msg))]
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        parts += [f"{name}={_shown(value)}" for name, value in fields.items()]
        line = " ".join(parts)
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return self.masked(line)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """A traceback, indented; an exception's own text is one line, only code and Python's sentences have several."""
        lines: list[str] = []
        for part in traceback.TracebackException(*ei).format():
            text = part.removesuffix("\n")
            lines += text.split("\n") if _OURS.match(text) else [text]
        return "\n".join(f"  {_escaped(line)}".rstrip() for line in lines)

    def masked(self, text: str) -> str:
        """The text without secrets: those that were named, passwords in URLs, and ids that are credentials."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return _PASSWORD.sub(rf"\1{MASK}@", _UUID.sub(MASK, text))


def _shown(value: object) -> str:
    text = str(value)
    if text and text.isprintable() and not re.search(r'[\s"=]', text):
        return text
    return _escaped(json.dumps(text, ensure_ascii=False))


def _escaped(text: str) -> str:
    """Controls, line ends, and marks that turn or hide text become `\\n`, `\\u202e`."""
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def configure(level: str, secrets: Iterable[str]) -> None:
    """Log to standard error: ours at `level`, libraries' warnings and worse."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("core", "raffle_system", "giveaway", "kick", "cogs", "web", "drumroll"):
        logging.getLogger(name).setLevel(level.upper())
