"""Scores a model on images with ground truth."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from smalti.arguments import checked
from smalti.card import Card
from smalti.errors import DataError, OptionError, OutputError, about
from smalti.evaluation import Evaluation, Pair
from smalti.evaluation import evaluate as evaluate_pairs
from smalti.evaluation.delta import against as gains_against
from smalti.evaluation.pairs import IMAGE_FOLDERS, LABEL_FOLDERS
from smalti.evaluation.places import check_pattern
from smalti.evaluation.protocol import NOT_STATED
from smalti.evaluation.run import CountAll
from smalti.mapping.fit import Resolution, in_metres
from smalti.mapping.protect import check_page
from smalti.raster.reader import Reader
from smalti.report.picture_folder import PictureFolder
from smalti.workflows.eval_data import Scored, Specs, dataset_split, folder_split, read_specs, recipe_pairs
from smalti.workflows.evaluate_options import Asked, EvaluateOptions
from smalti.workflows.limits import WIDEST_BOUNDARY
from smalti.workflows.models import AnyModel, is_ranker, open_inside, opened
from smalti.workflows.paths import path_if_given
from smalti.workflows.progress import Meter, Show
from smalti.workflows.scores_file import check_scores_file, write_scores_file
from smalti.workflows.settings import Changes, as_settings


@checked()
def evaluate(
    model: AnyModel,
    data: str | Path,
    *,
    split: str | None = None,
    chosen: str | None = None,
    part: Literal["test", "validation"] | None = None,
    changes: Changes = (),
    dataset: str | None = None,
    tta: bool = False,
    by: Literal["place"] | None = None,
    place: str | None = None,
    boundary: int = 3,
    leave_out: Sequence[str] = (),
    above: Mapping[str, float] | None = None,
    crop: Literal["eigen"] | None = None,
    against: Sequence[str | Path] = (),
    labels: str | Path | None = None,
    bands: Sequence[str | int] | None = None,
    resolution: Resolution = "auto",
    pictures: str | Path | None = None,
    json: str | Path | None = None,
    report: str | Path | None = None,
    records: str | Path | None = None,
    scheduler: str | None = None,
    progress: Show | None = None,
) -> Evaluation:
    """Scores a model on images with ground truth.

    Args:
        model: A name, a file, the folder of a checkpoint, or the result of `open_model`.
        data: A folder of images and labels (images/ with masks/, or NAME.tif with NAME_classes.tif), or a recipe, which
            needs torch; with `dataset` a public dataset. For a ranker a folder of ranked series or a CSV file of pairs.
        split: Name of the part of the data, for the protocol.
        chosen: How the checkpoint was chosen, for the protocol.
        part: The part of a recipe's data; None is its test part.
        changes: Settings of the recipe to change.
        dataset: `NAME:SPLIT` of a public dataset, in the layout that it is downloaded in.
        tta: Average over flips and quarter turns; the scores without averaging are given too.
        by: `place` for the scores at each place, too, their mean, and the worst place.
        place: A regular expression that names an image's place, by the first group of its match in the path; default
            folder and name up to the first number. In a recipe, sources have it.
        boundary: Tolerance in pixels within which boundaries match.
        leave_out: Classes to exclude from the means.
        above: By task of values, the ground truth from which on relative errors count; default 1 m for heights, else 0.
        crop: The part of each image that values are scored on.
        against: Stored scores of nets of one task each, for Delta_m.
        labels: TOML file with the colours, ids or attribute of labels, and more.
        bands: Bands for the model, by name or by number from 1.
        resolution: For a folder of images, the pixel size in metres that the network sees; `auto`: the nearest size in
            the model's range, but at least half of the image's own, where that is far outside of the range;
            `native`: its own. Scores are those of the image's pixels.
        pictures: A folder for class maps.
        json: A file for all scores.
        report: A file for an HTML page.
        records: The records of the training, for the page; default those beside a checkpoint.
        scheduler: The address of a Dask scheduler, or `local:4`: its workers count one image each at a time, with the
            same scores.
        progress: Called with a `Progress` for each image, in the caller's thread.

    Raises:
        DataError: No image with ground truth is found, images and ground truth do not match, or no pixel is labelled.
        LabelError: Ground truth does not fit its image, or has a class that is not declared.
        ModelError: The model cannot be opened.
        RecipeError: The recipe or the file of labels cannot be read.
        OptionError: Options that contradict each other.
        OutputError: An output cannot be written, or would replace a file of another kind.
        ClusterError: The scheduler does not answer, or its workers lack the model.
        MissingExtraError: Dask, or torch for a recipe, is not installed.
    """
    if not 1 <= boundary <= WIDEST_BOUNDARY:
        text = f"boundary is {boundary}; expected a whole number from 1 to {WIDEST_BOUNDARY}"
        raise OptionError(text, value=boundary)
    options = EvaluateOptions(
        split=split, chosen=chosen, part=part, changes=as_settings(changes), dataset=dataset, tta=tta,
        by=by, place=place, boundary=boundary, leave_out=tuple(leave_out), above=dict(above or {}), crop=crop,
        against=tuple(map(Path, against)), labels=path_if_given(labels),
        pictures=path_if_given(pictures), json=path_if_given(json),
        bands=None if bands is None else tuple(map(str, bands)), report=path_if_given(report),
        resolution=in_metres(resolution),
        records=path_if_given(records), scheduler=scheduler,
    )  # fmt: skip
    where = Path(data)
    with about(data):
        return evaluate_by(model, where, options, progress)


def evaluate_by(model: AnyModel, data: Path, options: EvaluateOptions, progress: Show | None = None) -> Evaluation:
    """Scores a model, and writes the requested files; raises the errors of `evaluate`."""
    _check_outputs(options)
    asked = Asked(opened(model), data, options, progress)
    card = asked.model.card
    if is_ranker(card):
        from smalti.workflows.evaluate_photos import evaluate_photos  # another kind of data altogether

        return evaluate_photos(asked)
    if all(task.per_image for task in card.tasks):
        from smalti.workflows.evaluate_images import evaluate_images

        return evaluate_images(asked)
    return _evaluate_pixels(asked)


def _evaluate_pixels(asked: Asked) -> Evaluation:
    options = asked.options
    if options.pictures and options.scheduler:
        raise OptionError("--pictures are made by this process alone; omit --scheduler", value=options.scheduler)
    predict = open_inside(asked.model) if options.pictures else asked.model
    card = predict.card
    _check_names(options, card)
    scored = _scored(asked, card)
    keep = PictureFolder(options.pictures, card) if options.pictures else None
    if keep and options.pictures:
        _check_pictures(options.pictures, asked.data, scored.pairs)
        keep.check(pair.name for pair in scored.pairs)
    meter = Meter(asked.show, "evaluate", len(scored.pairs), "images")
    images = _Images(meter)
    found = evaluate_pairs(
        predict,
        images.of(scored.pairs),
        data=scored.data,
        split=options.split or scored.split,
        chosen=options.chosen or card.origin.chosen or NOT_STATED,
        leave_out=options.leave_out,
        boundary=options.boundary,
        above=options.above,
        crop=options.crop,
        tta=options.tta,
        tiles=options.report is not None,
        by_place=options.by == "place",
        variants=options.leave_out or scored.leave_out,
        keep=keep,
        progress=images.advance,
        count_all=_elsewhere(asked, scored.pairs, meter),
    )
    return _written(asked, found, scored.pairs)


def _elsewhere(asked: Asked, pairs: Sequence[Pair], meter: Meter) -> CountAll | None:
    """Counts images on the workers of a cluster, if one was given."""
    if asked.options.scheduler is None:
        return None
    from smalti.workflows.evaluate_on_cluster import count_on_cluster  # lazily: Dask is slow to import

    return count_on_cluster(asked.options.scheduler, asked.model, pairs, meter)


class _Images:
    """Progress in images scored, the current one by its pixels."""

    def __init__(self, meter: Meter) -> None:
        self._meter, self._pixels, self._done = meter, 1, 0.0

    def of(self, pairs: Sequence[Pair]) -> Iterator[Pair]:
        """The pairs, each counted when the next one is requested."""
        for pair in pairs:
            self._done = 0.0
            yield replace(pair, open_image=partial(self._opened, pair))
            self._meter(1 - self._done)

    def _opened(self, pair: Pair) -> Reader:
        image = pair.open_image()
        self._pixels = image.grid.height * image.grid.width
        return image

    def advance(self, pixels: int) -> None:
        """Adds a number of finished pixels of the current image."""
        more = min(pixels / self._pixels, 1 - self._done)
        self._done += more
        self._meter(more)


def _check_outputs(options: EvaluateOptions) -> None:
    """OutputError, before the first image, for outputs that cannot be written or would replace other files."""
    if options.report:
        check_page(options.report)
    if options.json:
        check_scores_file(options.json)
        if options.report and _is_one(options.json, options.report):
            raise OutputError(f"{options.report}: scores and page cannot be one file; choose two outputs")
        if any(_is_one(options.json, read) for read in options.against):
            raise OutputError(f"{options.json}: would replace the scores to compare with; choose another output")


def _is_one(path: Path, other: Path) -> bool:
    if path.exists() and other.exists():
        return path.samefile(other)
    return os.path.realpath(path) == os.path.realpath(other)


def _check_pictures(folder: Path, data: Path, pairs: Sequence[Pair]) -> None:
    """OutputError where pictures would lie among images and labels, and be taken for such."""
    real = folder.resolve()
    among = {(data / pair.name).resolve().parent for pair in pairs}
    named = folder.name.lower() in IMAGE_FOLDERS | LABEL_FOLDERS and real.is_relative_to(data.resolve())
    if real in among or named:
        raise OutputError(f"{folder}: is for images or labels of {data}; choose another folder for pictures")


def _check_names(options: EvaluateOptions, card: Card) -> None:
    """DataError for a name that is not a class of any of the model's tasks, ModelError for one that is not a task."""
    labels = [label for task in card.tasks for label in task.labels]
    for name in options.leave_out:
        if name not in labels:
            raise DataError(f"{name!r} is not a class; the model's classes are {', '.join(labels)}", value=name)
    for name in options.above:
        card.task(name)


