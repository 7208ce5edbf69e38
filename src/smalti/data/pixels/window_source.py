"""What all sources of windows have in common: their share of the windows, their zoom, and the places they show."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from smalti.data.pixels.augment import Augment, check_scale
from smalti.data.pixels.pool import Pool
from smalti.data.pixels.scenes import Scene
from smalti.errors import DataError
from smalti.evaluation.places import place_of

Wish = Callable[[str], bool]
"""Whether images of a place are wanted."""
T = TypeVar("T")


class WindowSource(BaseModel):
    """Settings of a source of windows, with labels or without."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: float = Field(1.0, gt=0)
    """Its share of the windows, relative to the weights of the other sources."""
    scale: tuple[float, float] | None = None
    """Smallest and largest zoom of its windows; default `augment.scale`. For sources of another pixel size."""
    place: str = ""
    """For scores by place, a regular expression on the path of an image below `root`: its first group, or the match,
    names the place. Without it: folder, and the name of the file up to its first number."""
    places: tuple[str, ...] = ()
    """The places whose images it takes; without any, all."""

    @model_validator(mode="after")
    def _scale_is_a_range(self) -> Self:
        if self.scale is not None:
            check_scale(self.scale)
        try:
            re.compile(self.place)
        except re.error as error:
            raise ValueError(f"place {self.place!r} is not a regular expression: {error}") from None
        return self

    def place_of(self, root: Path, path: Path) -> str:
        """The name of the place of one of its images; DataError where `place` does not match its path."""
        return place_of(path.relative_to(root) if path.is_relative_to(root) else path, self.place)

    def of_places(self, root: Path, found: Iterable[tuple[Path, T]], wanted: Wish) -> list[T]:
        """Those of its images, each given with its path, whose place it takes and is wanted.

        DataError for a place in `places` that no image is of.
        """
        named = [(self.place_of(root, path), each) for path, each in found]
        there = sorted({name for name, _ in named})
        if unknown := [name for name in self.places if name not in there]:
            raise DataError(f"no image of a source is of the place {unknown[0]!r}; there are {', '.join(there)}")
        return [each for name, each in named if (not self.places or name in self.places) and wanted(name)]

    def pool(self, scenes: Sequence[Scene]) -> Pool:
        """Its scenes, to draw windows from."""
        return Pool(scenes, "area")

    def augment(self, augment: Augment) -> Augment:
        """The augmentation of its windows."""
        return augment if self.scale is None else augment.model_copy(update={"scale": self.scale})


def every_place(place: str) -> bool:
    """Any place is wanted."""
    return True
