"""What a giveaway may be: every field of a draft checked and tidied."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

import emoji

from core.durations import LONGEST, SHORTEST
from core.errors import UserError
from core.texts import one_line, plain
from giveaway import entities, requirements
from giveaway.models import RECURRENCES, Draft, Look, Options
from giveaway.settings import MOST_CLAIM_HOURS

PRIZE_LENGTH, DESCRIPTION_LENGTH, REASON_LENGTH, MOST_WINNERS = 256, 1000, 512, 50
URL_LENGTH, HOST_LENGTH = 1000, 253
_CUSTOM_EMOJI = re.compile(r"<a?:\w{2,32}:[0-9]{17,20}>", re.ASCII)
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_HOST, _UNSAFE = re.compile(rf"{_LABEL}(?:\.{_LABEL})+"), re.compile(r"[\s<>\"\\^`{|}\x00-\x20]")


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


def clipped_reason(reason: str) -> str:
    """What somebody else said, as far as there is room for it."""
    return one_line(reason)[:REASON_LENGTH]


def parse_winners(typed: str) -> int:
    """The number of winners as typed. Errors: `giveaway.bad_winners`."""
    tidy = typed.strip()
    if not re.fullmatch(r"\d{1,3}", tidy) or not 1 <= int(tidy) <= MOST_WINNERS:
        raise UserError("giveaway.bad_winners", most=MOST_WINNERS)
    return int(tidy)


def is_emoji(text: str) -> bool:
    """Whether the text is one emoji: of Unicode, or a server's own as `<:name:id>`."""
    return emoji.is_emoji(text) or _CUSTOM_EMOJI.fullmatch(text) is not None


def is_picture_address(url: str) -> bool:
    """Whether Discord takes the address: http or https, a host with a domain, a port that can be."""
    try:
        parts = urlsplit(url)
        known_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    host = parts.hostname or ""
    return (
        len(url) <= URL_LENGTH and _UNSAFE.search(url) is None and parts.scheme in ("http", "https") and known_port
        and parts.username is None and len(host) <= HOST_LENGTH and _HOST.fullmatch(host) is not None
    )  # fmt: skip


def _check_time(draft: Draft, now: datetime) -> None:
    if draft.duration < SHORTEST:
        raise UserError("duration.too_short")
    if draft.duration > LONGEST:
        raise UserError("duration.too_long")
    if draft.start_time is not None and draft.start_time - now > LONGEST:
        raise UserError("moment.too_far")


def _check_look(look: Look) -> None:
    for url in filter(None, (look.thumbnail_url, look.image_url)):
        if not is_picture_address(url):
            raise UserError("giveaway.bad_url")
    if look.colour is not None and not 0 <= look.colour <= 0xFFFFFF:
        raise UserError("giveaway.bad_colour")


def _check_options(options: Options) -> None:
    if options.emoji and not is_emoji(options.emoji):
        raise UserError("giveaway.bad_emoji")
    if options.claim_hours is not None and not 1 <= options.claim_hours <= MOST_CLAIM_HOURS:
        raise UserError("giveaway.bad_claim_hours", most=MOST_CLAIM_HOURS)
