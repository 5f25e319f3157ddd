"""Guilds, links, watch minutes, the raffle and its ledger, giveaways, draws, outbox and jobs."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

GUILDS_AND_PEOPLE = """
CREATE TABLE guild_settings (
    guild_id BIGINT PRIMARY KEY,
    locale TEXT,
    timezone TEXT,
    prefix TEXT,
    announcement_channel_id BIGINT,
    manager_role_id BIGINT,
    kick_channel TEXT,
    kick_channel_id BIGINT,
    kick_chatroom_id BIGINT,
    kick_broadcaster_user_id BIGINT,
    watchtime_tickets_per_hour INTEGER CHECK (watchtime_tickets_per_hour >= 0),
    gifted_sub_tickets INTEGER CHECK (gifted_sub_tickets >= 0),
    watch_window_minutes INTEGER CHECK (watch_window_minutes > 0),
    watchtime_conversion_interval INTEGER CHECK (watchtime_conversion_interval > 0),
    minimum_tickets_to_enter INTEGER CHECK (minimum_tickets_to_enter > 0),
    ticket_notification_threshold INTEGER CHECK (ticket_notification_threshold > 0),
    auto_draw_on_reset BOOLEAN,
    reset_day_of_month INTEGER CHECK (reset_day_of_month BETWEEN 1 AND 28),
    reset_hour INTEGER CHECK (reset_hour BETWEEN 0 AND 23),
    draw_mode TEXT CHECK (draw_mode IN ('beacon', 'commit')),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE member_settings (
    guild_id BIGINT NOT NULL,
    discord_id BIGINT NOT NULL,
    locale TEXT,
    PRIMARY KEY (guild_id, discord_id)
);

CREATE TABLE links (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    discord_id BIGINT NOT NULL,
    kick_name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    kick_user_id BIGINT,
    linked_at TIMESTAMPTZ NOT NULL,
    linked_by BIGINT,
    unlinked_at TIMESTAMPTZ,
    unlinked_by BIGINT
);

CREATE UNIQUE INDEX links_one_per_member ON links (guild_id, discord_id) WHERE unlinked_at IS NULL;

CREATE UNIQUE INDEX links_one_per_kick_user ON links (guild_id, kick_user_id) WHERE unlinked_at IS NULL;

CREATE UNIQUE INDEX links_one_per_kick_name ON links (guild_id, name_key) WHERE unlinked_at IS NULL;

CREATE TABLE link_codes (
    guild_id BIGINT NOT NULL,
    code TEXT NOT NULL,
    discord_id BIGINT NOT NULL,
    channel_id BIGINT,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ,
    PRIMARY KEY (guild_id, code)
);

CREATE TABLE audit_log (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    actor BIGINT,
    action TEXT NOT NULL,
    detail JSONB NOT NULL,
    at TIMESTAMPTZ NOT NULL
);
"""

RAFFLE = """
CREATE TABLE raffle_periods (
    id SERIAL PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    number INTEGER NOT NULL,
    start_date TIMESTAMPTZ NOT NULL,
    end_date TIMESTAMPTZ NOT NULL,
    status VARCHAR(20) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'ended', 'archived')),
    winner_discord_id BIGINT,
    winner_kick_name TEXT,
    winning_ticket_number BIGINT,
    total_tickets BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    frozen_at TIMESTAMPTZ,
    CONSTRAINT raffle_periods_number UNIQUE (guild_id, number),
    CONSTRAINT raffle_periods_start UNIQUE (guild_id, start_date),
    CHECK (start_date <= end_date),
    CHECK (frozen_at IS NULL OR status <> 'active')
);

CREATE UNIQUE INDEX raffle_periods_one_active ON raffle_periods (guild_id) WHERE status = 'active';

CREATE FUNCTION raffle_periods_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a raffle period is never deleted and keeps its id' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER raffle_periods_stay BEFORE DELETE OR TRUNCATE OR UPDATE OF id ON raffle_periods
    FOR EACH STATEMENT EXECUTE FUNCTION raffle_periods_stay();

