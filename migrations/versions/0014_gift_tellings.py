"""A gift is told in several shapes: a key for each, when each came, and whether the admins know that it waits."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# What the socket told without an id, and by the old chat message, had its key in socket_key.
STEPS = (
    """
    ALTER TABLE raffle_gifted_subs
        ADD COLUMN bare_key TEXT,
        ADD COLUMN chat_key TEXT,
        ADD COLUMN notice_key TEXT,
        ADD COLUMN gifter_total BIGINT,
        ADD COLUMN gifter_by_name BOOLEAN NOT NULL DEFAULT FALSE,
        ADD COLUMN socket_at TIMESTAMPTZ,
        ADD COLUMN arrived_at TIMESTAMPTZ,
        ADD COLUMN admins_told_at TIMESTAMPTZ
    """,
    "UPDATE raffle_gifted_subs SET socket_at = gifted_at WHERE socket_key IS NOT NULL",
    """
    UPDATE raffle_gifted_subs SET bare_key = socket_key, socket_key = NULL
    WHERE socket_key ~ '^ws:[^:]*:h:[0-9a-f]{64}(@|$)'
    """,
    "UPDATE raffle_gifted_subs SET chat_key = socket_key, socket_key = NULL WHERE socket_key LIKE 'chat:%'",
    """
    ALTER TABLE raffle_gifted_subs
        ADD CONSTRAINT raffle_gifted_subs_bare UNIQUE (guild_id, bare_key),
        ADD CONSTRAINT raffle_gifted_subs_chat UNIQUE (guild_id, chat_key),
        ADD CONSTRAINT raffle_gifted_subs_notice UNIQUE (guild_id, notice_key)
    """,
    "CREATE INDEX raffle_gifted_subs_heard ON raffle_gifted_subs (guild_id, socket_at)",
    "CREATE INDEX raffle_gifted_subs_arrived ON raffle_gifted_subs (guild_id, arrived_at)",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)
