"""Settings from the environment: one declaration each, read once by the composition root."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from difflib import get_close_matches
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from core import dsn
from core.addresses import feed_address, is_loopback_address
from core.beacon import DEFAULT_URLS, QUICKNET
from core.errors import ConfigError
from core.numbers import written

T = TypeVar("T")

LOCALES = ("en", "ar")
DISCORD_API = "https://discord.com/api/v10"
NEARLY = 0.85


@dataclass(frozen=True)
class Variable:
    """How one environment variable is read: `accepted` completes «must be ...»."""

    name: str
    parse: Callable[[str], Any]
    accepted: str
    secret: bool = False


def _var(name: str, parse: Callable[[str], T], default: T, accepted: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"variable": Variable(name, parse, accepted, secret)})


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        value = written(raw)
        if not low <= value <= high:
            raise ValueError(raw)
        return value

    return parse


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw.lower() not in allowed:
            raise ValueError(raw)
        return raw.lower()

    return parse


def _flag(raw: str) -> bool:
    table = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    return table[raw.lower()]


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        parts = urlsplit(raw)
        if parts.scheme not in schemes or not parts.hostname or re.search(r"\s", raw):
            raise ValueError(raw)
        _ = parts.port
        return raw.rstrip("/")

    return parse


def _database_url(raw: str) -> str:
    dsn.target(raw)
    return raw


def _api_base(raw: str) -> str:
    url = _url("http", "https")(raw)
    path = urlsplit(url).path
    if not path:
        return f"{url}/api/v10"
    return f"{url}/v10" if path.endswith("/api") else url


def _urls(raw: str) -> Any:
    urls = tuple(_url("http", "https")(part.strip()) for part in raw.split(",") if part.strip())
    if not urls:
        raise ValueError(raw)
    return urls


def _names(raw: str) -> Any:
    return tuple(_matching(r"[\w-]{1,64}")(part.strip()) for part in raw.split(",") if part.strip())


def _token(raw: str) -> str:
    if not re.fullmatch(r"[!-~]+", raw):
        raise ValueError(raw)
    return raw


def _hex(length: int) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if not re.fullmatch(rf"[0-9a-fA-F]{{{2 * length}}}", raw):
            raise ValueError(raw)
        return raw.lower()

    return parse


def _moment(raw: str) -> datetime:
    value = datetime.fromisoformat(raw)
    if value.tzinfo is None or not 2000 <= value.year <= 2200:
        raise ValueError(raw)
    return value


def _zone(raw: str) -> str:
    ZoneInfo(raw)
    return raw


def _speed(raw: str) -> float:
    value = float(raw)
    if not 0 < value <= 100_000:
        raise ValueError(raw)
    return value


def _matching(pattern: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if not re.fullmatch(pattern, raw):
            raise ValueError(raw)
        return raw

    return parse


WAGER_KINDS = (
    "shuffle_stats", "shuffle_window", "shuffle_wager", "howl", "roobet", "rainbet", "gamdom", "packdraw", "csgobig",
)  # fmt: skip
# A key becomes part of a request, so it is a token: nothing in it may end a header or a parameter.
_WAGER_SOURCE = re.compile(
    rf"({'|'.join(WAGER_KINDS)})(:[a-z0-9_]{{1,20}})?=(https?://[^\s#]+)(#[A-Za-z0-9._~+/=:-]{{1,512}})?", re.ASCII
)


def _wager_sources(raw: str) -> str:
    """`kind=URL` or `kind:label=URL`, separated by spaces; a key stands behind `#`."""
    for part in raw.split():
        found = _WAGER_SOURCE.fullmatch(part)
        if found is None:
            raise ValueError(raw)
        feed_address(found.group(3))
    return " ".join(raw.split())


FEED_ADDRESSES = ("shuffle_affiliate_url", "wager_sources")


def asks_this_machine(feeds: str | None) -> bool:
    """Whether a checked setting of feed addresses names a loopback address."""
    return any(is_loopback_address(part[part.find("http") :]) for part in (feeds or "").split())


_snowflake = _integer(1, 2**63 - 1)
_web = _url("http", "https")
_ID_TEXT = "a numeric id"
_URL_TEXT = "an http(s) URL"


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything the process reads from its environment. Rates and limits are the first guild's defaults."""

    discord_token: str | None = _var(
        "DISCORD_TOKEN", _token, None, "a bot token: printable characters without spaces", secret=True
    )
    discord_api_base: str = _var("DISCORD_API_BASE", _api_base, DISCORD_API, _URL_TEXT)
    database_url: str | None = _var(
        "DATABASE_URL", _database_url, None, "postgresql://user:password@host:port/database", secret=True
    )

    data_dir: str = _var("DATA_DIR", str, ".drumroll", "a folder")

    kick_channel: str | None = _var(
        "KICK_CHANNEL", _matching(r"[\w-]{1,64}"), None, "a Kick channel's name as in its address"
    )
    kick_channel_id: int | None = _var("KICK_CHANNEL_ID", _snowflake, None, _ID_TEXT)
    kick_chatroom_id: int | None = _var("KICK_CHATROOM_ID", _snowflake, None, _ID_TEXT)
    kick_broadcaster_user_id: int | None = _var("KICK_BROADCASTER_USER_ID", _snowflake, None, _ID_TEXT)
    kick_ws_url: str | None = _var("KICK_WS_URL", _url("ws", "wss"), None, "a ws:// or wss:// URL")
    kick_site_base: str = _var("KICK_SITE_BASE", _web, "https://kick.com", _URL_TEXT)
    kick_api_base: str = _var("KICK_API_BASE", _web, "https://api.kick.com", _URL_TEXT)
    kick_id_base: str = _var("KICK_ID_BASE", _web, "https://id.kick.com", _URL_TEXT)
    kick_client_id: str | None = _var("KICK_CLIENT_ID", _token, None, "the id of an app at kick.com/settings/developer")
    kick_client_secret: str | None = _var(
        "KICK_CLIENT_SECRET", _token, None, "the secret of an app at kick.com/settings/developer", secret=True
    )
    kick_live_fallback: str = _var("KICK_LIVE_FALLBACK", _choice("off", "chat"), "off", "off or chat")
    webhook_trusted_gifts: int = _var(
        "WEBHOOK_TRUSTED_GIFTS", _integer(0, 10_000), 10, "a whole number from 0 to 10000"
    )  # fmt: skip

    kick_bot_names: tuple[str, ...] = _var("KICK_BOT_NAMES", _names, (), "Kick names separated by commas")

    drand_urls: tuple[str, ...] = _var("DRAND_URLS", _urls, DEFAULT_URLS, "comma-separated http(s) URLs")
    draw_mode: str = _var("DRAW_MODE", _choice("beacon", "commit"), "beacon", "beacon or commit")
    drand_chain_hash: str | None = _var("DRAND_CHAIN_HASH", _hex(32), None, "64 hexadecimal digits")
    drand_public_key: str | None = _var("DRAND_PUBLIC_KEY", _hex(96), None, "192 hexadecimal digits")
    drand_genesis: int | None = _var("DRAND_GENESIS", _integer(0, 2**36 - 1), None, "a Unix time in seconds")
    drand_period: int | None = _var("DRAND_PERIOD", _integer(1, 3600), None, "seconds from 1 to 3600")

    announcement_channel_id: int | None = _var("RAFFLE_ANNOUNCEMENT_CHANNEL_ID", _snowflake, None, _ID_TEXT)
    prefix: str = _var("BOT_PREFIX", _matching(r"\S{1,5}"), "!", "1 to 5 characters without spaces")
    locale: str = _var("BOT_LOCALE", _choice(*LOCALES), "en", " or ".join(LOCALES))
    timezone: str = _var("BOT_TIMEZONE", _zone, "UTC", "an IANA time zone such as Europe/Berlin")

    watchtime_tickets_per_hour: int = _var(
        "WATCHTIME_TICKETS_PER_HOUR", _integer(0, 10_000), 10, "a whole number from 0 to 10000"
    )
    gifted_sub_tickets: int = _var("GIFTED_SUB_TICKETS", _integer(0, 10_000), 15, "a whole number from 0 to 10000")
    new_sub_tickets: int = _var("NEW_SUB_TICKETS", _integer(0, 10_000), 0, "a whole number from 0 to 10000")
    kicks_tickets_per_100: int = _var("KICKS_TICKETS_PER_100", _integer(0, 10_000), 0, "a whole number from 0 to 10000")
    watch_minutes_per_day: int = _var(
        "WATCH_MINUTES_PER_DAY", _integer(0, 1440), 0, "minutes from 1 to 1440, or 0 for no limit"
    )
    link_role_id: int | None = _var("LINK_ROLE_ID", _snowflake, None, _ID_TEXT)
    watch_window_minutes: int = _var("WATCH_WINDOW_MINUTES", _integer(1, 120), 10, "minutes from 1 to 120")
    watchtime_conversion_interval: int = _var(
        "WATCHTIME_CONVERSION_INTERVAL", _integer(60, 86_400), 3600, "seconds from 60 to 86400"
    )
    minimum_tickets_to_enter: int = _var("MINIMUM_TICKETS_TO_ENTER", _integer(1, 1_000_000), 1, "a whole number from 1")
    ticket_notification_threshold: int = _var(
        "TICKET_NOTIFICATION_THRESHOLD", _integer(1, 1_000_000), 20, "a whole number from 1"
    )
    auto_draw_on_reset: bool = _var("AUTO_DRAW_ON_RESET", _flag, False, "true or false")
    reset_day_of_month: int = _var("RESET_DAY_OF_MONTH", _integer(1, 28), 1, "a day from 1 to 28")
    reset_hour: int = _var("RESET_HOUR_UTC", _integer(0, 23), 0, "an hour from 0 to 23 (of BOT_TIMEZONE)")

    admin_channel_id: int | None = _var("RAFFLE_ADMIN_CHANNEL_ID", _snowflake, None, _ID_TEXT)
    shuffle_affiliate_url: str | None = _var(
        "SHUFFLE_AFFILIATE_URL", feed_address, None, "a public https:// URL", secret=True
    )
    wager_sources: str | None = _var(
        "WAGER_SOURCES", _wager_sources, None,
        f"kind=URL (public https), separated by spaces; kinds: {', '.join(WAGER_KINDS)}", secret=True,
    )  # fmt: skip
    shuffle_campaign_code: str | None = _var(
        "SHUFFLE_CAMPAIGN_CODE", _matching(r"[^\s,]+(\s*,\s*[^\s,]+)*"), None, "campaign codes separated by commas"
    )
    shuffle_tickets_per_1000_usd: int = _var(
        "SHUFFLE_TICKETS_PER_1000_USD", _integer(0, 10_000), 20, "a whole number from 0 to 10000"
    )
    shuffle_check_interval: int = _var(
        "SHUFFLE_CHECK_INTERVAL", _integer(10, 86_400), 900, "seconds from 10 to 86400"
    )  # fmt: skip
    link_shuffle_cooldown: int = _var(
        "LINK_SHUFFLE_COOLDOWN", _integer(0, 31_536_000), 86_400, "seconds from 0 to 31536000"
    )
    max_shuffle_links_per_user: int = _var(
        "MAX_SHUFFLE_LINKS_PER_USER", _integer(1, 100), 1, "a whole number from 1 to 100"
    )
    remind_before_end: bool = _var("REMIND_BEFORE_END", _flag, True, "true or false")
    claim_hours: int = _var("CLAIM_HOURS", _integer(0, 8_760), 0, "hours from 0 (no claiming) to 8760")

    web_host: str | None = _var("WEB_HOST", _matching(r"[\w.:\-]+"), None, "a host name or address")
    port: int | None = _var("PORT", _integer(0, 65_535), None, "a port from 0 to 65535")
    web_base_url: str | None = _var("WEB_BASE_URL", _web, None, _URL_TEXT)
    health_token: str | None = _var(
        "HEALTH_TOKEN", _token, None, "printable characters without spaces", secret=True
    )  # fmt: skip
    log_level: str = _var(
        "LOG_LEVEL", _choice("debug", "info", "warning", "error"), "info", "debug, info, warning or error"
    )

    sandbox_clock_start: datetime | None = _var(
        "SANDBOX_CLOCK_START", _moment, None, "a moment such as 2025-11-01T00:00:00+00:00"
    )
    sandbox_clock_speed: float | None = _var("SANDBOX_CLOCK_SPEED", _speed, None, "a number above 0")
    sandbox_clock_url: str | None = _var("SANDBOX_CLOCK_URL", _web, None, "a loopback http URL")

    @property
    def secrets(self) -> list[str]:
        """What no log line may contain: tokens, affiliate addresses and their keys."""
        addresses = [self.shuffle_affiliate_url or "", *(self.wager_sources or "").split()]
        keys = [address.partition("#")[2] for address in addresses]
        own = [self.discord_token or "", self.kick_client_secret or "", self.health_token or ""]
        return [*own, *(a.partition("=")[2] or a for a in addresses), *keys]

    @property
    def sandboxed(self) -> bool:
        """Whether Discord is a stand-in on this machine; then casinos may be, too."""
        return is_loopback_address(self.discord_api_base)

    @property
    def listens_on(self) -> tuple[str, int]:
        """Host and port of the web server: all interfaces where the platform gives a PORT."""
        default_host = "127.0.0.1" if self.port is None else "0.0.0.0"
        return self.web_host or default_host, 8080 if self.port is None else self.port


