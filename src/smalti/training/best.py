"""The best checkpoint of a training: the one whose averaged weights score best on the validation data."""

import copy
import math
from pathlib import Path

from torch import nn

from smalti.errors import ModelError, RecipeError
from smalti.nets.naming import Weights
from smalti.training.basis import selection_digest
from smalti.training.checkpoint import WEIGHTS, load_checkpoint, save_checkpoint
from smalti.training.distributed import Team
from smalti.training.progress import TrainingProgress
from smalti.training.settings import Recipe
from smalti.training.work import Work
from smalti.watch import Say


class Best:
    """Chooses the checkpoint in the folder `best`, and mends it."""

    def __init__(self, recipe: Recipe, work: Work, folder: Path, team: Team) -> None:
        """RecipeError for a score that the work does not have, or that the validation data cannot define."""
        self._recipe, self._work, self._folder, self._team = recipe, work, folder / "best", team
        self._score = recipe.train.select or work.selectable[0]
        if self._score not in work.selectable:
            raise RecipeError(
                f"train.select: unknown score {self._score!r}; expected one of {', '.join(work.selectable)}"
            )
        if why := work.undefined.get(self._score):
            raise RecipeError(
                f"train.select: {self._score} is undefined for the validation data: {why}; "
                f"add such data{self._others()}"
            )
        self.judged_by = selection_digest(recipe, work, self._score)
        """A digest of what the present best checkpoint was chosen by."""

    def validate(self, model: nn.Module, progress: TrainingProgress, say: Say) -> dict[str, float]:
        """Scores of the averaged weights; keeps the checkpoint if it is the best one, and notes that in `progress`."""
        self._team.agree(model)
        scores = self._work.validate(model)
        score = scores.get(self._score, -math.inf)
        progress.stale += 1
        if score > progress.best:
            progress.best, progress.best_step, progress.stale = score, progress.step, 0
            self._keep(model.state_dict(), progress.step)
        say(f"\nstep {progress.step}: {self._work.report(scores)} ({self._standing(progress)})\n")
        if progress.stale >= self._recipe.train.patience > 0 and progress.step < self._recipe.train.steps:
            progress.stopped = True
            say(f"no better score in {progress.stale} validations: stopped early\n")
        return scores

    def rescore(self, model: nn.Module, progress: TrainingProgress, say: Say) -> bool:
        """Scores the existing checkpoint again if it was chosen by another criterion; whether it did.

        `model` has the type of the averaged weights.
        """
        if self.judged_by == (judges := selection_digest(self._recipe, self._work, self._score)):
            return False
        self.judged_by = judges
        weights = self._weights()
        if not progress.step or weights is None:
            return False
        judged = copy.deepcopy(model)
        judged.load_state_dict(weights)
        scores = self._work.validate(judged)
        progress.best, progress.stale, progress.stopped = scores.get(self._score, -math.inf), 0, False
        say(f"the best checkpoint was chosen by another criterion; scored again: {self._work.report(scores)}\n")
        self._keep(weights, progress.best_step)
        return True

    def forget_missing(self, progress: TrainingProgress, say: Say) -> bool:
        """Forgets a checkpoint that is missing or damaged, so that another one is chosen; whether there was one."""
        if not progress.best_step or self._weights() is not None:
            return False
        what = "damaged" if (self._folder / WEIGHTS).is_file() else "missing"
        say(f"{self._folder} is {what}; a new one is chosen from now on\n")
        progress.best, progress.best_step, progress.stale = -math.inf, 0, 0
        return True

    def require(self, progress: TrainingProgress) -> None:
        """RecipeError if a finished training has no best checkpoint, as its score was never defined."""
        if not progress.best_step:
            raise RecipeError(
                f"train.select: {self._score} was undefined in every validation, so {self._folder} was not written; "
                f"--resume with data that define it{self._others()}"
            )

    def _standing(self, progress: TrainingProgress) -> str:
        """The best score so far, in words."""
        if progress.best_step == progress.step:
            return "best"
        if progress.best == -math.inf:
            return f"{self._score} is undefined"
        return f"best {100 * progress.best:.2f} at step {progress.best_step}"

    def _others(self) -> str:
        """The scores that may be selected instead, to continue a message."""
        others = [name for name in self._work.selectable if name != self._score and name not in self._work.undefined]
        return f", or set train.select to {' or '.join(others)}" if others else ""

    def _keep(self, weights: Weights, step: int) -> None:
        """Writes the checkpoint, in the first process."""
        if self._team.rank == 0:
            chosen = f"best {self._score} on {self._recipe.judges}, step {step} of {self._recipe.train.steps}"
            save_checkpoint(self._folder, self._work.card.chosen_by(chosen), weights)

    def _weights(self) -> Weights | None:
        """Those of the checkpoint; None where there is none that can be read."""
        try:
            return load_checkpoint(self._folder)[1]
        except ModelError:
            return None
