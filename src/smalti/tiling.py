"""Windows and tiles: integer pixels only, rows first."""

from collections.abc import Iterator
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

    def intersect(self, other: "Window") -> "Window | None":
        """What both windows cover, or None."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        height = min(self.bottom, other.bottom) - row
        width = min(self.right, other.right) - col
        return Window(row, col, height, width) if height > 0 and width > 0 else None

    def slices(self) -> tuple[slice, slice]:
        """Row and column slices into an array that starts at pixel 0, 0. Only for windows inside the image."""
        return slice(self.row, self.bottom), slice(self.col, self.right)


@dataclass(frozen=True, slots=True)
class Tile:
    """What the net sees, and the part of the scene it counts for."""

    read: Window
    """size x size pixels; reaches beyond the image only where the image is smaller than the tile."""
    keep: Window
    """`read` cut to the image."""


def starts(length: int, size: int, step: int) -> list[int]:
    """Where tiles begin along one axis: every `step`, the last one moved inwards so that it ends at the border."""
    if length <= size:
        return [0]
    return [*range(0, length - size, step), length - size]


def plan_tiles(height: int, width: int, size: int, overlap: int, stride: int = 1) -> Iterator[Tile]:
    """Tiles of `size` x `size` pixels that cover `height` x `width`, row by row.

    Neighbours share at least `overlap` pixels. The last tile of a row or column moves inwards; none comes twice.
    `stride` is the net's deepest stride: `size` must be a multiple of it. Raises ValueError otherwise, or if the
    overlap does not leave a step.
    """
    if min(height, width) < 1 or size % stride or not 0 <= overlap < size:
        raise ValueError(f"no tiling of {height}x{width} by tiles of {size}, overlap {overlap}, stride {stride}")
    image = Window(0, 0, height, width)
    for row in starts(height, size, size - overlap):
        for col in starts(width, size, size - overlap):
            read = Window(row, col, size, size)
            keep = read.intersect(image)
            assert keep is not None
            yield Tile(read, keep)
