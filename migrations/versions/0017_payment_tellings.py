"""A payment on Kick is told with an id and without one; the admins hear of those that wait."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STEPS = (
    """
    ALTER TABLE raffle_kick_payments
        ADD COLUMN bare_key TEXT,
        ADD COLUMN socket_at TIMESTAMPTZ,
        ADD COLUMN arrived_at TIMESTAMPTZ,
        ADD COLUMN payments INTEGER NOT NULL DEFAULT 0,
        ADD COLUMN admins_told_at TIMESTAMPTZ,
        ADD CONSTRAINT raffle_kick_payments_bare UNIQUE (guild_id, kind, bare_key)
    """,
    "UPDATE raffle_kick_payments SET socket_at = paid_at WHERE socket_key IS NOT NULL",
    "CREATE INDEX raffle_kick_payments_open ON raffle_kick_payments (guild_id, id) WHERE status = 'pending'",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)
