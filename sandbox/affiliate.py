"""An affiliate feed: who wagered how much under the streamer's code, as the casino's statistics answer it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

from aiohttp import web

FEED_ID = "5a4db0c5-0000-4000-8000-00000000d201"
CODE = "sandbox"
Trouble = Literal[
    "",
    "too_many",
    "html",
    "empty",
    "error",
    "not_a_list",
    "half_gone",
    "started_afresh",
    "bad_rows",
    "slow",
    "redirect",
]
SLOW_SECONDS = 60.0
RESIDENTS = {"longtime_player": Decimal("116301.04286432"), "quiet_player": Decimal(0)}


class AffiliateFeed:
    """Lifetime wagers by user name, or those of a span; `trouble` answers instead of them."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or (lambda: datetime.now(UTC))
        self.wagers: dict[str, Decimal] = dict(RESIDENTS)
        self._history: list[tuple[float, str, Decimal]] = []
        self.trouble: Trouble = ""
        self.asked = 0

    def raise_(self, username: str, amount: Decimal) -> Decimal:
        """Add to somebody's lifetime amount; the new amount."""
        self.wagers[username] = self.wagers.get(username, Decimal(0)) + amount
        self._history.append((self._now().timestamp(), username, amount))
        return self.wagers[username]

    def rename(self, old: str, new: str) -> None:
        """As the casino shows it: the old name is gone, the new one has everything."""
        self.wagers[new] = self.wagers.pop(old)
        self._history = [(at, new if name == old else name, amount) for at, name, amount in self._history]

    def rows(self, start: float | None = None, end: float | None = None) -> list[dict[str, Any]]:
        """Lifetime amounts; with a span (Unix seconds) those of the span, for everybody who ever wagered."""
        amounts = dict(self.wagers)
        if start is not None and end is not None:
            amounts = dict.fromkeys(self.wagers, Decimal(0))
            for at, name, amount in self._history:
                if start <= at < end:
                    amounts[name] += amount
        return [
            {"username": name, "campaignCode": CODE, "wagerAmount": float(amount)} for name, amount in amounts.items()
        ]

    async def serve(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.trouble == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        answer = self._trouble()
        if answer is not None:
            return answer
        try:
            start, end = (
                float(request.query[name]) if name in request.query else None for name in ("startTime", "endTime")
            )
        except ValueError:
            return _refusal("INVALID_DATE")
        if end is not None and end > self._now().timestamp():
            return _refusal("INVALID_DATE")
        return web.json_response(self._damaged(self.rows(start, end)))

    def _trouble(self) -> web.Response | None:
        match self.trouble:
            case "too_many":
                return _refusal("TOO_MANY_REQUEST")
            case "html":
                return web.Response(text="<html><body>Checking your browser</body></html>", content_type="text/html")
            case "error":
                return web.json_response({"statusCode": 500, "message": "INTERNAL"}, status=500)
            case "empty":
                return web.json_response([])
            case "not_a_list":
                return web.json_response({"statusCode": 400, "message": "REFEREES_UNKNOWN"})
            case "redirect":
                return web.Response(status=302, headers={"Location": "/elsewhere"})
        return None

    def _damaged(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        match self.trouble:
            case "half_gone":
                return rows[::2]
            case "started_afresh":
                return [{**row, "wagerAmount": 0} for row in rows]
            case "bad_rows":
                bad = {"username": "damaged", "campaignCode": CODE}
                return [*rows, *({**bad, "wagerAmount": amount} for amount in (-5, None, "lots", "NaN")), {}]
        return rows

    async def serve_state(self, _request: web.Request) -> web.Response:
        return web.json_response({"rows": self.rows(), "trouble": self.trouble, "asked": self.asked})

    async def serve_control(self, request: web.Request) -> web.Response:
        """POST {"username", "amount"} raises a wager; POST {"trouble"} changes what is answered."""
        body = await request.json()
        if "trouble" in body:
            if body["trouble"] not in get_args(Trouble):
                return web.json_response({"error": f"one of {', '.join(get_args(Trouble))}"}, status=409)
            self.trouble = body["trouble"]
        if "username" in body:
            try:
                self.raise_(str(body["username"]), Decimal(str(body["amount"])))
            except (InvalidOperation, KeyError) as error:
                return web.json_response({"error": repr(error)}, status=409)
        return await self.serve_state(request)

    def add_routes(self, app: web.Application, prefix: str) -> None:
        app.router.add_get(f"{prefix}/stats/{{id}}", self.serve)
        app.router.add_get(f"{prefix}/control/state", self.serve_state)
        app.router.add_post(f"{prefix}/control/turn", self.serve_control)


def _refusal(message: str) -> web.Response:
    return web.json_response({"statusCode": 400, "message": message}, status=400)
