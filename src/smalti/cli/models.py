"""`smalti models`: the available models and their cards."""

import json
from pathlib import Path
from typing import Any

import click

from smalti.errors import ModelError
from smalti.runtime.models import ModelEntry, find_model, list_models, look, model_folders
from smalti.workflows.card_lines import card_lines


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
    head = f"{entry.name}  {place}, {entry.size / 1e6:.1f} MB"
    return "\n".join([head, *card_lines(entry.card, ("file", str(entry.path)), ("sha256", entry.sha256))])
