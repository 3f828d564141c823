"""The visible shapes: a round company seal, and a square personal mark, drawn in red outlines.

Ring, five-pointed star and the name in Song characters from left to right along the arc are what 国发〔1999〕25号
asks of a company's seal; size (42 mm) and proportions, code and caption follow the seal makers' practice.
"""

import math
import unicodedata
from collections.abc import Sequence
from itertools import accumulate, pairwise

from trilend_pyhanko.drawing import Drawing, Transform
from trilend_pyhanko.glyphs import EM_BOTTOM, EM_TOP, Glyph, Point, glyph
from trilend_sdk.esign import SealKind, Signer

INK = (0.84, 0.07, 0.09)

# All in radii of the seal.
_RING = 0.055
_STAR = 0.345
_NAME_OUTER = 0.895
_NAME_HEIGHT = 0.28
_NAME_PITCH = math.radians(27)
_NAME_SPAN = math.radians(238)
_NAME_FILL = 0.87
_NAME_NARROWEST = 0.5
_CAPTION_TOP = -0.44
_CAPTION_HEIGHT = 0.165
_CAPTION_WIDTH = 0.8
_CODE_OUTER = 0.895
_CODE_HEIGHT = 0.115
_CODE_SPAN = math.radians(76)
_CODE_PITCH = math.radians(5.6)
_BOLDER = 0.009
# In widths of a character: the more of them, the finer.
_NAME_BOLDER = 0.036

# All in sides of the square.
_FRAME = 0.05
_MARGIN = 0.095
_CELL_FILL = 0.94
_MARK_BOLDER = 0.01


def draw(signer: Signer, width: float, height: float) -> bytes:
    """The operators of the signer's mark, as large as fits into the box and centred in it (points).

    Raises `Terminal` naming the first character that no font has.
    """
    drawing = Drawing(INK)
    centre = (width / 2, height / 2)
    size = min(width, height)
    if signer.kind is SealKind.COMPANY:
        _company_seal(drawing, signer, centre, size / 2)
    else:
        _personal_mark(drawing, signer.name, centre, size)
    return drawing.content()


def _company_seal(drawing: Drawing, signer: Signer, centre: Point, radius: float) -> None:
    drawing.circle(centre, radius * (1 - _RING / 2), radius * _RING)
    drawing.polygon(_star(centre, radius * _STAR))
    _name_on_arc(drawing, _visible(signer.name), centre, radius)
    if signer.caption:
        _caption(drawing, _visible(signer.caption), centre, radius)
    if signer.seal_code:
        _code_on_arc(drawing, _visible(signer.seal_code), centre, radius)


def _star(centre: Point, radius: float) -> list[Point]:
    # The inner corners of a regular pentagram lie at (3 − √5)/2 of the outer radius.
    inner = radius * (3 - math.sqrt(5)) / 2
    return [
        _on_circle(centre, radius if corner % 2 == 0 else inner, math.radians(90 + 36 * corner)) for corner in range(10)
    ]


def _name_on_arc(drawing: Drawing, name: str, centre: Point, radius: float) -> None:
    glyphs = [glyph(character) for character in name]
    pitch = min(_NAME_PITCH, _NAME_SPAN / max(sum(shape.advance for shape in glyphs) - 1, 1))
    middle = radius * (_NAME_OUTER - _NAME_HEIGHT / 2)
    width = min(_NAME_FILL * pitch * middle, _NAME_HEIGHT * radius)
    height = min(_NAME_HEIGHT * radius, width / _NAME_NARROWEST)
    base = radius * _NAME_OUTER - height * EM_TOP
    weight = width * _NAME_BOLDER
    angle = math.pi / 2 + pitch * sum(shape.advance for shape in glyphs) / 2
    for shape in glyphs:
        half = pitch * shape.advance / 2
        angle -= half
        x, y = _on_circle(centre, base, angle)
        turn = angle - math.pi / 2
        left = (x - math.cos(turn) * width * shape.advance / 2, y - math.sin(turn) * width * shape.advance / 2)
        drawing.glyph(shape, Transform(*left, width, height, turn), weight)
        angle -= half


