"""The table of networks as Markdown, and its picture as SVG: accuracy against milliseconds, no label on another."""

import math
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from between_marks import fill_page

from smalti.files import write_whole
from smalti.report.charts import ticks

PICTURE = Path("images") / "networks.svg"
COLUMNS = (
    # head, where it lies, its format
    ("M parameters", "costs", lambda m: f"{m['parameters'] / 1e6:.2f}"),
    ("G multiply-adds", "costs", lambda m: f"{m['giga']:.2f}"),
    ("ms per tile", "costs", lambda m: f"{m['ms']:.0f}"),
    ("steps/s", "costs", lambda m: f"{m['steps']:.2f}"),
    ("peak MB", "costs", lambda m: f"{m['peak']:.0f}"),
    ("mIoU", "accuracy", lambda m: f"{m['miou']:.1f}"),
    ("mF1", "accuracy", lambda m: f"{m['mf1']:.1f}"),
    ("OA", "accuracy", lambda m: f"{m['oa']:.1f}"),
    ("drawn mIoU", "accuracy", lambda m: f"{m['drawn miou']:.1f}"),
)


@dataclass(frozen=True)
class Row:
    """A network and its results; empty where not measured."""

    title: str
    start: str
    costs: dict[str, Any]
    accuracy: dict[str, Any]


def table(rows: Sequence[Row]) -> str:
    """The rows from the fastest to the slowest; dashes where nothing was measured."""
    lines = ["| network | starts from | " + " | ".join(head for head, _, _ in COLUMNS) + " |"]
    lines.append("|---|---|" + "---:|" * len(COLUMNS))
    for row in sorted(rows, key=lambda row: row.costs.get("ms", math.inf)):
        cells = [make(getattr(row, where)) if getattr(row, where) else "-" for _, where, make in COLUMNS]
        lines.append("| " + " | ".join([row.title, row.start, *cells]) + " |")
    return "\n".join(lines)


def write_page(page: Path, rows: Sequence[Row], recipe: Path) -> None:
    """Writes table and picture between the marks of a page."""
    drawn = [row for row in rows if row.costs and row.accuracy]
    parts = [_words(rows, recipe), table(rows)]
    if drawn:
        (page.parent / PICTURE).parent.mkdir(exist_ok=True)
        write_whole(page.parent / PICTURE, picture(drawn).encode())
        parts.append(f"![mIoU against milliseconds per tile]({PICTURE.as_posix()})")
    fill_page(page, "\n\n".join(parts))


def _words(rows: Sequence[Row], recipe: Path) -> str:
    """When and where the rows were measured, and after how many steps."""
    train = tomllib.loads(recipe.read_text(encoding="utf-8"))["train"]
    lines = []
    for what, part in (("Costs", "costs"), ("Accuracy", "accuracy")):
        measured = [getattr(row, part) for row in rows if getattr(row, part)]
        machines = ", ".join(sorted({m["machine"] for m in measured}))
        days = sorted({m["date"] for m in measured})
        lines.append(f"{what}: {machines}, {' to '.join(dict.fromkeys((days[0], days[-1])))}." if days else "")
    lightest = min((row.costs["giga"] for row in rows if row.costs and not row.accuracy), default=None)
    if lightest:
        lines.append(
            f"Rows without scores were not trained: they are too heavy for this budget (from {lightest:.0f} G)."
        )
    windows = f"{train['batch']} windows of {train['crop']}x{train['crop']}"
    return " ".join([*filter(None, lines), f"The budget: {train['steps']} steps of {windows}, one seed."])


WIDTH, HEIGHT = 920, 600
LEFT, RIGHT, TOP, BOTTOM = 56, 20, 16, 48
FONT, LINE = 11, 13
COLORS = {"random": "#2f6fae", "ImageNet": "#c8553d"}
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Label:
    """A point of the picture and the position of its label."""

    x: float
    y: float
    text: str
    color: str
    box: Box


