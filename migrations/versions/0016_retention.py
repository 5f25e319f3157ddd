"""Find delivered messages that still have their words."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX outbox_with_words ON outbox (delivered_at) "
        "WHERE delivered_at IS NOT NULL AND payload <> CAST('{}' AS jsonb)"
    )
