"""The images of a public data set as pairs, with both kinds of labels where it has them."""

from collections.abc import Sequence
from functools import partial

from smalti.evaluation.pairs import Pair
from smalti.known.items import Borders, Item
from smalti.known.opened import Opener


def known_pairs(opener: Opener, items: Sequence[Item], borders: Borders = "full") -> list[Pair]:
    """One pair per image; the other kind of labels only where every image has it."""
    other: Borders = "full" if borders == "eroded" else "eroded"
    both = all(item.labels and item.eroded for item in items)
    return [
        Pair(
            item.id,
            partial(opener.image, item),
            {opener.task.name: partial(opener.labels, item, borders=borders)},
            borders == "eroded",
            partial(opener.labels, item, borders=other) if both else None,
        )
        for item in items
    ]
