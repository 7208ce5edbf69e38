"""`smalti models`: the models at hand and what their cards say."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import click

from smalti.card import Card, Score, Task
from smalti.errors import ModelError
from smalti.runtime.models import ModelEntry, find_model, list_models, look, model_folders


@click.command("models")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List bundled and local models with their cards; or one model NAME, a file, or a folder."""
    entries = _entries(name)
    if as_json:
        click.echo(json.dumps([_plain(entry) for entry in entries], indent=2))
    elif entries:
        click.echo("\n\n".join(map(_describe, entries)))
    else:
        click.echo(f"No model is installed; put .onnx files into {' or '.join(map(str, model_folders()))}.")


def _entries(name: str | None) -> list[ModelEntry]:
    if name is None:
        return list_models()
    try:
        entry = look(find_model(name))
    except ModelError:
        if not Path(name).is_dir():
            raise
        return [entry for entry in list_models(name) if not entry.bundled]
    if entry.error:
        raise ModelError(entry.error)
    return [entry]


def _plain(entry: ModelEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "path": str(entry.path),
        "bundled": entry.bundled,
        "size": entry.size,
        "sha256": entry.sha256 or None,
        "error": entry.error or None,
        "card": entry.card and entry.card.model_dump(mode="json"),
    }


def _describe(entry: ModelEntry) -> str:
    place = "bundled" if entry.bundled else "local"
    if entry.card is None:
        return f"{entry.name}  DAMAGED, {place}\n  {entry.error}"
    rows = [*_card_rows(entry.card), ("file", str(entry.path)), ("sha256", entry.sha256)]
    head = f"{entry.name}  {place}, {entry.size / 1e6:.1f} MB"
    return "\n".join([head, *(f"  {key:<11}{text}" for key, text in rows if text)])


def _card_rows(card: Card) -> list[tuple[str, str]]:
    origin = card.origin
    return [
        ("net", " ".join([card.net, *(f"{key}={_short(value)}" for key, value in card.options.items())])),
        *((task.name, _answer(task)) for task in card.tasks),
        ("bands", f"{', '.join(card.bands)} ({card.dtype})"),
        ("pixel", "{:g} to {:g} m".format(*card.resolution) if card.resolution else "size not stated"),
        ("tile", f"{card.tile} px, overlap {card.overlap} px"),
        ("data", "; ".join(origin.data)),
        ("recipe", origin.recipe),
        ("checkpoint", origin.chosen),
        *(("scores", line) for line in _score_lines(origin.scores)),
        ("licence", origin.licence),
        ("good for", origin.good_for),
        ("not for", origin.not_for),
    ]


def _score_lines(scores: Sequence[Score]) -> Iterator[str]:
    """One line per protocol."""
    for protocol, group in groupby(scores, key=attrgetter("protocol")):
        yield f"{', '.join(f'{score.name} {score.value:.4g}' for score in group)}  ({protocol})"


def _answer(task: Task) -> str:
    of = " of the whole image" if task.per_image else ""
    if task.has_classes:
        return ", ".join(f"{k} {label}" for k, label in enumerate(task.labels)) + of
    if task.kind == "score":
        return task.kind
    unit = f" in {task.unit}" if task.unit else ""
    least = "" if task.minimum is None else f", never below {task.minimum:g}"
    return f"{task.quantity or 'value'}{of}{unit}{least}"


def _short(value: object) -> str:
    """An option of a net; of a long list only how long it is."""
    return f"{len(value)} of them" if isinstance(value, list) and len(value) > 4 else str(value)
