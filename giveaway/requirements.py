"""Who may enter: each condition judged by facts about a member, the same on entry and at the freeze."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.errors import UserError
from core.reserves import BLACKLISTED
from giveaway.models import MemberFacts, Requirement, Requirements, Settings

ANY_ROLE, ALL_ROLES, NO_ROLE = "any_role", "all_roles", "no_role"
LEVEL, CREDITS, TICKETS = "level", "credits", "tickets"
ACCOUNT_AGE, SERVER_AGE = "account_age", "server_age"
LINKED, MESSAGES, BOOSTING, NO_WIN, INVITED = "linked", "messages", "boosting", "no_win", "invited"

MOST_DAYS, MOST_AMOUNT, MOST_ROLES, MOST_USERS = 3650, 1_000_000, 25, 1000

Test = Callable[[Requirement, MemberFacts, datetime], bool]


def _server_age(rule: Requirement, facts: MemberFacts, now: datetime) -> bool:
    return facts.joined_at is not None and now - facts.joined_at >= timedelta(days=rule.days)


def _no_win(rule: Requirement, facts: MemberFacts, now: datetime) -> bool:
    return facts.last_win is None or now - facts.last_win >= timedelta(days=rule.days)


_TESTS: dict[str, Test] = {
    ANY_ROLE: lambda rule, facts, now: not facts.role_ids.isdisjoint(rule.roles),
    ALL_ROLES: lambda rule, facts, now: facts.role_ids.issuperset(rule.roles),
    NO_ROLE: lambda rule, facts, now: facts.role_ids.isdisjoint(rule.roles),
    LEVEL: lambda rule, facts, now: facts.level >= rule.amount,
    CREDITS: lambda rule, facts, now: facts.credits >= rule.amount,
    TICKETS: lambda rule, facts, now: facts.tickets >= rule.amount,
    ACCOUNT_AGE: lambda rule, facts, now: now - facts.created_at >= timedelta(days=rule.days),
    SERVER_AGE: _server_age,
    LINKED: lambda rule, facts, now: facts.linked,
    MESSAGES: lambda rule, facts, now: facts.messages.get(rule.days, 0) >= rule.amount,
    BOOSTING: lambda rule, facts, now: facts.boosting,
    NO_WIN: _no_win,
    INVITED: lambda rule, facts, now: facts.user_id in rule.users,
}
KINDS = tuple(_TESTS)
_WITH_ROLES, _WITH_AMOUNT = (ANY_ROLE, ALL_ROLES, NO_ROLE), (LEVEL, CREDITS, TICKETS, MESSAGES)
_WITH_DAYS = (ACCOUNT_AGE, SERVER_AGE, MESSAGES, NO_WIN)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One condition and whether the member meets it."""

    requirement: Requirement
    met: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """Whether a member may take part, and how each condition fell out."""

    allowed: bool
    blacklisted: bool
    verdicts: tuple[Verdict, ...]

    @property
    def reason(self) -> str:
        """Why not, as the draw's record publishes it (English, like the rest of a record)."""
        if self.blacklisted:
            return BLACKLISTED
        return "; ".join(recorded(v.requirement) for v in self.verdicts if not v.met)


class NotEligible(UserError):
    """Refused at the door; `judgement` lists every condition with its tick or cross.

    `entered` says that the member got in before, and may leave.
    """

    def __init__(self, judgement: Judgement, *, entered: bool = False) -> None:
        super().__init__("giveaway.blacklisted" if judgement.blacklisted else "giveaway.not_eligible")
        self.judgement = judgement
        self.entered = entered


def role_ids(requirements: Requirements) -> set[int]:
    """Every role that is named."""
    return {role for rule in requirements.rules for role in rule.roles} | set(requirements.bypass_roles)


