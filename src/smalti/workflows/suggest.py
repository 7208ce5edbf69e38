"""Where strokes would help most: windows of a scene as polygons, the most helpful first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from smalti.arguments import checked
from smalti.errors import DataError, OptionError, RasterError, about, warn
from smalti.lessons.examples import SceneExamples, load_examples
from smalti.lessons.network import TeachableNetwork
from smalti.lessons.project import NAME, load_project, scene_name
from smalti.lessons.suggest import Suggestion, suggest_windows
from smalti.lock import hold
from smalti.polygons.file import VectorFile, check_target
from smalti.raster.reader import Reader
from smalti.runtime.models import find_model, verify
from smalti.text import count
from smalti.workflows.progress import Meter, Show
from smalti.workflows.teaching import Bands, made_of, opened_as_seen

SECONDS = 20
"""That a user needs to paint a window, about."""
_MOST_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Windows of a scene to paint on, the most helpful first."""

    path: Path
    """The polygons; their attribute `class` has the rank and the reasons, `class_id` the rank."""
    model: str
    windows: tuple[Suggestion, ...] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.path}: {count(len(self.windows), 'window')} to look at, by {self.model}"


@checked()
def suggest(
    scene: str | Path,
    output: str | Path,
    *,
    project: str | Path | None = None,
    model: str | None = None,
    bands: Sequence[str | int] | None = None,
    minutes: float = 5.0,
    progress: Show | None = None,
) -> Suggestions:
    """Writes the windows of a scene where strokes would help most: uncertain, unlike what is known, and diverse.

    Of a scene of more than 64 tiles as many, spread over it, are looked at.

    Args:
        scene: A file or a URL.
        output: A file of polygons: .gpkg, .geojson, .fgb or .parquet.
        project: A folder of `teach`: windows like those with strokes are not suggested again.
        model: A name or file, such as one that was taught; by default the project's, else `landcover`.
        bands: Bands of the scene for the model, by name or by number from 1, in the model's order; by default the
            project's.
        minutes: The time that the user has, up to 60: 20 seconds a window.
        progress: Called with a `Progress` after each tile.

    Raises:
        RasterError: The scene cannot be read, its bands do not fit the model, or it is smaller than a window.
        ModelError: The model cannot be opened or taught.
        DataError: The project cannot be read.
        OptionError: The minutes are invalid.
        OutputError: The file cannot be written, or would replace others than polygons of this program.
        BusyError: Another process writes it.
    """
    if not SECONDS / 60 <= minutes <= _MOST_MINUTES:
        raise OptionError(f"minutes is {minutes:g}; expected {SECONDS / 60:.2g} to {_MOST_MINUTES}", value=minutes)
    out, name = Path(output), str(scene)
    check_target(out)
    known = load_project(Path(project)) if project is not None else None
    if known is not None and not (known.folder / NAME).exists():
        raise DataError(f"{project}: has no {NAME}; give the folder of a project of smalti teach, or omit it")
    found = verify(find_model(model or (known.model if known is not None else "landcover")))
    network = TeachableNetwork(found)
    image = scene_name(name)
    chosen: Bands = known.bands.get(image) if known is not None and bands is None else bands
    with about(scene), opened_as_seen(name, found.card, chosen, warn) as seen:
        painted: SceneExamples | None = None
        if known is not None:
            painted = load_examples(known.features(image), made_of(found, image, seen.grid, chosen))
        most = int(minutes * 60 / SECONDS)
        windows = suggest_windows(seen, network, painted, most, Meter(progress, Path(name).name, 1))
        if not windows:
            raise RasterError(f"{name}: it has no window of 128 x 128 pixels with data, as the network sees it")
        with hold(out):
            _write(out, windows, seen)
    return Suggestions(out, found.card.name, tuple(windows))


def _write(out: Path, windows: list[Suggestion], seen: Reader) -> None:
    import shapely

    boxes = [shapely.box(w.col, w.row, w.right, w.bottom) for w in (each.window for each in windows)]
    reasons = [f"{rank}: uncertain {100 * each.uncertain:.0f} %, unlike {100 * each.unlike:.0f} %"
               for rank, each in enumerate(windows, 1)]  # fmt: skip
    ranks = np.arange(1, len(windows) + 1).astype(np.uint8)
    with VectorFile(out, seen.grid, "look") as file:
        file.add(np.array(boxes, object), ranks, ("", *reasons), np.full(len(windows), np.nan))
        file.commit()
