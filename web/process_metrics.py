"""What /metrics shows of the process itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.delivery import Outbox
from core.jobs import Scheduler
from core.supervisor import TaskState
from web.metrics import Metrics

ROLES = ("starting", "standby", "leader")


def register(
    metrics: Metrics, role: Callable[[], str], tasks: Mapping[str, TaskState], outbox: Outbox, scheduler: Scheduler,
    discord: Callable[[], Mapping[str, float]],
) -> None:  # fmt: skip
    """The role, the root tasks, what was said, what ran by itself, and how Discord is reached."""
    metrics.gauges(
        "drumroll_role", "1 for the role that the process has", "role",
        lambda: {name: float(name == role()) for name in ROLES},
    )  # fmt: skip
    metrics.counters(
        "drumroll_task_restarts", "How often a root task was started again", "task",
        lambda: {name: state.restarts for name, state in tasks.items()},
    )  # fmt: skip
    metrics.counters(
        "drumroll_outbox_messages", "Attempts to say something, by their outcome", "outcome",
        lambda: {"delivered": outbox.delivered, "failed": outbox.failures, "given_up": outbox.given_up},
    )  # fmt: skip
    metrics.counters(
        "drumroll_jobs", "Runs of scheduled work and the failures among them", "what",
        lambda: {"ticks": scheduler.ticked, "failures": scheduler.failures},
    )  # fmt: skip
    metrics.gauges("drumroll_discord", "Whether Discord is connected, and its latency in seconds", "what", discord)
