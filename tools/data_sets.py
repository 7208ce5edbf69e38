#!/usr/bin/env python3
"""Prints the tables of docs/reference/datasets.md: each public dataset, its classes, splits, licence and citation."""

from smalti.datasets.registry import DATASETS
from smalti.datasets.spec import DatasetSpec


def section(dataset: DatasetSpec) -> str:
    """The section of one dataset as Markdown."""
    lines = [
        f"### `{dataset.name}`",
        f"[{dataset.title}]({dataset.url}). {dataset.citation}.",
        "",
        "| | |",
        "|---|---|",
    ]
    lines += [f"| licence | {dataset.licence} |", f"| pixels, images | {dataset.pixel}; {dataset.size} |"]
    colors = zip(dataset.classes, dataset.colors, strict=True)
    lines += [f"| classes | {', '.join(f'{name} `{color}`' for name, color in colors)} |"]
    if dataset.leave_out:
        lines += [f"| excluded by some | {', '.join(dataset.leave_out)} |"]
    lines += [
        f"| {', '.join(bands)} | {' or '.join(f'`{at}`' for at in places)} |"
        for bands, places in dataset.images.items()
    ]
    lines += [f"| labels | {' or '.join(f'`{at}`' for at in dataset.labels)} |"]
    if dataset.eroded:
        lines += [f"| eroded labels | {' or '.join(f'`{at}`' for at in dataset.eroded)} |"]
    for name, values in dataset.values.items():
        lines += [f"| {name} | {' or '.join(f'`{at}`' for at in values.patterns)}: {values.words} |"]
    lines += [f"| split `{name}` | {split.images} images; {split.words} |" for name, split in dataset.splits.items()]
    lines += [f"| note | {note} |" for note in dataset.notes]
    return "\n".join(lines)


def reference() -> str:
    """The sections of all datasets as Markdown."""
    return "\n\n".join(map(section, DATASETS.values())) + "\n"


if __name__ == "__main__":
    print(reference(), end="")
