"""What `smalti evaluate` does."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from pydantic import ValidationError
from tqdm import tqdm

from smalti.card import Card, Task
from smalti.errors import DataError, ModelError, RecipeError
from smalti.evaluation import Evaluation, Pair, TileRow, evaluate, find_pairs
from smalti.evaluation.result import text_table
from smalti.mapping.fit import open_fitting
from smalti.raster.grid import Grid
from smalti.raster.labels import LabelReader, LabelSpec, open_labels
from smalti.raster.read import Reader, open_raster
from smalti.report.page import write_whole
from smalti.runtime.open import open_model
from smalti.scene import Predictor


@dataclass(frozen=True, slots=True)
class Question:
    """What the command line asks for."""

    model: str
    data: Path
    split: str
    part: str
    tta: bool
    boundary: int
    leave_out: tuple[str, ...]
    labels: Path | None
    json: Path | None
    report: Path | None
    records: Path | None


def answer(question: Question) -> str:
    """Scores the model, writes what was asked for, and gives the table as text."""
    predict = open_any(question.model)
    task = class_task(predict.card)
    check_classes(question.leave_out, task)
    spec = read_spec(question.labels) if question.labels else LabelSpec()
    pairs = folder_pairs(question.data, predict.card, task, spec)
    tiles: list[TileRow] | None = [] if question.report else None
    with tqdm(unit="Pix", unit_scale=True, disable=None, leave=False) as bar:
        evaluation = evaluate(
            predict,
            _announced(pairs, bar),
            data=data_name(question.data),
            split=question.split,
            task=task.name,
            leave_out=question.leave_out,
            boundary=question.boundary,
            tta=question.tta,
            tiles=tiles,
            progress=bar.update,
        )
    if question.json:
        write_whole(question.json, evaluation.to_json().encode())
    if question.report:
        _write_report(question, evaluation, pairs, tiles or [])
    return text_table(evaluation)


def open_any(model: str) -> Predictor:
    """A model by name or file; ModelError where it is none."""
    return open_model(model)


def class_task(card: Card) -> Task:
    """The first task of kind classes; ModelError if there is none."""
    for task in card.tasks:
        if task.kind == "classes":
            return task
    raise ModelError(f"model {card.name} answers no classes; scores need a task of kind classes")


def check_classes(names: Sequence[str], task: Task) -> None:
    """DataError for a name that is no class of the task."""
    for name in names:
        if name not in task.labels:
            raise DataError(f"{name!r} is no class; the model's classes are {', '.join(task.labels)}")


def folder_pairs(folder: Path, card: Card, task: Task, spec: LabelSpec) -> list[Pair]:
    """The pairs of a folder, ready to be opened for a model: bands chosen by its card, labels on the image's grid."""
    return [file_pair(_inside(image, folder), image, labels, card, task, spec) for image, labels in find_pairs(folder)]


def file_pair(name: str, image: Path, labels: Path, card: Card, task: Task, spec: LabelSpec) -> Pair:
    """One image file and its file of labels."""

    def open_image() -> Reader:
        return open_fitting(str(image), partial(open_raster, image), card, None, None, _warn)

    def open_truth(grid: Grid) -> LabelReader:
        return open_labels(labels, grid, task, spec)

    return Pair(name, open_image, open_truth)


def read_spec(path: Path) -> LabelSpec:
    """How labels are written down, from a TOML file; RecipeError where it cannot be read or understood."""
    try:
        return LabelSpec.model_validate(tomllib.loads(path.read_text()))
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(LabelSpec.model_fields)
        raise RecipeError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; it takes {known}") from None
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: cannot be read as TOML: {error}") from None


def data_name(path: Path) -> str:
    """The last two parts of a path: enough to know the data by, and nothing about the machine."""
    return "/".join(path.resolve().parts[-2:]).lstrip("/")


def _inside(image: Path, folder: Path) -> str:
    return image.relative_to(folder).as_posix()


def _warn(text: str) -> None:
    if "no CRS" not in text:  # scores need no place on the ground
        click.echo(f"warning: {text}", err=True)


def _announced(pairs: Sequence[Pair], bar: "tqdm[None]") -> Iterator[Pair]:
    for k, pair in enumerate(pairs, 1):
        bar.set_description(f"{k}/{len(pairs)} {pair.name}")
        yield pair


def _write_report(question: Question, evaluation: Evaluation, pairs: list[Pair], tiles: list[TileRow]) -> None:
    assert question.report is not None
    from smalti.report.evaluation_page import write_evaluation_page  # templates only where a page is asked for

    beside = Path(question.model) / "records.csv"
    records = question.records or (beside if beside.is_file() else None)
    write_evaluation_page(question.report, evaluation, pairs, tiles, records)
