"""Points of roles and the entries that they give. 1 point is 1 bonus entry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from core.errors import UserError
from giveaway.models import HIGHEST, MODES, Boost, Entities, RoleEntity

MOST_POINTS, MOST_ROLES, MOST_CAP = 100, 25, 2_500


def calculate_user_entities(
    role_ids: Collection[int], role_entities: Sequence[RoleEntity], mode: str, cap: int | None = None,
    boosts: Sequence[Boost] = (), now: datetime | None = None,
) -> int:  # fmt: skip
    """A member's points: the sum of their roles' points, or the highest; boosted, then capped.

    Of several boosts that fit, the strongest counts; of those that run at `now`, where it is given.
    """
    running = [b for b in boosts if now is None or b.starts_at <= now < b.until]
    points = [e.points * _factor(e.role_id, running) for e in role_entities if e.role_id in role_ids]
    if not points:
        return 0
    total = max(points) if mode == HIGHEST else sum(points)
    return total if cap is None else min(total, cap)


def _factor(role_id: int, running: Sequence[Boost]) -> int:
    return max((b.factor for b in running if b.role_id is None or b.role_id == role_id), default=1)


def points_of(
    entities: Entities, role_ids: Collection[int], boosts: Sequence[Boost], now: datetime | None = None
) -> int:  # fmt: skip
    """A member's points in a giveaway, with the boosts (of those that run at `now`, where it is given).

    0 where it has no entities.
    """
    if not entities.enabled:
        return 0
    return calculate_user_entities(role_ids, entities.roles, entities.mode, entities.cap, boosts, now)


def tickets_for(points: int) -> int:
    """One entry for everybody, and one more for each point."""
    return 1 + points


def checked(entities: Entities) -> Entities:
    """The entities, if a giveaway may have them.

    Errors: `giveaway.bad_mode`, `giveaway.bad_points`, `giveaway.role_twice`, `giveaway.too_many_roles`,
    `giveaway.bad_cap`, `giveaway.no_entity_roles`.
    """
    if entities.mode not in MODES:
        raise UserError("giveaway.bad_mode")
    if any(not 1 <= e.points <= MOST_POINTS for e in entities.roles):
        raise UserError("giveaway.bad_points", most=MOST_POINTS)
    if len({e.role_id for e in entities.roles}) != len(entities.roles):
        raise UserError("giveaway.role_twice")
    if len(entities.roles) > MOST_ROLES:
        raise UserError("giveaway.too_many_roles", most=MOST_ROLES)
    if entities.cap is not None and not 1 <= entities.cap <= MOST_CAP:
        raise UserError("giveaway.bad_cap", most=MOST_CAP)
    if entities.enabled and not entities.roles:
        raise UserError("giveaway.no_entity_roles")
    return entities


def tier_of(points: int, tiers: Iterable[tuple[str, int]]) -> str:
    """The highest named step that the points reach; empty below the first."""
    reached = [(step, name) for name, step in tiers if step <= points]
    return max(reached)[1] if reached else ""
