"""Outlines of characters from the bundled static fonts, in fractions of the em square."""

import mmap
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pylopdf_fonts_zh_cn
from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont
from fontTools.ttLib.ttGlyphSet import _TTGlyphSet as GlyphSet

from trilend_sdk.errors import Terminal

Point = tuple[float, float]

# The ideographic em box of Noto CJK lies from 12 % below the baseline to 88 % above it.
EM_BOTTOM = -0.12
EM_TOP = 0.88


@dataclass(frozen=True)
class Stroke:
    """One step of an outline: `m` move, `l` line, `c` cubic curve, `h` close."""

    operator: str
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Glyph:
    """A character's outline and its advance width, both in em."""

    advance: float
    outline: tuple[Stroke, ...]


def glyph(character: str) -> Glyph:
    """The outline of one character in Song (serif) style; `Terminal` names a character that no font has."""
    with _FONT_LOCK:
        return _glyph(character)


def require_glyphs(text: str) -> None:
    """Raise `Terminal` for the first character of `text` that no font has."""
    for character in text:
        glyph(character)


# fontTools reads lazily from one buffer, which two threads must not move at once.
_FONT_LOCK = threading.Lock()


@cache
def _glyph(character: str) -> Glyph:
    for font in _fonts():
        name = font.getBestCmap().get(ord(character))
        if name is not None:
            return _outline(font, name)
    raise Terminal(f"印章字体中没有“{character}”字（U+{ord(character):04X}），无法制作印章。", code="glyph_missing")


@cache
def _fonts() -> tuple[TTFont, ...]:
    return tuple(_open(path) for path in (pylopdf_fonts_zh_cn.serif_path(), pylopdf_fonts_zh_cn.sans_path()))


def _open(path: Path) -> TTFont:
    # Mapped, not opened: workers forked from this process would share an open file's position.
    with path.open("rb") as file:
        return TTFont(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), lazy=True)


def _outline(font: TTFont, name: str) -> Glyph:
    glyphs = font.getGlyphSet()
    units = font["head"].unitsPerEm
    pen = _StrokePen(glyphs, units)
    glyphs[name].draw(pen)
    return Glyph(glyphs[name].width / units, tuple(pen.strokes))


class _StrokePen(BasePen):  # type: ignore[misc]
    """Collects an outline as strokes; quadratic curves arrive as cubic ones."""

    def __init__(self, glyphs: GlyphSet, units: int) -> None:
        super().__init__(glyphs)
        self.strokes: list[Stroke] = []
        self._units = units

    def _add(self, operator: str, *points: Point) -> None:
        self.strokes.append(Stroke(operator, tuple((x / self._units, y / self._units) for x, y in points)))

    def _moveTo(self, pt: Point) -> None:  # noqa: N802
        self._add("m", pt)

    def _lineTo(self, pt: Point) -> None:  # noqa: N802
        self._add("l", pt)

    def _curveToOne(self, pt1: Point, pt2: Point, pt3: Point) -> None:  # noqa: N802
        self._add("c", pt1, pt2, pt3)

    def _closePath(self) -> None:  # noqa: N802
        self._add("h")
