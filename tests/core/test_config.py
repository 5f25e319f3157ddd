"""The environment: every variable with a good and a bad value, and the rules between them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core import config
from core.beacon import DEFAULT_URLS, QUICKNET
from core.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
LOCAL = {"DISCORD_API_BASE": "http://127.0.0.1:8765"}
CHAIN = {
    "DRAND_CHAIN_HASH": "AB" * 32, "DRAND_PUBLIC_KEY": "cd" * 96, "DRAND_GENESIS": "1700000000", "DRAND_PERIOD": "3",
}  # fmt: skip
SNOWFLAKE = ("1234567890123456789", 1234567890123456789, ["12a", "0", "-4", "1.5", str(2**63)])
WHOLE = ("7", 7, ["-1", "x", "1.5", "99999999999"])
NAMED: dict[str, tuple[str, Any, list[str]]] = {
    "DISCORD_TOKEN": ("abc.DEF-123_xyz", "abc.DEF-123_xyz", ["two words", "tab\there", "é"]),
    "DISCORD_API_BASE": ("http://127.0.0.1:9/", "http://127.0.0.1:9/api/v10", ["discord.com", "ftp://x", "http://a b"]),
    "DATABASE_URL": (
        "postgres://u:p@h:5432/db?sslmode=require", "postgres://u:p@h:5432/db?sslmode=require",
        ["mysql://h/db", "postgres://h", "postgresql://h:port/db", "postgresql://h/db?sslmode=maybe", "db"],
    ),
    "DATA_DIR": ("somewhere", "somewhere", []),
    "KICK_CHANNEL": ("some-Streamer_1", "some-Streamer_1", ["two words", "https://kick.com/x", "x" * 65]),
    "KICK_CHANNEL_ID": SNOWFLAKE,
    "KICK_CHATROOM_ID": SNOWFLAKE,
    "KICK_BROADCASTER_USER_ID": SNOWFLAKE,
    "KICK_WS_URL": ("wss://example.org/app?x=1", "wss://example.org/app?x=1", ["http://example.org", "wss://", "x"]),
    "KICK_LIVE_FALLBACK": ("CHAT", "chat", ["maybe"]),
    "WEBHOOK_TRUSTED_GIFTS": WHOLE,
    "DRAND_URLS": ("https://a/, http://b", ("https://a", "http://b"), [",", "a,b", "https://a,ftp://b"]),
    "DRAW_MODE": ("commit", "commit", ["random"]),
    "DRAND_CHAIN_HASH": ("AB" * 32, "ab" * 32, ["ab" * 31, "xy" * 32, "ab " * 32]),
    "DRAND_PUBLIC_KEY": ("cd" * 96, "cd" * 96, ["cd" * 32, "0x" + "cd" * 95]),
    "DRAND_GENESIS": ("1700000000", 1700000000, ["soon", "-1", str(2**36)]),
    "DRAND_PERIOD": ("30", 30, ["0", "3601", "3s"]),
    "RAFFLE_ANNOUNCEMENT_CHANNEL_ID": SNOWFLAKE,
    "BOT_PREFIX": ("!!", "!!", ["! !", "toolong"]),
    "BOT_LOCALE": ("AR", "ar", ["de", "english"]),
    "BOT_TIMEZONE": ("Europe/Berlin", "Europe/Berlin", ["Berlin", "Mars/Base", "../etc/passwd", "Europe"]),
    "WATCHTIME_TICKETS_PER_HOUR": WHOLE,
    "GIFTED_SUB_TICKETS": WHOLE,
    "WATCH_WINDOW_MINUTES": ("10", 10, ["0", "121", "ten"]),
    "WATCHTIME_CONVERSION_INTERVAL": ("3_600", 3600, ["59", "86401", "1h"]),
    "MINIMUM_TICKETS_TO_ENTER": ("5", 5, ["0", "-1", "x"]),
    "TICKET_NOTIFICATION_THRESHOLD": ("5", 5, ["0", "x"]),
    "AUTO_DRAW_ON_RESET": ("Yes", True, ["maybe", "2"]),
    "RESET_DAY_OF_MONTH": ("28", 28, ["0", "29"]),
    "RESET_HOUR_UTC": ("23", 23, ["24", "-1"]),
    "WEB_HOST": ("0.0.0.0", "0.0.0.0", ["a host", "http://x"]),
    "PORT": ("0", 0, ["65536", "-1", "http"]),
    "WEB_BASE_URL": ("https://raffle.example/", "https://raffle.example", ["raffle.example", "https://"]),
    "HEALTH_TOKEN": ("s3cret", "s3cret", ["two words"]),
    "LOG_LEVEL": ("DEBUG", "debug", ["loud"]),
    "SANDBOX_CLOCK_START": (
        "2025-11-01T00:00:00+00:00", datetime.fromisoformat("2025-11-01T00:00:00+00:00"),
        ["2025-11-01", "2025-11-01T00:00:00", "now", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59Z"],
    ),
    "SANDBOX_CLOCK_SPEED": ("60", 60.0, ["0", "-1", "nan", "fast", "inf"]),
    "SANDBOX_CLOCK_URL": ("http://localhost:1/clock", "http://localhost:1/clock", ["localhost:1", "x"]),
}  # fmt: skip
VARIABLES = {variable.name: (field, variable) for field, (variable, _default) in config.variables().items()}
BAD = [(name, bad) for name, (_good, _value, refused) in NAMED.items() for bad in refused]


def environ(name: str, value: str) -> dict[str, str]:
    """The variable, with what it needs beside it."""
    beside = {**CHAIN, **LOCAL} if name in CHAIN else LOCAL if name.startswith("SANDBOX_") else {}
    return {**beside, name: value}


def test_another_chain_than_drands_is_for_the_sandbox_alone() -> None:
    """Who runs a chain may know its numbers before everybody else."""
    assert config.load({**CHAIN, **LOCAL}).drand_period == 3
    with pytest.raises(ConfigError, match=r"DRAND_CHAIN_HASH=abab\w* is refused"):
        config.load(CHAIN)
    own = {
        "DRAND_CHAIN_HASH": QUICKNET.chain_hash, "DRAND_PUBLIC_KEY": QUICKNET.public_key,
        "DRAND_GENESIS": str(QUICKNET.genesis), "DRAND_PERIOD": str(QUICKNET.period),
    }  # fmt: skip
    assert config.load(own).drand_chain_hash == QUICKNET.chain_hash
    with pytest.raises(ConfigError, match="is refused"):
        config.load(own | {"DRAND_GENESIS": "1"})


def test_the_tables_names_exist() -> None:
    assert set(NAMED) <= set(VARIABLES)


@pytest.mark.parametrize("name", NAMED)
def test_a_good_value_is_read(name: str) -> None:
    good, value, _refused = NAMED[name]
    assert getattr(config.load(environ(name, f" {good} ")), VARIABLES[name][0]) == value


@pytest.mark.parametrize(("name", "bad"), BAD)
def test_a_bad_value_is_one_line_naming_variable_value_and_what_is_accepted(name: str, bad: str) -> None:
    variable = VARIABLES[name][1]
    with pytest.raises(ConfigError) as refused:
        config.load(environ(name, bad))
    text = str(refused.value)
    assert text.startswith(f"{name}=")
    assert variable.accepted in text
    assert "\n" not in text
    assert (bad.strip() in text) != variable.secret


@pytest.mark.parametrize("field", config.variables())
def test_every_variable_says_what_it_accepts_and_unset_means_its_default(field: str) -> None:
    variable, default = config.variables()[field]
    assert variable.accepted
    for nothing in ("", "   "):
        assert getattr(config.load({variable.name: nothing}), field) == default


NUMBERS = [field for field, (_variable, default) in config.variables().items() if isinstance(default, (int, float))]


@pytest.mark.parametrize("field", NUMBERS)
def test_a_number_refuses_a_word(field: str) -> None:
    variable = config.variables()[field][0]
    with pytest.raises(ConfigError, match=rf"^{variable.name}="):
        config.load(environ(variable.name, "some words"))


def test_secrets_are_masked() -> None:
    secret = {name for name, (_field, variable) in VARIABLES.items() if variable.secret}
    assert {"DISCORD_TOKEN", "DATABASE_URL"} <= secret
    assert not {name for name in VARIABLES if re.search("TOKEN$|SECRET|AFFILIATE|DATABASE_URL", name)} - secret
    with pytest.raises(ConfigError) as refused:
        config.load({"DATABASE_URL": "mysql://user:hunter2@host/db"})
    assert "hunter2" not in str(refused.value)
    assert "****" in str(refused.value)


@pytest.mark.parametrize("missing", CHAIN)
def test_a_beacon_chain_is_whole_or_absent(missing: str) -> None:
    with pytest.raises(ConfigError, match="belong together"):
        config.load({name: value for name, value in CHAIN.items() if name != missing})
    assert config.load({}).drand_urls == DEFAULT_URLS


@pytest.mark.parametrize("name", ["SANDBOX_CLOCK_START", "SANDBOX_CLOCK_SPEED", "SANDBOX_CLOCK_URL"])
@pytest.mark.parametrize("base", ["", "https://discord.com/api/v10", "http://127.0.0.1.example.org"])
def test_the_sandboxs_clock_is_refused_outside_of_it(name: str, base: str) -> None:
    with pytest.raises(ConfigError, match=name):
        config.load({name: NAMED[name][0], "DISCORD_API_BASE": base})


def test_the_clocks_address_is_loopback() -> None:
    with pytest.raises(ConfigError, match="SANDBOX_CLOCK_URL"):
        config.load({**LOCAL, "SANDBOX_CLOCK_URL": "http://example.org/clock"})


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://localhost:1", "http://localhost:1/api/v10"),
        ("http://localhost:1/api", "http://localhost:1/api/v10"),
        ("http://localhost:1/api/v10/", "http://localhost:1/api/v10"),
    ],
)
def test_discords_address_may_be_given_with_or_without_its_path(given: str, base: str) -> None:
    assert config.load({"DISCORD_API_BASE": given}).discord_api_base == base


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, ("127.0.0.1", 8080)),
        ({"PORT": "5000"}, ("0.0.0.0", 5000)),
        ({"PORT": "5000", "WEB_HOST": "::1"}, ("::1", 5000)),
        ({"WEB_HOST": "0.0.0.0"}, ("0.0.0.0", 8080)),
    ],
)
def test_where_the_web_server_listens(given: dict[str, str], address: tuple[str, int]) -> None:
    assert config.load(given).listens_on == address


def test_the_plans_rates_are_the_defaults() -> None:
    plain = config.load({})
    assert (plain.watchtime_tickets_per_hour, plain.gifted_sub_tickets) == (10, 15)
    assert timedelta(seconds=plain.watchtime_conversion_interval) == timedelta(hours=1)
    assert (plain.kick_live_fallback, plain.webhook_trusted_gifts) == ("off", 10)
    assert (plain.minimum_tickets_to_enter, plain.ticket_notification_threshold) == (1, 20)
    assert (plain.auto_draw_on_reset, plain.prefix, plain.locale, plain.timezone) == (False, "!", "en", "UTC")


def _example() -> list[tuple[str, str]]:
    path = ROOT / ".env.example"
    if not path.exists():
        pytest.skip(".env.example is not there")
    return re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_example_file_lists_exactly_the_variables() -> None:
    names = [name for name, _value in _example()]
    assert sorted(names) == sorted(VARIABLES)


def test_the_example_files_values_are_the_defaults() -> None:
    for name, value in _example():
        field, variable = VARIABLES[name]
        if value and name not in ("PORT", "WEB_HOST", "SANDBOX_CLOCK_SPEED"):
            assert variable.parse(value) == config.variables()[field][1], name
