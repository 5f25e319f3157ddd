"""How many of a balance's gift tickets came from own subs and from Kicks."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# The column of gifts keeps what it always summed. A row of a frozen period changes nothing that its draw counted.
STATEMENTS = (
    """
    ALTER TABLE raffle_tickets
        ADD COLUMN new_sub_tickets INTEGER NOT NULL DEFAULT 0 CHECK (new_sub_tickets >= 0),
        ADD COLUMN kicks_tickets INTEGER NOT NULL DEFAULT 0 CHECK (kicks_tickets >= 0)
    """,
    """
    UPDATE raffle_tickets t SET new_sub_tickets = s.new_sub, kicks_tickets = s.kicks FROM (
        SELECT period_id, discord_id,
            coalesce(sum(ticket_change) FILTER (WHERE source = 'new_sub'), 0) AS new_sub,
            coalesce(sum(ticket_change) FILTER (WHERE source = 'kicks'), 0) AS kicks
        FROM raffle_ticket_log WHERE source IN ('new_sub', 'kicks') GROUP BY period_id, discord_id
    ) s
    WHERE t.period_id = s.period_id AND t.discord_id = s.discord_id
    """,
    """
    ALTER TABLE raffle_tickets ADD CONSTRAINT raffle_tickets_gifts_hold_the_rest
        CHECK (new_sub_tickets + kicks_tickets <= gifted_sub_tickets)
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
