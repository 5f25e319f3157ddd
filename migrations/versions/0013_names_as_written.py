"""Names compare as they are written: `-` and `_` are two letters, in the keys of what is kept, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Only names with a `-` have another key now. A link that had to give its name away has `#` and its id in the key.
_KEYS = (
    ("links", "kick_name", "name_key", "CASE WHEN t.name_key LIKE '%#%' THEN '#' || t.kick_user_id ELSE '' END"),
    ("watchtime", "kick_name", "name_key", "''"),
    ("raffle_gifted_subs", "gifter_kick_name", "gifter_name_key", "''"),
    ("raffle_kick_payments", "kick_name", "name_key", "''"),
)


def _key(name: str) -> str:
    return name.strip().lstrip("@").casefold()


def _joined_before(names: Iterable[str]) -> list[str]:
    return sorted(_key(name).replace("-", "_") for name in names)


def upgrade() -> None:
    op.execute("ALTER TABLE kick_channels ADD COLUMN found_slug TEXT")
    for table, name, key, suffix in _KEYS:
        _rewrite(table, name, key, suffix)
    _rewrite_giftees()


def _rewrite(table: str, name: str, key: str, suffix: str) -> None:
    """Keys again from the names as they were written; `suffix` is what follows the key in a row."""
    connection = op.get_bind()
    found = connection.execute(sa.text(f"SELECT DISTINCT {name} FROM {table} WHERE {name} LIKE '%-%'"))
    names: Sequence[str] = [row[0] for row in found]
    if names:
        connection.execute(
            sa.text(
                f"UPDATE {table} t SET {key} = n.key || {suffix} "
                f"FROM unnest(CAST(:names AS text[]), CAST(:keys AS text[])) n (name, key) WHERE t.{name} = n.name"
            ),
            {"names": names, "keys": [_key(one) for one in names]},
        )


def _rewrite_giftees() -> None:
    """Who was given a gift, where the names as they were written are still there."""
    connection = op.get_bind()
    found = connection.execute(
        sa.text("SELECT id, recipient_kick_name, giftees FROM raffle_gifted_subs WHERE recipient_kick_name LIKE '%-%'")
    )
    for gift, written, giftees in list(found):
        names = written.split(", ")
        if _joined_before(names) == sorted(giftees):
            connection.execute(
                sa.text("UPDATE raffle_gifted_subs SET giftees = :giftees WHERE id = :id"),
                {"giftees": sorted(_key(name) for name in names), "id": gift},
            )
