"""The models that maps can be made with."""

from functools import lru_cache
from pathlib import Path

from smalti.app.problems import ProblemError
from smalti.app.schemas import Model, ModelTask
from smalti.card import Task
from smalti.errors import ModelError, shown
from smalti.mapping.fit import native_pixels
from smalti.raster.palette import task_colors, to_hex
from smalti.runtime.models import ModelEntry, find_model, list_models, look


def map_models(own: Path) -> dict[str, ModelEntry]:
    """All models that predict pixels, those of the folder `own`, too, by name; of two with one name the first."""
    found: dict[str, ModelEntry] = {}
    for entry in (*list_models(), *_taught(own)):
        if entry.card is not None and any(not task.per_image for task in entry.card.tasks):
            found.setdefault(entry.name, entry)
    return found


def _taught(own: Path) -> list[ModelEntry]:
    return [_look(path, path.stat().st_mtime_ns) for path in sorted(own.glob("*.onnx"))]


@lru_cache(maxsize=256)
def _look(path: Path, written: int) -> ModelEntry:
    """A model file that was written at that time: its hash is not computed for each list."""
    return look(path)


def parent_task(model: str) -> Task:
    """The classes of a model, by its name or file, that lessons start from; ModelError without the model."""
    path = find_model(model)
    entry = _look(path, path.stat().st_mtime_ns if path.exists() else 0)
    if entry.card is None:
        raise ModelError(entry.error)
    return entry.card.class_task()


def find_entry(name: str, own: Path) -> ModelEntry:
    """A model by name, never by path; ProblemError if there is none."""
    models = map_models(own)
    if name not in models:
        raise ProblemError(404, f"no model is named {shown(name)[:80]!r}; known: {', '.join(sorted(models))}", code=3)
    return models[name]


def to_model(entry: ModelEntry, own: Path) -> Model:
    """A model as it is listed; `own` is the folder of the models that were saved by this owner."""
    assert entry.card is not None
    card = entry.card
    tasks = [
        ModelTask(
            name=task.name, kind="classes" if task.kind == "classes" else "value", labels=list(task.labels),
            colors=[to_hex(color) for color in task_colors(task)], unit=task.unit,
        )
        for task in card.map_tasks()
    ]  # fmt: skip
    native = native_pixels(card.resolution, card.resample_beyond) if card.resolution else None
    return Model(
        name=entry.name, card=card.model_dump(mode="json", exclude={"unlike", "options"}), tasks=tasks,
        resolution=list(card.resolution) if card.resolution else None,
        native_pixels=list(native) if native else None, bands=list(card.bands), own=entry.path.parent == own,
    )  # fmt: skip
