"""The schema: from nothing, twice, by two at once, and with everything that the raffle plan names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection as SyncConnection

from core.db import Database, alembic_config, migrate
from raffle_system import tickets

PLAN = {
    "raffle_periods": "id start_date end_date status winner_discord_id winner_kick_name winning_ticket_number "
    "total_tickets created_at",
    "raffle_tickets": "id period_id discord_id kick_name watchtime_tickets gifted_sub_tickets shuffle_wager_tickets "
    "bonus_tickets total_tickets last_updated",
    "raffle_watchtime_converted": "id period_id kick_name minutes_converted tickets_awarded converted_at",
    "raffle_gifted_subs": "id period_id gifter_kick_name gifter_discord_id recipient_kick_name sub_count "
    "tickets_awarded gifted_at kick_event_id",
    "raffle_shuffle_wagers": "id period_id shuffle_username kick_name discord_id total_wager_usd last_known_wager "
    "tickets_awarded last_checked last_updated",
    "raffle_shuffle_links": "id shuffle_username kick_name discord_id linked_at verified",
    "raffle_ticket_log": "id period_id discord_id kick_name ticket_change source description created_at",
    "raffle_draws": "id period_id total_tickets total_participants winner_discord_id winner_kick_name "
    "winner_shuffle_name winning_ticket prize_description drawn_at drawn_by_discord_id",
    "watchtime": "kick_name minutes",
    "links": "discord_id kick_name kick_user_id",
    "giveaways": "",
    "giveaway_entries": "giveaway_id user_id",
    "giveaway_winners": "giveaway_id user_id position",
    "giveaway_settings": "",
    "giveaway_templates": "",
    "raffle_leaderboard": "period_id discord_id kick_name total_tickets watchtime_tickets gifted_sub_tickets "
    "shuffle_wager_tickets bonus_tickets rank",
    "raffle_current_stats": "period_id start_date end_date status total_participants total_tickets watchtime_tickets "
    "gifted_sub_tickets shuffle_wager_tickets bonus_tickets",
}
VIEWS = {"raffle_leaderboard", "raffle_current_stats"}
INDICES = {
    "idx_raffle_tickets_period", "idx_raffle_tickets_discord", "idx_raffle_ticket_log_period",
    "idx_raffle_gifted_subs_period", "idx_raffle_shuffle_period",
}  # fmt: skip
NEWEST = ScriptDirectory.from_config(alembic_config()).get_current_head()

Postgres = asyncpg.Connection


@pytest.fixture
async def postgres(empty_database_url: str) -> AsyncIterator[Postgres]:
    connection = await asyncpg.connect(empty_database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def migrated(database_url: str) -> AsyncIterator[Postgres]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def schema(postgres: Postgres) -> list[tuple[str, ...]]:
    """Every column, constraint, index and trigger of the database."""
    rows = await postgres.fetch(
        """
        SELECT 'column', table_name || '.' || column_name, data_type || ' ' || is_nullable, column_default::text
            FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT 'constraint', conname::text, pg_get_constraintdef(oid), conrelid::regclass::text
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'index', indexname::text, indexdef, '' FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT 'trigger', tgname::text, pg_get_triggerdef(oid), '' FROM pg_trigger WHERE NOT tgisinternal
        ORDER BY 1, 2, 3
        """
    )
    return [tuple(map(str, row)) for row in rows]


async def test_from_nothing_and_again(postgres: Postgres, empty_database_url: str) -> None:
    await migrate(empty_database_url)
    first = await schema(postgres)
    assert await postgres.fetchval("SELECT version_num FROM alembic_version") == NEWEST
    await migrate(empty_database_url)
    assert await schema(postgres) == first
    assert len(first) > 100


async def test_several_at_once_on_an_empty_database(postgres: Postgres, empty_database_url: str) -> None:
    await asyncio.gather(*(migrate(empty_database_url) for _ in range(3)))
    rows = await postgres.fetch("SELECT version_num FROM alembic_version")
    assert [row["version_num"] for row in rows] == [NEWEST]


async def migrate_before(url: str, name: str) -> None:
    """Bring an empty database to the schema that the named migration found."""
    config = alembic_config()
    revisions = ScriptDirectory.from_config(config).walk_revisions()
    before = next(one.down_revision for one in revisions if one.path.endswith(f"_{name}.py"))

    def upgrade(connection: SyncConnection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, str(before))

    db = Database(url)
    async with db.transaction() as conn:
        await conn.run_sync(upgrade)
    await db.close()


def test_migrations_are_one_line() -> None:
    script = ScriptDirectory.from_config(alembic_config())
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


@pytest.mark.parametrize("table", PLAN)
async def test_the_plans_columns_are_there(migrated: Postgres, table: str) -> None:
    rows = await migrated.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1", table
    )
    found = {row["column_name"] for row in rows}
    assert found
    assert set(PLAN[table].split()) <= found
    kind = await migrated.fetchval("SELECT table_type FROM information_schema.tables WHERE table_name = $1", table)
    assert kind == ("VIEW" if table in VIEWS else "BASE TABLE")


async def test_the_plans_indices_are_there(migrated: Postgres) -> None:
    found = {row["indexname"] for row in await migrated.fetch("SELECT indexname FROM pg_indexes")}
    assert found >= INDICES


async def test_moments_know_their_zone_and_amounts_are_exact(migrated: Postgres) -> None:
    naive = await migrated.fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND data_type IN ('timestamp without time zone', 'time without time zone')"
    )
    assert naive == []
    amounts = await migrated.fetch(
        "SELECT numeric_precision AS p, numeric_scale AS s FROM information_schema.columns "
        "WHERE table_schema = 'public' AND column_name IN ('total_wager_usd', 'last_known_wager')"
    )
    assert {(row["p"], row["s"]) for row in amounts} == {(20, 8)}


async def test_what_belongs_to_a_community_says_to_which(migrated: Postgres) -> None:
    """Kick's channels and gaps, jobs of the process and alembic's own table belong to none."""
    rows = await migrated.fetch(
        "SELECT table_name FROM information_schema.tables t WHERE table_schema = 'public' AND NOT EXISTS ("
        "SELECT FROM information_schema.columns c WHERE c.table_name = t.table_name AND c.column_name = 'guild_id')"
    )
    without = {row["table_name"] for row in rows}
    assert not {name for name in without if name in PLAN}
    assert {"kick_channels", "kick_gaps", "process_state", "alembic_version"} <= without


async def test_the_views_count_who_takes_part(migrated: Postgres) -> None:
    await migrated.execute(
        """
        INSERT INTO raffle_periods (guild_id, number, start_date, end_date, created_at)
            VALUES (1, 1, now(), now(), now());
        INSERT INTO raffle_tickets (guild_id, period_id, discord_id, kick_name, bonus_tickets, total_tickets,
            last_updated) SELECT 1, id, m, '', t, t, now() FROM raffle_periods,
            (VALUES (1, 5), (2, 7), (3, 5), (4, 0)) v (m, t);
        """
    )
    board = await migrated.fetch("SELECT discord_id, rank FROM raffle_leaderboard ORDER BY rank, discord_id")
    assert [tuple(row) for row in board] == [(2, 1), (1, 2), (3, 2)]
    stats = await migrated.fetchrow("SELECT total_participants, total_tickets, bonus_tickets FROM raffle_current_stats")
    assert stats is not None
    assert tuple(stats) == (3, 17, 17)


async def test_names_with_a_dash_are_told_apart_again(postgres: Postgres, empty_database_url: str) -> None:
    """Keys in which `-` had become `_` are made again from the names, row by row; all other keys stay."""
    await migrate_before(empty_database_url, "names_as_written")
    await postgres.execute(
        """
        INSERT INTO links (guild_id, discord_id, kick_name, name_key, kick_user_id, linked_at, unlinked_at) VALUES
            (1, 11, 'Bob-Cat', 'bob_cat', 71, now(), NULL), (1, 12, 'a_b', 'a_b', 72, now(), NULL),
            (1, 13, 'x-y_z', 'x_y_z#73', 73, now(), NULL), (1, 14, 'Bob_Cat', 'bob_cat', 74, now(), now()),
            (2, 11, ' @Straße-1', 'strasse_1', NULL, now(), NULL);
        INSERT INTO watchtime (guild_id, kick_user_id, kick_name, name_key, minutes, last_minute, active_until) VALUES
            (1, 71, 'Bob-Cat', 'bob_cat', 1, now(), now()), (1, 74, 'Bob_Cat', 'bob_cat', 1, now(), now());
        INSERT INTO kick_channels (slug, channel_id, found_at) VALUES ('a-b', 5, now());
        """
    )
    await migrate(empty_database_url)
    links = await postgres.fetch("SELECT name_key FROM links ORDER BY id")
    assert [row["name_key"] for row in links] == ["bob-cat", "a_b", "x-y_z#73", "bob_cat", "strasse-1"]
    seen = await postgres.fetch("SELECT name_key FROM watchtime ORDER BY kick_user_id")
    assert [row["name_key"] for row in seen] == ["bob-cat", "bob_cat"]
    assert await postgres.fetchval("SELECT slug FROM kick_channels") == "a-b"


async def test_tickets_for_own_subs_and_kicks_are_told_apart_afterwards(
    postgres: Postgres, empty_database_url: str
) -> None:
    """A balance made before says the same by source as one made now; its total and the gifts' column stay."""
    await migrate_before(empty_database_url, "sources")
    await postgres.execute(
        """
        INSERT INTO raffle_periods (id, guild_id, number, start_date, end_date, status, created_at)
        VALUES (1, 1, 1, '2026-01-01Z', '2026-02-01Z', 'active', now());
        INSERT INTO raffle_tickets (guild_id, period_id, discord_id, kick_name, gifted_sub_tickets, total_tickets,
            last_updated) VALUES (1, 1, 7, '', 50, 50, now()), (1, 1, 8, '', 15, 15, now());
        INSERT INTO raffle_ticket_log (guild_id, period_id, discord_id, kick_name, ticket_change, source, source_ref,
            occurred_at, created_at)
        SELECT 1, 1, who, '', amount, source, source || who, now(), now() FROM (VALUES
            (7, 15, 'gifted_sub'), (7, 25, 'new_sub'), (7, 10, 'kicks'), (8, 15, 'gifted_sub')
        ) made (who, amount, source)
        """
    )
    await migrate(empty_database_url)
    rows = await postgres.fetch(
        "SELECT discord_id, gifted_sub_tickets, new_sub_tickets, kicks_tickets, total_tickets FROM raffle_tickets "
        "ORDER BY discord_id"
    )
    assert [tuple(row) for row in rows] == [(7, 50, 25, 10, 50), (8, 15, 0, 0, 15)]
    db = Database(empty_database_url)
    async with db.transaction() as conn:
        assert await tickets.audit_differences(conn) == []
    await db.close()