def _check_place(asked: Asked) -> None:
    """OptionError for a pattern of places that is none, or that nothing uses."""
    if asked.options.by != "place":
        raise OptionError("--place names places; add --by place, or omit it", value=asked.options.place)
    if asked.is_recipe:
        raise OptionError("a recipe has its places: `place` of its sources; omit --place", value=asked.options.place)
    check_pattern(asked.options.place)


def _scored(asked: Asked, card: Card) -> Scored:
    """The images to score on."""
    options, data = asked.options, asked.data
    if options.dataset and (asked.is_recipe or options.labels or options.bands):
        raise OptionError("--dataset determines DATA and its encoding; use it without a recipe, --labels and --bands")
    if options.place is not None:
        _check_place(asked)
    if options.resolution != "auto" and (options.dataset or asked.is_recipe):
        raise OptionError("--resolution is for a folder of images; omit it", value=options.resolution)
    if asked.is_recipe:
        if options.labels:
            raise OptionError("a recipe has the encoding of its labels; omit --labels")
        if options.bands:
            raise OptionError("a recipe has its bands: `bands` of its sources; omit --bands")
        return recipe_pairs(data, options.changes, asked.part, card, asked.show)
    asked.refuse_recipe_options()
    if options.dataset:
        return dataset_split(options.dataset, data, card, asked.show, options.place)
    specs = read_specs(options.labels) if options.labels else Specs()
    specs = replace(specs, bands=options.bands, place=options.place, resolution=options.resolution)
    return folder_split(data, card, specs, asked.show)


def _written(asked: Asked, found: Evaluation, pairs: list[Pair]) -> Evaluation:
    """Compares the result with stored ones, and writes the requested files."""
    options = asked.options
    if options.against:
        found = replace(found, compared=gains_against(options.against, found.results))
    if options.json:
        write_scores_file(options.json, found)
    if options.report:
        from smalti.report.evaluation_page import write_evaluation_page  # templates only for a page

        write_evaluation_page(options.report, found, pairs, _records(asked))
    return found


def _records(asked: Asked) -> Path | None:
    """The records of the training, for the page: those given, or those beside the checkpoint."""
    folder = asked.model.checkpoint
    beside = folder / "records.csv" if folder else None
    return asked.options.records or (beside if beside and beside.is_file() else None)
