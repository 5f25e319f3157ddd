"""What a giveaway may be: every field of a draft checked and tidied."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import datetime

from core.durations import LONGEST, SHORTEST
from core.errors import UserError
from core.texts import one_line, plain
from giveaway import entities, requirements
from giveaway.models import RECURRENCES, Draft, Look, Options
from giveaway.settings import MOST_CLAIM_HOURS

PRIZE_LENGTH, DESCRIPTION_LENGTH, REASON_LENGTH, MOST_WINNERS = 256, 1000, 512, 50
URL_LENGTH, EMOJI_LENGTH = 1000, 64
_URL = re.compile(r"https?://[^\s<>\"]+")


def checked(draft: Draft, now: datetime) -> Draft:
    """The draft, tidied. Errors: a key for each field that cannot be used."""
    _check_time(draft, now)
    if not 1 <= draft.winners_count <= MOST_WINNERS:
        raise UserError("giveaway.bad_winners", most=MOST_WINNERS)
    if draft.recurrence is not None and draft.recurrence not in RECURRENCES:
        raise UserError("giveaway.bad_recurrence")
    _check_look(draft.look)
    _check_options(draft.options)
    return replace(
        draft, prize=checked_prize(draft.prize), description=checked_description(draft.description),
        entities=entities.checked(draft.entities), requirements=requirements.checked(draft.requirements),
    )  # fmt: skip


def checked_prize(prize: str) -> str:
    """One line. Errors: `giveaway.no_prize`, `giveaway.prize_too_long`."""
    tidy = one_line(prize)
    if not tidy:
        raise UserError("giveaway.no_prize")
    if len(tidy) > PRIZE_LENGTH:
        raise UserError("giveaway.prize_too_long", most=PRIZE_LENGTH)
    return tidy


def checked_description(description: str) -> str:
    """Errors: `giveaway.description_too_long`."""
    tidy = plain(description).strip()
    if len(tidy) > DESCRIPTION_LENGTH:
        raise UserError("giveaway.description_too_long", most=DESCRIPTION_LENGTH)
    return tidy


def checked_reason(reason: str) -> str:
    """One line. Errors: `giveaway.reason_too_long`."""
    tidy = one_line(reason)
    if len(tidy) > REASON_LENGTH:
        raise UserError("giveaway.reason_too_long", most=REASON_LENGTH)
    return tidy


def parse_winners(typed: str) -> int:
    """The number of winners as typed. Errors: `giveaway.bad_winners`."""
    tidy = typed.strip()
    if not re.fullmatch(r"\d{1,3}", tidy) or not 1 <= int(tidy) <= MOST_WINNERS:
        raise UserError("giveaway.bad_winners", most=MOST_WINNERS)
    return int(tidy)


def is_emoji(text: str) -> bool:
    """Whether the text is a single Unicode emoji, as far as the character classes tell."""
    if not text or len(text) > EMOJI_LENGTH:
        return False
    keycap = text[0] in "0123456789#*" and text.endswith("\u20e3")
    flag = len(text) == 2 and all("\U0001f1e6" <= c <= "\U0001f1ff" for c in text)
    joined = [part.rstrip("\ufe0f") for part in text.split("\u200d")]
    return keycap or flag or all(_is_pictograph(part) for part in joined)


def _is_pictograph(part: str) -> bool:
    if not part or unicodedata.category(part[0]) != "So":
        return False
    return all(unicodedata.category(c) in ("Sk", "Mn", "Cf") for c in part[1:])


def _check_time(draft: Draft, now: datetime) -> None:
    if draft.duration < SHORTEST:
        raise UserError("duration.too_short")
    if draft.duration > LONGEST:
        raise UserError("duration.too_long")
    if draft.start_time is not None and draft.start_time - now > LONGEST:
        raise UserError("moment.too_far")


def _check_look(look: Look) -> None:
    for url in filter(None, (look.thumbnail_url, look.image_url)):
        if len(url) > URL_LENGTH or not _URL.fullmatch(url):
            raise UserError("giveaway.bad_url")
    if look.colour is not None and not 0 <= look.colour <= 0xFFFFFF:
        raise UserError("giveaway.bad_colour")


def _check_options(options: Options) -> None:
    if len(options.emoji) > EMOJI_LENGTH or any(c.isspace() for c in options.emoji):
        raise UserError("giveaway.bad_emoji")
    if options.claim_hours is not None and not 1 <= options.claim_hours <= MOST_CLAIM_HOURS:
        raise UserError("giveaway.bad_claim_hours", most=MOST_CLAIM_HOURS)
