"""How many gifted subs a webhook's word alone is believed for, per server."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE guild_settings ADD COLUMN webhook_trusted_gifts INTEGER CHECK (webhook_trusted_gifts >= 0)")
