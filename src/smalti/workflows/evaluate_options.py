"""Options of an evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from smalti.errors import DataError, OptionError
from smalti.mapping.fit import Resolution
from smalti.workflows.models import OpenModel
from smalti.workflows.progress import Show


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """Options of scoring, and of the files written."""

    split: str | None = None
    """Name of the part of the data, for the protocol."""
    chosen: str | None = None
    """How the checkpoint was chosen, for the protocol."""
    part: Literal["test", "validation"] | None = None
    """The part of a recipe's data; None is its test part."""
    changes: tuple[str, ...] = ()
    """Changes to the recipe, as `a.b=c`."""
    dataset: str | None = None
    """`NAME:SPLIT` if the data are a public dataset as downloaded."""
    tta: bool = False
    """Average over flips and quarter turns; the scores without averaging are given too."""
    by: Literal["place"] | None = None
    """Scores of each place, too."""
    place: str | None = None
    """A regular expression: the part of an image's path that names its place."""
    boundary: int = 3
    """Tolerance in pixels within which boundaries match."""
    leave_out: tuple[str, ...] = ()
    """Classes that are excluded from the means."""
    above: Mapping[str, float] = field(default_factory=dict)
    """By task of values, the ground truth from which on relative errors count."""
    crop: Literal["eigen"] | None = None
    """The part of each image that values are scored on."""
    against: tuple[Path, ...] = ()
    """Stored scores of nets of one task each, for Delta_m."""
    labels: Path | None = None
    """TOML file with the colours, ids or attribute of labels, and more."""
    bands: tuple[str, ...] | None = None
    """Bands for the model, by name or by number from 1."""
    resolution: Resolution = "auto"
    """Metres per pixel that the network sees; `auto`: the nearest size in the model's range, but at least half of
    an image's own, where that is far outside of the range; `native`: the image's own."""
    pictures: Path | None = None
    """A folder for class maps."""
    json: Path | None = None
    """A file for all scores."""
    report: Path | None = None
    """A file for an HTML page."""
    records: Path | None = None
    """The records of the training, for the page; None for those beside a checkpoint."""
    scheduler: str | None = None
    """A Dask scheduler's address or `local:N`: its workers count the images."""


OF_MAPS = ("tta", "by", "leave_out", "labels", "bands", "report", "records", "dataset", "pictures", "scheduler")
"""Options about maps."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One evaluation: the model, the data and the options."""

    model: OpenModel
    data: Path
    options: EvaluateOptions
    show: Show | None

    @property
    def is_recipe(self) -> bool:
        """Whether the data are from a recipe."""
        return self.data.suffix.lower() == ".toml"

    @property
    def source(self) -> str:
        """The name or path that the model was opened with."""
        return self.model.source

    @property
    def part(self) -> Literal["test", "validation"]:
        """The part of a recipe's data to score on."""
        return self.options.part or "test"

    def refuse_recipe_options(self) -> None:
        """OptionError if the data are not from a recipe, but an option for recipes was given."""
        if self.options.changes:
            raise OptionError(f"--set changes a recipe, but DATA is {self.data}", value=self.options.changes)
        if self.options.part:
            text = f"--part chooses a part of a recipe, but DATA is {self.data}; give the folder of that part"
            raise OptionError(text, value=self.options.part)

    def refuse(self, what: str, *names: str) -> None:
        """OptionError if one of these options was given, which are for models that map."""
        for name in names:
            if value := getattr(self.options, name):
                option = f"--{name.replace('_', '-')}"
                raise OptionError(f"{option} is for models that map; {self.source} {what}", value=value)


def without_part(path: Path, part: str) -> DataError:
    """The error for a recipe without images of the part that is to be scored."""
    other = "validation" if part == "test" else "test"
    return DataError(f"{path}: the recipe has no data.{part}; add it, or choose --part {other}")
