"""What /metrics shows of Kick."""

from __future__ import annotations

from collections.abc import Mapping

from kick.listener import KickListener
from raffle_system.kick_inbox import KickInbox
from raffle_system.kick_intake import KickIntake
from web.kick_routes import KickRoutes
from web.metrics import Metrics


def register(
    metrics: Metrics, listener: KickListener, intake: KickIntake, inbox: KickInbox, routes: KickRoutes
) -> None:
    """Frames, events, webhooks by the status that they were answered with, and what became of them."""
    metrics.counters(
        "drumroll_kick_frames", "Socket frames by event name", "event", lambda: _frames(listener)
    )  # fmt: skip
    metrics.counters("drumroll_kick_socket", "Attempts to connect, and losses", "what", lambda: _socket(listener))
    metrics.counters("drumroll_kick_events", "Events taken in, by kind", "kind", lambda: intake.counters)
    metrics.counters("drumroll_kick_webhooks", "Webhooks by their answer", "status", lambda: routes.counters)
    metrics.counters("drumroll_kick_webhook_types", "Webhooks kept, by type", "type", lambda: routes.types.snapshot())
    metrics.counters("drumroll_kick_inbox", "What became of webhooks", "outcome", lambda: inbox.counters)


def _frames(listener: KickListener) -> Mapping[str, float]:
    state = listener.socket
    return state.counters if state is not None else {}


def _socket(listener: KickListener) -> Mapping[str, float]:
    state = listener.socket
    if state is None:
        return {}
    return {
        "attempts": state.attempts,
        "malformed": state.malformed,
        "unknown": state.unknown,
        "dropped_chat": state.dropped_chat,
        "lost": state.lost,
    }
