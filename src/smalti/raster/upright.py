"""Photos that carry an EXIF orientation, turned upright window by window."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from smalti.tiling import Window


@dataclass(frozen=True, slots=True)
class Turn:
    """From the stored to the upright image: swap rows and columns first, then flip."""

    transpose: bool = False
    flip_rows: bool = False
    flip_cols: bool = False

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """Height and width after the turn (or before it: the swap is its own inverse)."""
        return (width, height) if self.transpose else (height, width)

    def stored(self, window: Window, height: int, width: int) -> Window:
        """Where a window of the upright image of `height` x `width` lies in the stored one."""
        row = height - window.bottom if self.flip_rows else window.row
        col = width - window.right if self.flip_cols else window.col
        if self.transpose:
            return Window(col, row, window.width, window.height)
        return Window(row, col, window.height, window.width)

    def apply(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Turns (..., H, W) pixels as stored; the result may be a view."""
        if self.transpose:
            pixels = pixels.swapaxes(-1, -2)
        return pixels[..., :: -1 if self.flip_rows else 1, :: -1 if self.flip_cols else 1]


UPRIGHT = Turn()
TURNS = {
    # EXIF: Turn(transpose, flip_rows, flip_cols)
    1: UPRIGHT,
    2: Turn(False, False, True),
    3: Turn(False, True, True),
    4: Turn(False, True, False),
    5: Turn(True, False, False),
    6: Turn(True, False, True),
    7: Turn(True, True, True),
    8: Turn(True, True, False),
}
