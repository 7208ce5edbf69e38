"""Trainings, once torch is known to be installed."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from pydantic import ValidationError

from smalti.errors import RecipeError, TrainingWarning, warn
from smalti.files import deliver
from smalti.lock import hold
from smalti.report.lr_range_page import write_lr_range_page
from smalti.training import lr_range
from smalti.training.basis import changes
from smalti.training.checkpoint import load_state, sweep_checkpoint
from smalti.training.distributed import launch
from smalti.training.loop import begin
from smalti.training.memory import memory_explained
from smalti.training.pretraining import read_pretraining, write_encoder
from smalti.training.process import sole_training
from smalti.training.recipe import open_work, read_recipe
from smalti.training.settings import Recipe
from smalti.training.sweep import Variant, read_scores, score_table, write_scores
from smalti.watch import Watch
from smalti.workflows.progress import Meter, Progress, Show
from smalti.workflows.run import Run
from smalti.workflows.run_folder import run_folder


def train(
    path: Path, changes: tuple[str, ...], out: Path | None = None, *, resume: bool = False, show: Show | None = None
) -> Run:
    """Trains from a recipe, and scores the best checkpoint."""
    recipe = read_recipe(path, changes)
    return train_recipe(recipe, path.name, run_folder(recipe.card.name, out), resume=resume, show=show)


@dataclass(frozen=True, slots=True)
class Encoder:
    """A pre-trained encoder."""

    encoder: str
    """Its name and width, as in recipes."""
    width: float
    run: Run
    weights: Path | None
    """None except in the first of several processes."""


def pretrain(
    path: Path,
    changes: tuple[str, ...],
    out: Path | None = None,
    *,
    kind: str | None = None,
    resume: bool = False,
    show: Show | None = None,
) -> Encoder:
    """Trains a classifier, or a masked autoencoder, and writes its encoder as weights for other recipes."""
    recipe = read_pretraining(path, changes, kind)
    run = train_recipe(recipe, path.name, run_folder(recipe.card.name, out), resume=resume, show=show)
    weights = write_encoder(recipe, path.name, run.folder) if run.scores else None  # the first process writes
    return Encoder(recipe.net.encoder, recipe.net.width, run, weights)


def train_variants(
    path: Path,
    settings: tuple[str, ...],
    variants: list[Variant],
    out: Path | None = None,
    *,
    show: Show | None = None,
    done: Callable[[Run], object] = lambda _: None,
) -> str:
    """Trains each variant in its own folder, skipping finished ones; returns one table of all.

    `done` is called with each run trained.
    """
    recipes = [read_recipe(path, (*settings, *variant.changes)) for variant in variants]  # all of them can be read
    results = []
    for variant, recipe in zip(variants, recipes, strict=True):
        folder = run_folder(recipe.card.name, out) / variant.name
        scores = read_scores(folder, recipe.model_dump_json())
        if scores is not None:  # with the same data?
            with sole_training(torch.device("cpu")):
                work = open_work(recipe, recipe.make_card(path.name), _watch(show))
                changes(load_state(folder / "last"), work, folder, resume=False)
        _note(show, f"\n{folder}: {'is already finished' if scores is not None else 'starts'}")
        if scores is None:
            run = train_recipe(recipe, path.name, folder, resume=False, show=show)
            done(run)
            scores = dict(run.scores)
        results.append((variant, scores))
    return score_table(results)


@dataclass(frozen=True, slots=True)
class RateSearch:
    """The result of a learning-rate range test."""

    lines: list[str]
    """The suggestion, as text."""
    page: Path
    """The file of the curve, CSV."""


@memory_explained()
def find_rate(path: Path, changes: tuple[str, ...], out: Path | None = None, *, show: Show | None = None) -> RateSearch:
    """Runs a learning-rate range test and suggests a rate; writes the curve, but no checkpoint."""
    recipe = read_recipe(path, changes)
    folder = run_folder(recipe.card.name, out)
    if recipe.train.devices * recipe.train.nodes > 1:
        raise RecipeError("--find-lr: runs in one process only; add --set train.devices=1 --set train.nodes=1")
    fabric = launch(recipe.train)
    with sole_training(fabric.device), hold(folder):
        training = begin(recipe, recipe.make_card(path.name), folder, fabric, fresh=True, watch=_watch(show))
        found = lr_range.find_rate(training, lambda text: _note(show, text))
        deliver(folder / lr_range.CSV, lr_range.table(found).encode())
        page = folder / lr_range.PAGE
        if len(found.rates):
            write_lr_range_page(page, recipe.card.name, found.rates, found.losses, found.smooth, found.lines())
    return RateSearch(found.lines(), page)


@memory_explained()
def show_batches(path: Path, changes: tuple[str, ...], out: Path | None = None) -> tuple[Path, int]:
    """Draws the first windows of a training, without training; returns the picture and their number."""
    from smalti.training.kinds.pixels.batch_sheet import write_batches

    recipe = read_recipe(path, changes)
    sheet = run_folder(recipe.card.name, out) / "batches.png"
    with sole_training(torch.device("cpu")):
        return sheet, write_batches(open_work(recipe, recipe.make_card(path.name)), sheet)


def _watch(show: Show | None) -> Watch:
    """Shows how far the reading of labels and files is."""
    return partial(Meter, show)


def _note(show: Show | None, text: str) -> None:
    """Reports a message of a training before its first step."""
    if show is not None:
        show(Progress("train", 0, 0, "step", text.removesuffix("\n")))


@memory_explained()
def train_recipe(
    recipe: Recipe, name: str, folder: Path, *, resume: bool = False, show: Show | None = None, conclude: bool = True
) -> Run:
    """Trains in a folder, from a recipe whose file has that name; scores the best checkpoint if it is to conclude."""
    fabric = launch(recipe.train)
    with hold(folder) if fabric.is_global_zero else nullcontext(), sole_training(fabric.device):
        for kind in ("best", "last"):
            sweep_checkpoint(folder / kind)
        _check_same(recipe, folder, resume)
        watch = _watch(show if fabric.is_global_zero else None)
        training = begin(recipe, recipe.make_card(name), folder, fabric, resume=resume, watch=watch)

        def say(text: str) -> None:
            if show is not None and fabric.is_global_zero:
                step, steps = training.progress.step, recipe.train.steps
                show(Progress(recipe.card.name, step, steps, "step", text.removesuffix("\n")))

        for line in (*training.work.introduction(), *training.notes):
            say(line)
        say(f"checkpoints in {folder}/best and {folder}/last")
        if fabric.is_global_zero:
            for warning in training.work.warnings():
                warn(TrainingWarning(warning))
        if training.finished:
            say(f"is already finished{'; scoring the best checkpoint' if conclude else ''}")
        elif training.progress.step:
            say(f"resuming from step {training.progress.step}")
        training.run(say)
        training.require_best()
        if not fabric.is_global_zero or not conclude:
            return Run(folder, recipe.card.name, {})
        conclusion = training.work.conclude(folder / "best")
        write_scores(folder, recipe.model_dump_json(), conclusion.scores)
        return Run(folder, recipe.card.name, conclusion.scores, conclusion.text)


def _check_same(recipe: Recipe, folder: Path, resume: bool) -> None:
    """RecipeError if the folder holds a training with another recipe, or none to resume."""
    state = load_state(folder / "last")
    if state is None and resume:
        raise RecipeError(f"--resume: {folder} holds no training to resume; omit --resume to start one")
    if state is not None and not resume and not _same(recipe, state["recipe"]):
        raise RecipeError(
            f"{folder} holds a training with other settings; give another --out, or --resume to continue with these"
        )


def _same(recipe: Recipe, written: str) -> bool:
    """Whether a stored recipe is the same training; settings that it lacks have their defaults."""
    try:
        return type(recipe).model_validate_json(written).model_dump_json() == recipe.model_dump_json()
    except ValidationError:
        return False
