"""Small line charts as PNG: one series over time, drawn at twice the size and scaled down for smooth lines."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

from babel.dates import format_skeleton
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, SCALE = 800, 320, 2
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 24, 40
BACKGROUND, GRID, LINE, FILL, INK = (30, 31, 34), (58, 60, 65), (59, 130, 246), (37, 61, 104), (219, 222, 225)
TICKS = 4


def line_chart(series: Sequence[tuple[datetime, int]], locale: str) -> bytes:
    """A PNG of values over time, at least two points, oldest first; the axis begins at 0, times are as given.

    Dates are written as the locale writes them.
    """
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), BACKGROUND)
    draw = ImageDraw.Draw(image)
    top = _round_up(max(value for _, value in series))
    _grid(draw, top)
    points = _points(series, top)
    floor = (HEIGHT - BOTTOM) * SCALE
    draw.polygon([(points[0][0], floor), *points, (points[-1][0], floor)], fill=FILL)
    draw.line(points, fill=LINE, width=3 * SCALE, joint="curve")
    _times(draw, series, locale)
    out = io.BytesIO()
    image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()


def _round_up(value: int) -> int:
    """The next number that divides well: 4, 8, 12, 20, 40, 80, 120, 200 ..."""
    step = TICKS
    while True:
        for factor in (1, 2, 3, 5):
            if step * factor >= value:
                return step * factor
        step *= 10


def _points(series: Sequence[tuple[datetime, int]], top: int) -> list[tuple[float, float]]:
    first, last = series[0][0], series[-1][0]
    span = max((last - first).total_seconds(), 1.0)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    return [
        (
            (LEFT + wide * (when - first).total_seconds() / span) * SCALE,
            (HEIGHT - BOTTOM - high * value / top) * SCALE,
        )
        for when, value in series
    ]


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(13 * SCALE)


def _grid(draw: ImageDraw.ImageDraw, top: int) -> None:
    high = HEIGHT - TOP - BOTTOM
    for tick in range(TICKS + 1):
        y = (HEIGHT - BOTTOM - high * tick / TICKS) * SCALE
        draw.line([(LEFT * SCALE, y), ((WIDTH - RIGHT) * SCALE, y)], fill=GRID, width=SCALE)
        draw.text(((LEFT - 10) * SCALE, y), f"{top * tick // TICKS:,}", fill=INK, font=_font(), anchor="rm")


def time_text(when: datetime, days: int, locale: str) -> str:
    """A moment at the axis of a chart that spans so many days; in digits alone, which every font has."""
    parts = ("Hm",) if days < 1 else ("Md", "Hm") if days < 7 else ("yMd",)
    text = " ".join(format_skeleton(part, when, locale=locale) for part in parts)
    return text.replace("\u200f", "")


def _times(draw: ImageDraw.ImageDraw, series: Sequence[tuple[datetime, int]], locale: str) -> None:
    first, last = series[0][0], series[-1][0]
    y = (HEIGHT - BOTTOM + 12) * SCALE
    for when, anchor, x in ((first, "la", LEFT), (last, "ra", WIDTH - RIGHT)):
        draw.text((x * SCALE, y), time_text(when, (last - first).days, locale), fill=INK, font=_font(), anchor=anchor)
