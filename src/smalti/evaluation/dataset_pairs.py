"""The images of a public dataset as pairs: the ground truth of its tasks, with both kinds of labels if it has them."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from smalti.datasets.index import Borders, Item
from smalti.datasets.reader import Opener
from smalti.evaluation.pairs import Pair, label_sets
from smalti.evaluation.places import place_of


def dataset_pairs(
    opener: Opener, items: Sequence[Item], borders: Borders = "full", place: Callable[[Path], str] = place_of
) -> list[Pair]:
    """One pair per image; the other kind of labels only where every image has it. `place` names an image's place."""
    other: Borders = "full" if borders == "eroded" else "eroded"
    classes = any(not each.name for each in opener.taken)
    both = classes and all(item.labels and item.eroded for item in items)
    return [
        Pair(
            item.id,
            partial(opener.image, item),
            {each.task.name: partial(opener.truth, item, each, borders) for each in opener.taken},
            borders == "eroded",
            partial(opener.labels, item, borders=other) if both else None,
            label_sets(each.task for each in opener.taken),
            place(item.place),
        )
        for item in items
    ]
