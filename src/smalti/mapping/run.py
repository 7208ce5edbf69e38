"""Maps one scene; can be killed at any time and resumed."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti import __version__
from smalti.averaged import PASSES, PASSES_TAG, Averaged
from smalti.card import Card
from smalti.enlarge import Enlarged
from smalti.errors import InputError, OutputError, OutputWarning, UnreachableError, Warn
from smalti.errors import warn as issue
from smalti.files import beside, guarded
from smalti.lock import Check, hold
from smalti.mapping.engine import Choose, settled
from smalti.mapping.rasters import Wanted, find_states, make_room, products
from smalti.mapping.spool import Spool, StripLayer, begin_spool, remove_spool
from smalti.mapping.turn import begin_turn, end_turn
from smalti.mapping.unlike import UnlikeTally
from smalti.predicting import first_rows, network_grid, predict_reader
from smalti.products import Product
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.raster.scaled import Scaled
from smalti.raster.write import write_raster
from smalti.scene import Predictor, Summary
from smalti.tiling import Window
from smalti.watch import Say, silent

Scatter = Callable[[Spool, str, list[int]], Summary]
"""Has strips of a scene made by other processes, each by `smalti.mapping.strips.map_strip`, and waits for them. Given
are the spool that they fill, their turn, and the rows at which a strip may begin."""


def map_scene(
    reader: Reader,
    predict: Predictor,
    output: Path,
    made_of: dict[str, Any],
    wanted: Wanted = Wanted(),
    *,
    choose: Choose | None = None,
    scatter: Scatter | None = None,
    progress: Callable[[int], None] | None = None,
    say: Say = silent,
    warn: Warn = issue,
) -> Summary | None:
    """Maps a scene to `output`; returns None if the map is already finished.

    With the same `made_of`, a killed run is resumed, and a finished one is skipped, unless one of its rasters has
    changed since.

    Args:
        reader: the scene, open, with the bands and the pixel size of the model.
        predict: the model.
        output: the map's path; further rasters are named after it, see `products`.
        made_of: everything besides the card, the grid and `wanted` that the pixels depend on: scene files, model,
            engine; ready for JSON.
        wanted: the rasters to write.
        choose: puts the model on an engine where none is named, see `Choose`; not asked of a finished map.
        scatter: has strips of it made by other processes, see `Scatter`; None makes all of it here.
        progress: called with the number of pixels finished.
        say: called with messages.
        warn: called with warnings: a map that has changed, or has no valid pixel.

    Raises:
        BusyError: another process holds the output.
        OutputError: the output cannot be written or would replace a file that is not a map.
    """
    rasters = products(output, predict.card, wanted)
    job = job_of(reader, predict.card, wanted, made_of)
    digest = hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()
    with hold(output) as check_held:
        states = find_states(output, rasters, digest)
        if set(states.values()) == {"finished"}:
            remove_spool(beside(output, "partial"))  # left by a kill just before the end
            say(f"{output} is already finished, from the same scene and model")
            return None
        make_room(states, warn)
        with _spool(output, job, list(rasters.values()), reader) as spool:
            if isinstance(reader, Scaled):
                say(reader.why)
            _report_found(spool, output, say)
            if choose is not None:
                predict = settled(choose, spool, reader, predict.card, say)
            tally = UnlikeTally(predict.card, network_grid(reader))
            tally.load(spool)
            summary = None if scatter is None else _scattered(scatter, spool, first_rows(reader, predict), tally)
            missing = Missing(reader, predict, output, spool, list(rasters.values()), tally, check_held)
            summary = missing.fill(0, reader.grid.height, progress if summary is None else None, summary)
            unlike = tally.result()
            notes = reader.notes | (unlike.notes() if unlike else {})
            notes |= {PASSES_TAG: PASSES} if isinstance(predict, Averaged) else {}
            check_held()
            any_valid = _write_rasters(spool, rasters, reader.grid, wanted.cog, digest, notes)
    if not any_valid:
        text = f"{reader.path}: no pixel of it is valid (nodata, mask or alpha cover all), so its map is empty"
        warn(OutputWarning(text))
    return summary


def write_maps(
    output: Path, grid: Grid, card: Card, wanted: Wanted, encoded: Callable[[Product], NDArray[Any]]
) -> tuple[Path, ...]:
    """Writes the maps of a prediction in memory; returns their paths, the map itself first.

    `encoded` returns a product's pixels (bands, H, W). Raises the errors of `map_scene`.
    """
    rasters = products(output, card, wanted)
    with hold(output):
        make_room(find_states(output, rasters, ""))
        with _scratch(output) as folder:
            for path, product in reversed(rasters.items()):  # the map itself comes last
                write_raster(
                    path, grid, product=product, rows=_rows_of(encoded(product)), scratch=folder, cog=wanted.cog
                )
    return tuple(rasters)


@contextmanager
def _scratch(output: Path) -> Iterator[Path]:
    """A folder on the output's disk for unfinished files; those of a killed run are removed."""
    folder = beside(output, "partial")
    with guarded(output):
        remove_spool(folder)
        folder.mkdir()
        begin_spool(folder)
    try:
        yield folder
    finally:
        remove_spool(folder)


def _rows_of(pixels: NDArray[Any]) -> Callable[[int, int], NDArray[Any]]:
    return lambda begin, end: pixels[:, begin:end]


