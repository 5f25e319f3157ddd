"""Since when the bot is in a guild no more: nothing is done there until it is invited again."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE guild_settings ADD COLUMN left_at TIMESTAMPTZ")
