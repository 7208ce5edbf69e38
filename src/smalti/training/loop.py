"""The training loop: one for every net, loss and machine."""

import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import torch
from torch.optim import Optimizer

from smalti.card import Card
from smalti.errors import RecipeError, SmaltiError
from smalti.training.checkpoint import load_state, save_checkpoint, save_state
from smalti.training.memory import keep_freed_memory
from smalti.training.optim import Mean, make_optimizer, rate, set_rate
from smalti.training.recipe import open_work
from smalti.training.records import Records
from smalti.training.settings import Recipe
from smalti.training.work import Work

Say = Callable[[str], None]


@dataclass
class Progress:
    """How far a training is; all of it goes into state.pt."""

    step: int = 0
    best: float = -math.inf
    best_step: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    """Sums over the steps of the current epoch."""
    epoch_steps: int = 0


class Training:
    """A training in a folder; goes on by itself from what it finds there."""

    def __init__(self, recipe: Recipe, work: Work, folder: Path) -> None:
        from lightning.fabric import Fabric

        t = recipe.train
        self.recipe, self.work, self.folder = recipe, work, folder
        self.select = t.select or work.selectable[0]
        if self.select not in work.selectable:
            raise RecipeError(f"train.select: no score {self.select!r}; there are {', '.join(work.selectable)}")
        self.fabric = Fabric(accelerator=t.accelerator, devices=1, precision=t.precision)
        self.model = work.model.to(self.fabric.device)
        if t.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = Mean(self.model, t.ema)
        self.progress = Progress()
        optimizer = make_optimizer(self.model, recipe.optim)
        self._wrapped, self._optimizer = self.fabric.setup(self.model, optimizer)
        self._inner: Optimizer = optimizer
        self._restore()

    def run(self, say: Say) -> None:
        """Trains to the last step; checkpoints lie in `last` and `best`. SmaltiError if the loss is no number."""
        t, p = self.recipe.train, self.progress
        records = Records(self.folder, p.step)
        batches = self.work.batches(p.step * t.accumulate)
        pace = Pace(p.step, t.steps)
        with closing(records), closing(batches):
            while p.step < t.steps:
                self.step(batches)
                say(pace.line(p, self._inner.param_groups[0]["lr"]))
                if p.step % t.epoch_steps == 0 or p.step == t.steps:
                    self._end_epoch(records, pace, say)
                    self._save(records)
                elif p.step % t.save_every == 0:
                    self._save(records)

    def step(self, batches: Iterator[Any]) -> None:
        """One update of the weights from the next batches; SmaltiError if the loss is no number."""
        t, p = self.recipe.train, self.progress
        set_rate(self._inner, rate(p.step, t.steps, self.recipe.schedule))
        self.model.train()
        for part in range(t.accumulate):
            batch = next(batches)
            with self.fabric.no_backward_sync(self._wrapped, enabled=part < t.accumulate - 1):
                terms = self.work.terms(self._wrapped, self.fabric.to_device(batch))
                total = torch.stack(list(terms.values())).sum()
                self._check(total.item(), batch)
                self.fabric.backward(total / t.accumulate)
            for name, value in (terms | {"loss": total}).items():
                p.losses[name] = p.losses.get(name, 0.0) + value.item() / t.accumulate
        if t.clip:
            self.fabric.clip_gradients(self._wrapped, self._optimizer, max_norm=t.clip, error_if_nonfinite=False)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.mean.update(self.model, p.step)
        p.step += 1
        p.epoch_steps += 1

    def _check(self, loss: float, batch: Any) -> None:
        if not math.isfinite(loss):
            raise SmaltiError(
                f"the loss is {loss} at step {self.progress.step + 1}: training diverged at "
                f"{', '.join(self.work.names(batch))}; lower optim.lr, or set train.clip=1; "
                f"the last good state lies in {self.folder / 'last'}"
            )

    def _end_epoch(self, records: Records, pace: "Pace", say: Say) -> None:
        """Validates where it is due, keeps the best checkpoint, and writes a line of the records."""
        t, p = self.recipe.train, self.progress
        values = {f"{'' if k == 'loss' else 'loss/'}{k}": v / p.epoch_steps for k, v in p.losses.items()}
        values |= {"lr": self._inner.param_groups[0]["lr"], "seconds_per_step": pace.seconds_per_step}
        p.losses, p.epoch_steps = {}, 0
        last = p.step == t.steps
        if last or (p.step // t.epoch_steps) % t.validate_every == 0:
            values |= {f"validation/{name}": value for name, value in self._validate(say).items()}
        records.add(p.step, {name: value for name, value in values.items() if math.isfinite(value)})
        pace.pause()

    def _validate(self, say: Say) -> dict[str, float]:
        """Scores of the mean of the weights; the best checkpoint is kept."""
        p = self.progress
        scores = self.work.validate(self.mean.model)
        score = scores.get(self.select, -math.inf)
        if score > p.best:
            p.best, p.best_step = score, p.step
            chosen = f"best {self.select} on {self.recipe.judges}, step {p.step} of {self.recipe.train.steps}"
            save_checkpoint(self.folder / "best", self.work.card.chosen_by(chosen), self.mean.model.state_dict())
        mark = " (best)" if p.best_step == p.step else f" (best {100 * p.best:.2f} at step {p.best_step})"
        say(f"\nstep {p.step}: {self.work.report(scores)}{mark}\n")
        return scores

    def _save(self, records: Records) -> None:
        """Writes `last`; state.pt comes last and is all that a training goes on from."""
        chosen = f"last step, {self.progress.step} of {self.recipe.train.steps}"
        save_checkpoint(self.folder / "last", self.work.card.chosen_by(chosen), self.mean.model.state_dict())
        save_state(self.folder / "last", self._state())
        for name in ("best", "last"):
            if records.path.is_file() and (self.folder / name).is_dir():
                shutil.copyfile(records.path, self.folder / name / records.path.name)

    def _state(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.model_dump_json(),
            "progress": dict(vars(self.progress)),
            "model": self.model.state_dict(),
            "mean": self.mean.model.state_dict(),
            "optimizer": self._inner.state_dict(),
            "random": torch.get_rng_state(),
        }

    def _restore(self) -> None:
        state = load_state(self.folder / "last")
        if state is None:
            return
        self.progress = Progress(**state["progress"])
        self.model.load_state_dict(state["model"])
        self.mean.model.load_state_dict(state["mean"])
        self._inner.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])