def _code_on_arc(drawing: Drawing, code: str, centre: Point, radius: float) -> None:
    pitch = min(_CODE_PITCH, _CODE_SPAN / max(len(code) - 1, 1))
    height = radius * _CODE_HEIGHT
    foot = radius * _CODE_OUTER
    width = min(height, pitch * foot / 0.6)
    angle = -math.pi / 2 - pitch * (len(code) - 1) / 2
    for character in code:
        shape = glyph(character)
        x, y = _on_circle(centre, foot, angle)
        turn = angle + math.pi / 2
        left = (x - math.cos(turn) * width * shape.advance / 2, y - math.sin(turn) * width * shape.advance / 2)
        drawing.glyph(shape, Transform(*left, width, height, turn), radius * _BOLDER / 2)
        angle += pitch


def _caption(drawing: Drawing, caption: str, centre: Point, radius: float) -> None:
    glyphs = [glyph(character) for character in caption]
    height = radius * _CAPTION_HEIGHT
    ems = sum(shape.advance for shape in glyphs)
    width = min(height, radius * _CAPTION_WIDTH / ems)
    x = centre[0] - width * ems / 2
    base = centre[1] + radius * _CAPTION_TOP - height * EM_TOP
    for shape in glyphs:
        drawing.glyph(shape, Transform(x, base, width, height), radius * _BOLDER)
        x += width * shape.advance


def _personal_mark(drawing: Drawing, name: str, centre: Point, side: float) -> None:
    corner = (centre[0] - side / 2, centre[1] - side / 2)
    line = side * _FRAME
    drawing.rectangle((corner[0] + line / 2, corner[1] + line / 2), side - line, side - line, line)
    inner = side * (1 - 2 * _MARGIN)
    origin = (corner[0] + side * _MARGIN, corner[1] + side * _MARGIN)
    words = name.split()
    if _is_alphabetic(name):
        _in_rows(drawing, words, origin, inner, side * _MARK_BOLDER)
    else:
        _in_columns(drawing, seal_columns("".join(words)), origin, inner, side * _MARK_BOLDER)


def seal_columns(name: str) -> list[str]:
    """The columns of a name in a square seal, the rightmost first, each read downwards.

    Three characters: the surname fills the right column. Else as near to a square as the number allows.
    """
    if len(name) == 3:
        return [name[0], name[1:]]
    count = math.ceil(math.sqrt(len(name)))
    shortest, longer = divmod(len(name), count)
    ends = list(accumulate(shortest + (place < longer) for place in range(count)))
    return [name[start:end] for start, end in pairwise([0, *ends])]


def _in_columns(drawing: Drawing, columns: Sequence[str], origin: Point, side: float, weight: float) -> None:
    width = side / len(columns)
    for place, column in enumerate(columns):
        height = side / len(column)
        x = origin[0] + side - (place + 1) * width
        for row, character in enumerate(column):
            y = origin[1] + side - (row + 1) * height
            _in_cell(drawing, glyph(character), (x, y), (width, height), weight)


def _in_rows(drawing: Drawing, words: Sequence[str], origin: Point, side: float, weight: float) -> None:
    height = side / len(words)
    for row, word in enumerate(words):
        glyphs = [glyph(character) for character in word]
        em = min(height * _CELL_FILL, side / sum(shape.advance for shape in glyphs))
        x = origin[0] + (side - em * sum(shape.advance for shape in glyphs)) / 2
        y = origin[1] + side - (row + 0.5) * height - em * 0.35
        for shape in glyphs:
            drawing.glyph(shape, Transform(x, y, em, em), weight)
            x += em * shape.advance


def _in_cell(drawing: Drawing, shape: Glyph, corner: Point, size: tuple[float, float], weight: float) -> None:
    width, height = size[0] * _CELL_FILL, size[1] * _CELL_FILL
    x = corner[0] + (size[0] - width * shape.advance) / 2
    y = corner[1] + (size[1] - height) / 2 - height * EM_BOTTOM
    drawing.glyph(shape, Transform(x, y, width, height), weight)


def _is_alphabetic(name: str) -> bool:
    return all("LATIN" in unicodedata.name(character, "") or not character.isalpha() for character in name)


def _visible(text: str) -> str:
    return " ".join(text.split())


def _on_circle(centre: Point, radius: float, angle: float) -> Point:
    return (centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle))
