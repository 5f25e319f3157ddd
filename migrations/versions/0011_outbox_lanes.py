"""The outbox in lanes: what waits for what, since when a row may have arrived, which channels are closed to the bot."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# A snowflake and a hash of 64 bits do not meet; the rows of a lane of their own are negative.
LANES = """
ALTER TABLE outbox
    ADD COLUMN aside BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN tried_at TIMESTAMPTZ;
ALTER TABLE outbox ADD COLUMN lane BIGINT NOT NULL GENERATED ALWAYS AS (
    CASE WHEN aside THEN -id WHEN edits THEN COALESCE(hashtextextended(ref, 0), -id)
    ELSE COALESCE(channel_id, user_id) END
) STORED;

DROP INDEX outbox_waiting;
CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_lane ON outbox (lane, id) WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_place ON outbox ((COALESCE(channel_id, user_id)), id)
    WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_guild ON outbox (guild_id) WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_message ON outbox (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX outbox_given_up ON outbox (given_up_at) WHERE given_up_at IS NOT NULL;

CREATE TABLE outbox_blocks (
    place BIGINT PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    refused INTEGER NOT NULL,
    retry_at TIMESTAMPTZ NOT NULL,
    told_at TIMESTAMPTZ
);
CREATE INDEX outbox_blocks_guild ON outbox_blocks (guild_id);

INSERT INTO outbox_blocks (place, guild_id, refused, retry_at, told_at)
    SELECT channel_id, min(guild_id), 1, min(next_attempt_at), min(admin_told_at) FROM outbox
    WHERE delivered_at IS NULL AND given_up_at IS NULL AND channel_id IN (
        SELECT channel_id FROM outbox
        WHERE admin_told_at IS NOT NULL AND delivered_at IS NULL AND given_up_at IS NULL
    ) GROUP BY channel_id;
"""


def upgrade() -> None:
    for statement in LANES.split(";\n"):
        if statement.strip():
            op.execute(statement)
