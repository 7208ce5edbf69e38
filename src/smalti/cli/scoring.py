"""What `smalti evaluate` does."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
from tqdm import tqdm

from smalti.card import Card
from smalti.cli.pictures import PictureFolder
from smalti.cli.progress import Log
from smalti.cli.scored_data import Scored, Specs, dataset_split, folder_split, read_specs, recipe_pairs
from smalti.errors import DataError, OutputError
from smalti.evaluation import Evaluation, Pair, evaluate
from smalti.evaluation.delta import against
from smalti.evaluation.protocol import NOT_STATED
from smalti.files import check_place, deliver
from smalti.mapping.protect import check_page
from smalti.workflows.models import checkpoint_folder, is_ranker, open_inside, open_model


@dataclass(frozen=True, slots=True)
class Question:
    """What the command line asks for."""

    model: str
    data: Path
    split: str | None
    chosen: str | None
    part: str
    changes: tuple[str, ...]
    dataset: str | None
    tta: bool
    boundary: int
    leave_out: tuple[str, ...]
    labels: Path | None
    pictures: Path | None
    json: Path | None
    report: Path | None
    records: Path | None
    against: tuple[Path, ...] = ()
    above: tuple[tuple[str, float], ...] = ()
    crop: str | None = None
    bands: tuple[str, ...] | None = None

    @property
    def is_recipe(self) -> bool:
        """Whether the data are those of a recipe."""
        return self.data.suffix.lower() == ".toml"


def answer(question: Question) -> str:
    """Scores the model, writes what was asked for, and gives the table as text."""
    _check_outputs(question)
    model = open_model(question.model)
    card = model.card
    if is_ranker(card):
        from smalti.cli.scoring_photos import answer_photos  # another kind of data altogether

        return answer_photos(question, card)
    if all(task.per_image for task in card.tasks):
        from smalti.cli.scoring_images import answer_images

        return answer_images(question, model)
    predict = open_inside(model) if question.pictures else model
    card = predict.card
    _check_names(question, card)
    scored = _scored(question, card)
    keep = PictureFolder(question.pictures, card) if question.pictures else None
    if keep:
        keep.check(pair.name for pair in scored.pairs)
    with tqdm(unit="Pix", unit_scale=True, disable=None, leave=False) as bar:
        found = evaluate(
            predict,
            _announced(scored.pairs, bar),
            data=scored.data,
            split=question.split or scored.split,
            chosen=question.chosen or card.origin.chosen or NOT_STATED,
            leave_out=question.leave_out,
            boundary=question.boundary,
            above=dict(question.above),
            crop=question.crop,
            tta=question.tta,
            tiles=question.report is not None,
            variants=question.leave_out or scored.leave_out,
            keep=keep,
            progress=bar.update,
        )
    return _tell(question, found, scored.pairs)


def _check_outputs(question: Question) -> None:
    """OutputError, before the first image, for what could not be written at the end or would replace other files."""
    if question.report:
        check_page(question.report)
    if question.json:
        check_place(question.json, parents=True)
        if question.json.exists() and not _is_scores(question.json):
            raise OutputError(f"{question.json}: is there and holds no scores; remove it, or choose another output")


def _is_scores(path: Path) -> bool:
    """Whether a file is empty or a JSON object, and no GeoJSON: labels may be one."""
    try:
        found = json.loads(path.read_bytes() or b"{}")
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and "type" not in found


def _tell(question: Question, found: Evaluation, pairs: list[Pair]) -> str:
    """Writes what was asked for; the table as text."""
    delta = against(question.against, found.results) if question.against else None
    if question.json:
        deliver(question.json, found.to_json(delta.to_dict() if delta else None).encode())
    if question.report:
        _write_report(question.report, question, found, pairs)
    return str(found) + (f"\n\n{delta}" if delta else "")


def _check_names(question: Question, card: Card) -> None:
    """DataError for a name that is no class of any of the model's tasks, ModelError for one that is no task."""
    labels = [label for task in card.tasks for label in task.labels]
    for name in question.leave_out:
        if name not in labels:
            raise DataError(f"{name!r} is no class; the model's classes are {', '.join(labels)}")
    for name, _ in question.above:
        card.task(name)


def _scored(question: Question, card: Card) -> Scored:
    """What to score on."""
    if question.dataset and (question.is_recipe or question.labels or question.bands):
        raise click.UsageError("--dataset says what DATA is and how it is written: no recipe, no --labels, no --bands")
    if question.is_recipe:
        if question.labels:
            raise click.UsageError("a recipe says itself how its labels are written; leave --labels out")
        if question.bands:
            raise click.UsageError("a recipe says itself which bands: `bands` of its sources; leave --bands out")
        return recipe_pairs(question.data, question.changes, question.part, card)
    if question.changes:
        raise click.UsageError(f"--set changes a recipe, but DATA is {question.data}")
    if question.dataset:
        return dataset_split(question.dataset, question.data, card)
    specs = replace(read_specs(question.labels) if question.labels else Specs(), bands=question.bands)
    return folder_split(question.data, card, specs)


def _announced(pairs: Sequence[Pair], bar: "tqdm[None]") -> Iterator[Pair]:
    log = Log(len(pairs), "images", "evaluate") if bar.disable else None  # where nobody sees a bar
    for k, pair in enumerate(pairs, 1):
        bar.set_description(f"{k}/{len(pairs)} {pair.name}")
        yield pair
        if log:
            log(1)


def _write_report(out: Path, question: Question, found: Evaluation, pairs: list[Pair]) -> None:
    from smalti.report.evaluation_page import write_evaluation_page  # templates only where a page is asked for

    folder = checkpoint_folder(question.model)
    beside = folder / "records.csv" if folder else None
    records = question.records or (beside if beside and beside.is_file() else None)
    write_evaluation_page(out, found, pairs, records)