async def test_gifts_told_before_keep_their_keys_in_their_shape(postgres: Postgres, empty_database_url: str) -> None:
    """What was told without an id, or by chat, had its key where an id's is now: told again, it is still known."""
    await migrate_before(empty_database_url, "gift_tellings")
    hashed = "ws:9:h:" + "a" * 64
    keys = ["ws:9:c-1", hashed, f"{hashed}@1.000", "chat:9:m-1", None]
    await postgres.execute(
        "INSERT INTO raffle_periods (guild_id, number, start_date, end_date, created_at) "
        "VALUES (1, 1, now(), now(), now())"
    )
    await postgres.executemany(
        "INSERT INTO raffle_gifted_subs (guild_id, period_id, gifter_kick_name, gifter_name_key, recipient_kick_name, "
        "tickets_awarded, giftees, gifted_at, kick_event_id, socket_key, webhook_key) "
        "SELECT 1, id, 'a', 'a', '', 0, '{}', now(), $1, $2, $1 FROM raffle_periods",
        [(str(number), key) for number, key in enumerate(keys)],
    )
    await migrate(empty_database_url)
    rows = await postgres.fetch(
        "SELECT socket_key, bare_key, chat_key, webhook_key, socket_at = gifted_at AS heard "
        "FROM raffle_gifted_subs ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        ("ws:9:c-1", None, None, "0", True), (None, hashed, None, "1", True),
        (None, f"{hashed}@1.000", None, "2", True), (None, None, "chat:9:m-1", "3", True),
        (None, None, None, "4", None),
    ]  # fmt: skip