def picture(rows: Sequence[Row]) -> str:
    """mIoU on tile 7 over milliseconds per tile, whose axis is logarithmic, as SVG."""
    low, high = (f(row.costs["ms"] for row in rows) for f in (min, max))
    first, last = math.log10(low / 1.25), math.log10(high * 1.6)
    values = [row.accuracy["miou"] for row in rows]
    levels = ticks(min(values), max(values))

    def across(ms: float) -> float:
        return LEFT + (math.log10(ms) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def down(value: float) -> float:
        return TOP + (levels[-1] - value) / (levels[-1] - levels[0]) * (HEIGHT - TOP - BOTTOM)

    points = [(across(row.costs["ms"]), down(row.accuracy["miou"])) for row in rows]
    names = [row.title if row.start == "random" else f"{row.title}, {row.start}" for row in rows]
    labels = place(points, names, [COLORS[row.start] for row in rows])
    lines = [_rule(down(level), f"{level:g}") for level in levels]
    lines += [_column(across(ms), f"{ms:g}") for ms in _round_numbers(first, last)]
    lines += [part for label in labels for part in _drawn(label)]
    return _SHEET.format(width=WIDTH, height=HEIGHT, font=FONT, lines="\n".join(lines), **_titles())


def place(points: Sequence[tuple[float, float]], names: Sequence[str], colors: Sequence[str]) -> list[Label]:
    """Places a label beside each point, as near as possible: not on a point, another label or outside."""
    taken: list[Box] = [(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    labels = []
    for (x, y), name, color in zip(points, names, colors, strict=True):
        free = (box for box in _around(x, y, _width(name)) if _inside(box) and not any(_meet(box, t) for t in taken))
        box = next(free, None) or next(_around(x, y, _width(name)))
        taken.append(box)
        labels.append(Label(x, y, name, color, box))
    return labels


def _width(text: str) -> float:
    return 0.56 * FONT * len(text)


def _around(x: float, y: float, width: float) -> Iterator[Box]:
    """Boxes near a point, the nearest first: right, left, above, below, and between these."""
    for far in range(8, 240, 6):
        for angle in range(0, 360, 15):
            dx, dy = far * math.cos(math.radians(angle)), far * math.sin(math.radians(angle))
            left = x + dx - width * (1 - math.cos(math.radians(angle))) / 2
            yield left, y + dy - LINE / 2, left + width, y + dy + LINE / 2


def _inside(box: Box) -> bool:
    return box[0] >= LEFT + 2 and box[1] >= TOP and box[2] <= WIDTH - 2 and box[3] <= HEIGHT - BOTTOM


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _round_numbers(first: float, last: float) -> list[float]:
    """1, 2, 5, 10, ... between two powers of ten."""
    every = (digit * 10.0**power for power in range(math.floor(first), math.ceil(last)) for digit in (1, 2, 5))
    return [number for number in every if first <= math.log10(number) <= last]


def _rule(y: float, text: str) -> str:
    line = f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e3e3e3"/>'
    return f'{line}<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'


def _column(x: float, text: str) -> str:
    line = f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#e3e3e3"/>'
    return f'{line}<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{text}</text>'


def _drawn(label: Label) -> Iterator[str]:
    left, top, right, bottom = label.box
    middle = (left + right) / 2
    near = min(max(label.x, left), right), min(max(label.y, top), bottom)
    if math.dist(near, (label.x, label.y)) > 12:
        yield (
            f'<line x1="{label.x:.1f}" y1="{label.y:.1f}" x2="{near[0]:.1f}" y2="{near[1]:.1f}" '
            f'stroke="{label.color}" stroke-width="0.6"/>'
        )
    yield f'<circle cx="{label.x:.1f}" cy="{label.y:.1f}" r="4" fill="{label.color}"/>'
    x, anchor = (left, "start") if left > label.x else (right, "end") if right < label.x else (middle, "middle")
    yield f'<text x="{x:.1f}" y="{bottom - 3:.1f}" text-anchor="{anchor}">{escape(label.text)}</text>'


def _titles() -> dict[str, str]:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return {
        "x_title": f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
        "milliseconds per 512x512 tile, ONNX Runtime, two threads</text>",
        "y_title": f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">'
        "mIoU on tile 7, % (blue: from random weights, red: from ImageNet)</text>",
    }


_SHEET = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" \
font-size="{font}" fill="#333">
<rect width="{width}" height="{height}" fill="#fff"/>
{lines}
{x_title}
{y_title}
</svg>
"""
