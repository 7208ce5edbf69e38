#!/usr/bin/env python3
"""Prints the tables of docs/reference/datasets.md: each known data set, its classes, splits, licence and citation."""

from smalti.datasets.registry import KNOWN
from smalti.datasets.spec import Known


def section(known: Known) -> str:
    """All about one data set."""
    lines = [f"### `{known.name}`", f"[{known.title}]({known.url}). {known.citation}.", "", "| | |", "|---|---|"]
    lines += [f"| licence | {known.licence} |", f"| pixels, images | {known.pixel}; {known.size} |"]
    colors = zip(known.classes, known.colors, strict=True)
    lines += [f"| classes | {', '.join(f'{name} `{color}`' for name, color in colors)} |"]
    if known.leave_out:
        lines += [f"| left out by some | {', '.join(known.leave_out)} |"]
    lines += [
        f"| {', '.join(bands)} | {' or '.join(f'`{at}`' for at in places)} |" for bands, places in known.images.items()
    ]
    lines += [f"| labels | {' or '.join(f'`{at}`' for at in known.labels)} |"]
    if known.eroded:
        lines += [f"| eroded labels | {' or '.join(f'`{at}`' for at in known.eroded)} |"]
    for name, values in known.values.items():
        lines += [f"| {name} | {' or '.join(f'`{at}`' for at in values.patterns)}: {values.words} |"]
    lines += [f"| split `{name}` | {split.images} images; {split.words} |" for name, split in known.splits.items()]
    lines += [f"| note | {note} |" for note in known.notes]
    return "\n".join(lines)


def reference() -> str:
    """All of them as Markdown."""
    return "\n\n".join(map(section, KNOWN.values())) + "\n"


if __name__ == "__main__":
    print(reference(), end="")
