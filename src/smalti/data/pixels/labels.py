"""Where the labels of one task lie in files, and how they are opened."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from smalti.card import Task
from smalti.evaluation.pairs import TruthReader
from smalti.raster.grid import Grid
from smalti.raster.labels import LabelSpec, open_labels
from smalti.raster.values import ValueSpec, open_values


@dataclass(frozen=True)
class TruthFile:
    """The labels of one image for one task."""

    task: Task
    path: Path
    spec: LabelSpec | ValueSpec
    """How they are written down; fits the kind of the task."""

    def open(self, grid: Grid) -> TruthReader:
        """Opens them on the image's grid; LabelError or RasterError where they do not fit it."""
        if isinstance(self.spec, LabelSpec):
            return open_labels(self.path, grid, self.task, self.spec)
        return open_values(self.path, grid, self.task, self.spec)


class Written(BaseModel):
    """How the labels of a task are written down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: LabelSpec = LabelSpec()
    """For classes."""
    values: ValueSpec = ValueSpec()
    """For values: heights or depths."""

    def file(self, task: Task, path: Path) -> TruthFile:
        """One file of them."""
        return TruthFile(task, path, self.labels if task.kind == "classes" else self.values)


class FolderTruth(Written):
    """The labels of a further task: as many files as images, of the same names."""

    name: str
    """Their folder beside the images', or the end of their stems: `height` for `town.tif` and `town_height.tif`."""


class FilesTruth(Written):
    """The labels of a further task, file by file."""

    files: tuple[str, ...] = Field(min_length=1)
    """As many as images in the same order, or one for all."""


class DatasetTruth(BaseModel):
    """Values of a public dataset for a task."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """What the dataset calls them, for example `ndsm`; `smalti data NAME` lists them."""
    values: ValueSpec = ValueSpec()
    """How they are written down, where the dataset does not tell it or tells it wrongly."""
