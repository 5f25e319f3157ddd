"""A small, strict Discord: REST v10, gateway, interactions and a control API, spoken over loopback."""

from __future__ import annotations

from .app import GATEWAY, add_routes
from .world import DEFAULT_TOKEN, DiscordWorld

__all__ = ["DEFAULT_TOKEN", "GATEWAY", "DiscordWorld", "add_routes"]
