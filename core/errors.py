"""Errors that carry a text key and its arguments; the edges render them in the reader's language."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can act on. `key` names a text in `locales/`, `args_` fills it."""

    def __init__(self, key: str, **args_: object) -> None:
        super().__init__(f"{key} {args_}" if args_ else key)
        self.key = key
        self.args_ = args_


class InsufficientTickets(UserError):
    """A removal larger than the balance."""

    def __init__(self, balance: int, wanted: int) -> None:
        super().__init__("error.insufficient_tickets", balance=balance, wanted=wanted)


class PeriodFrozen(UserError):
    """A ticket change for a period whose entrants are already published."""

    def __init__(self) -> None:
        super().__init__("error.period_frozen")


class NotReady(Exception):
    """An outside system cannot say now: no fault, ask again later."""


class TextKey(str):
    """An argument of a `UserError` that is a text of its own."""


class ConfigError(Exception):
    """An environment variable that cannot be used: one line for the operator."""
