"""The forms in which a giveaway is put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import discord

from cogs._giveaway_wish import Wish
from cogs._panels import Form, Press
from core import numbers
from core.durations import plain
from core.errors import UserError
from core.texts import Reader, one_line
from giveaway import entities, presets, requirements
from giveaway.models import CUMULATIVE, HIGHEST, RECURRENCES, Entities, Look, Options, Requirement, RoleEntity

Then = Callable[[Press], Awaitable[None]]
AFTER_ALL = ("dm_winner", "show_participants", "show_entities_info")


def whole_number(typed: str, key: str, **args: object) -> int:
    """A number as typed, in any digits. Errors: `key`."""
    try:
        number = numbers.written(typed)
    except ValueError as error:
        raise UserError(key, **args) from error
    if not 0 <= number < 10**9:
        raise UserError(key, **args)
    return number


class WishForm(Form):
    """A form about a wish; `then` goes on once what was typed is taken over."""

    def __init__(self, reader: Reader, title_key: str, wish: Wish, then: Then) -> None:
        super().__init__(reader, title_key)
        self.wish = wish
        self.then = then

    def take(self) -> None:
        """Errors: a UserError for what cannot be used; the wish is as it was then."""
        raise NotImplementedError

    async def done(self, interaction: Press) -> None:
        self.take()
        await self.then(interaction)


class BasicsForm(WishForm):
    """Prize, end, winners, description, start; kept as typed even where it cannot be used.

    A template has no start: that is said when it is used.
    """

    def __init__(self, reader: Reader, wish: Wish, then: Then, check: Callable[[], object]) -> None:
        super().__init__(reader, "giveaway.form_title", wish, then)
        self._check = check
        editing = wish.edits is not None
        self.prize = self.text("giveaway.form_prize", wish.prize)
        key = "giveaway.form_new_end" if editing else "giveaway.form_duration"
        self.duration = self.text(key, wish.duration, required=not editing, hint="giveaway.form_duration_hint")
        self.winners = self.text("giveaway.form_winners", wish.winners)
        self.description = self.text("giveaway.form_description", wish.description, long=True, required=False)
        self.start: discord.ui.TextInput[Any] | None = None
        if not editing and wish.channel_id:
            self.start = self.text("giveaway.form_start", wish.start, required=False, hint="giveaway.form_start_hint")

    def take(self) -> None:
        self.wish.prize, self.wish.duration = self.prize.value, self.duration.value
        self.wish.winners, self.wish.description = self.winners.value, self.description.value
        if self.start is not None:
            self.wish.start = self.start.value
        self._check()

    def again(self) -> BasicsForm:
        form = BasicsForm(self.reader, self.wish, self.then, self._check)
        form.back = self.back
        return form


class RolePointsForm(WishForm):
    """Roles that all give the same points; as often as wanted."""

    def __init__(
        self, reader: Reader, wish: Wish, then: Then, tiers: list[tuple[str, int]], chosen: list[int] | None = None,
        points: str = "",
    ) -> None:  # fmt: skip
        super().__init__(reader, "giveaway.roles_title", wish, then)
        self._tiers = tiers
        self.chosen = self.roles("giveaway.roles_label", chosen or [])
        self.points = self.text("giveaway.roles_points", points, hint="giveaway.roles_points_hint")

    def take(self) -> None:
        points, tier = self._points()
        ids = [role.id for role in self.chosen.values]
        kept = tuple(one for one in self.wish.entities.roles if one.role_id not in ids)
        added = tuple(RoleEntity(role_id=role, points=points, tier=tier) for role in ids)
        mode = self.wish.entities
        self.wish.entities = entities.checked(replace(mode, enabled=True, roles=kept + added))

    def _points(self) -> tuple[int, str]:
        named = {plain(name): (points, name) for name, points in self._tiers}
        found = named.get(plain(self.points.value))
        if found is not None:
            return found
        return whole_number(self.points.value, "giveaway.bad_points", most=entities.MOST_POINTS), ""

    def again(self) -> RolePointsForm:
        ids = [role.id for role in self.chosen.values]
        form = RolePointsForm(self.reader, self.wish, self.then, self._tiers, ids, self.points.value)
        form.back = self.back
        return form


class ModeForm(WishForm):
    """How roles add up, and the cap on the sum."""

    def __init__(self, reader: Reader, wish: Wish, then: Then, cap: str | None = None) -> None:
        super().__init__(reader, "giveaway.mode_title", wish, then)
        self.mode = self.choice(
            "giveaway.mode_label",
            [(CUMULATIVE, "giveaway.mode_cumulative"), (HIGHEST, "giveaway.mode_highest")], wish.entities.mode,
        )  # fmt: skip
        known = wish.entities.cap
        shown = cap if cap is not None else "" if known is None else str(known)
        self.cap = self.text("giveaway.mode_cap", shown, required=False)

    def take(self) -> None:
        typed = self.cap.value.strip()
        cap = whole_number(typed, "giveaway.bad_cap", most=entities.MOST_CAP) if typed else None
        mode = self.mode.value or CUMULATIVE
        entities.checked(Entities(mode=mode, cap=cap))
        self.wish.entities = replace(self.wish.entities, mode=mode, cap=cap)

    def again(self) -> ModeForm:
        form = ModeForm(self.reader, self.wish, self.then, self.cap.value)
        form.back = self.back
        return form


WITH_ROLES = (requirements.ANY_ROLE, requirements.ALL_ROLES, requirements.NO_ROLE)
WITH_AMOUNT = (requirements.LEVEL, requirements.CREDITS, requirements.TICKETS, requirements.MESSAGES)
WITH_DAYS = (requirements.ACCOUNT_AGE, requirements.SERVER_AGE, requirements.MESSAGES, requirements.NO_WIN)
WITHOUT_FORM = (requirements.LINKED, requirements.BOOSTING)


class RequirementForm(WishForm):
    """One condition, with the fields that its kind asks for."""

    def __init__(
        self, reader: Reader, wish: Wish, then: Then, kind: str,
        typed: tuple[list[int], list[int], str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(reader, f"giveaway.kind.{kind}", wish, then)
        self.kind = kind
        known = next((rule for rule in wish.requirements.rules if rule.kind == kind), Requirement(kind=kind))
        role_ids, user_ids, amount, days = typed or (
            list(known.roles), list(known.users), str(known.amount or ""), str(known.days or ""),
        )  # fmt: skip
        self.chosen = self.roles("giveaway.rule_roles", role_ids) if kind in WITH_ROLES else None
        self.invited = self.users("giveaway.rule_users", user_ids) if kind == requirements.INVITED else None
        self.amount = self.text("giveaway.rule_amount", amount) if kind in WITH_AMOUNT else None
        self.days = self.text("giveaway.rule_days", days) if kind in WITH_DAYS else None

    def _typed(self) -> tuple[list[int], list[int], str, str]:
        return (
            [role.id for role in self.chosen.values] if self.chosen else [],
            [user.id for user in self.invited.values] if self.invited else [],
            self.amount.value if self.amount else "", self.days.value if self.days else "",
        )  # fmt: skip

    def take(self) -> None:
        role_ids, user_ids, amount, days = self._typed()
        most = {"most": requirements.MOST_AMOUNT}, {"most": requirements.MOST_DAYS}
        rule = Requirement(
            kind=self.kind, roles=tuple(role_ids), users=tuple(user_ids),
            amount=whole_number(amount, "giveaway.bad_amount", **most[0]) if self.amount else 0,
            days=whole_number(days, "giveaway.bad_days", **most[1]) if self.days else 0,
        )  # fmt: skip
        if self.amount and not 1 <= rule.amount <= requirements.MOST_AMOUNT:
            raise UserError("giveaway.bad_amount", **most[0])
        if self.days and not 1 <= rule.days <= requirements.MOST_DAYS:
            raise UserError("giveaway.bad_days", **most[1])
        put_rule(self.wish, rule)

    def again(self) -> RequirementForm:
        form = RequirementForm(self.reader, self.wish, self.then, self.kind, self._typed())
        form.back = self.back
        return form


def put_rule(wish: Wish, rule: Requirement) -> None:
    """Add a condition, or put it in the place of the one of its kind."""
    kept = tuple(one for one in wish.requirements.rules if one.kind != rule.kind)
    wish.requirements = requirements.checked(replace(wish.requirements, rules=(*kept, rule)))


class BypassForm(WishForm):
    """Roles of which nothing is asked."""

    def __init__(self, reader: Reader, wish: Wish, then: Then) -> None:
        super().__init__(reader, "giveaway.bypass_title", wish, then)
        self.chosen = self.roles("giveaway.bypass_label", wish.requirements.bypass_roles, required=False)

    def take(self) -> None:
        ids = tuple(role.id for role in self.chosen.values)
        self.wish.requirements = replace(self.wish.requirements, bypass_roles=ids)

    def again(self) -> BypassForm:
        return BypassForm(self.reader, self.wish, self.then)


class LookForm(WishForm):
    """Pictures, colour, emoji."""

    def __init__(
        self, reader: Reader, wish: Wish, then: Then, check: Callable[[Wish], None],
        typed: tuple[str, str, str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(reader, "giveaway.look_title", wish, then)
        self._check = check
        colour = "" if wish.look.colour is None else f"{wish.look.colour:06X}"
        shown = typed or (wish.look.thumbnail_url, wish.look.image_url, colour, wish.options.emoji)
        self.thumbnail = self.text("giveaway.look_thumbnail", shown[0], required=False)
        self.image = self.text("giveaway.look_image", shown[1], required=False)
        self.colour = self.text("giveaway.look_colour", shown[2], required=False, hint="giveaway.look_colour_hint")
        self.emoji = self.text("giveaway.look_emoji", shown[3], required=False)

    def take(self) -> None:
        look = Look(
            thumbnail_url=self.thumbnail.value.strip(), image_url=self.image.value.strip(), colour=self._colour()
        )
        options = replace(self.wish.options, emoji=self.emoji.value.strip())
        self._check(replace(self.wish, look=look, options=options))
        self.wish.look, self.wish.options = look, options

    def _colour(self) -> int | None:
        typed = self.colour.value.strip().removeprefix("#")
        if not typed:
            return None
        if len(typed) != 6 or any(c not in "0123456789abcdefABCDEF" for c in typed):
            raise UserError("giveaway.bad_colour")
        return int(typed, 16)

    def again(self) -> LookForm:
        typed = (self.thumbnail.value, self.image.value, self.colour.value, self.emoji.value)
        form = LookForm(self.reader, self.wish, self.then, self._check, typed)
        form.back = self.back
        return form


class OptionsForm(WishForm):
    """What happens around the draw, and whether the giveaway comes back."""

    def __init__(
        self, reader: Reader, wish: Wish, then: Then, check: Callable[[Wish], None], wanted: Wish | None = None,
        claim: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(reader, "giveaway.options_title", wish, then)
        self._check = check
        shown = wanted or wish
        options, hours = shown.options, shown.options.claim_hours
        self.ping = self.roles("giveaway.options_ping", _some(options.ping_role_id), most=1, required=False)
        self.winner = self.roles("giveaway.options_winner", _some(options.winner_role_id), most=1, required=False)
        known = "" if hours is None else str(hours)
        self.claim = self.text("giveaway.options_claim", known if claim is None else claim, required=False)
        self.after = self.checks(
            "giveaway.options_after", [(name, f"giveaway.option.{name}") for name in AFTER_ALL],
            {name for name in AFTER_ALL if getattr(options, name)},
        )  # fmt: skip
        self.repeat: discord.ui.RadioGroup[Any] | None = None
        if wish.edits is None:
            repeats = [("never", "giveaway.recurrence.never"), *((r, f"giveaway.recurrence.{r}") for r in RECURRENCES)]
            self.repeat = self.choice("giveaway.options_repeat", repeats, shown.recurrence or "never")

    def _wanted(self, claim_hours: int | None) -> Wish:
        options = Options(
            emoji=self.wish.options.emoji, claim_hours=claim_hours,
            ping_role_id=next((role.id for role in self.ping.values), None),
            winner_role_id=next((role.id for role in self.winner.values), None),
            **{name: name in self.after.values for name in AFTER_ALL},
        )  # fmt: skip
        repeat = self.wish.recurrence if self.repeat is None else self.repeat.value
        return replace(self.wish, options=options, recurrence=None if repeat == "never" else repeat)

    def take(self) -> None:
        typed = self.claim.value.strip()
        wanted = self._wanted(whole_number(typed, "giveaway.bad_claim_hours", most=720) if typed else None)
        self._check(wanted)
        self.wish.options, self.wish.recurrence = wanted.options, wanted.recurrence

    def again(self) -> OptionsForm:
        form = OptionsForm(self.reader, self.wish, self.then, self._check, self._wanted(None), self.claim.value)
        form.back = self.back
        return form


def _some(role_id: int | None) -> list[int]:
    return [] if role_id is None else [role_id]


class NameForm(Form):
    """One line: a name for something that is kept, or a reason (which may be empty)."""

    def __init__(
        self, reader: Reader, title_key: str, keep: Callable[[Press, str], Awaitable[None]], typed: str = "", *,
        label: str = "giveaway.form_name",
    ) -> None:  # fmt: skip
        super().__init__(reader, title_key)
        self._title_key = title_key
        self._keep = keep
        self._label = label
        self.line = self.text(label, typed, required=self._is_name)

    @property
    def _is_name(self) -> bool:
        return self._label == "giveaway.form_name"

    async def done(self, interaction: Press) -> None:
        typed = one_line(self.line.value)
        await self._keep(interaction, presets.checked_name(typed) if self._is_name else typed)

    def again(self) -> NameForm:
        form = NameForm(self.reader, self._title_key, self._keep, self.line.value, label=self._label)
        form.back = self.back
        return form
