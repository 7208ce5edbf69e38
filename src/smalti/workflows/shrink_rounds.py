"""Rounds of pruning and training until a model in 8-bit integers meets the targets of its recipe. Needs torch.

Round 0 is 8-bit integers alone. Each further one prunes the net of the round before by measured time, trains it by the
recipe with the whole net as the teacher, and makes 8-bit integers of it. All are judged against the whole net on the
recipe's validation images.
"""

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from smalti.arrays import Pixels
from smalti.card import Card
from smalti.deploy.calibration_tiles import spread
from smalti.deploy.release import export_checkpoint
from smalti.deploy.shrink.cost import cost_of
from smalti.deploy.shrink.gate import Labelled
from smalti.errors import DataError, ExportError, RecipeError
from smalti.evaluation.result import Evaluation
from smalti.runtime.models import ModelFile, find_model, verify
from smalti.text import count
from smalti.training.checkpoint import load_card
from smalti.training.kinds.pixels.settings import PixelRecipe
from smalti.training.kinds.pixels.shrinking import ShrinkSettings
from smalti.training.kinds.pixels.tile_windows import tile_windows
from smalti.training.pruned_recipe import check_recipe, pruned_recipe
from smalti.training.recipe import read_pixels
from smalti.training.warmstart import open_start
from smalti.workflows.evaluate import evaluate
from smalti.workflows.export import say_to
from smalti.workflows.models import checkpoint_folder
from smalti.workflows.progress import Show
from smalti.workflows.prune_work import MOST as TILES_TO_PRUNE
from smalti.workflows.prune_work import prune_to
from smalti.workflows.shrink_done import ShrinkDone, Targets, fastest_tile
from smalti.workflows.shrink_folder import RoundFolder
from smalti.workflows.shrink_round import ShrinkRound
from smalti.workflows.shrink_work import MOST, ShrinkWork, TileSet, parent_of, scoring, with_tile
from smalti.workflows.training_run import train_recipe

MARGIN = 1.05
"""A last round prunes a little more than its target asks for: a second measurement is never quite the first."""


@dataclass(frozen=True)
class Asked:
    """What a shrinking by a recipe is asked for."""

    model: str
    out: Path
    path: Path
    """The recipe's file."""
    recipe: PixelRecipe
    settings: ShrinkSettings
    changes: tuple[str, ...]
    """Changes to the recipe, as `a.b=c`."""
    tile: int | None
    resume: bool
    show: Show | None

    @property
    def teacher(self) -> str:
        """The whole net, as recipes name it from any folder."""
        return str((checkpoint_folder(self.model) or find_model(self.model)).resolve())

    def training(self, start: Path) -> PixelRecipe:
        """The recipe of a training that starts from a pruned checkpoint."""
        return pruned_recipe(self.recipe, self.path, self.settings, start=start, teacher=self.teacher)


def ask(
    model: str, out: Path, path: Path, changes: tuple[str, ...], *, tile: int | None, resume: bool, show: Show | None
) -> Asked:
    """What is asked for, with the recipe read; RecipeError if it has no targets."""
    recipe = read_pixels(path, changes)
    if recipe.shrink is None:
        raise RecipeError(f"{path}: has no table [shrink]; add one with a target, such as ms = 8.0")
    return Asked(model, out, path, recipe, recipe.shrink, changes, tile, resume, show)


def shrink_by_recipe(asked: Asked, folder: Path) -> ShrinkDone:
    """The best of all rounds; `folder` is for files that nobody needs later.

    Raises the errors of `smalti.workflows.shrink` about the model, the recipe and its data.
    """
    found = open_start(asked.teacher, "MODEL")  # its weights can be learned from
    check_recipe(asked.recipe, asked.path, load_card(found) if isinstance(found, Path) else found.card, asked.model)
    parent = parent_of(asked.model, folder, say_to(asked.model, asked.show))
    card = with_tile(parent.card, asked.tile)
    asked.training(Path())  # no contradiction
    rounds = RoundFolder(asked.out)
    rounds.begin(_about(asked, parent), resume=asked.resume)
    tiles = TileSet(_training_tiles(asked, card), f"the training images of {asked.path.name}")
    targets = Targets(asked.settings.loss, asked.settings.ms, asked.settings.mb)
    judge = Labelled(parent, scoring(folder, partial(_scores, asked)))
    say = say_to(asked.out.name, asked.show)
    work = ShrinkWork(parent, asked.out, folder, tiles=tiles, judge=judge, targets=targets, say=say)
    return _Rounds(asked, folder, rounds, work, tiles).run()


def _about(asked: Asked, parent: ModelFile) -> dict[str, str]:
    settings = asked.settings.model_dump_json(include={"faster", "steps", "lr"})
    return {
        "model": parent.sha256,
        "recipe": asked.recipe.model_dump_json(),
        "shrink.faster, steps or lr": settings,
        "size of tiles": str(asked.tile),
    }


