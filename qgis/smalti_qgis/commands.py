"""The arguments of the program for what was asked in QGIS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SWITCHES = ("tta", "confidence", "uncertainty", "probabilities", "cog", "report")
"""Options of a map that are on or off."""
VALUES = ("bands", "stretch", "resolution", "polygons", "threads")
"""Options of a map with a value; an empty one is not given."""


def map_command(program: str, scene: str, out: str, model: str, options: Mapping[str, Any]) -> list[str]:
    """`smalti map`; `options` are those of `SWITCHES` and `VALUES`, and `min_area`."""
    command = [program, "map", "-o", out, "--model", model]
    command += [f"--{name}" for name in SWITCHES if options.get(name)]
    command += [part for name in VALUES if options.get(name) for part in (f"--{name}", str(options[name]))]
    if options.get("polygons") and options.get("min_area"):
        command += ["--min-area", f"{options['min_area']:g}"]
    return [*command, "--", scene]


def evaluate_command(program: str, model: str, data: str, options: Mapping[str, Any]) -> list[str]:
    """`smalti evaluate`; `options` are `tta`, and dataset, labels, bands, resolution, json and report with a value."""
    command = [program, "evaluate"] + (["--tta"] if options.get("tta") else [])
    for name in ("dataset", "labels", "bands", "resolution", "json", "report"):
        if options.get(name):
            command += [f"--{name}", str(options[name])]
    return [*command, "--", model, data]


def app_command(program: str, scene: str) -> list[str]:
    """`smalti app`: opens a scene in the app."""
    return [program, "app", "--", scene]


def card_command(program: str, model: str) -> list[str]:
    """Prints the card of a model as JSON."""
    return [program, "models", "--json", "--", model]


def page_of(out: str) -> Path:
    """The page that is written beside a map."""
    return Path(out).with_suffix(".html")
