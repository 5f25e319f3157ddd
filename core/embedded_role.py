"""The bot's own role on the embedded server: it owns its database, and nothing else of the machine.

A superuser's session reads and writes files and runs programs. The cluster's superuser therefore stays with
who starts the server; one injected statement in the bot's session must not be worth more than the bot's data.
"""

from __future__ import annotations

import asyncpg

ROLE = "drumroll_bot"

_MAKE = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
    IF (SELECT datdba FROM pg_database WHERE datname = current_database()) <> '{ROLE}'::regrole THEN
        EXECUTE format('ALTER DATABASE %I OWNER TO {ROLE}', current_database());
    END IF;
END $$
"""
# Clusters made before the role was belong to the superuser. Indices, rows' types and a column's own sequence
# follow their table; what belongs to an extension stays with it.
_HAND_OVER = f"""
DO $$
DECLARE
    one text;
BEGIN
    FOR one IN
        SELECT 'SCHEMA public' FROM pg_namespace
        WHERE nspname = 'public' AND nspowner NOT IN ('{ROLE}'::regrole, 'pg_database_owner'::regrole)
        UNION ALL
        SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                            WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END
               || ' ' || oid::regclass
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relowner <> '{ROLE}'::regrole
          AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
                          AND (deptype = 'e' OR relkind = 'S' AND deptype IN ('a', 'i')))
        UNION ALL
        SELECT 'ROUTINE ' || oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND proowner <> '{ROLE}'::regrole
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid
                          AND deptype IN ('i', 'e'))
        UNION ALL
        SELECT 'TYPE ' || oid::regtype FROM pg_type
        WHERE typnamespace = 'public'::regnamespace AND typowner <> '{ROLE}'::regrole
          AND typtype IN ('d', 'e', 'r')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = pg_type.oid
                          AND deptype IN ('i', 'e'))
    LOOP
        EXECUTE format('ALTER %s OWNER TO {ROLE}', one);
    END LOOP;
END $$
"""


async def hand_over(superusers_url: str) -> None:
    """Let ROLE own the database at the URL and all in its public schema; changes nothing when it does.

    A standby has the role from its primary, and takes no change.
    """
    connection = await asyncpg.connect(superusers_url)
    try:
        if await connection.fetchval("SELECT pg_is_in_recovery()"):
            return
        async with connection.transaction():
            await connection.execute(_MAKE)
            await connection.execute(_HAND_OVER)
    finally:
        await connection.close()
