"""The label files of one task, and how they are opened."""

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
    """How the labels are encoded; matches the kind of the task."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files that decide about the labels, besides the image."""
        return (self.path,)

    @property
    def stated(self) -> tuple[str, ...]:
        """All else that decides about them, as text."""
        return self.task.model_dump_json(), self.spec.model_dump_json()

    def open(self, grid: Grid) -> TruthReader:
        """Opens them on the image's grid; LabelError or RasterError if they do not match it."""
        if isinstance(self.spec, LabelSpec):
            return open_labels(self.path, grid, self.task, self.spec)
        return open_values(self.path, grid, self.task, self.spec)


class LabelEncoding(BaseModel):
    """How the labels of a task are encoded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: LabelSpec = LabelSpec()
    """For classes."""
    values: ValueSpec = ValueSpec()
    """For values: heights or depths."""

    def file(self, task: Task, path: Path) -> TruthFile:
        """A label file with this encoding."""
        return TruthFile(task, path, self.labels if task.kind == "classes" else self.values)


class FolderTruth(LabelEncoding):
    """The labels of a further task: one file per image, of the same name."""

    name: str
    """Their folder beside that of the images, or the suffix of their stems: `height` for `town_height.tif`."""


class FilesTruth(LabelEncoding):
    """The labels of a further task, listed by file."""

    files: tuple[str, ...] = Field(min_length=1)
    """One per image in the same order, or one for all."""


class DatasetTruth(BaseModel):
    """The values of a public dataset to use for a task."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Their name in the dataset, for example `ndsm`; `smalti data NAME` lists them."""
    values: ValueSpec = ValueSpec()
    """How they are encoded, if the dataset does not state it or states it wrongly."""