def _training_tiles(asked: Asked, card: Card) -> list[Pixels]:
    """Tiles 1,C,H,W of the training images; DataError where they are too small or empty."""
    patches = islice(tile_windows(asked.recipe, card), 2 * MOST)
    found = [patch.image.transpose(2, 0, 1)[None] for patch in patches if patch.valid.mean() > 0.5]
    if len(found) < 2:
        raise DataError(f"{asked.path}: its training images are nearly all without data; nothing to calibrate on")
    return [np.ascontiguousarray(tile) for tile in found[:MOST]]


def _scores(asked: Asked, file: Path) -> dict[str, Evaluation]:
    found = evaluate(file, asked.path, part="validation", changes=asked.changes)
    return {f"validation of {asked.path.name}": found}


class _Rounds:
    """The rounds of one model."""

    def __init__(self, asked: Asked, folder: Path, rounds: RoundFolder, work: ShrinkWork, tiles: TileSet) -> None:
        self._asked, self._folder, self._rounds, self._work, self._tiles = asked, folder, rounds, work, tiles
        self._say = say_to(asked.out.name, asked.show)
        self._done: list[ShrinkDone] = []
        self._rows: list[ShrinkRound] = []

    def run(self) -> ShrinkDone:
        """Rounds until the targets are met, or something is in the way; returns the best."""
        why = ""
        for number in range(self._asked.settings.rounds + 1):
            why = self._prepare(number) or self._finish(number)
            if why or not self._done[-1].missed:
                break
        else:
            why = f"no round of {self._asked.settings.rounds} is left"
        best = self._best()
        done = self._done[best]
        missed = f"{why}; in round {best}, the nearest, {done.missed}" if done.missed else ""
        checkpoint = self._rounds.of(best) / "trained" / "best" if best else None
        return replace(done, missed=missed, rounds=tuple(self._rows), checkpoint=checkpoint)

    def _prepare(self, number: int) -> str:
        """Prunes and trains the net of a round; returns what is in the way, if it cannot be pruned any further."""
        folder = self._rounds.of(number)
        if number == 0 or self._rounds.load(number, self._work) is not None:
            return ""
        if not (folder / "pruned").exists():
            folder.mkdir(exist_ok=True)
            before = self._asked.model if number == 1 else str(self._rounds.of(number - 1) / "trained" / "best")
            times = min(self._asked.settings.faster, MARGIN * self._distance(number - 1))
            last = self._done[-1]
            by_size = self._work.targets.by_size(last.timings, last.model.size)
            self._say(f"round {number}: pruning to {times:.2f} times {'as small' if by_size else 'the speed'}")
            try:
                prune_to(before, folder / "pruned", times, self._some_tiles, self._say_of_pruning, by_size=by_size)
            except ExportError as error:
                return str(error)
        self._train(number, folder)
        return ""

    def _say_of_pruning(self, line: str) -> None:
        self._say(f"pruning, {line}")

    def _train(self, number: int, folder: Path) -> None:
        asked, out = self._asked, folder / "trained"
        recipe = asked.training((folder / "pruned").resolve())
        resume = asked.resume and (out / "last").exists()
        self._say(f"round {number}: training")
        train_recipe(recipe, asked.path.name, out, resume=resume, show=asked.show, conclude=False)

    def _finish(self, number: int) -> str:
        """Makes 8-bit integers of the net of a round; returns what is in the way of a further one."""
        done = self._rounds.load(number, self._work)
        if done is None:
            done = self._integers(number)
            self._rounds.save(number, done, self._work.targets.loss)
        self._done.append(done)
        self._rows.append(_row(number, done))
        self._say(str(self._rows[-1]))
        if done.found.loss > self._work.targets.loss and (number or self._distance(number) <= 1):
            return f"the loss of round {number} is too large"
        return ""

    def _integers(self, number: int) -> ShrinkDone:
        asked = self._asked
        if number == 0:
            return self._work.run(self._work.parent, asked.tile)
        file = self._folder / f"{number}.onnx"
        export_checkpoint(self._rounds.of(number) / "trained" / "best", file, say=self._say)
        rounds = count(number, "round")
        before = [
            f"pruned and trained in {rounds} of {asked.settings.steps} steps by {asked.path.name}",
            *map(str, self._rows),
        ]
        return self._work.run(verify(file), asked.tile, before=before)

    def _some_tiles(self, _: Card) -> list[Pixels]:
        return spread(self._tiles.used, TILES_TO_PRUNE)

    def _distance(self, number: int) -> float:
        done = self._done[number]
        return self._work.targets.distance(done.timings, done.model.size)

    def _best(self) -> int:
        """The round within the loss that is nearest to its targets; if there is none, that of the least loss."""
        allowed = self._work.targets.loss
        within = [number for number, done in enumerate(self._done) if done.found.loss <= allowed]
        if within:
            return min(within, key=self._distance)
        return min(range(len(self._done)), key=lambda number: self._done[number].found.loss)


def _row(number: int, done: ShrinkDone) -> ShrinkRound:
    cost = cost_of(done.model)
    fastest = fastest_tile(done.timings)
    return ShrinkRound(number, cost.channels, cost.parameters, fastest, done.model.size, done.found.loss)
