"""Wager feeds and their accounts, links to casino names with their decisions, prizes, winners and claims."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SETTINGS = """
ALTER TABLE guild_settings
    ADD COLUMN admin_channel_id BIGINT,
    ADD COLUMN shuffle_affiliate_url TEXT,
    ADD COLUMN wager_sources TEXT,
    ADD COLUMN shuffle_campaign_code TEXT,
    ADD COLUMN shuffle_tickets_per_1000_usd INTEGER CHECK (shuffle_tickets_per_1000_usd >= 0),
    ADD COLUMN shuffle_check_interval INTEGER CHECK (shuffle_check_interval > 0),
    ADD COLUMN link_shuffle_cooldown INTEGER CHECK (link_shuffle_cooldown >= 0),
    ADD COLUMN max_shuffle_links_per_user INTEGER CHECK (max_shuffle_links_per_user > 0),
    ADD COLUMN remind_before_end BOOLEAN,
    ADD COLUMN claim_hours INTEGER CHECK (claim_hours >= 0);
"""

# `start_wager` is the amount from which the period counts, `last_known_wager` the highest ever seen, `last_seen_wager`
# the newest answer. An account is the source's stable id, else the case-folded name.
WAGERS = """
CREATE TABLE wager_feeds (
    guild_id BIGINT NOT NULL,
    source_key TEXT NOT NULL,
    address_digest TEXT NOT NULL,
    baseline_at TIMESTAMPTZ,
    last_ok_at TIMESTAMPTZ,
    last_tried_at TIMESTAMPTZ,
    next_poll_at TIMESTAMPTZ,
    failures INTEGER NOT NULL DEFAULT 0,
    trouble TEXT,
    told_at TIMESTAMPTZ,
    frozen_at TIMESTAMPTZ,
    rebase BOOLEAN NOT NULL DEFAULT FALSE,
    closed_period INTEGER,
    accounts INTEGER NOT NULL DEFAULT 0,
    bad_rows INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (guild_id, source_key)
);

ALTER TABLE raffle_shuffle_wagers
    ADD COLUMN casino TEXT NOT NULL DEFAULT 'shuffle',
    ADD COLUMN source_key TEXT NOT NULL DEFAULT 'shuffle_stats',
    ADD COLUMN account_key TEXT NOT NULL,
    ADD COLUMN name_key TEXT NOT NULL,
    ADD COLUMN start_wager NUMERIC(20, 8) NOT NULL DEFAULT 0,
    ADD COLUMN last_seen_wager NUMERIC(20, 8) NOT NULL DEFAULT 0,
    ADD COLUMN decreases INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN waiting BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN waiting_told BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN replaced_by TEXT,
    ADD CONSTRAINT raffle_shuffle_wagers_account UNIQUE (period_id, source_key, account_key);

ALTER TABLE raffle_shuffle_wagers SET (fillfactor = 70);

CREATE INDEX raffle_shuffle_wagers_latest ON raffle_shuffle_wagers (guild_id, source_key, account_key, period_id DESC);

CREATE INDEX raffle_shuffle_wagers_name ON raffle_shuffle_wagers (period_id, casino, name_key);
"""

LINKS = """
DROP INDEX raffle_shuffle_links_username;

ALTER TABLE raffle_shuffle_links
    ADD COLUMN casino TEXT NOT NULL DEFAULT 'shuffle',
    ADD COLUMN name_key TEXT NOT NULL,
    ADD COLUMN channel_id BIGINT,
    ADD COLUMN status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'verified', 'rejected', 'ended')),
    ADD COLUMN decided_at TIMESTAMPTZ,
    ADD COLUMN decided_by BIGINT,
    ADD CONSTRAINT raffle_shuffle_links_verified CHECK (verified = (status = 'verified'));

CREATE UNIQUE INDEX raffle_shuffle_links_one_member ON raffle_shuffle_links (guild_id, casino, name_key)
    WHERE status = 'verified';

CREATE UNIQUE INDEX raffle_shuffle_links_asked_once ON raffle_shuffle_links (guild_id, casino, name_key, discord_id)
    WHERE status IN ('pending', 'verified');

CREATE INDEX raffle_shuffle_links_member ON raffle_shuffle_links (guild_id, discord_id, linked_at);
"""

PRIZES = """
CREATE TABLE raffle_prizes (
    period_id INTEGER NOT NULL REFERENCES raffle_periods (id),
    position INTEGER NOT NULL CHECK (position BETWEEN 0 AND 19),
    prize TEXT NOT NULL,
    PRIMARY KEY (period_id, position)
);

CREATE TABLE raffle_winners (
    period_id INTEGER NOT NULL REFERENCES raffle_periods (id),
    position INTEGER NOT NULL,
    guild_id BIGINT NOT NULL,
    discord_id BIGINT NOT NULL,
    kick_name TEXT NOT NULL,
    ticket BIGINT NOT NULL,
    prize TEXT NOT NULL,
    claim_until TIMESTAMPTZ,
    claimed_at TIMESTAMPTZ,
    expired_at TIMESTAMPTZ,
    PRIMARY KEY (period_id, position)
);

CREATE INDEX raffle_winners_waiting ON raffle_winners (claim_until)
    WHERE claim_until IS NOT NULL AND claimed_at IS NULL AND expired_at IS NULL;
"""


def statements(script: str) -> list[str]:
    """Single statements of a script: a blank line separates them."""
    return [part for part in script.strip().split(";\n\n") if part.strip()]


def upgrade() -> None:
    for script in (SETTINGS, WAGERS, LINKS, PRIZES):
        for statement in statements(script):
            op.execute(statement.rstrip(";\n"))
