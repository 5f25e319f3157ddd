"""Under which name a Kick account was last seen, whatever told it: chat while offline, gifts, payments."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE kick_names (
            guild_id BIGINT NOT NULL,
            kick_user_id BIGINT NOT NULL,
            kick_name TEXT NOT NULL,
            name_key TEXT NOT NULL,
            seen_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (guild_id, kick_user_id)
        )
        """
    )
    op.execute("CREATE INDEX kick_names_key ON kick_names (guild_id, name_key, seen_at)")
