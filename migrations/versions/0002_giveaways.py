"""Giveaways whole: lifecycle, counters, claims, presets, boosts, message counts; messages that can be edited."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OUTBOX = """
ALTER TABLE outbox
    ADD COLUMN ref TEXT,
    ADD COLUMN edits BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

CREATE INDEX outbox_ref ON outbox (ref, id) WHERE ref IS NOT NULL;
"""

GIVEAWAYS = """
ALTER TABLE giveaways
    ADD COLUMN start_time TIMESTAMPTZ NOT NULL,
    ADD COLUMN started_at TIMESTAMPTZ,
    ADD COLUMN paused_at TIMESTAMPTZ,
    ADD COLUMN ended_by BIGINT,
    ADD COLUMN frozen_at TIMESTAMPTZ,
    ADD COLUMN cancelled_by BIGINT,
    ADD COLUMN cancel_reason TEXT,
    ADD COLUMN entities_cap INTEGER CHECK (entities_cap > 0),
    ADD COLUMN commitment TEXT,
    ADD COLUMN recurrence TEXT CHECK (recurrence IN ('daily', 'weekly', 'monthly')),
    ADD COLUMN series_id BIGINT,
    ADD COLUMN win_rate DOUBLE PRECISION,
    ADD COLUMN shown_entries INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN shown_at TIMESTAMPTZ,
    ADD COLUMN message_lost_at TIMESTAMPTZ,
    ADD CONSTRAINT giveaways_status CHECK (
        status IN ('scheduled', 'active', 'paused', 'ending', 'frozen', 'ended', 'cancelled')
    ),
    ADD CONSTRAINT giveaways_prize CHECK (length(prize) BETWEEN 1 AND 256),
    ADD CONSTRAINT giveaways_description CHECK (length(description) <= 1000),
    ADD CONSTRAINT giveaways_paused CHECK ((status = 'paused') = (paused_at IS NOT NULL)),
    ADD CONSTRAINT giveaways_commitment CHECK (status IN ('scheduled', 'cancelled') OR commitment IS NOT NULL);

CREATE UNIQUE INDEX giveaways_series ON giveaways (series_id, start_time) WHERE series_id IS NOT NULL;

CREATE INDEX giveaways_open ON giveaways (guild_id, status)
    WHERE status IN ('scheduled', 'active', 'paused', 'ending', 'frozen');

CREATE INDEX giveaways_guild ON giveaways (guild_id, giveaway_id DESC);

CREATE UNIQUE INDEX giveaways_message ON giveaways (message_id) WHERE message_id IS NOT NULL;

CREATE TABLE giveaway_counts (
    giveaway_id BIGINT NOT NULL REFERENCES giveaways,
    shard SMALLINT NOT NULL,
    entries INTEGER NOT NULL DEFAULT 0 CHECK (entries >= 0),
    tickets BIGINT NOT NULL DEFAULT 0 CHECK (tickets >= entries),
    PRIMARY KEY (giveaway_id, shard)
) WITH (fillfactor = 50);

ALTER TABLE giveaway_entries
    ADD COLUMN left_at TIMESTAMPTZ,
    ADD COLUMN excluded TEXT,
    ADD CONSTRAINT giveaway_entries_bonus CHECK (bonus_entries >= 0);

CREATE INDEX giveaway_entries_member ON giveaway_entries (guild_id, user_id);

ALTER TABLE giveaway_winners
    ADD COLUMN tickets BIGINT NOT NULL,
    ADD COLUMN claim_until TIMESTAMPTZ,
    ADD COLUMN claimed_at TIMESTAMPTZ,
    ADD COLUMN lapsed_at TIMESTAMPTZ,
    ADD COLUMN replaced_at TIMESTAMPTZ,
    ADD COLUMN replaced_kind TEXT CHECK (replaced_kind IN ('reroll', 'unclaimed', 'disqualified')),
    ADD COLUMN dm_failed_at TIMESTAMPTZ,
    ADD COLUMN role_state TEXT CHECK (role_state IN ('give', 'given', 'take', 'taken', 'failed')),
    ADD COLUMN role_attempts INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN role_next_at TIMESTAMPTZ;

CREATE UNIQUE INDEX giveaway_winners_place ON giveaway_winners (giveaway_id, position) WHERE replaced_at IS NULL;

CREATE INDEX giveaway_winners_member ON giveaway_winners (guild_id, user_id, won_at);

CREATE INDEX giveaway_winners_claims ON giveaway_winners (claim_until)
    WHERE claim_until IS NOT NULL AND NOT claimed AND replaced_at IS NULL AND lapsed_at IS NULL;

CREATE INDEX giveaway_winners_roles ON giveaway_winners (role_next_at) WHERE role_state IN ('give', 'take');
"""

SETUP = """
ALTER TABLE giveaway_settings
    ADD COLUMN default_entities_cap INTEGER CHECK (default_entities_cap > 0),
    ADD COLUMN blacklist_roles BIGINT[] NOT NULL DEFAULT '{}',
    ADD COLUMN bypass_roles BIGINT[] NOT NULL DEFAULT '{}',
    ADD COLUMN winner_role_id BIGINT,
    ADD COLUMN claim_hours INTEGER CHECK (claim_hours BETWEEN 1 AND 720),
    ADD COLUMN max_active INTEGER NOT NULL DEFAULT 100 CHECK (max_active BETWEEN 1 AND 100),
    ADD COLUMN default_template_id BIGINT REFERENCES giveaway_templates ON DELETE SET NULL,
    ADD CONSTRAINT giveaway_settings_mode CHECK (default_entities_mode IN ('cumulative', 'highest'));

ALTER TABLE giveaway_templates
    ADD COLUMN description TEXT,
    ADD COLUMN settings JSONB NOT NULL DEFAULT '{}',
    ADD CONSTRAINT giveaway_templates_winners CHECK (winners_count BETWEEN 1 AND 50);

CREATE TABLE giveaway_presets (
    guild_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    entities JSONB NOT NULL,
    created_by BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id, name)
);

CREATE TABLE giveaway_tiers (
    guild_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    points INTEGER NOT NULL CHECK (points BETWEEN 1 AND 100),
    PRIMARY KEY (guild_id, name)
);

CREATE TABLE giveaway_boosts (
    boost_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    role_id BIGINT,
    factor INTEGER NOT NULL CHECK (factor BETWEEN 2 AND 10),
    starts_at TIMESTAMPTZ NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    created_by BIGINT NOT NULL,
    removed_at TIMESTAMPTZ,
    CHECK (starts_at < until)
);

CREATE INDEX giveaway_boosts_guild ON giveaway_boosts (guild_id, until) WHERE removed_at IS NULL;

CREATE TABLE member_messages (
    guild_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    counted BIGINT NOT NULL CHECK (counted >= 0),
    PRIMARY KEY (guild_id, user_id)
);

CREATE TABLE member_message_days (
    guild_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    day DATE NOT NULL,
    messages INTEGER NOT NULL CHECK (messages > 0),
    PRIMARY KEY (guild_id, user_id, day)
);
"""


def statements(script: str) -> list[str]:
    """Single statements of a script: a blank line separates them."""
    return [part for part in script.strip().split(";\n\n") if part.strip()]


def upgrade() -> None:
    for script in (OUTBOX, GIVEAWAYS, SETUP):
        for statement in statements(script):
            op.execute(statement.rstrip(";\n"))
