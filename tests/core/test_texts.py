"""Texts: the mechanism on two small catalogues, and the completeness of the real ones."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from core.texts import Reader, Texts, escape, mention, moment, one_line, percent, plain, prose
from tests.house.sources import parsed

ROOT = Path(__file__).resolve().parents[2]
LOCALES = ROOT / "locales"
CODE = ["bot.py", "core", "raffle_system", "giveaway", "kick", "cogs", "web"]
KEY = re.compile(r"[a-z]\w*(\.\w+)+")
SPEAKERS = {"reader", "Reader", "UserError", "count", "_"}

HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: {plural};\\n"\n\n'
ENGLISH = (
    HEADER.format(plural="nplurals=2; plural=(n != 1)")
    + """
msgid "greet"
msgstr "Hello {name}, you hold {n}"

msgid "only.english"
msgstr "{who} said {n}"

msgid "days"
msgid_plural "days"
msgstr[0] "{n} day for {who}"
msgstr[1] "{n} days for {who}"

msgid "hours"
msgid_plural "hours"
msgstr[0] "{n} hour"
msgstr[1] "{n} hours"
"""
)
SIX = "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5)"
ARABIC = (
    HEADER.format(plural=SIX)
    + """
msgid "greet"
msgstr "مرحبا {name}: {n}"

msgid "hours"
msgid_plural "hours"
msgstr[0] "zero {n}"
msgstr[1] "one {n}"
msgstr[2] "two {n}"
msgstr[3] "few {n}"
msgstr[4] "many {n}"
msgstr[5] "other {n}"
"""
)


@pytest.fixture
def texts(tmp_path: Path) -> Texts:
    (tmp_path / "en.po").write_text(ENGLISH, encoding="utf-8")
    (tmp_path / "ar.po").write_text(ARABIC, encoding="utf-8")
    return Texts(tmp_path)


@pytest.mark.parametrize(
    ("n", "form"),
    [(0, "zero"), (1, "one"), (2, "two"), (3, "few"), (10, "few"), (11, "many"), (99, "many"), (100, "other"),
     (102, "other"), (103, "few"), (1011, "many")],
)  # fmt: skip
def test_arabic_has_six_plural_forms(texts: Texts, n: int, form: str) -> None:
    assert texts.reader("ar").count("hours", n) == f"{form} {n:,}"


def test_english_has_two(texts: Texts) -> None:
    english = texts.reader("en")
    assert [english.count("hours", n) for n in (0, 1, 2)] == ["0 hours", "1 hour", "2 hours"]


def test_names_are_isolated_in_right_to_left_text_only(texts: Texts) -> None:
    assert texts.reader("ar")("greet", name="Bob", n=12345) == "مرحبا \u2068Bob\u2069: 12,345"
    assert texts.reader("en")("greet", name="Bob", n=12345) == "Hello Bob, you hold 12,345"
    assert (texts.reader("ar").rtl, texts.reader("en").rtl) == (True, False)


def test_a_text_that_only_english_has_is_said_in_english_with_all_its_arguments(texts: Texts) -> None:
    arabic = texts.reader("ar")
    assert arabic("only.english", who="she", n=4) == "she said 4"
    assert [arabic.count("days", n, who="you") for n in (1, 3)] == ["1 day for you", "3 days for you"]


def test_a_text_that_nobody_has_is_its_key_and_the_log_says_so(
    texts: Texts, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    with caplog.at_level(logging.ERROR):
        assert texts.reader("ar")("no.such", n=3) == "no.such"
        assert texts.reader("ar").count("no.such", 3) == "no.such"
    assert [record.msg for record in caplog.records] == ["text_missing", "text_missing"]


@pytest.mark.parametrize("locale", [None, "", "de", "en"])
def test_an_unknown_language_is_english(texts: Texts, locale: str | None) -> None:
    assert texts.reader(locale).locale == "en"
    assert set(texts.locales) == {"en", "ar"}


def test_truths_are_no_numbers_and_empty_names_are_not_isolated(texts: Texts) -> None:
    assert texts.reader("ar")("greet", name="", n=True) == "مرحبا : True"


@pytest.mark.parametrize(
    "name", ["@everyone", "<@123>", "**b**", "a_b_c", "[x](http://y)", "`c`", "# h", "> q", "~~s~~"]
)
def test_a_name_from_outside_stays_text(name: str) -> None:
    shown = escape(name)
    assert "@everyone" not in shown
    assert "<@" not in shown.replace("\\<", "")
    assert not re.search(r"(?<!\\)[*_~`|>#\[\]()<]", shown)


def test_a_name_stays_on_its_line() -> None:
    assert escape("a\n# b\r\n\tc") == "a \\# b c"


@pytest.mark.parametrize("hidden", ["\u202e", "\u2067", "\u2069", "\u200f", "\u061c", "\x1b", "\x00", "\x9b", "\ud83d"])
def test_what_nobody_sees_is_not_shown(hidden: str) -> None:
    """It could turn the sentence around a name, or end the isolate that stands around it."""
    for tidied in (escape, plain, one_line, prose):
        assert tidied(f"a{hidden}b") == "ab"


def test_joiners_and_lines_stay() -> None:
    assert (
        plain("👨\u200d👩 می\u200cخواهم\r\nzwei\x85drei\u2028\tvier") == "👨\u200d👩 می\u200cخواهم\nzwei\ndrei\n vier"
    )


def test_a_managers_text_keeps_its_markdown_and_hides_no_address() -> None:
    assert prose("**Rules**\n[free nitro](https://x.example) <@&12> [a]") == (
        "**Rules**\n\\[free nitro](https://x.example) <@&12> [a]"
    )
    assert prose("@everyone, @here!") == "@\u200beveryone, @\u200bhere!"


def test_mentions_and_moments_are_discords() -> None:
    assert mention(12) == "<@12>"
    assert moment(datetime(2025, 11, 1, tzinfo=UTC), "R") == "<t:1761955200:R>"


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (11, 25, "44%"), (485, 15432, "3.14%"), (1, 16129, "0.0062%"), (1, 1, "100%"), (0, 9, "0%"), (3, 0, "0%"),
        (1, 300_000_000, "0.000000333%"), (99_999, 100_000, "100%"), (1, 2, "50%"), (1, 3, "33.3%"),
    ],
)  # fmt: skip
def test_a_share_has_the_digits_that_matter(part: int, whole: int, shown: str) -> None:
    assert percent(part, whole) == shown


# The real catalogues.


@cache
def catalogue(locale: str) -> Catalog:
    path = LOCALES / f"{locale}.po"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    with path.open("rb") as source:
        return read_po(source, locale=locale)


def forms(catalogue: Catalog) -> dict[str, tuple[str, ...]]:
    """Every key with its forms: one, or as many as the language has plurals."""
    found = {}
    for message in catalogue:
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            found[key] = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    return found


def placeholders(form: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(form) if name is not None}


def test_both_languages_have_every_key() -> None:
    assert set(forms(catalogue("ar"))) == set(forms(catalogue("en")))


@pytest.mark.parametrize(("locale", "plurals"), [("en", 2), ("ar", 6)])
def test_every_form_of_every_text_is_filled(locale: str, plurals: int) -> None:
    found = catalogue(locale)
    assert found.num_plurals == plurals
    for key, texts in forms(found).items():
        assert len(texts) in (1, plurals), key
        assert all(text.strip() for text in texts), key
    assert not [message.id for message in found if message.id and message.fuzzy]


def test_the_languages_agree_on_what_is_plural() -> None:
    english, arabic = forms(catalogue("en")), forms(catalogue("ar"))
    assert {key for key, texts in english.items() if len(texts) > 1} == {
        key for key, texts in arabic.items() if len(texts) > 1
    }


def test_placeholders_agree_between_languages_and_forms() -> None:
    """A plural form may leave {n} out, as «one day» does; no other."""
    english, arabic = forms(catalogue("en")), forms(catalogue("ar"))
    for key, texts in english.items():
        expected = set().union(*map(placeholders, texts))
        for text in (*texts, *arabic.get(key, ())):
            spared = {"n"} if len(texts) > 1 else set()
            assert placeholders(text) <= expected, key
            assert expected - placeholders(text) <= spared, key


def test_no_text_pings_everybody() -> None:
    for locale in ("en", "ar"):
        for key, texts in forms(catalogue(locale)).items():
            assert not re.search("@everyone|@here", " ".join(texts)), key


@cache
def sources() -> list[ast.Module]:
    paths = [ROOT / name for name in CODE]
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
    return [parsed(file) for file in files]


def spoken(tree: ast.Module) -> Iterator[str]:
    """Keys that are handed to a reader or an error, literally."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            first = node.args[0]
            choices = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
            for choice in choices:
                if name in SPEAKERS and isinstance(choice, ast.Constant) and isinstance(choice.value, str):
                    yield choice.value


