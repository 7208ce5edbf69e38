"""A model's card as lines of text."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from smalti.card import Card, Score, Task


def card_lines(card: Card, *more: tuple[str, str]) -> list[str]:
    """A card as lines, with `more` lines of (what, text); empty ones are skipped."""
    return [f"  {key:<11}{text}" for key, text in (*card_rows(card), *more) if text]


def card_rows(card: Card) -> list[tuple[str, str]]:
    """A card as rows of (what, text)."""
    origin = card.origin
    return [
        ("net", " ".join([card.net, *(f"{key}={_short(value)}" for key, value in card.options.items())])),
        *((task.name, _output(task)) for task in card.tasks),
        *(("calibrated", f"{t.name} by a temperature of {t.temperature:.3g}") for t in card.tasks if t.temperature),
        ("unlike", "tells which tiles are unlike its training" if card.unlike else ""),
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


def _output(task: Task) -> str:
    of = " of the whole image" if task.per_image else ""
    if task.has_classes:
        return ", ".join(f"{k} {label}" for k, label in enumerate(task.labels)) + of
    if task.kind == "score":
        return task.kind
    unit = f" in {task.unit}" if task.unit else ""
    least = "" if task.minimum is None else f", never below {task.minimum:g}"
    return f"{task.quantity or 'value'}{of}{unit}{least}"


def _short(value: object) -> str:
    """An option of a net; for a long list only its length."""
    return f"{len(value)} of them" if isinstance(value, list) and len(value) > 4 else str(value)
