"""What `smalti evaluate` does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from tqdm import tqdm

from smalti.card import Card, Task
from smalti.cli.pictures import PictureFolder
from smalti.cli.scored_data import (
    Scored,
    card_of,
    checkpoint_folder,
    folder_pairs,
    known_split,
    open_any,
    read_spec,
    recipe_pairs,
)
from smalti.errors import DataError
from smalti.evaluation import Evaluation, Pair, TileRow, evaluate
from smalti.evaluation.result import NOT_STATED, text_table
from smalti.jobs import deliver
from smalti.raster.labels import LabelSpec


@dataclass(frozen=True, slots=True)
class Question:
    """What the command line asks for."""

    model: str
    data: Path
    split: str | None
    chosen: str | None
    part: str
    changes: tuple[str, ...]
    known: str | None
    tta: bool
    boundary: int
    leave_out: tuple[str, ...]
    labels: Path | None
    pictures: Path | None
    json: Path | None
    report: Path | None
    records: Path | None

    @property
    def is_recipe(self) -> bool:
        """Whether the data are those of a recipe."""
        return self.data.suffix.lower() == ".toml"


def answer(question: Question) -> str:
    """Scores the model, writes what was asked for, and gives the table as text."""
    card = card_of(question.model)
    if card.tasks[0].kind == "score":
        from smalti.cli.scoring_photos import answer_photos  # another kind of data altogether

        return answer_photos(question, card)
    if all(task.per_image for task in card.tasks):
        from smalti.cli.scoring_images import answer_images

        return answer_images(question, card)
    predict = open_any(question.model, inside=question.pictures is not None)
    task = predict.card.class_task()
    check_classes(question.leave_out, task)
    scored = _scored(question, predict.card, task)
    tiles: list[TileRow] | None = [] if question.report else None
    with tqdm(unit="Pix", unit_scale=True, disable=None, leave=False) as bar:
        evaluation = evaluate(
            predict,
            _announced(scored.pairs, bar),
            data=scored.data,
            split=question.split or scored.split,
            chosen=question.chosen or predict.card.origin.chosen or NOT_STATED,
            leave_out=question.leave_out,
            boundary=question.boundary,
            tta=question.tta,
            tiles=tiles,
            variants=question.leave_out or [name for name in scored.leave_out if name in task.labels],
            keep=PictureFolder(question.pictures, predict.card) if question.pictures else None,
            progress=bar.update,
        )
    if question.json:
        deliver(question.json, evaluation.to_json().encode())
    if question.report:
        _write_report(question.report, question, evaluation, scored.pairs, tiles or [])
    return text_table(evaluation)


def check_classes(names: Sequence[str], task: Task) -> None:
    """DataError for a name that is no class of the task."""
    for name in names:
        if name not in task.labels:
            raise DataError(f"{name!r} is no class; the model's classes are {', '.join(task.labels)}")


def data_name(path: Path) -> str:
    """The last two parts of a path: enough to know the data by, and nothing about the machine."""
    return "/".join(path.resolve().parts[-2:]).lstrip("/")


def _scored(question: Question, card: Card, task: Task) -> Scored:
    """What to score on."""
    if question.known and (question.is_recipe or question.labels):
        raise click.UsageError("--known says what DATA is and how its labels are written: no recipe, no --labels")
    if question.is_recipe:
        if question.labels:
            raise click.UsageError("a recipe says itself how its labels are written; leave --labels out")
        return recipe_pairs(question.data, question.changes, question.part, card, task)
    if question.changes:
        raise click.UsageError(f"--set changes a recipe, but DATA is {question.data}")
    if question.known:
        return known_split(question.known, question.data, card, task)
    spec = read_spec(question.labels) if question.labels else LabelSpec()
    return Scored(folder_pairs(question.data, card, task, spec), data_name(question.data))


def _announced(pairs: Sequence[Pair], bar: "tqdm[None]") -> Iterator[Pair]:
    for k, pair in enumerate(pairs, 1):
        bar.set_description(f"{k}/{len(pairs)} {pair.name}")
        yield pair


def _write_report(
    out: Path, question: Question, evaluation: Evaluation, pairs: list[Pair], tiles: list[TileRow]
) -> None:
    from smalti.report.evaluation_page import write_evaluation_page  # templates only where a page is asked for

    folder = checkpoint_folder(question.model)
    beside = folder / "records.csv" if folder else None
    records = question.records or (beside if beside and beside.is_file() else None)
    write_evaluation_page(out, evaluation, pairs, tiles, records)
