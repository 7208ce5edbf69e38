"""Windows and tiles: integer pixels only, rows first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of pixels. It may reach beyond the image it belongs to."""

    row: int
    col: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """First row below the window."""
        return self.row + self.height

    @property
    def right(self) -> int:
        """First column right of the window."""
        return self.col + self.width

    def shift(self, rows: int, cols: int) -> "Window":
        """The same rectangle, moved."""
        return Window(self.row + rows, self.col + cols, self.height, self.width)

    def times(self, factor: int) -> "Window":
        """The same rectangle in pixels of which `factor` x `factor` make one of these."""
        return Window(self.row * factor, self.col * factor, self.height * factor, self.width * factor)

    def intersect(self, other: "Window") -> "Window | None":
        """The intersection of both windows, or None."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        height = min(self.bottom, other.bottom) - row
        width = min(self.right, other.right) - col
        return Window(row, col, height, width) if height > 0 and width > 0 else None

    def slices(self) -> tuple[slice, slice]:
        """Row and column slices into an array that starts at pixel 0, 0. Only for windows inside the image."""
        return slice(self.row, self.bottom), slice(self.col, self.right)

    def within(self, other: "Window") -> tuple[slice, slice]:
        """Row and column slices of this window in an array that holds the pixels of `other`."""
        return self.shift(-other.row, -other.col).slices()


STRIP = 512
"""Usual number of rows of a strip."""


def strips(height: int, width: int, rows: int = STRIP) -> Iterator[Window]:
    """Windows of `rows` rows (the last one perhaps fewer) over all columns, from top to bottom."""
    for row in range(0, height, rows):
        yield Window(row, 0, min(rows, height - row), width)


@dataclass(frozen=True, slots=True)
class Tile:
    """The net's input window, the part of it that is used, and the part that no later tile touches."""

    read: Window
    """size x size pixels; reaches beyond the image only where the image is smaller than the tile."""
    keep: Window
    """The part that is used: inside the image, `overlap` pixels shared with each neighbour's part."""
    done: Window
    """The part of `keep` that is final once this tile is blended. These parts cover each pixel once."""


@dataclass(frozen=True, slots=True)
class Span:
    """A tile along one axis, like `Tile`: the start of the net's window, the part used, and the part then final."""

    read: int
    begin: int
    end: int
    done: int


def starts(length: int, size: int, step: int) -> list[int]:
    """The starts of tiles along one axis: every `step`, the last one moved inwards so that it ends at the border."""
    if length <= size:
        return [0]
    return [*range(0, length - size, step), length - size]


def spans(length: int, size: int, overlap: int) -> list[Span]:
    """The tiles along one axis.

    Of a last tile that was moved inwards only the far part is used, so that no more than `overlap` pixels are shared:
    then no more than `overlap` rows must be kept between two rows of tiles.
    """
    reads = starts(length, size, size - overlap)
    ends = [min(read + size, length) for read in reads]
    begins = [0, *(end - overlap for end in ends[:-1])]
    dones = [*begins[1:], length]
    return [Span(*span) for span in zip(reads, begins, ends, dones, strict=True)]


def plan_tiles(height: int, width: int, size: int, overlap: int, stride: int = 1) -> Iterator[Tile]:
    """Tiles of `size` x `size` pixels that cover `height` x `width`, row by row.

    The last tile of a row or column moves inwards; no tile comes twice.

    Args:
        height, width: of the image, in pixels.
        size: side of a tile in pixels.
        overlap: pixels that the used parts of neighbours share.
        stride: the net's deepest stride; `size` must be a multiple of it.

    Raises:
        ValueError: `size` is not a multiple of `stride`, or the overlap leaves no step.
    """
    if min(height, width) < 1 or size % stride or not 0 <= overlap < size:
        raise ValueError(f"no tiling of {height}x{width} by tiles of {size}, overlap {overlap}, stride {stride}")
    columns = spans(width, size, overlap)
    for y in spans(height, size, overlap):
        for x in columns:
            yield Tile(
                read=Window(y.read, x.read, size, size),
                keep=Window(y.begin, x.begin, y.end - y.begin, x.end - x.begin),
                done=Window(y.begin, x.begin, y.done - y.begin, x.done - x.begin),
            )


_PLASTIC = 1.324717957244746  # the root of x ** 3 = x + 1


def spread_tiles(tiles: Sequence[Tile], most: int) -> list[Tile]:
    """At most so many of a scene's tiles, which come row by row, spread over both axes, in their order.

    By the points of a sequence that fills a square evenly (Roberts, 2018, "The Unreasonable Effectiveness of
    Quasirandom Sequences"): every k-th tile may lie in one column.
    """
    if len(tiles) <= most:
        return list(tiles)
    columns = sum(tile.read.row == tiles[0].read.row for tile in tiles)
    rows = len(tiles) // columns
    found: set[int] = set()
    down = across = 0.5
    while len(found) < most:
        found.add(int(down * rows) * columns + int(across * columns))
        down, across = (down + 1 / _PLASTIC) % 1, (across + 1 / _PLASTIC**2) % 1
    return [tiles[at] for at in sorted(found)]
