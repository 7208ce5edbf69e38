"""Scores a model that ranks photos on series whose best photo is known."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.data.photos.pairs import read_pairs
from smalti.data.photos.series import Collection, ranked_folders
from smalti.errors import DataError, RecipeError
from smalti.evaluation import Evaluation
from smalti.evaluation.protocol import NOT_STATED, Stated
from smalti.evaluation.ranking import Judged, by_scores, ranking_evaluation, score_ranking
from smalti.photos.baselines import BASELINES
from smalti.photos.cues import CUES, cues
from smalti.photos.overview import overview
from smalti.runtime.ranker import open_ranker
from smalti.workflows.eval_data import data_name
from smalti.workflows.evaluate_options import OF_MAPS, Asked, without_part
from smalti.workflows.extras import of_training
from smalti.workflows.models import OpenModel
from smalti.workflows.progress import Meter
from smalti.workflows.scores_file import write_scores_file

Logits = Callable[[NDArray[np.uint8], NDArray[np.float32]], NDArray[np.floating[Any]]]
"""Overviews n,3,SIDE,SIDE and cues n,K -> the logits n,n that the row's photo is better than the column's."""


def evaluate_photos(asked: Asked) -> Evaluation:
    """Scores a ranker beside plain measures on the same pairs, and writes JSON if requested."""
    asked.refuse("ranks photos", *OF_MAPS)
    started = time.perf_counter()
    collections, data, labels = _collections(asked)
    model, plain = _judge(asked, collections)
    options, card = asked.options, asked.model.card
    stated = Stated(
        data=data,
        split=options.split or (f"{asked.part} of {asked.data.name}" if asked.is_recipe else NOT_STATED),
        chosen=options.chosen or card.origin.chosen or NOT_STATED,
        card=card,
    )
    baselines = {name: score_ranking(judged) for name, judged in plain.items()}
    seconds = time.perf_counter() - started
    found = ranking_evaluation(stated, score_ranking(model), baselines, labels=labels, seconds=seconds)
    if not found.scores.pairs:
        raise DataError(f"{data}: no pair has a better photo; nothing to score")
    if options.json:
        write_scores_file(options.json, found)
    return found


def _judge(asked: Asked, collections: Sequence[Collection]) -> tuple[list[Judged], dict[str, list[Judged]]]:
    """The predictions of the model and of the plain measures for every series."""
    logits = _open(asked.model)
    model: list[Judged] = []
    plain: dict[str, list[Judged]] = {name: [] for name in BASELINES}
    places = [(collection, number) for collection in collections for number in range(len(collection))]
    progress = Meter(asked.show, "evaluate", len(places), "series")
    for collection, number in places:
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
        progress(1)
    return model, plain


def _collections(asked: Asked) -> tuple[Sequence[Collection], str, str]:
    """The data to score on, their name, and the origin of their labels."""
    path = asked.data
    if asked.is_recipe:
        return *_recipe_part(path, asked.options.changes, asked.part), "the probabilities of the sources"
    asked.refuse_recipe_options()
    if path.is_dir():
        return [ranked_folders(path)], data_name(path), "hard: the order of the names in each folder"
    if path.suffix.lower() != ".csv":
        raise DataError(f"{path}: expected a folder of ranked series, a CSV file of pairs, or a recipe")
    return [read_pairs(path)], data_name(path), "as in the file"


def _recipe_part(path: Path, changes: Sequence[str], part: str) -> tuple[list[Collection], str]:
    with of_training():
        from smalti.training.kinds.ranking.settings import RankingRecipe
        from smalti.training.kinds.ranking.work import open_part  # torch is imported for recipes only
        from smalti.training.recipe import read_recipe

    recipe = read_recipe(path, changes)
    if not isinstance(recipe, RankingRecipe):
        raise RecipeError(f"{path}: is a recipe of kind {recipe.kind}; expected one of kind ranking")
    collections, name = open_part(recipe, part)
    if not collections:
        raise without_part(path, part)
    return collections, name


def _open(model: OpenModel) -> Logits:
    folder = model.checkpoint
    if folder is None:
        ranker = open_ranker(model.source, CUES)
        return lambda pictures, numbers: by_scores(ranker(pictures, numbers)[0])
    from smalti.training.kinds.ranking.work import checkpoint_logits  # torch is imported for checkpoints only

    return checkpoint_logits(folder)
