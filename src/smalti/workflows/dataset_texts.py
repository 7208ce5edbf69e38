"""Public datasets as text: a list of all, the details of one, and the lines of a recipe that use it."""

import json

from smalti.datasets.registry import DATASETS, find_dataset
from smalti.datasets.spec import DatasetSpec


def list_all() -> str:
    """All datasets, each with licence and citation."""
    return "\n\n".join(
        f"{dataset.name}  {dataset.title}: {len(dataset.classes)} classes, {dataset.pixel}\n"
        f"  licence   {dataset.licence}\n  citation  {dataset.citation}\n  from      {dataset.url}"
        for dataset in DATASETS.values()
    )


def describe(name: str) -> str:
    """The details of one dataset, and the lines of a recipe that use it."""
    dataset = find_dataset(name)
    rows = [
        ("pixel", dataset.pixel),
        ("images", dataset.size),
        *(("bands", f"{', '.join(bands)}: {' or '.join(at)}") for bands, at in dataset.images.items()),
        ("labels", " or ".join(dataset.labels)),
        *([("eroded", " or ".join(dataset.eroded))] if dataset.eroded else []),
        *((kind, f"{' or '.join(values.patterns)}: {values.words}") for kind, values in dataset.values.items()),
        *((f"split {split}", f"{part.images} images; {part.words}") for split, part in dataset.splits.items()),
        *(("note", note) for note in dataset.notes),
        ("licence", dataset.licence),
        ("citation", dataset.citation),
        ("from", dataset.url),
    ]
    width = max(len(key) for key, _ in rows)
    lines = [
        dataset.title,
        *(f"  {key:<{width}}  {text}" for key, text in rows),
        "",
        "in a recipe",
        recipe_part(dataset),
    ]
    return "\n".join(lines)


def recipe_part(dataset: DatasetSpec) -> str:
    """The part of a recipe to train on a dataset, as TOML; its images are in DIR."""
    lines = [
        "[card]",
        f'name = "{dataset.name}"',
        f"bands = {json.dumps(list(next(iter(dataset.images))))}",
        "",
        "[[card.tasks]]",
        f"labels = {json.dumps(list(dataset.classes))}",
        f"colors = {json.dumps(list(dataset.colors))}",
    ]
    for part in ("train", "validation", "test"):
        splits = [name for name, split in dataset.splits.items() if split.role == part and split.labelled]
        if not splits:
            lines += ["", f"# it has no {part} part of its own: choose other images"]
        for split in splits[:1]:
            lines += ["", f"[[data.{part}]]", 'kind = "dataset"', f'name = "{dataset.name}"', 'path = "DIR"']
            lines += [f'split = "{split}"']
    return "\n".join(lines)
