"""Reading a JSON object strictly: every getter checks type and limits and notes what Discord would note."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from .errors import Path, Problems

_REQUIRED = ("BASE_TYPE_REQUIRED", "This field is required")


class Form:
    """One object of a request body with its place (`path`) in the error tree.

    Getters return None where the key is absent, null or wrong; what is wrong goes to `problems`.
    """

    def __init__(self, value: dict[str, Any], problems: Problems, path: Path = ()) -> None:
        self.value = value
        self.problems = problems
        self.path = path

    def note(self, key: str | int, code: str, message: str) -> None:
        self.problems.add((*self.path, key), code, message)

    def _get(self, key: str, required: bool) -> Any:
        value = self.value.get(key)
        if value is None and required:
            self.note(key, *_REQUIRED)
        return value

    def text(
        self,
        key: str,
        *,
        low: int = 0,
        high: int,
        required: bool = False,
        pattern: re.Pattern[str] | None = None,
    ) -> str | None:
        """A string of `low`..`high` characters; required ones may not be blank."""
        value = self._get(key, required)
        if value is None:
            return None
        if not isinstance(value, str):
            self.note(key, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return None
        if required and not value.strip():
            self.note(key, *_REQUIRED)
            return None
        if not self._length(key, len(value), low, high):
            return None
        if pattern is not None and not pattern.fullmatch(value):
            self.note(key, "STRING_TYPE_REGEX", "String value did not match validation regex.")
            return None
        return value

    def _length(self, key: str, length: int, low: int, high: int) -> bool:
        if low <= length <= high:
            return True
        if low > 0:
            self.note(key, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
        else:
            self.note(key, "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
        return False

    def whole(self, key: str, *, low: int | None = None, high: int | None = None, required: bool = False) -> int | None:
        """An integer within `low`..`high`; digits in a string count, as Discord accepts them."""
        value = self._get(key, required)
        if value is None:
            return None
        if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.note(key, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
            return None
        return value if self._range(key, value, low, high) else None

    def number(self, key: str) -> float | None:
        value = self.value.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.note(key, "NUMBER_TYPE_COERCE", f'Value "{value}" is not float.')
            return None
        return float(value)

    def _range(self, key: str, value: int, low: int | None, high: int | None) -> bool:
        if low is not None and value < low:
            self.note(key, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {low}.")
            return False
        if high is not None and value > high:
            self.note(key, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {high}.")
            return False
        return True

    def flag(self, key: str) -> bool | None:
        value = self.value.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.note(key, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return None

    def choice(self, key: str, allowed: Collection[int], *, required: bool = False) -> int | None:
        value = self._get(key, required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
            names = ", ".join(str(item) for item in sorted(allowed))
            self.note(key, "BASE_TYPE_CHOICES", f"Value must be one of {{{names}}}.")
            return None
        return value

    def snowflake(self, key: str, *, required: bool = False) -> str | None:
        value = self._get(key, required)
        if value is None:
            return None
        if isinstance(value, bool) or not re.fullmatch(r"\d{1,20}", str(value)):
            self.note(key, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
            return None
        return str(value)

    def snowflakes(self, key: str, *, high: int) -> list[str]:
        found = []
        for index, value in self.items(key, high=high):
            if isinstance(value, bool) or not re.fullmatch(r"\d{1,20}", str(value)):
                self.problems.add((*self.path, key, index), "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
            else:
                found.append(str(value))
        return found

    def url(self, key: str, *, schemes: tuple[str, ...] = ("http", "https"), high: int = 2048) -> str | None:
        value = self.text(key, high=high)
        if not value:
            return None
        parts = urlsplit(value)
        if parts.scheme not in schemes:
            message = f'Scheme "{parts.scheme}" must be one of {schemes}.'
            self.note(key, "URL_TYPE_INVALID_SCHEME", message)
            return None
        if not (parts.netloc or parts.path) or " " in value:
            self.note(key, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
            return None
        return value

    def moment(self, key: str) -> str | None:
        value = self.text(key, high=64)
        if value is None:
            return None
        try:
            datetime.fromisoformat(value)
        except ValueError:
            self.note(key, "DATE_TIME_TYPE_PARSE", f"Could not parse {value}. Should be ISO8601.")
            return None
        return value

    def items(self, key: str, *, low: int = 0, high: int, required: bool = False) -> Iterator[tuple[int, Any]]:
        """The elements of a list with their index; length is checked against `low`..`high`."""
        value = self._get(key, required)
        if value is None:
            return
        if not isinstance(value, list):
            self.note(key, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return
        if self._length(key, len(value), low, high):
            yield from enumerate(value)

    def forms(self, key: str, *, low: int = 0, high: int, required: bool = False) -> list[Form]:
        """The elements of a list of objects."""
        found = []
        for index, value in self.items(key, low=low, high=high, required=required):
            child = as_form(value, self.problems, (*self.path, key, index))
            if child is not None:
                found.append(child)
        return found

    def form(self, key: str, *, required: bool = False) -> Form | None:
        value = self._get(key, required)
        if value is None:
            return None
        return as_form(value, self.problems, (*self.path, key))


def as_form(value: object, problems: Problems, path: Path = ()) -> Form | None:
    """A Form over `value`, or None (and a note) where it is no object."""
    if isinstance(value, dict):
        return Form(value, problems, path)
    problems.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    return None
