"""One mosaic: its scenes looked at, its plan, each of its tiles, and the virtual raster of all."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from smalti import __version__
from smalti.averaged import PASSES, Averaged
from smalti.errors import OptionError, ResolutionWarning, SmaltiError, warn
from smalti.files import guarded
from smalti.mapping.fit import check_stretch, native_pixels
from smalti.mapping.identity import identity
from smalti.mapping.protect import Inputs, Outputs
from smalti.mapping.rasters import products
from smalti.mapping.run import map_scene
from smalti.mapping.source import Source as Origin
from smalti.mosaics.clouds import cloud_file
from smalti.mosaics.grid import Cell, MosaicGrid
from smalti.mosaics.ground import Ground
from smalti.mosaics.plan import Plan, make_plan
from smalti.mosaics.predict import lattice_around
from smalti.mosaics.record import Record, described
from smalti.mosaics.source import Source, look
from smalti.mosaics.vrt import write_vrt
from smalti.products import Product
from smalti.raster.files import files_behind
from smalti.raster.ground import pixel_size_m
from smalti.scene import Predictor, Summary
from smalti.workflows.delivery import Delivery
from smalti.workflows.engine import engine_choice
from smalti.workflows.map_result import MapResult
from smalti.workflows.map_run import check_calibrated
from smalti.workflows.models import OpenModel
from smalti.workflows.mosaic_home import TILES, WHOLE, FolderHome, Home
from smalti.workflows.mosaic_options import MosaicOptions
from smalti.workflows.progress import Meter, Show
from smalti.workflows.sources import SceneName, find_scenes
from smalti.workflows.worker_model import WorkerModel


@dataclass(frozen=True)
class MosaicTile:
    """A finished tile of a mosaic."""

    path: Path
    scenes: int
    """How many scenes may have a share in it."""
    summary: Summary | None
    """Speed of this run; None if the tile was already finished."""
    address: str = ""
    """Where it lies, if the output is in an object store; `path` is where it was made."""


@dataclass(frozen=True)
class MosaicWhole:
    """What shows all tiles of a mosaic as one, at the end of a call."""

    written: tuple[Path, ...]
    """The virtual rasters, the map's first; empty while other calls have tiles to make."""
    missing: int
    """How many tiles are not finished."""


@dataclass(frozen=True)
class TileTask:
    """A tile to be made, by this process or another one."""

    folder: Path
    grid: MosaicGrid
    cell: Cell
    sources: tuple[Source, ...]
    """The scenes that may have a share in it, the top one first."""
    options: MosaicOptions
    model: WorkerModel | None = None
    """For a worker."""


def tile_task(task: TileTask) -> MosaicTile:
    """Makes a tile in a worker."""
    assert task.model is not None
    run = MosaicRun(FolderHome(task.folder), task.model.opened(), task.options, None, here=False)
    return run.make(task, task.cell.name)