-- What a foreign key to raffle_periods does, once for a statement: a check for each of 100,000 rows takes as long
-- as inserting them. Periods stay, so that only the inserting side needs one.
CREATE FUNCTION raffle_period_is_known() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM raffle_periods WHERE id IN (SELECT DISTINCT period_id FROM added) FOR KEY SHARE;
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT period_id FROM added) a
        WHERE NOT EXISTS (SELECT FROM raffle_periods p WHERE p.id = a.period_id)
    ) THEN
        RAISE EXCEPTION 'there is no such raffle period'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;

CREATE TABLE raffle_tickets (
    id SERIAL PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    period_id INTEGER NOT NULL,
    discord_id BIGINT NOT NULL,
    kick_name TEXT NOT NULL,
    watchtime_tickets INTEGER NOT NULL DEFAULT 0 CHECK (watchtime_tickets >= 0),
    gifted_sub_tickets INTEGER NOT NULL DEFAULT 0 CHECK (gifted_sub_tickets >= 0),
    shuffle_wager_tickets INTEGER NOT NULL DEFAULT 0 CHECK (shuffle_wager_tickets >= 0),
    bonus_tickets INTEGER NOT NULL DEFAULT 0,
    total_tickets INTEGER NOT NULL DEFAULT 0,
    last_updated TIMESTAMPTZ NOT NULL,
    UNIQUE (period_id, discord_id),
    CONSTRAINT raffle_tickets_total_is_sum CHECK (
        total_tickets = watchtime_tickets + gifted_sub_tickets + shuffle_wager_tickets + bonus_tickets
    ),
    CONSTRAINT raffle_tickets_total_not_negative CHECK (total_tickets >= 0)
) WITH (fillfactor = 70);

CREATE TRIGGER raffle_tickets_period AFTER INSERT ON raffle_tickets
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION raffle_period_is_known();

CREATE TABLE raffle_ticket_log (
    id BIGSERIAL PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    period_id INTEGER NOT NULL,
    discord_id BIGINT NOT NULL,
    kick_name TEXT NOT NULL,
    ticket_change INTEGER NOT NULL CHECK (ticket_change <> 0),
    source VARCHAR(50) NOT NULL CHECK (source IN ('watchtime', 'gifted_sub', 'shuffle_wager', 'bonus')),
    source_ref TEXT NOT NULL,
    description TEXT,
    actor BIGINT,
    reverses BIGINT REFERENCES raffle_ticket_log (id),
    occurred_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT raffle_ticket_log_paid_once UNIQUE (period_id, source, source_ref)
);

CREATE UNIQUE INDEX raffle_ticket_log_reversed_once ON raffle_ticket_log (reverses) WHERE reverses IS NOT NULL;

CREATE TRIGGER raffle_ticket_log_period AFTER INSERT ON raffle_ticket_log
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION raffle_period_is_known();

CREATE FUNCTION raffle_ticket_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'raffle_ticket_log is append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER raffle_ticket_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON raffle_ticket_log
    FOR EACH STATEMENT EXECUTE FUNCTION raffle_ticket_log_is_append_only();

CREATE FUNCTION raffle_ticket_log_refuses_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM raffle_periods p
        WHERE p.frozen_at IS NOT NULL AND p.id IN (SELECT DISTINCT period_id FROM added)
    ) THEN
        RAISE EXCEPTION 'the entrants of this period are frozen'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'raffle_period_frozen';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER raffle_ticket_log_zz_frozen AFTER INSERT ON raffle_ticket_log
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION raffle_ticket_log_refuses_frozen();

CREATE TABLE watchtime (
    guild_id BIGINT NOT NULL,
    kick_user_id BIGINT NOT NULL,
    kick_name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    minutes INTEGER NOT NULL CHECK (minutes >= 0),
    last_minute TIMESTAMPTZ NOT NULL,
    active_until TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id, kick_user_id)
);

