"""A chart with two logarithmic axes, as SVG: curves, and dashed the lines of their ideal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import log10
from typing import Literal

LEFT, TOP, WIDTH, HEIGHT = 66, 20, 554, 320
COLORS = ("#1f6f8b", "#c8553d", "#588157", "#8d6a9f", "#7f7f7f")
Points = Sequence[tuple[float, float]]
Place = Callable[[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """One axis: its lines, from its lowest value to its highest, each with a text."""

    title: str
    lines: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        low, high = (log10(self.lines[end][0]) for end in (0, -1))
        return (log10(value) - low) / (high - low)


@dataclass(frozen=True)
class Curve:
    """Measured points in order, and those of the dashed line."""

    name: str
    points: Points
    ideal: Points


def chart(curves: Sequence[Curve], across: Axis, up: Axis, names: Literal["left", "right"] = "right") -> str:
    """The curves; their `names` are above, at that end of the chart."""

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + across.share(x) * WIDTH, TOP + (1 - up.share(y)) * HEIGHT

    parts = [_axes(at, across, up)]
    x, anchor = (LEFT + WIDTH - 4, "end") if names == "right" else (LEFT + 12, "start")
    for k, curve in enumerate(curves):
        color = COLORS[k % len(COLORS)]
        points = [at(*point) for point in curve.points]
        parts.append(_line([at(*point) for point in curve.ideal], color, 'stroke-dasharray="3 4" opacity="0.5"'))
        parts.append(_line(points, color, 'stroke-width="2.5"'))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>' for x, y in points]
        name, y = escape(curve.name), TOP + 17 + 17 * k
        parts.append(f'<text x="{x}" y="{y}" fill="{color}" text-anchor="{anchor}">{name}</text>')
    size = f"0 0 {LEFT + WIDTH + 20} {TOP + HEIGHT + 50}"
    style = 'font-family="sans-serif" font-size="13"'
    body = "\n".join(parts)
    sheet = '<rect width="100%" height="100%" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" {style}>\n{sheet}\n{body}\n</svg>\n'


def _axes(at: Place, across: Axis, up: Axis) -> str:
    left, low = across.lines[0][0], up.lines[0][0]
    parts = []
    for value, text in up.lines:
        _, y = at(left, value)
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    for value, text in across.lines:
        x, _ = at(value, low)
        parts.append(f'<line y1="{TOP}" y2="{TOP + HEIGHT}" x1="{x:.1f}" x2="{x:.1f}" stroke="#eee"/>')
        parts.append(f'<text x="{x:.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{text}</text>')
    parts.append(
        f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 40}" text-anchor="middle">{escape(across.title)}</text>'
    )
    x, y = 14, TOP + HEIGHT / 2
    parts.append(
        f'<text x="{x}" y="{y}" text-anchor="middle" transform="rotate(-90 {x} {y})">{escape(up.title)}</text>'
    )
    return "\n".join(parts)


def _line(points: Points, color: str, more: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{color}" {more}/>'
