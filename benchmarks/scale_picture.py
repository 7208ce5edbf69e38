"""The chart of `scale_simulation.py`: hours by workers, both on logarithmic axes, as SVG."""

from collections.abc import Callable, Mapping, Sequence
from math import floor, log10

LEFT, TOP, WIDTH, HEIGHT = 60, 20, 560, 320
COLORS = ("#1f6f8b", "#c8553d", "#588157", "#8d6a9f", "#7f7f7f")
Curve = Sequence[tuple[int, float]]


def chart(curves: Mapping[str, Curve]) -> str:
    """The curves, each with the ideal line from its first point, dashed."""
    points = [point for curve in curves.values() for point in curve]
    most = floor(log10(max(hours for _, hours in points))) + 1
    least = floor(log10(min(hours for _, hours in points)))
    right = log10(max(workers for workers, _ in points))

    def at(workers: float, hours: float) -> tuple[float, float]:
        y = TOP + (most - max(log10(hours), least)) / (most - least) * HEIGHT
        return LEFT + log10(workers) / right * WIDTH, y

    parts = [_axes(at, least, most, round(right))]
    for k, (name, curve) in enumerate(curves.items()):
        color = COLORS[k % len(COLORS)]
        ideal = [at(workers, curve[0][1] / workers) for workers, _ in curve]
        parts.append(_line(ideal, color, 'stroke-dasharray="3 4" opacity="0.5"'))
        parts.append(_line([at(*point) for point in curve], color, 'stroke-width="2.5"'))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>' for x, y in (at(*p) for p in curve)]
        y = TOP + 12 + 17 * k
        parts.append(f'<text x="{LEFT + WIDTH}" y="{y}" fill="{color}" text-anchor="end">{name}</text>')
    size = f"0 0 {LEFT + WIDTH + 20} {TOP + HEIGHT + 50}"
    style = 'font-family="sans-serif" font-size="13"'
    body = "\n".join(parts)
    sheet = '<rect width="100%" height="100%" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" {style}>\n{sheet}\n{body}\n</svg>\n'


def _axes(place: Callable[[float, float], tuple[float, float]], least: int, most: int, right: int) -> str:
    lines = []
    for power in range(least, most + 1):
        _, y = place(1, 10.0**power)
        lines.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g} h</text>')
    for power in range(right + 1):
        x, _ = place(10.0**power, 1)
        lines.append(f'<line y1="{TOP}" y2="{TOP + HEIGHT}" x1="{x:.1f}" x2="{x:.1f}" stroke="#eee"/>')
        lines.append(f'<text x="{x:.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{10**power:,}</text>')
    lines.append(
        f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 40}" text-anchor="middle">workers of one core</text>'
    )
    return "\n".join(lines)


def _line(points: Sequence[tuple[float, float]], color: str, more: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{color}" {more}/>'
