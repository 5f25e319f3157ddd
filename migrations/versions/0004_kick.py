"""Kick whole: webhook inbox, review of gifts, live status that outlives a process, links by OAuth, optional rates."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INBOX = """
CREATE TABLE kick_inbox (
    message_id TEXT PRIMARY KEY,
    event TEXT NOT NULL,
    body BYTEA NOT NULL,
    sent_at TIMESTAMPTZ,
    received_at TIMESTAMPTZ NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMPTZ NOT NULL,
    last_error TEXT,
    handled_at TIMESTAMPTZ
);

CREATE INDEX kick_inbox_waiting ON kick_inbox (next_attempt_at) WHERE handled_at IS NULL;

CREATE TABLE kick_live (
    guild_id BIGINT NOT NULL,
    source TEXT NOT NULL,
    live BOOLEAN NOT NULL,
    started_at TIMESTAMPTZ,
    at TIMESTAMPTZ NOT NULL,
    said_by TEXT NOT NULL,
    PRIMARY KEY (guild_id, source)
);

CREATE INDEX kick_gaps_span ON kick_gaps (ended_at, started_at);
"""

GIFTS = """
ALTER TABLE raffle_gifted_subs
    DROP CONSTRAINT raffle_gifted_subs_status_check,
    ADD CONSTRAINT raffle_gifted_subs_status_check CHECK (status IN ('approved', 'pending', 'flagged', 'rejected')),
    ADD COLUMN payments INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN decided_by BIGINT,
    ADD COLUMN decided_at TIMESTAMPTZ;

CREATE INDEX raffle_gifted_subs_when ON raffle_gifted_subs (guild_id, gifted_at);

CREATE INDEX raffle_gifted_subs_open ON raffle_gifted_subs (guild_id, id) WHERE status IN ('pending', 'flagged');

CREATE TABLE kick_gift_notices (
    guild_id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('leaderboard', 'chat', 'subscription_gifted')),
    notice_key TEXT NOT NULL,
    gifter_kick_user_id BIGINT,
    gifter_name_key TEXT NOT NULL,
    sub_count INTEGER NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id, kind, notice_key)
);

CREATE INDEX kick_gift_notices_when ON kick_gift_notices (guild_id, at);

CREATE TABLE kick_gift_totals (
    guild_id BIGINT NOT NULL,
    board TEXT NOT NULL CHECK (board IN ('all_time', 'monthly')),
    kick_user_id BIGINT NOT NULL,
    quantity INTEGER NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id, board, kick_user_id)
);

CREATE TABLE kick_gift_bursts (
    guild_id BIGINT NOT NULL,
    gifter TEXT NOT NULL,
    ref TEXT NOT NULL,
    subs INTEGER NOT NULL,
    tickets INTEGER NOT NULL,
    last_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id, gifter)
);

ALTER TABLE raffle_ticket_log
    DROP CONSTRAINT raffle_ticket_log_source_check,
    ADD CONSTRAINT raffle_ticket_log_source_check CHECK (
        source IN ('watchtime', 'gifted_sub', 'shuffle_wager', 'bonus', 'new_sub', 'kicks')
    );

CREATE TABLE raffle_kick_payments (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    period_id INTEGER NOT NULL REFERENCES raffle_periods (id),
    kind TEXT NOT NULL CHECK (kind IN ('new_sub', 'kicks')),
    kick_user_id BIGINT,
    kick_name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    status TEXT NOT NULL CHECK (status IN ('approved', 'pending')),
    tickets_awarded INTEGER NOT NULL DEFAULT 0,
    discord_id BIGINT,
    paid_at TIMESTAMPTZ NOT NULL,
    socket_key TEXT,
    webhook_key TEXT,
    CONSTRAINT raffle_kick_payments_socket UNIQUE (guild_id, kind, socket_key),
    CONSTRAINT raffle_kick_payments_webhook UNIQUE (guild_id, kind, webhook_key)
);

CREATE INDEX raffle_kick_payments_who ON raffle_kick_payments (guild_id, kind, name_key, paid_at);
"""

PEOPLE = """
ALTER TABLE guild_settings
    ADD COLUMN new_sub_tickets INTEGER CHECK (new_sub_tickets >= 0),
    ADD COLUMN kicks_tickets_per_100 INTEGER CHECK (kicks_tickets_per_100 >= 0),
    ADD COLUMN watch_minutes_per_day INTEGER CHECK (watch_minutes_per_day >= 0),
    ADD COLUMN link_role_id BIGINT;

ALTER TABLE watchtime
    ADD COLUMN day DATE,
    ADD COLUMN day_minutes INTEGER NOT NULL DEFAULT 0;

CREATE INDEX links_without_id ON links (guild_id, name_key) WHERE unlinked_at IS NULL AND kick_user_id IS NULL;

CREATE TABLE kick_oauth_states (
    nonce TEXT PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    discord_id BIGINT NOT NULL,
    channel_id BIGINT,
    verifier TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
);

CREATE TABLE link_roles (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    discord_id BIGINT NOT NULL,
    role_id BIGINT NOT NULL,
    wanted BOOLEAN NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMPTZ NOT NULL,
    last_error TEXT,
    done_at TIMESTAMPTZ
);

CREATE INDEX link_roles_waiting ON link_roles (next_attempt_at) WHERE done_at IS NULL;
"""


def statements(script: str) -> list[str]:
    """Single statements of a script: a blank line separates them."""
    return [part for part in script.strip().split(";\n\n") if part.strip()]


def upgrade() -> None:
    for script in (INBOX, GIFTS, PEOPLE):
        for statement in statements(script):
            op.execute(statement.rstrip(";\n"))
