"""Every sentence a user sees: gettext catalogues, plurals, and names isolated in right-to-left text."""

from __future__ import annotations

import gettext
import io
import logging
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from core.moments import EARLIEST, LATEST

log = logging.getLogger(__name__)

RTL_LOCALES = frozenset({"ar"})
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
_LOCALES = Path(__file__).resolve().parent.parent / "locales"
_MARKDOWN = re.compile(r"([\\*_~`|>#\[\]()<@:-])")
_MASKED_LINK, _EVERYBODY = re.compile(r"\[(?=[^\[\]]*\]\()"), re.compile(r"@(?=everyone\b|here\b)")
# Control characters, marks and overrides of direction (with the isolates, which are ours alone), halves of pairs.
# Joiners stay: emoji and Persian words are made with them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff]"
)


def plain(written: str) -> str:
    """What somebody wrote without what nobody sees: it could turn the words around it, or forge lines."""
    return _UNSEEN.sub("", "\n".join(written.splitlines()).replace("\t", " "))


# Marks, joiners, fillers and selectors that chat programs append so that a message can be sent twice.
_INVISIBLE = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def visible(written: str) -> str:
    """What is to be seen of a message, for comparing it; not for showing: emoji and Persian lose their joiners."""
    return written.strip() if written.isascii() else _INVISIBLE.sub("", written).strip()


def one_line(written: str) -> str:
    """`plain`, in one line and without spaces that mean nothing."""
    return " ".join(plain(written).split())


def escape(name: str) -> str:
    """A name from outside as plain text: no markdown, no mention, no line of its own."""
    return _MARKDOWN.sub(r"\\\1", one_line(name)).replace("\\@", "@\u200b")


def prose(written: str) -> str:
    """A manager's own text: markdown as it is, but a link shows where it leads, and nobody calls everybody."""
    return _EVERYBODY.sub("@\u200b", _MASKED_LINK.sub(r"\\[", plain(written)))


class Mark(str):
    """Discord's own mark for a member or a moment, which stays one in an error's text."""


def mention(discord_id: int) -> Mark:
    return Mark(f"<@{discord_id}>")


def moment(when: datetime, style: str = "F") -> Mark:
    """Discord's own timestamp, shown in the reader's zone. Styles: t T d D f F R. A date that no clock shows is `?`."""
    return Mark(f"<t:{int(when.timestamp())}:{style}>" if EARLIEST < when < LATEST else "?")


def percent(part: int, whole: int) -> str:
    """A share with the digits that matter: 44%, 3.14%, 0.0062%."""
    if whole <= 0:
        return "0%"
    share = Decimal(part) * 100 / Decimal(whole)
    digits = f"{share:.{max(0, 2 - share.adjusted())}f}"
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}%"


class Reader:
    """One language: call it with a key and arguments, or `count` for a text with plural forms."""

    def __init__(self, locale: str, catalogue: gettext.NullTranslations, fallback: Reader | None) -> None:
        self.locale = locale
        self.rtl = locale in RTL_LOCALES
        self._catalogue = catalogue
        self._fallback = fallback

    def __call__(self, key: str, **args: object) -> str:
        template = self._catalogue.gettext(key)
        if template != key:
            return self._filled(template, args)
        return self._missing(key) if self._fallback is None else self._fallback(key, **args)

    def knows(self, key: str) -> bool:
        """Whether the key has a text (one without plural forms)."""
        return self._catalogue.gettext(key) != key

    def count(self, key: str, n: int, **args: object) -> str:
        """The plural form for `n`, which fills `{n}`."""
        template = self._catalogue.ngettext(key, key, n)
        if template != key:
            return self._filled(template, {"n": n, **args})
        return self._missing(key) if self._fallback is None else self._fallback.count(key, n, **args)

    def _filled(self, template: str, args: Mapping[str, object]) -> str:
        return template.format(**{name: self._shown(value) for name, value in args.items()})

    def _missing(self, key: str) -> str:
        """The key itself: a text that no language has (a test keeps the languages complete)."""
        log.error("text_missing", extra={"key": key, "locale": self.locale})
        return key

    def _shown(self, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            return f"{value:,}"
        if self.rtl and isinstance(value, str) and value:
            return f"{FIRST_STRONG_ISOLATE}{value}{POP_ISOLATE}"
        return value


class Texts:
    """All languages, compiled from `locales/<locale>.po` when the process starts."""

    def __init__(self, folder: Path = _LOCALES) -> None:
        english = Reader("en", _translations(folder / "en.po"), None)
        self._readers = {"en": english}
        for path in sorted(folder.glob("*.po")):
            if path.stem != "en":
                self._readers[path.stem] = Reader(path.stem, _translations(path), english)

    @property
    def locales(self) -> tuple[str, ...]:
        return tuple(self._readers)

    def reader(self, locale: str | None) -> Reader:
        return self._readers.get(locale or "en", self._readers["en"])


def _translations(path: Path) -> gettext.GNUTranslations:
    return _compiled(path, path.stem, path.stat().st_mtime_ns)


@cache
def _compiled(path: Path, locale: str, _changed_at: int) -> gettext.GNUTranslations:
    with path.open("rb") as source:
        catalogue = read_po(source, locale=locale)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
