"""Casino accounts by the id that the casino gives them, and what a lifetime amount fell to."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # `account_key`: the casino's id of the linked account, once it was seen; NULL where only the name is known.
    # `told_accounts`: accounts of the linked name that the admins were told of.
    op.execute("ALTER TABLE raffle_shuffle_links ADD COLUMN account_key TEXT, ADD COLUMN told_accounts TEXT")
    op.execute(
        "CREATE UNIQUE INDEX raffle_shuffle_links_one_account ON raffle_shuffle_links (guild_id, casino, account_key) "
        "WHERE status = 'verified'"
    )
    # Who was paid for an account that one link alone names keeps it: the newest row of each account tells its name.
    op.execute(
        "UPDATE raffle_shuffle_links l SET account_key = k.account_key FROM ("
        "  SELECT guild_id, casino, name_key, min(account_key) AS account_key FROM ("
        "    SELECT DISTINCT ON (guild_id, casino, source_key, account_key) guild_id, casino, name_key, account_key "
        "    FROM raffle_shuffle_wagers WHERE account_key LIKE 'id:%' "
        "    ORDER BY guild_id, casino, source_key, account_key, period_id DESC"
        "  ) latest GROUP BY guild_id, casino, name_key HAVING count(DISTINCT account_key) = 1"
        ") k WHERE l.status = 'verified' AND l.guild_id = k.guild_id AND l.casino = k.casino "
        "AND l.name_key = k.name_key"
    )
    # `fallen_to`: the lowest amount since it was seen below `last_known_wager`; NULL while it is not below.
    op.execute("ALTER TABLE raffle_shuffle_wagers ADD COLUMN fallen_to NUMERIC(20, 8)")
    op.execute("ALTER TABLE wager_feeds ADD COLUMN falls_told_at TIMESTAMPTZ, ADD COLUMN bad_told_at TIMESTAMPTZ, "
               "ADD COLUMN bad_example TEXT")  # fmt: skip