def mentioned(tree: ast.Module) -> Iterator[str]:
    """Patterns of everything in the code that could be a key: literals, and f-strings that begin like one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEY.fullmatch(node.value):
            yield re.escape(node.value)
        if isinstance(node, ast.JoinedStr):
            parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in node.values]
            if re.match(r"[a-z_]+\\\.", parts[0]):
                yield "".join(parts)


def test_every_key_that_the_code_says_exists() -> None:
    known = forms(catalogue("en"))
    said = {key for tree in sources() for key in spoken(tree) if KEY.fullmatch(key)}
    assert len(said) > 50
    assert sorted(said - set(known)) == []


def test_no_text_is_there_for_nobody() -> None:
    pattern = re.compile("|".join({p for tree in sources() for p in mentioned(tree)}))
    assert [key for key in forms(catalogue("en")) if not pattern.fullmatch(key)] == []


def test_counted_texts_are_plural_and_the_others_are_not() -> None:
    known = forms(catalogue("en"))
    for tree in sources():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            key, name = node.args[0].value, getattr(node.func, "attr", getattr(node.func, "id", ""))
            if key in known and name in SPEAKERS - {"UserError"}:
                assert (name == "count") == (len(known[key]) > 1), key


def test_the_real_catalogues_compile() -> None:
    catalogue("en"), catalogue("ar")
    texts = Texts()
    assert set(texts.locales) == {"en", "ar"}
    assert isinstance(texts.reader("ar"), Reader)
