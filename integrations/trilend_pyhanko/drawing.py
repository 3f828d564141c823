"""Vector drawing: shapes and glyph outlines become the operators of a PDF content stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, sin

from trilend_pyhanko.glyphs import Glyph, Point

# A circle by four cubic curves: control points at 4/3 (√2 − 1) of the radius, error below 0.03 %.
_CIRCLE_CONTROL = 0.5522847498


@dataclass(frozen=True)
class Transform:
    """Scale by (`width`, `height`), then turn by `angle` (radians, counter-clockwise), then move to (`x`, `y`)."""

    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0

    def apply(self, point: Point) -> Point:
        """The point after scaling, turning and moving."""
        across, up = point[0] * self.width, point[1] * self.height
        return (
            self.x + across * cos(self.angle) - up * sin(self.angle),
            self.y + across * sin(self.angle) + up * cos(self.angle),
        )


class Drawing:
    """A content stream under construction; lengths in points."""

    def __init__(self, ink: tuple[float, float, float]) -> None:
        colour = " ".join(f"{part:.3f}" for part in ink)
        self._operators = [f"{colour} rg {colour} RG 1 j"]

    def circle(self, centre: Point, radius: float, line_width: float) -> None:
        """A ring whose line is centred on `radius`."""
        x, y = centre
        k = radius * _CIRCLE_CONTROL
        self._operators.append(
            f"{line_width:.3f} w {_at((x + radius, y))} m "
            f"{_at((x + radius, y + k), (x + k, y + radius), (x, y + radius))} c "
            f"{_at((x - k, y + radius), (x - radius, y + k), (x - radius, y))} c "
            f"{_at((x - radius, y - k), (x - k, y - radius), (x, y - radius))} c "
            f"{_at((x + k, y - radius), (x + radius, y - k), (x + radius, y))} c s"
        )

    def rectangle(self, corner: Point, width: float, height: float, line_width: float) -> None:
        """A frame whose line is centred on the given rectangle."""
        self._operators.append(f"{line_width:.3f} w {_at(corner)} {width:.3f} {height:.3f} re s")

    def polygon(self, points: Sequence[Point]) -> None:
        """A filled polygon."""
        first, *rest = points
        self._operators.append(f"{_at(first)} m " + " ".join(f"{_at(point)} l" for point in rest) + " h f")

    def glyph(self, glyph: Glyph, transform: Transform, weight: float) -> None:
        """A character's outline, filled and drawn with a line of `weight`, which makes it bolder."""
        if not glyph.outline:
            return
        steps = " ".join(
            f"{_at(*map(transform.apply, stroke.points))} {stroke.operator}".strip() for stroke in glyph.outline
        )
        self._operators.append(f"{weight:.3f} w {steps} B")

    def content(self) -> bytes:
        """The finished operators."""
        return "\n".join(self._operators).encode("ascii")


def _at(*points: Point) -> str:
    return " ".join(f"{x:.3f} {y:.3f}" for x, y in points)
