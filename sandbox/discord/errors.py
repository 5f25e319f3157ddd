"""What Discord answers when it refuses: status, numeric code, text and the tree of what is wrong where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]

# code -> (HTTP status, message); from Discord's list of JSON error codes.
KNOWN: dict[int, tuple[int, str]] = {
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10009: (404, "Unknown Overwrite"),
    10011: (404, "Unknown Role"),
    10013: (404, "Unknown User"),
    10014: (400, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    20026: (403, "Your bot has been flagged by our anti-spam system for abusive behavior."),
    30003: (400, "Maximum number of pins reached (50)"),
    30010: (400, "Maximum number of reactions reached (20)"),
    30032: (400, "Maximum number of application commands reached (100)."),
    40003: (403, "You are opening direct messages too fast"),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50021: (403, "Cannot execute action on a system message"),
    50027: (401, "Invalid Webhook Token"),
    50028: (400, "Invalid Role"),
    50033: (400, "Invalid Recipient(s)"),
    50034: (400, "You can only bulk delete messages that are under 14 days old."),
    50035: (400, "Invalid Form Body"),
    50109: (400, "The request body contains invalid JSON."),
    160002: (400, "You cannot reply without permission to read message history"),
}


class ApiError(Exception):
    """A refusal as the bot sees it: `status`, `code`, `message`, and `errors` (Discord's nested tree)."""

    def __init__(self, code: int, *, status: int | None = None, message: str | None = None, errors: Any = None) -> None:
        known = KNOWN.get(code, (400, "Bad Request"))
        self.code = code
        self.status = status if status is not None else known[0]
        self.message = message if message is not None else known[1]
        self.errors = errors
        super().__init__(f"{self.status} {code} {self.message}")

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


@dataclass
class Problems:
    """Collects what is wrong with one request body and raises it as 50035."""

    found: list[tuple[Path, str, str]] = field(default_factory=list)

    def add(self, path: Path, code: str, message: str) -> None:
        self.found.append((path, code, message))

    def tree(self) -> dict[str, Any]:
        root: dict[str, Any] = {}
        for path, code, message in self.found:
            node = root
            for step in path:
                node = node.setdefault(str(step), {})
            node.setdefault("_errors", []).append({"code": code, "message": message})
        return root

    def check(self) -> None:
        """Raise ApiError 50035 where anything was found."""
        if self.found:
            raise ApiError(50035, errors=self.tree())


class RefusedError(Exception):
    """Something that a person could not do, with the reason in plain words."""


def unauthorized() -> ApiError:
    return ApiError(0, status=401, message="401: Unauthorized")


def not_found() -> ApiError:
    return ApiError(0, status=404, message="404: Not Found")


def invalid(path: Path, code: str, message: str) -> ApiError:
    """A 50035 with a single entry."""
    problems = Problems()
    problems.add(path, code, message)
    return ApiError(50035, errors=problems.tree())
