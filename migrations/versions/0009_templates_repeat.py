"""Templates keep whether their giveaway comes back."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE giveaway_templates ADD COLUMN recurrence TEXT CHECK (recurrence IN ('daily', 'weekly', 'monthly'))"
    )
