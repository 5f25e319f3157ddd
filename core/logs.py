"""Logs: a static event name and its fields on one line, secrets masked."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
_PASSWORD = re.compile(r"(://[^:/@\s]+:)[^@\s]+@")
MASK = "****"
_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


class Formatter(logging.Formatter):
    """`2026-01-01T00:00:00Z INFO event key=value ...`; a traceback follows on its own lines."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        parts = [when, record.levelname, record.getMessage() if record.args else str(record.msg)]
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        parts += [f"{name}={_shown(value)}" for name, value in fields.items()]
        line = " ".join(parts)
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return self.masked(line)

    def masked(self, text: str) -> str:
        """The text without secrets: those that were named, passwords in URLs, and ids that are credentials."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return _PASSWORD.sub(rf"\1{MASK}@", _UUID.sub(MASK, text))


def _shown(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or re.search(r'[\s"=]', text) else text


def configure(level: str, secrets: Iterable[str]) -> None:
    """Log to standard error: ours at `level`, libraries' warnings and worse."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("core", "raffle_system", "giveaway", "kick", "cogs", "web", "drumroll"):
        logging.getLogger(name).setLevel(level.upper())