CREATE INDEX watchtime_name ON watchtime (guild_id, name_key);

CREATE TABLE watchtime_periods (
    guild_id BIGINT NOT NULL,
    period_id INTEGER NOT NULL REFERENCES raffle_periods (id),
    kick_user_id BIGINT NOT NULL,
    minutes INTEGER NOT NULL CHECK (minutes >= 0),
    minutes_converted INTEGER NOT NULL DEFAULT 0 CHECK (minutes_converted BETWEEN 0 AND minutes),
    PRIMARY KEY (period_id, kick_user_id)
) WITH (fillfactor = 70);

CREATE TABLE raffle_watchtime_converted (
    id BIGSERIAL PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    period_id INTEGER NOT NULL,
    kick_name TEXT NOT NULL,
    kick_user_id BIGINT NOT NULL,
    minutes_converted INTEGER NOT NULL,
    tickets_awarded INTEGER NOT NULL,
    converted_at TIMESTAMPTZ NOT NULL
);

CREATE TRIGGER raffle_watchtime_converted_period AFTER INSERT ON raffle_watchtime_converted
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION raffle_period_is_known();

CREATE TABLE raffle_gifted_subs (
    id SERIAL PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    period_id INTEGER NOT NULL REFERENCES raffle_periods (id),
    gifter_kick_name TEXT NOT NULL,
    gifter_name_key TEXT NOT NULL,
    gifter_kick_user_id BIGINT,
    gifter_discord_id BIGINT,
    recipient_kick_name TEXT NOT NULL,
    sub_count INTEGER NOT NULL DEFAULT 1 CHECK (sub_count > 0),
    tickets_awarded INTEGER NOT NULL,
    anonymous BOOLEAN NOT NULL DEFAULT FALSE,
    giftees TEXT[] NOT NULL,
    status TEXT NOT NULL DEFAULT 'approved' CHECK (status IN ('approved', 'pending', 'rejected')),
    gifted_at TIMESTAMPTZ NOT NULL,
    kick_event_id TEXT NOT NULL,
    socket_key TEXT,
    webhook_key TEXT,
    CONSTRAINT raffle_gifted_subs_event UNIQUE (guild_id, kick_event_id),
    CONSTRAINT raffle_gifted_subs_socket UNIQUE (guild_id, socket_key),
    CONSTRAINT raffle_gifted_subs_webhook UNIQUE (guild_id, webhook_key)
);

CREATE TABLE raffle_shuffle_wagers (
    id SERIAL PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    period_id INTEGER NOT NULL REFERENCES raffle_periods (id),
    shuffle_username TEXT NOT NULL,
    kick_name TEXT,
    discord_id BIGINT,
    total_wager_usd NUMERIC(20, 8) NOT NULL DEFAULT 0,
    last_known_wager NUMERIC(20, 8) NOT NULL DEFAULT 0,
    tickets_awarded INTEGER NOT NULL DEFAULT 0,
    last_checked TIMESTAMPTZ NOT NULL,
    last_updated TIMESTAMPTZ NOT NULL
);