def variables() -> dict[str, tuple[Variable, Any]]:
    """Every variable by the name of its field, with its default."""
    return {f.name: (f.metadata["variable"], f.default) for f in fields(Config)}


def shown(variable: Variable, value: object) -> str:
    """A value as it may stand in a message: secrets masked."""
    return "****" if variable.secret else repr(value)


def load(environ: Mapping[str, str] | None = None) -> Config:
    """Read and check the environment.

    Errors: `ConfigError` with one line naming the variable, its value (masked) and what is accepted.
    """
    env = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for name, (variable, _default) in variables().items():
        raw = env.get(variable.name, "").strip()
        if raw:
            values[name] = _parsed(variable, raw)
    config = Config(**values)
    _check_together(config)
    return config


def misspelt(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables that nobody reads but whose name is nearly that of one of ours: {name: what was meant}."""
    env = os.environ if environ is None else environ
    known = [variable.name for variable, _default in variables().values()]
    strangers = [name for name in env if name not in known]
    nearest = {name: get_close_matches(name, known, n=1, cutoff=NEARLY) for name in strangers}
    return {name: found[0] for name, found in nearest.items() if found}


def _parsed(variable: Variable, raw: str) -> Any:
    try:
        value = variable.parse(raw)
        if isinstance(value, int) and not raw.isascii():  # people type their own digits; machines' files have none
            raise ValueError(raw)
        return value
    except (ValueError, KeyError, OSError) as error:
        why = f" ({error})" if isinstance(error, dsn.Unusable) else ""
        raise ConfigError(
            f"{variable.name}={shown(variable, raw)} cannot be used{why}: it must be {variable.accepted}"
        ) from error


def _check_together(config: Config) -> None:
    for name in ("sandbox_clock_start", "sandbox_clock_speed", "sandbox_clock_url"):
        value = getattr(config, name)
        if value is not None and not config.sandboxed:
            variable = variables()[name][0]
            raise ConfigError(f"{variable.name}={value} is refused: DISCORD_API_BASE must be a loopback address for it")
    if config.sandbox_clock_url and not is_loopback_address(config.sandbox_clock_url):
        raise ConfigError(f"SANDBOX_CLOCK_URL={config.sandbox_clock_url} must be a loopback address")
    for name in FEED_ADDRESSES:
        if not config.sandboxed and asks_this_machine(getattr(config, name)):
            variable = variables()[name][0]
            raise ConfigError(f"{variable.name}=**** must be {variable.accepted}")
    if (config.kick_client_id is None) != (config.kick_client_secret is None):
        raise ConfigError("KICK_CLIENT_ID and KICK_CLIENT_SECRET belong together: set both or neither")
    chain = (config.drand_chain_hash, config.drand_public_key, config.drand_genesis, config.drand_period)
    if any(part is not None for part in chain) and None in chain:
        raise ConfigError(
            "DRAND_CHAIN_HASH, DRAND_PUBLIC_KEY, DRAND_GENESIS and DRAND_PERIOD belong together: set all or none"
        )
    quicknet = (QUICKNET.chain_hash, QUICKNET.public_key, QUICKNET.genesis, QUICKNET.period)
    if chain not in ((None,) * 4, quicknet) and not config.sandboxed:
        raise ConfigError(
            f"DRAND_CHAIN_HASH={config.drand_chain_hash} is refused: whoever runs another chain than drand's quicknet "
            "may know its numbers; DISCORD_API_BASE must be a loopback address for it"
        )
