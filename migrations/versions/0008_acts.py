"""What each request did, by the request's key: the answer where a COMMIT's was lost, and nothing done twice."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE acts (
            key TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            guild_id BIGINT,
            actor BIGINT,
            result JSONB,
            at TIMESTAMPTZ NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX acts_at ON acts (at)")
