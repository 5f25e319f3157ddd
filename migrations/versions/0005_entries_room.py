"""Room on the pages of giveaway_entries: a freeze may change all points, and rows that stay on their page cost less."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE giveaway_entries SET (fillfactor = 50)")