def job_of(reader: Reader, card: Card, wanted: Wanted, made_of: dict[str, Any]) -> dict[str, Any]:
    """All that the pixels of a map depend on, ready for JSON."""
    grid = reader.grid
    place = [grid.height, grid.width, *grid.transform[:6], grid.crs.to_wkt() if grid.crs else ""]
    wishes = [wanted.confidence, wanted.probabilities, wanted.cog] + ["uncertainty"] * wanted.uncertainty
    seen = [reader.seen.grid.height, reader.seen.grid.width] if isinstance(reader, Scaled) else []
    return {"smalti": __version__, "card": card.dump(), "grid": place + seen, "wanted": wishes, **made_of}


@contextmanager
def _spool(output: Path, job: dict[str, Any], layers: list[Product], reader: Reader) -> Iterator[Spool]:
    """The output's spool. It is kept where the same command can resume: after an interruption or a full disk."""
    folder = beside(output, "partial")
    with guarded(output):
        end_turn(folder)
        spool = Spool(folder, job, strip_layers(layers), reader.grid.height, reader.grid.width)
    try:
        yield spool
    except (InputError, OutputError) as error:
        if not isinstance(error, OutputError | UnreachableError) or not spool.rows_done:
            spool.remove()
            raise
        raise type(error)(
            f"{error}; {spool.rows_done} finished rows are kept in {folder}, run again to resume"
        ) from None
    spool.remove()


def _report_found(spool: Spool, output: Path, say: Say) -> None:
    if spool.discarded:
        say(f"{output}: discarded strips of another scene, model or option")
    if spool.rows_done:
        first = next((begin for begin, _ in spool.gaps()), spool.rows_done)
        say(f"{output}: resuming at row {first}")


def strip_layers(layers: Iterable[Product]) -> list[StripLayer]:
    """The rasters as a spool keeps them."""
    return [StripLayer(len(product.bands), product.dtype) for product in layers]


def _scattered(scatter: Scatter, spool: Spool, rows: list[int], tally: UnlikeTally) -> Summary:
    """Lets other processes fill a spool."""
    summary = scatter(spool, begin_turn(spool), rows)
    end_turn(spool.folder)
    spool.look_again()
    tally.load(spool)
    return summary


@dataclass(frozen=True, slots=True)
class Missing:
    """The missing strips of a spool, which are predicted here."""

    reader: Reader
    predict: Predictor
    output: Path
    spool: Spool
    layers: list[Product]
    tally: UnlikeTally
    check_held: Check

    def fill(
        self, begin: int, end: int, progress: Callable[[int], None] | None, summary: Summary | None = None
    ) -> Summary:
        """Adds those between two rows to the spool, and their tiles to the tally; their work is added to `summary`."""
        gaps = self.spool.gaps(begin, end)
        done = end - begin - sum(bottom - top for top, bottom in gaps)
        if progress is not None and done:
            progress(done * self.reader.grid.width)
        for top, bottom in gaps:
            more = predict_reader(
                self.reader,
                self.predict,
                self._write,
                rows_done=top,
                rows_end=bottom,
                progress=progress,
                judged=self.tally.add,
            )
            summary = more if summary is None else summary + more
        return Summary(0, 0.0, 0, 0, 0.0) if summary is None else summary

    def _write(self, window: Window, values: Mapping[str, NDArray[np.float32]], valid: NDArray[np.bool_]) -> None:
        blocks = self._encoded(window, values, valid)
        with guarded(self.output):
            if window.right == self.reader.grid.width:  # before the strip is complete: no finished one lacks its tiles
                self.check_held()
                self.tally.save(self.spool)
            self.spool.put(window, blocks)

    def _encoded(
        self, window: Window, values: Mapping[str, NDArray[np.float32]], valid: NDArray[np.bool_]
    ) -> list[NDArray[Any]]:
        """The pixels of each layer (bands, H, W)."""
        blocks = [np.empty((len(each.bands), window.height, window.width), each.dtype) for each in self.layers]
        if not valid.any():
            for product, block in zip(self.layers, blocks, strict=True):
                block[:] = product.nodata
            return blocks
        found: dict[str, NDArray[np.float32]] = {}  # computed once for all layers
        for product, block in zip(self.layers, blocks, strict=True):
            name = product.task.name
            if product.form == "classes" and isinstance(values, Enlarged):
                values.best_class(name, block[0])
                product.hide(valid, block)
                continue
            if name not in found:
                found[name] = values[name]
            product.encode(found[name], valid, block)
        return blocks


def _write_rasters(
    spool: Spool, rasters: dict[Path, Product], grid: Grid, cog: bool, job: str, notes: Mapping[str, str]
) -> bool:
    """Writes the finished rows to all rasters, the map itself last; returns whether any pixel is valid."""
    write = partial(write_raster, scratch=spool.folder, cog=cog, job=job, notes=notes)
    any_valid = False
    for k, (path, product) in reversed(list(enumerate(rasters.items()))):
        any_valid |= write(path, grid, product=product, rows=_rows(spool, k))
    return any_valid


def _rows(spool: Spool, layer: int) -> Callable[[int, int], NDArray[Any]]:
    return lambda begin, end: spool.read(layer, begin, end)
