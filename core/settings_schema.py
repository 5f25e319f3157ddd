"""Which settings a guild can change, and how a typed value is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from core.config import FEED_ADDRESSES, asks_this_machine, variables
from core.errors import TextKey, UserError
from core.logs import MASK

UNSET = frozenset({"none", "default", "-", "off", "reset"})
_CHANNEL, _ROLE = re.compile(r"<#(\d+)>|(\d{15,20})"), re.compile(r"<@&(\d+)>|(\d{15,20})")

NAMES = (
    "locale", "timezone", "prefix", "announcement_channel_id", "manager_role_id", "kick_channel",
    "kick_channel_id", "kick_chatroom_id", "kick_broadcaster_user_id", "watchtime_tickets_per_hour",
    "gifted_sub_tickets", "watch_window_minutes", "watchtime_conversion_interval", "minimum_tickets_to_enter",
    "ticket_notification_threshold", "auto_draw_on_reset", "reset_day_of_month", "reset_hour", "draw_mode",
    "new_sub_tickets", "kicks_tickets_per_100", "webhook_trusted_gifts", "watch_minutes_per_day", "link_role_id",
    "admin_channel_id", "shuffle_affiliate_url", "wager_sources", "shuffle_campaign_code",
    "shuffle_tickets_per_1000_usd", "shuffle_check_interval", "link_shuffle_cooldown",
    "max_shuffle_links_per_user", "remind_before_end", "claim_hours",
)  # fmt: skip


def _id_in(pattern: re.Pattern[str]) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        found = pattern.fullmatch(raw)
        if found is None:
            raise ValueError(raw)
        return int(found.group(1) or found.group(2))

    return parse


FLAGS = frozenset({"auto_draw_on_reset", "remind_before_end"})
CHANNELS = frozenset({"announcement_channel_id", "admin_channel_id"})
ROLES = frozenset({"manager_role_id", "link_role_id"})
_OWN = dict.fromkeys(CHANNELS, _id_in(_CHANNEL)) | dict.fromkeys(ROLES, _id_in(_ROLE))
_KINDS = {
    "channel": CHANNELS, "role": ROLES, "flag": FLAGS,
    "id": {"kick_channel_id", "kick_chatroom_id", "kick_broadcaster_user_id"},
    "rate": {
        "watchtime_tickets_per_hour", "gifted_sub_tickets", "new_sub_tickets", "kicks_tickets_per_100",
        "webhook_trusted_gifts", "shuffle_tickets_per_1000_usd",
    },
    "at_least_one": {"minimum_tickets_to_enter", "ticket_notification_threshold"},
}  # fmt: skip


def accepted_text(name: str) -> TextKey:
    """The text that says which values a setting takes: one of several of a kind, else its own."""
    return TextKey(f"config.accepts.{next((kind for kind, names in _KINDS.items() if name in names), name)}")


def is_secret(name: str) -> bool:
    """Whether the value is a credential, which no channel may show."""
    variable = variables().get(name.casefold())
    return variable is not None and variable[0].secret


def parse(name: str, raw: str, *, sandboxed: bool = False) -> Any:
    """The typed value, None for «back to the default». Addresses on this machine are for the sandbox alone.

    Errors: `config.unknown`, `config.bad_value`.
    """
    name, raw = name.casefold(), raw.strip()
    if name not in NAMES:
        raise UserError("config.unknown", name=name)
    reader: Callable[[str], Any] = _OWN[name] if name in _OWN else variables()[name][0].parse
    if raw.casefold() in UNSET and not (name in FLAGS and raw.casefold() == "off"):
        return None
    try:
        value = reader(raw)
        if name in FEED_ADDRESSES and not sandboxed and asks_this_machine(value):
            raise ValueError(raw)
        return value
    except (ValueError, KeyError, OSError) as error:
        told = MASK if is_secret(name) else raw
        raise UserError("config.bad_value", name=name, value=told, accepted=accepted_text(name)) from error


def shown(name: str, value: object) -> str:
    """A value as Discord shows it; empty where it is not set."""
    if value is None:
        return ""
    if is_secret(name):
        return MASK
    if name in CHANNELS:
        return f"<#{value}>"
    return f"<@&{value}>" if name in ROLES else str(value)