def without(requirements: Requirements, gone: Collection[int]) -> Requirements:
    """What can be asked at the end of those who are in, when roles were deleted since they entered.

    They met `any_role` at the door, perhaps by a deleted one, so that it is not asked again; of `all_roles` and
    `no_role` the roles that are left count.
    """
    rules = []
    for rule in requirements.rules:
        left = tuple(role for role in rule.roles if role not in gone)
        if left == rule.roles:
            rules.append(rule)
        elif left and rule.kind != ANY_ROLE:
            rules.append(replace(rule, roles=left))
    return replace(requirements, rules=tuple(rules))


def evaluate(rules: tuple[Requirement, ...], facts: MemberFacts, now: datetime) -> tuple[Verdict, ...]:
    """Every condition with whether it is met."""
    return tuple(Verdict(rule, _TESTS[rule.kind](rule, facts, now)) for rule in rules)


def judge(requirements: Requirements, settings: Settings, facts: MemberFacts, now: datetime) -> Judgement:
    """Blacklist first, then the bypass roles, then the conditions."""
    return Judgement(
        allowed=allowed(requirements, settings, facts, now), blacklisted=_blacklisted(settings, facts),
        verdicts=evaluate(requirements.rules, facts, now),
    )  # fmt: skip


def allowed(requirements: Requirements, settings: Settings, facts: MemberFacts, now: datetime) -> bool:
    """The outcome of `judge` alone, for a hundred thousand members at once."""
    if _blacklisted(settings, facts):
        return False
    if all(_TESTS[rule.kind](rule, facts, now) for rule in requirements.rules):
        return True
    return any(role in facts.role_ids for role in (*requirements.bypass_roles, *settings.bypass_roles))


def _blacklisted(settings: Settings, facts: MemberFacts) -> bool:
    return is_blacklisted(settings, facts.user_id, facts.role_ids)


def is_blacklisted(settings: Settings, user_id: int, role_ids: frozenset[int]) -> bool:
    """Whether the server keeps a member, or one of the member's roles, out of its giveaways."""
    return user_id in settings.blacklist or not role_ids.isdisjoint(settings.blacklist_roles)


def checked(requirements: Requirements) -> Requirements:
    """The requirements, if they can be met at all.

    Errors: `giveaway.bad_requirement` with the kind.
    """
    for rule in requirements.rules:
        if not _sound(rule):
            raise UserError("giveaway.bad_requirement", kind=rule.kind)
    kinds = [rule.kind for rule in requirements.rules]
    if len(set(kinds)) != len(kinds):
        raise UserError("giveaway.requirement_twice")
    return requirements


def _sound(rule: Requirement) -> bool:
    if rule.kind not in _TESTS:
        return False
    if rule.kind in _WITH_ROLES and not 1 <= len(rule.roles) <= MOST_ROLES:
        return False
    if rule.kind in _WITH_AMOUNT and not 1 <= rule.amount <= MOST_AMOUNT:
        return False
    if rule.kind in _WITH_DAYS and not 1 <= rule.days <= MOST_DAYS:
        return False
    return rule.kind != INVITED or 1 <= len(rule.users) <= MOST_USERS


def recorded(rule: Requirement) -> str:
    """A condition that was not met, in a record's words."""
    return _RECORDED[rule.kind].format(amount=rule.amount, days=rule.days, roles=", ".join(map(str, rule.roles)))


_RECORDED = {
    ANY_ROLE: "has none of the roles {roles}",
    ALL_ROLES: "lacks one of the roles {roles}",
    NO_ROLE: "has one of the roles {roles}",
    LEVEL: "below level {amount}",
    CREDITS: "fewer than {amount} credits",
    TICKETS: "fewer than {amount} tickets in the current raffle",
    ACCOUNT_AGE: "account younger than {days} days",
    SERVER_AGE: "in the server for less than {days} days",
    LINKED: "no linked Kick account",
    MESSAGES: "fewer than {amount} messages in {days} days",
    BOOSTING: "does not boost the server",
    NO_WIN: "won a giveaway within {days} days",
    INVITED: "not on the invitation list",
}
