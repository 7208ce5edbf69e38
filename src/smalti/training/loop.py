"""The training loop: the same for every net, loss and machine."""

import math
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor

from smalti.card import Card
from smalti.errors import DivergedError, RecipeError
from smalti.files import write_whole
from smalti.training.assemble import assemble
from smalti.training.basis import changes, check_card
from smalti.training.best import Best
from smalti.training.checkpoint import STATE, load_state, save_checkpoint, save_state
from smalti.training.distributed import Shareable, Team, launch
from smalti.training.ema import resume_at
from smalti.training.memory import keep_freed_memory
from smalti.training.optim import restore
from smalti.training.progress import Pace, TrainingProgress
from smalti.training.recipe import open_work
from smalti.training.records import Records
from smalti.training.schedule import rate, set_rates
from smalti.training.settings import Recipe
from smalti.training.warmstart import fill, take_shape
from smalti.training.work import Pupil, Work
from smalti.watch import Say, Watch, unwatched


class Training:
    """A training in a folder; resumes what it finds there, unless `fresh`."""

    def __init__(
        self, recipe: Recipe, work: Work, folder: Path, fabric: Any, fresh: bool = False, resume: bool = False
    ) -> None:
        """`fresh` ignores what is in the folder; `resume` resumes even where the data have changed since.

        DataError where they have changed, without `resume`.
        """
        t = recipe.train
        self.recipe, self.work, self.folder, self.fabric = recipe, work, folder, fabric
        self.team = _team_of(work, recipe, fabric)
        self._best = Best(recipe, work, folder, self.team)
        state = None if fresh else load_state(folder / "last")
        if state is not None:
            check_card(state, work.card, folder)
        self.notes = fill(work.model, t.start, work.images) if t.start and state is None else []
        """Messages about the starting weights, the schedule, and data that have changed."""
        self.notes += recipe.notes()
        self.notes += changes(state, work, folder, resume)
        parts = assemble(recipe, work, fabric, self.team)  # after the starting weights: the average begins with them
        self.model, self.mean, self.optimizer = parts.model, parts.mean, parts.optimizer
        self._freezing, self._balanced, self._beside = parts.freezing, parts.balanced, parts.beside
        self._wrapped, self._stepped = parts.wrapped, parts.stepped
        self._pupil: Pupil | None = getattr(work, "self_training", None)
        if self._pupil:
            self._pupil.teacher = self.mean.module
        self.progress = TrainingProgress()
        if state is not None:
            self._restore(state)

    def run(self, say: Say) -> None:
        """Trains to the last step; checkpoints are in `last` and `best`. DivergedError if the loss is not finite."""
        t, p = self.recipe.train, self.progress
        records = Records(self.folder, p.step) if self.team.rank == 0 else None
        self._check_best(records, say)
        batches = self.work.batches(p.step * t.accumulate)
        pace = Pace(p.step, t.steps)
        with closing(records) if records else nullcontext(), closing(batches):
            while not self.finished:
                lr = self.step(batches)
                say(pace.line(p, lr))
                ends = p.step % t.epoch_steps == 0 or p.step == t.steps
                if ends or p.step % t.save_every == 0:
                    self._check_weights()
                    if ends:
                        self._end_epoch(records, pace, lr, say)
                    self._save(records)

    def require_best(self) -> None:
        """RecipeError if a finished training has no best checkpoint, as its score was never defined."""
        self._best.require(self.progress)

    @property
    def finished(self) -> bool:
        """Whether no step is left."""
        return self.progress.stopped or self.progress.step == self.recipe.train.steps

    def step(self, batches: Iterator[Any]) -> float:
        """One update at the schedule's learning rate, which is returned: `optim.lr` times the schedule's factor."""
        schedule = self.recipe.schedule
        factor = rate(self.progress.step, self.recipe.train.steps, schedule)
        set_rates(self.optimizer, factor, schedule.momentum)
        self.update(batches)
        return self.recipe.optim.lr * factor

    def update(self, batches: Iterator[Any]) -> None:
        """One update of the weights from the next batches; DivergedError if the loss is not finite."""
        t, p = self.recipe.train, self.progress
        self.model.train()
        self._freezing.set_mode(p.step)
        for part in range(t.accumulate):
            self._batch = next(batches)
            with self.fabric.no_backward_sync(self._wrapped, enabled=bool(self._balanced) or part < t.accumulate - 1):
                terms = self.work.terms(self._wrapped, self.fabric.to_device(self._batch))
                loss = torch.stack(list(terms.values())).sum() if terms else torch.zeros(())
                self._check(loss.item(), f"at step {p.step + 1} the loss is")
                weights = self._backward(terms, loss)
            noted = {name: value.item() for name, value in (terms | {"loss": loss}).items()}
            p.note(noted | weights | (self._pupil.noted if self._pupil else {}), 1 / t.accumulate)
        if self._balanced:
            self._balanced.finish()
        if t.clip:
            self.fabric.clip_gradients(self._wrapped, self._stepped, max_norm=t.clip, error_if_nonfinite=False)
        self._stepped.step()
        self._stepped.zero_grad()
        self.mean.update_parameters(self.model)
        p.step += 1
        p.epoch_steps += 1

    def _backward(self, terms: dict[str, Tensor], total: Tensor) -> dict[str, float]:
        """Adds a batch's gradients; returns the weight of each task if there is a balance."""

        def scaled(loss: Tensor, retain_graph: bool = False) -> None:
            self.fabric.backward(loss * (self.team.size / self.recipe.train.accumulate), retain_graph=retain_graph)

        if self._balanced:
            return self._balanced.backward(terms, scaled)
        scaled(total)
        return {}

    def _check(self, number: float, what: str) -> None:
        """DivergedError if a number is not finite; `last` and `best` are kept."""
        if math.isfinite(number):
            return
        last = load_state(self.folder / "last")
        kept = f"{self.folder / 'last'} holds step {last['progress']['step']}" if last else "no checkpoint saved yet"
        raise DivergedError(
            f"{what} {number}, at {', '.join(self.work.names(self._batch))}: "
            f"training diverged; lower optim.lr, or set train.clip=1; {kept}"
        )

    def _check_weights(self) -> None:
        norms = torch._foreach_norm([parameter.detach() for parameter in self.model.parameters()])
        self._check(float(torch.stack(norms).sum()), f"after step {self.progress.step} the norm of the weights is")

    def _end_epoch(self, records: Records | None, pace: Pace, lr: float, say: Say) -> None:
        """Validates if it is due, keeps the best checkpoint, and writes a line of the records."""
        t, p = self.recipe.train, self.progress
        values = p.end_epoch()
        values |= {"lr": lr, "seconds_per_step": pace.seconds_per_step}
        last = p.step == t.steps
        if last or (p.step // t.epoch_steps) % t.validate_every == 0:
            scores = self._best.validate(self.mean.module, p, say)
            values |= {f"validation/{name}": value for name, value in scores.items()}
        if records:
            records.add(p.step, {name: value for name, value in values.items() if math.isfinite(value)})
        pace.pause()

    def _check_best(self, records: Records | None, say: Say) -> None:
        """Scores the best checkpoint again where another criterion chose it. Where it is missing or damaged, the next
        validations choose another one; a finished training without one has the last step's."""
        if self._best.rescore(self.mean.module, self.progress, say):
            self._save(records)
        self._best.forget_missing(self.progress, say)
        if self.finished and not self.progress.best_step:
            self._best.validate(self.mean.module, self.progress, say)
            self._save(records)

    def _save(self, records: Records | None) -> None:
        """Writes `last`, in the first process; state.pt comes last and is all that resuming needs."""
        if records is None:
            return
        chosen = f"last step, {self.progress.step} of {self.recipe.train.steps}"
        save_checkpoint(self.folder / "last", self.work.card.chosen_by(chosen), self.mean.module.state_dict())
        for name in ("best", "last"):
            if (self.folder / name).is_dir():
                write_whole(self.folder / name / records.path.name, records.content())
        save_state(self.folder / "last", self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.model_dump_json(),
            "card": self.work.card.dump(),
            "data": {part: str(found) for part, found in self.work.identity.items()},
            "selection_digest": self._best.judged_by,
            "progress": dict(vars(self.progress)),
            "model": self.model.state_dict(),
            "mean": self.mean.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "balance": self._balanced.state() if self._balanced else None,
            "self_training": self._pupil.state() if self._pupil else None,
            "beside": self._beside.state_dict() if self._beside else None,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        try:
            self.progress = TrainingProgress(**state["progress"])
        except TypeError:
            raise RecipeError(f"{self.folder}: was trained by another version; give another --out") from None
        if self.progress.step > (steps := self.recipe.train.steps):
            raise RecipeError(
                f"train.steps {steps}: {self.folder} has reached step {self.progress.step}; "
                "give more steps, or another --out"
            )
        self._best.judged_by = state.get("selection_digest", "")
        self.progress.stopped &= self.progress.stale >= self.recipe.train.patience > 0
        try:
            self.model.load_state_dict(state["model"])
            self.mean.module.load_state_dict(state["mean"])
            resume_at(self.mean, self.progress.step)
            if self._beside and (learned := state.get("beside")):  # none where there was none: see the optimizer
                self._beside.load_state_dict(learned)
        except RuntimeError:
            raise RecipeError(
                f"{self.folder}: was trained with another net; give another --out, and train.start to take the "
                "weights that match"
            ) from None
        if self._balanced:
            self._balanced.restore(state.get("balance"))
        if self._pupil and (learned := state.get("self_training")):  # none if it begins with this resume
            self._pupil.restore(learned)
        restore(self.optimizer, state["optimizer"])
        torch.set_rng_state(state["random"])


def begin(
    recipe: Recipe,
    card: Card,
    folder: Path,
    fabric: Any = None,
    *,
    fresh: bool = False,
    resume: bool = False,
    watch: Watch = unwatched,
) -> Training:
    """Prepares the process, then the data and the model, for a training from a recipe in a folder.

    `fabric` is the result of `launch`, where the caller had to know its process's rank.
    """
    keep_freed_memory()
    cv2.setNumThreads(1)  # windows are made in separate threads
    if recipe.train.threads:
        torch.set_num_threads(recipe.train.threads)
    resumed = not fresh and (folder / "last" / STATE).is_file()
    card = take_shape(card, recipe.train.start, folder / "last" if resumed else None)  # before data are read
    return Training(recipe, open_work(recipe, card, watch), folder, fabric or launch(recipe.train), fresh, resume)


def _team_of(work: Work, recipe: Recipe, fabric: Any) -> Team:
    """This process among those that train; RecipeError if there are several and the work supports only one."""
    team = Team(fabric.global_rank, fabric.world_size, fabric.device)
    if isinstance(work, Shareable):
        work.team = team
    elif team.size > 1:
        raise RecipeError(f"train.devices: a recipe of kind {recipe.kind} is trained by one process, not {team.size}")
    return team
