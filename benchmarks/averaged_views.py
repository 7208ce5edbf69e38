"""What test-time augmentation gives and costs: one view, all eight, and as many as each tile needs.

    python benchmarks/averaged_views.py MODEL ... --data FOLDER ... [--threads N]

Scores are those of maps, as `smalti evaluate FOLDER` counts them: mIoU and boundary F1 (3 px) of the first task of
classes in percent, RMSE of the first task of values in its unit. `mean views` is per tile. `CPU` is the processor time
of all threads while tiles are predicted, and views compared and averaged, as a multiple of that with one view: other
work on the machine changes it least.
"""

import argparse
import platform
import time
import warnings
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import psutil

from smalti.arrays import Floats, Pixels
from smalti.averaged import VIEWS, Averaged
from smalti.evaluation import Evaluation, evaluate
from smalti.evaluation.classes import ClassResult
from smalti.evaluation.values import ValueResult
from smalti.runtime.open import open_model
from smalti.scene import Coarse, Predictor, coarse_of
from smalti.workflows.eval_data import Specs, folder_pairs

HEADS = ("model", "data", "views", "mIoU", "F1", "RMSE", "mean views", "CPU")


class Clocked:
    """A predictor whose calls and processor seconds are counted, with and without its last upsampling."""

    def __init__(self, predict: Predictor) -> None:
        self._predict, self.card = predict, predict.card
        self.calls, self.seconds = 0, 0.0

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """The prediction."""
        return self._counted(self._predict, batch)

    @property
    def coarse(self) -> Coarse | None:
        """See `scene.Coarsened`."""
        inside = coarse_of(self._predict)
        return None if inside is None else replace(inside, ask=partial(self._counted, inside))

    def _counted(self, ask: Predictor | Coarse, batch: Pixels) -> dict[str, Floats]:
        begun = time.process_time()
        found = ask(batch)
        self.seconds += time.process_time() - begun
        self.calls += 1
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of tasks without ground truth
    print(f"{platform.machine()}, {psutil.cpu_count()} cores, {date.today()}\n")
    print("| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS), flush=True)
    for name in options.models:
        model = open_model(name, threads=options.threads)
        for folder in options.data:
            _rows(name, model, folder)


def _rows(name: str, model: Predictor, folder: Path) -> None:
    first = None
    for title, fewest in (("one", 1), ("all eight", VIEWS), ("until they agree", 2)):
        views = Clocked(model)
        tiles = Clocked(views if fewest == 1 else Averaged(views, fewest))
        found = evaluate(tiles, folder_pairs(folder, model.card, Specs()))
        first = first or tiles.seconds
        shown = f"{views.calls / tiles.calls:.2f}", f"{tiles.seconds / first:.2f}"
        print(f"| {name} | {folder.name} | {title} | {_scores(found)} | {' | '.join(shown)} |", flush=True)


def _scores(found: Evaluation) -> str:
    classes = next((each for each in found if isinstance(each, ClassResult)), None)
    values = next((each for each in found if isinstance(each, ValueResult)), None)
    shown = [f"{100 * classes.scores.miou:.2f}" if classes else "-"]
    shown += [f"{100 * classes.boundary.f1:.2f}" if classes and classes.boundary else "-"]
    return " | ".join([*shown, f"{values.scores.rmse:.3f}" if values else "-"])


if __name__ == "__main__":
    main()
