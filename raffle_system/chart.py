"""The chart of `raffle stats`: tickets by source over the last months, as a PNG that reads on dark and light."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

WIDTH, HEIGHT = 800, 500
_FONTS = Path(__file__).resolve().parent / "fonts"
_GROUND, _CARD, _INK, _QUIET, _GRID = "#111827", "#1f2937", "#f9fafb", "#9ca3af", "#374151"
COLOURS = {
    "watchtime": "#60a5fa", "gifted_sub": "#f472b6", "shuffle_wager": "#fbbf24", "bonus": "#34d399",
    "new_sub": "#a78bfa", "kicks": "#f87171",
}  # fmt: skip
_OTHER = "#94a3b8"
_LEFT, _RIGHT, _TOP, _BOTTOM = 96, 36, 150, 64
Font = ImageFont.FreeTypeFont


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One month: its label, tickets by source, and what the month may come to (0: it is over)."""

    label: str
    by_source: Mapping[str, int]
    projection: int = 0

    @property
    def total(self) -> int:
        return sum(amount for amount in self.by_source.values() if amount > 0)


@dataclass(frozen=True, kw_only=True)
class ChartTexts:
    """Everything that is written into the chart; `rtl` puts title and legend on the right."""

    title: str
    sources: Mapping[str, str]
    projection: str
    rtl: bool


@cache
def _font(size: int, *, bold: bool = False) -> Font:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(_FONTS / name), size)


def shaped(text: str, *, raqm: bool | None = None) -> str:
    """Text as Pillow can draw it from left to right: letters joined and reordered where it cannot do so itself."""
    if features.check("raqm") if raqm is None else raqm:
        return text
    import arabic_reshaper  # type: ignore[import-untyped]
    from bidi.algorithm import get_display  # type: ignore[import-untyped]

    return str(get_display(arabic_reshaper.reshape(text)))


def _ceiling(most: int) -> int:
    """The least of 1, 2, 5 x 10^n that is not below `most`."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor >= most:
                return step * factor
        step *= 10


def _short(number: int) -> str:
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if number >= size:
            return f"{number / size:g}{letter}" if number % size == 0 else f"{number / size:.1f}{letter}"
    return str(number)


def draw(bars: Sequence[Bar], texts: ChartTexts) -> bytes:
    """A PNG of WIDTH x HEIGHT. The ground is its own, so that it does not matter what is around it."""
    image = Image.new("RGB", (WIDTH, HEIGHT), _GROUND)
    canvas = ImageDraw.Draw(image)
    canvas.rounded_rectangle((8, 8, WIDTH - 8, HEIGHT - 8), radius=18, fill=_CARD)
    _write(canvas, texts.title, (WIDTH - 36 if texts.rtl else 36, 28), _font(30, bold=True), _INK, rtl=texts.rtl)
    _legend(canvas, bars, texts)
    most = _ceiling(max((max(bar.total, bar.projection) for bar in bars), default=1) or 1)
    _grid(canvas, most)
    for index, bar in enumerate(bars):
        _bar(canvas, bar, index, len(bars), most)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _write(
    canvas: ImageDraw.ImageDraw, text: str, at: tuple[float, float], font: Font, colour: str, *, rtl: bool = False
) -> float:
    """Write at the left end of the place, or at its right end; the width."""
    written = shaped(text)
    canvas.text(at, written, font=font, fill=colour, anchor="ra" if rtl else "la")
    return canvas.textlength(written, font=font)


def _legend(canvas: ImageDraw.ImageDraw, bars: Sequence[Bar], texts: ChartTexts) -> None:
    present = [name for name in texts.sources if any(bar.by_source.get(name, 0) > 0 for bar in bars)]
    entries = [(texts.sources[name], COLOURS.get(name, _OTHER)) for name in present]
    if any(bar.projection for bar in bars):
        entries.append((texts.projection, ""))
    x, y, font = 36.0, 78.0, _font(20)
    for label, colour in entries:
        width = 30 + canvas.textlength(shaped(label), font=font) + 26
        if x + width > WIDTH - 20:
            x, y = 36.0, y + 30
        left = WIDTH - x - 20 if texts.rtl else x
        box = (left, y + 3, left + 20, y + 21)
        canvas.rounded_rectangle(box, radius=5, fill=colour or None, outline=None if colour else _QUIET, width=2)
        _write(canvas, label, (left - 8 if texts.rtl else left + 28, y), font, _INK, rtl=texts.rtl)
        x += width


def _height(amount: int, most: int) -> float:
    return (HEIGHT - _BOTTOM - _TOP) * amount / most


def _grid(canvas: ImageDraw.ImageDraw, most: int) -> None:
    for part in range(5):
        y = HEIGHT - _BOTTOM - _height(part, 4)
        canvas.line((_LEFT, y, WIDTH - _RIGHT, y), fill=_GRID, width=2)
        canvas.text((_LEFT - 12, y), _short(most * part // 4), font=_font(18), fill=_QUIET, anchor="rm")


def _bar(canvas: ImageDraw.ImageDraw, bar: Bar, index: int, count: int, most: int) -> None:
    room = (WIDTH - _LEFT - _RIGHT) / count
    width = min(room * 0.62, 110)
    middle = _LEFT + room * (index + 0.5)
    floor = HEIGHT - _BOTTOM
    if bar.projection > bar.total:
        top = floor - _height(bar.projection, most)
        canvas.rectangle((middle - width / 2, top, middle + width / 2, floor), outline=_QUIET, width=2)
    y: float = floor
    for name, amount in bar.by_source.items():
        if amount > 0:
            top = y - _height(amount, most)
            canvas.rectangle((middle - width / 2, top, middle + width / 2, y), fill=COLOURS.get(name, _OTHER))
            y = top
    canvas.text((middle, y - 6), _short(bar.total), font=_font(20, bold=True), fill=_INK, anchor="mb")
    if bar.projection > bar.total:
        above = min(floor - _height(bar.projection, most), y - 30)
        canvas.text((middle, above - 6), _short(bar.projection), font=_font(20), fill=_QUIET, anchor="mb")
    canvas.text((middle, floor + 12), shaped(bar.label), font=_font(20), fill=_INK, anchor="ma")
