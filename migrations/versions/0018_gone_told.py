"""Of which deleted roles and channels a giveaway's host has heard."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE giveaways ADD COLUMN gone_told BIGINT[] NOT NULL DEFAULT '{}'")