class Pace:
    """The line of progress: loss, speed, time left."""

    def __init__(self, step: int, steps: int) -> None:
        self._steps, self._from = steps, step
        self._busy, self._since = 0.0, time.perf_counter()

    @property
    def seconds_per_step(self) -> float:
        """Mean of this run, without validations."""
        return self._busy / max(1, self._done)

    def line(self, progress: Progress, lr: float) -> str:
        """The line after a step."""
        now = time.perf_counter()
        self._busy, self._since = self._busy + now - self._since, now
        self._done = progress.step - self._from
        left = self.seconds_per_step * (self._steps - progress.step)
        loss = progress.losses["loss"] / progress.epoch_steps
        best = f"  best {100 * progress.best:.2f}" if math.isfinite(progress.best) else ""
        return (
            f"\rstep {progress.step}/{self._steps}  loss {loss:.3f}  lr {lr:.2e}{best}  "
            f"{self.seconds_per_step:.2f} s/step  {left / 60:.0f} min left  "
        )

    def pause(self) -> None:
        """What has passed since the last step does not count."""
        self._since = time.perf_counter()


def begin(recipe: Recipe, card: Card, folder: Path) -> Training:
    """A training by a recipe in a folder: the process is made ready, then the data and the model are."""
    keep_freed_memory()
    cv2.setNumThreads(1)  # the windows are made in threads of their own
    if recipe.train.threads:
        torch.set_num_threads(recipe.train.threads)
    return Training(recipe, open_work(recipe, card), folder)
