"""The event subscriptions that are ours, and bodies of webhooks that may go once they are handled."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TABLE kick_subscriptions (id TEXT PRIMARY KEY, event TEXT NOT NULL, "
        "broadcaster_user_id BIGINT NOT NULL, seen_at TIMESTAMPTZ NOT NULL)"
    )
    op.execute("ALTER TABLE kick_inbox ALTER COLUMN body DROP NOT NULL")
    op.execute("CREATE INDEX kick_inbox_with_body ON kick_inbox (handled_at) WHERE body IS NOT NULL")