CREATE TABLE raffle_shuffle_links (
    id SERIAL PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    shuffle_username TEXT NOT NULL,
    kick_name TEXT NOT NULL,
    discord_id BIGINT NOT NULL,
    linked_at TIMESTAMPTZ NOT NULL,
    verified BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE UNIQUE INDEX raffle_shuffle_links_username ON raffle_shuffle_links (guild_id, lower(shuffle_username));

CREATE TABLE raffle_draws (
    id SERIAL PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    period_id INTEGER NOT NULL UNIQUE REFERENCES raffle_periods (id),
    total_tickets BIGINT NOT NULL,
    total_participants INTEGER NOT NULL,
    winner_discord_id BIGINT NOT NULL,
    winner_kick_name TEXT NOT NULL,
    winner_shuffle_name TEXT,
    winning_ticket BIGINT NOT NULL,
    prize_description TEXT,
    drawn_at TIMESTAMPTZ NOT NULL,
    drawn_by_discord_id BIGINT
);

CREATE INDEX idx_raffle_tickets_period ON raffle_tickets (period_id);

CREATE INDEX idx_raffle_tickets_discord ON raffle_tickets (discord_id);

CREATE INDEX idx_raffle_ticket_log_period ON raffle_ticket_log (period_id);

CREATE INDEX idx_raffle_gifted_subs_period ON raffle_gifted_subs (period_id);

CREATE INDEX raffle_gifted_subs_gifter ON raffle_gifted_subs (guild_id, gifter_name_key);

CREATE INDEX idx_raffle_shuffle_period ON raffle_shuffle_wagers (period_id);

CREATE VIEW raffle_leaderboard AS
SELECT t.period_id, t.discord_id, t.kick_name, t.total_tickets, t.watchtime_tickets, t.gifted_sub_tickets,
    t.shuffle_wager_tickets, t.bonus_tickets,
    rank() OVER (PARTITION BY t.period_id ORDER BY t.total_tickets DESC) AS rank, t.guild_id
FROM raffle_tickets t
WHERE t.total_tickets > 0
ORDER BY t.period_id DESC, t.total_tickets DESC;

CREATE VIEW raffle_current_stats AS
SELECT p.id AS period_id, p.start_date, p.end_date, p.status,
    count(DISTINCT t.discord_id) FILTER (WHERE t.total_tickets > 0) AS total_participants,
    coalesce(sum(t.total_tickets), 0) AS total_tickets,
    coalesce(sum(t.watchtime_tickets), 0) AS watchtime_tickets,
    coalesce(sum(t.gifted_sub_tickets), 0) AS gifted_sub_tickets,
    coalesce(sum(t.shuffle_wager_tickets), 0) AS shuffle_wager_tickets,
    coalesce(sum(t.bonus_tickets), 0) AS bonus_tickets,
    p.guild_id
FROM raffle_periods p
LEFT JOIN raffle_tickets t ON t.period_id = p.id
WHERE p.status = 'active'
GROUP BY p.id;
"""

GIVEAWAYS = """
CREATE TABLE giveaways (
    giveaway_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    message_id BIGINT,
    host_id BIGINT NOT NULL,
    prize TEXT NOT NULL,
    description TEXT,
    thumbnail_url TEXT,
    image_url TEXT,
    colour INTEGER,
    winners_count INTEGER NOT NULL CHECK (winners_count BETWEEN 1 AND 50),
    duration INTERVAL NOT NULL,
    end_time TIMESTAMPTZ NOT NULL,
    status TEXT NOT NULL DEFAULT 'active',
    created_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    cancelled_at TIMESTAMPTZ,
    entities_enabled BOOLEAN NOT NULL DEFAULT FALSE,
    entities_mode TEXT NOT NULL DEFAULT 'cumulative' CHECK (entities_mode IN ('cumulative', 'highest')),
    role_entities JSONB NOT NULL DEFAULT '[]',
    requirements JSONB NOT NULL DEFAULT '{}',
    settings JSONB NOT NULL DEFAULT '{}',
    stats JSONB
);

CREATE TABLE giveaway_entries (
    giveaway_id BIGINT NOT NULL REFERENCES giveaways,
    user_id BIGINT NOT NULL,
    guild_id BIGINT NOT NULL,
    joined_at TIMESTAMPTZ NOT NULL,
    entities_points INTEGER NOT NULL DEFAULT 0,
    bonus_entries INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (giveaway_id, user_id)
);

CREATE TABLE giveaway_winners (
    giveaway_id BIGINT NOT NULL REFERENCES giveaways,
    user_id BIGINT NOT NULL,
    guild_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    won_at TIMESTAMPTZ NOT NULL,
    entities_points INTEGER NOT NULL DEFAULT 0,
    claimed BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (giveaway_id, user_id)
);

CREATE TABLE giveaway_settings (
    guild_id BIGINT PRIMARY KEY,
    default_entities_enabled BOOLEAN NOT NULL DEFAULT FALSE,
    default_entities_mode TEXT NOT NULL DEFAULT 'cumulative',
    default_role_entities JSONB NOT NULL DEFAULT '[]',
    log_channel_id BIGINT,
    manager_role_ids BIGINT[] NOT NULL DEFAULT '{}',
    ping_role_id BIGINT,
    blacklist BIGINT[] NOT NULL DEFAULT '{}'
);

CREATE TABLE giveaway_templates (
    template_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    owner_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    prize TEXT NOT NULL,
    duration INTERVAL NOT NULL,
    winners_count INTEGER NOT NULL,
    entities JSONB NOT NULL DEFAULT '{}',
    requirements JSONB NOT NULL DEFAULT '{}',
    look JSONB NOT NULL DEFAULT '{}',
    favourite BOOLEAN NOT NULL DEFAULT FALSE,
    used_count INTEGER NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (guild_id, name)
);
"""

KERNEL = """
CREATE TABLE draws (
    draw_id TEXT PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    period_id INTEGER UNIQUE REFERENCES raffle_periods (id),
    giveaway_id BIGINT UNIQUE REFERENCES giveaways,
    mode TEXT NOT NULL CHECK (mode IN ('beacon', 'commit')),
    server_seed BYTEA NOT NULL CHECK (length(server_seed) = 32),
    commitment TEXT NOT NULL,
    opened_at TIMESTAMPTZ NOT NULL,
    title TEXT,
    prize TEXT,
    winners INTEGER,
    requested_by BIGINT,
    channel_id BIGINT,
    frozen_at TIMESTAMPTZ,
    entrants BYTEA,
    entrants_sha256 TEXT,
    entrant_count INTEGER,
    total_tickets BIGINT,
    excluded JSONB,
    beacon_round BIGINT,
    beacon JSONB,
    delay_told_at TIMESTAMPTZ,
    drawn_at TIMESTAMPTZ,
    picks JSONB,
    events JSONB NOT NULL DEFAULT '[]',
    CHECK (drawn_at IS NULL OR frozen_at IS NOT NULL)
);

-- Digits that hardly repeat: compressing 24 MB of them costs more than it saves.
ALTER TABLE draws ALTER COLUMN entrants SET STORAGE EXTERNAL;

CREATE INDEX draws_waiting ON draws (frozen_at) WHERE frozen_at IS NOT NULL AND drawn_at IS NULL;

CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    channel_id BIGINT,
    user_id BIGINT,
    payload JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMPTZ NOT NULL,
    last_error TEXT,
    admin_told_at TIMESTAMPTZ,
    delivered_at TIMESTAMPTZ,
    given_up_at TIMESTAMPTZ,
    message_id BIGINT,
    CHECK (num_nonnulls(channel_id, user_id) = 1)
);

CREATE INDEX outbox_waiting ON outbox (channel_id, user_id, id)
    WHERE delivered_at IS NULL AND given_up_at IS NULL;

CREATE TABLE job_runs (
    guild_id BIGINT NOT NULL,
    job TEXT NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id, job, due_at)
);

CREATE TABLE process_state (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE kick_channels (
    slug TEXT PRIMARY KEY,
    channel_id BIGINT,
    chatroom_id BIGINT,
    broadcaster_user_id BIGINT,
    found_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE kick_gaps (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ NOT NULL,
    reason TEXT NOT NULL
);
"""


def statements(script: str) -> list[str]:
    """Single statements of a script: a blank line separates them, function bodies contain none."""
    return [part for part in script.strip().split(";\n\n") if part.strip()]


def upgrade() -> None:
    for script in (GUILDS_AND_PEOPLE, RAFFLE, GIVEAWAYS, KERNEL):
        for statement in statements(script):
            op.execute(statement.rstrip(";\n"))
