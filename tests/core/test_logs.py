"""What stands in a log: one line for an event, whatever is in it."""

from __future__ import annotations

import logging

import pytest

from core.logs import Formatter

FORGED = "2026-01-01T00:00:00.000Z INFO paid"
HIDDEN = ["\x1b[2K", "\x07", "\x9b31m", "\u202e", "\u2028", "\x85", "\n", "\r", "\0", "\ufeff", "\U000e0041", "\ud800"]


def _line(message: str, error: BaseException | None = None, **fields: object) -> str:
    where = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord("core", logging.INFO, "", 0, message, None, where)
    vars(record).update(fields)
    return Formatter().format(record)


@pytest.mark.parametrize("hidden", HIDDEN, ids=repr)
def test_what_is_not_seen_is_spelt_out(hidden: str) -> None:
    line = _line(f"event{hidden}", said=f"a{hidden}{FORGED}", bare=f"{hidden}b")
    assert line.isprintable()
    assert len(line.splitlines()) == 1


def test_an_exceptions_text_cannot_forge_a_line() -> None:
    inner = ValueError(f"x\n{FORGED}")
    inner.add_note(f"y\n{FORGED}")
    outer = RuntimeError(f'z\n  File "a"\n{FORGED}\x1b[0m')
    outer.__cause__ = ExceptionGroup(f"g\n{FORGED}", [inner])
    with pytest.raises(RuntimeError) as raised:
        raise outer
    first, *lines = _line("failed", raised.value).splitlines()
    assert first.endswith(" INFO failed")
    assert all(line.isprintable() and (line.startswith("  ") or not line) for line in lines)
    assert f'  RuntimeError: z\\n  File "a"\\n{FORGED}\\u001b[0m' in lines
    assert "  Traceback (most recent call last):" in lines
    assert any(line.startswith('    File "') for line in lines)


def test_plain_values_stay_as_they_are() -> None:
    assert _line("event", one=1, who="Zoë", text="a b").endswith(' INFO event one=1 who=Zoë text="a b"')