class MosaicRun:
    """Shared by all tiles of a mosaic."""

    def __init__(
        self, home: Home, model: OpenModel, options: MosaicOptions, progress: Show | None, *, here: bool = True
    ) -> None:
        """`here`: all tiles of this call are made by this process."""
        self._home, self._model, self._options, self._progress = home, model, options, progress
        self._folder = home.folder
        self._predict: Predictor = Averaged(model) if options.tta else model
        self._choose = engine_choice(model, tta=options.tta, here=here)
        check_stretch(model.card, options.range)
        model.card.map_tasks()
        if options.uncertainty:
            check_calibrated(model.card)

    def look_at(self, names: Sequence[SceneName]) -> tuple[list[Source], list[SmaltiError]]:
        """The scenes, and errors of those that are unsuitable."""
        found, failed = find_scenes(names)
        if not found and not failed:
            raise OptionError("no scene was given; give at least one file or folder", value=names)
        clear = self._options.order == "clearest"
        meter, looks = Meter(self._progress, "scenes", len(found)), []
        for path in found:
            try:
                looks.append(self._record.get(path) or look(path, self._model.card, self._options.reading, clear=clear))
            except SmaltiError as error:
                failed.append(error)
            meter(1)
        return looks, failed

    @cached_property
    def _record(self) -> Record:
        card = self._model.card
        return Record(self._home.shelf, self._options.reading, f"{card.bands} {card.dtype} {self._options.order}")

    def planned(self, looks: Sequence[Source]) -> Plan:
        """The plan, checked, and recorded in the folder."""
        asked = self._options
        plan = make_plan(
            looks, crs=asked.crs, resolution=asked.resolution, tile=asked.side, extent=asked.bounds, order=asked.order
        )
        if self._record.grid not in (None, described(plan.grid)):
            text = f"{self._home.shelf.where('')}: holds a mosaic on another grid; choose another output, or its grid"
            raise OptionError(f"{text} ({_said(self._record.grid)})")
        self._warn_of_pixels(plan)
        if self._choose is not None:
            self._choose.maps = len(plan.cells)
        first = self._outputs(plan.cells[0])
        Inputs(files_behind([source.path for source in plan.sources])).refuse_to_replace(Outputs(tuple(first)))
        self._home.check(path.name for path in self._wholes())
        with guarded(self._folder):
            (self._folder / TILES).mkdir(parents=True, exist_ok=True)
        self._record.write(plan.grid, looks)
        return plan

    def _warn_of_pixels(self, plan: Plan) -> None:
        card = self._model.card
        metres = pixel_size_m(plan.grid.place(plan.grid.window(plan.cells[0])))
        if metres is None or card.resolution is None:
            return
        finest, coarsest = card.resolution
        least, most = native_pixels(card.resolution, card.resample_beyond)
        if not least <= metres <= most:
            text = f"the mosaic has pixels of {metres:.3g} m, model {card.name} was trained for {finest:g} to"
            warn(ResolutionWarning(f"{text} {coarsest:g} m; choose a pixel size in this range with --resolution"))

    def _outputs(self, cell: Cell) -> dict[Path, Product]:
        return self.rasters(self._folder / TILES / f"{cell.name}.tif")

    def rasters(self, path: Path) -> dict[Path, Product]:
        """The rasters of a map of that path, itself first."""
        return products(path, self._model.card, self._options.wanted)

    def task(self, plan: Plan, cell: Cell) -> TileTask:
        """What is to be done for a tile."""
        sources = plan.near(lattice_around(self._model.card, plan.grid.window(cell)))
        return TileTask(self._folder, plan.grid, cell, tuple(sources), self._options)

    def make(self, task: TileTask, title: str) -> MosaicTile:
        """Makes one tile, or finds it finished."""
        window, sources = task.grid.window(task.cell), task.sources
        path = next(iter(self._outputs(task.cell)))
        card, meter = self._model.card, Meter(self._progress, title, window.height * window.width, "Pix")
        neutral = np.array(card.mean) / card.scale
        with Ground(task.cell.name, task.grid, window, sources, neutral) as ground:
            made_of, wanted = self._made_of(sources), self._options.wanted
            more: dict[str, Any] = {"choose": self._choose, "progress": meter, "say": meter.say}
            summary = map_scene(ground, self._predict, path, made_of, wanted, **more)
        return MosaicTile(path, len(sources), summary)

    def deliver(self, task: TileTask, title: str, delivery: Delivery, made: MosaicTile | None = None) -> MosaicTile:
        """Makes one tile, unless a worker has, and brings it where it is to be."""
        window, sources, outputs = task.grid.window(task.cell), task.sources, self._outputs(task.cell)

        def make() -> MapResult:
            tile = made or self.make(task, title)
            return MapResult(task.cell.name, tile.path, outputs, task.grid.place(window), tile.summary)

        taken = tuple({source.taken for source in sources if source.taken})
        origin = Origin(tuple(source.path for source in sources), taken=taken)
        done = delivery.deliver(origin, Outputs(tuple(outputs)), partial(self._job, task), make)
        delivery.add(done)
        return MosaicTile(done.path, len(sources), done.summary, "".join(done.addresses[:1]))

    def _job(self, task: TileTask) -> str:
        """A digest of all that a tile depends on."""
        asked, grid = self._options, described(task.grid)
        wanted = [asked.confidence, asked.uncertainty, asked.probabilities]
        made_of = [__version__, self._model.card.dump(), grid, task.cell, wanted, self._made_of(task.sources)]
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()

    def _made_of(self, sources: Sequence[Source]) -> dict[str, Any]:
        """What a tile's pixels depend on besides the card and the grid."""
        asked, model = self._options, self._model
        states = []
        for source in sources:
            masks = [] if asked.clouds is None else [cloud_file(source.path, asked.clouds)]
            states.append(identity([source.path, *filter(None, masks)]))
        return {
            "scenes": states,
            "model": model.sha256,
            "options": [asked.tta and PASSES, repr(asked.reading), model.engine, model.threads],
        }

    def join(self, plan: Plan, *, whole: bool) -> MosaicWhole:
        """Writes the virtual rasters of all tiles that are finished, also by other processes.

        With `whole` only if all are: of many processes those that finish last do it.
        """
        there, written, missing = self._home.finished(), [], 0
        for k, (path, product) in enumerate(self._wholes().items()):
            files = {cell: list(self._outputs(cell))[k].name for cell in plan.cells}
            tiles = {cell: f"{TILES}/{name}" for cell, name in files.items() if name in there}
            missing = max(missing, len(files) - len(tiles))
            if tiles and not (whole and len(tiles) < len(files)):
                write_vrt(path, plan.grid, tiles, product)
                written.append(path)
        return MosaicWhole(tuple(written), missing)

    def _wholes(self) -> dict[Path, Product]:
        """The virtual rasters of all tiles."""
        rasters = self.rasters(self._folder / f"{WHOLE}.tif")
        return {path.with_suffix(".vrt"): product for path, product in rasters.items()}


def _said(grid: dict[str, Any] | None) -> str:
    """A recorded grid in a message."""
    if grid is None:
        return ""
    return f"--resolution {grid['pixel']:g} --tile {grid['tile']}, CRS {grid['crs'].split(chr(34))[1]}"
