"""What `smalti evaluate` does with a model that ranks photos."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from smalti.card import Card
from smalti.data.photos.pairs import read_pairs
from smalti.data.photos.series import Collection, ranked_folders
from smalti.errors import DataError, RecipeError
from smalti.evaluation.protocol import NOT_STATED, Stated
from smalti.evaluation.ranking import Judged, by_scores, ranking_evaluation, score_ranking
from smalti.files import deliver
from smalti.photos.baselines import BASELINES
from smalti.photos.cues import CUES, cues
from smalti.photos.overview import overview
from smalti.runtime.ranker import open_ranker
from smalti.workflows.models import checkpoint_folder

if TYPE_CHECKING:
    from smalti.cli.scoring import Question

Logits = Callable[[NDArray[np.uint8], NDArray[np.float32]], NDArray[np.floating[Any]]]
"""Overviews n,3,SIDE,SIDE and cues n,K -> the logits n,n that the row's photo is better than the column's."""


def answer_photos(question: "Question", card: Card) -> str:
    """Scores a ranker beside plain measures on the same pairs, writes JSON if asked, and gives the table as text."""
    _refuse(question)
    started = time.perf_counter()
    collections, data, labels = _collections(question)
    logits = _open(question.model)
    model: list[Judged] = []
    plain: dict[str, list[Judged]] = {name: [] for name in BASELINES}
    places = [(collection, number) for collection in collections for number in range(len(collection))]
    for collection, number in tqdm(places, unit="series", disable=None, leave=False):
        truth = collection.truth(number)
        pictures, numbers, measures = [], [], []
        for photo in collection.pixels(number):
            pictures.append(overview(photo))
            numbers.append(cues(photo))
            measures.append([measure(photo) for measure in BASELINES.values()])
        said = logits(np.stack(pictures), np.stack(numbers))
        model.append(Judged(truth.name, truth.preferences, truth.best, said))
        for name, scores in zip(BASELINES, np.array(measures).T, strict=True):
            plain[name].append(Judged(truth.name, truth.preferences, truth.best, by_scores(scores)))
    stated = Stated(
        data=data,
        split=question.split or (f"{question.part} of {question.data.name}" if question.is_recipe else NOT_STATED),
        chosen=question.chosen or card.origin.chosen or NOT_STATED,
        card=card,
    )
    baselines = {name: score_ranking(judged) for name, judged in plain.items()}
    seconds = time.perf_counter() - started
    evaluation = ranking_evaluation(stated, score_ranking(model), baselines, labels=labels, seconds=seconds)
    if not evaluation.scores.pairs:
        raise DataError(f"{data}: no pair has a better photo; nothing to score")
    if question.json:
        deliver(question.json, evaluation.to_json().encode())
    return str(evaluation)


def _refuse(question: "Question") -> None:
    """UsageError for options that speak of maps."""
    maps = {"--tta": question.tta, "--leave-out": question.leave_out, "--labels": question.labels}
    maps |= {"--bands": question.bands, "--report": question.report, "--records": question.records}
    maps |= {"--dataset": question.dataset, "--pictures": question.pictures}
    if given := [name for name, value in maps.items() if value]:
        raise click.UsageError(f"{given[0]} is for models that map; {question.model} ranks photos")


def _collections(question: "Question") -> tuple[Sequence[Collection], str, str]:
    """What to score on, what it is called, and what its labels are."""
    from smalti.cli.scored_data import data_name

    path = question.data
    if question.is_recipe:
        return *_recipe_part(path, question.changes, question.part), "the chances that the sources know"
    if question.changes:
        raise click.UsageError(f"--set changes a recipe, but DATA is {path}")
    if path.is_dir():
        return [ranked_folders(path)], data_name(path), "hard: the order of the names in each folder"
    if path.suffix.lower() != ".csv":
        raise DataError(f"{path}: expected a folder of ranked series, a CSV file of pairs, or a recipe")
    return [read_pairs(path)], data_name(path), "as in the file"


def _recipe_part(path: Path, changes: Sequence[str], part: str) -> tuple[list[Collection], str]:
    from smalti.training.kinds.ranking.settings import RankingRecipe
    from smalti.training.kinds.ranking.work import open_part  # torch is imported for recipes only
    from smalti.training.recipe import read_recipe

    recipe = read_recipe(path, changes)
    if not isinstance(recipe, RankingRecipe):
        raise RecipeError(f"{path}: is a recipe of kind {recipe.kind}; expected one of kind ranking")
    collections, name = open_part(recipe, part)
    if not collections:
        raise DataError(f"{path}: the recipe has no data.{part}; add it, or choose the other --part")
    return collections, name


def _open(model: str) -> Logits:
    folder = checkpoint_folder(model)
    if folder is None:
        ranker = open_ranker(model, CUES)
        return lambda pictures, numbers: by_scores(ranker(pictures, numbers)[0])
    from smalti.training.kinds.ranking.work import checkpoint_logits  # torch is imported for checkpoints only

    return checkpoint_logits(folder)
