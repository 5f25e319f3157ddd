"""When somebody heard that a role cannot be changed: once, however often it is tried."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE link_roles ADD COLUMN told_at TIMESTAMPTZ")
    op.execute("ALTER TABLE giveaway_winners ADD COLUMN role_told_at TIMESTAMPTZ")
