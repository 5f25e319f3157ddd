"""An affiliate feed: who wagered how much under the streamer's code, as the casino's statistics answer it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from aiohttp import web

FEED_ID = "5a4db0c5-0000-4000-8000-00000000d201"
CODE = "sandbox"
Trouble = Literal["", "too_many", "html", "empty", "error"]


class AffiliateFeed:
    """Lifetime wagers by user name; `trouble` answers instead of them."""

    def __init__(self) -> None:
        self.wagers: dict[str, Decimal] = {}
        self.trouble: Trouble = ""
        self.asked = 0

    def raise_(self, username: str, amount: Decimal) -> Decimal:
        """Add to somebody's lifetime amount; the new amount."""
        self.wagers[username] = self.wagers.get(username, Decimal(0)) + amount
        return self.wagers[username]

    def rows(self) -> list[dict[str, Any]]:
        return [
            {"username": name, "campaignCode": CODE, "wagerAmount": float(amount)}
            for name, amount in self.wagers.items()
        ]

    async def serve(self, _request: web.Request) -> web.Response:
        self.asked += 1
        match self.trouble:
            case "too_many":
                return web.json_response({"statusCode": 400, "message": "TOO_MANY_REQUEST"}, status=400)
            case "html":
                return web.Response(text="<html><body>Checking your browser</body></html>", content_type="text/html")
            case "error":
                return web.json_response({"statusCode": 500, "message": "INTERNAL"}, status=500)
            case "empty":
                return web.json_response([])
        return web.json_response(self.rows())

    async def serve_state(self, _request: web.Request) -> web.Response:
        return web.json_response({"rows": self.rows(), "trouble": self.trouble, "asked": self.asked})

    async def serve_control(self, request: web.Request) -> web.Response:
        """POST {"username", "amount"} raises a wager; POST {"trouble"} changes what is answered."""
        body = await request.json()
        if "trouble" in body:
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
