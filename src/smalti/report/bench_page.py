"""The page of a measurement of models: accuracy over milliseconds, and the table."""

from collections.abc import Sequence
from dataclasses import dataclass

from smalti.card import Card, Score
from smalti.report.charts import Chart, chart
from smalti.report.page import render

COLORS = ((63, 143, 196), (200, 85, 61), (217, 199, 160))


@dataclass(frozen=True, slots=True)
class Timed:
    """A row of the table, as far as the charts need it."""

    model: str
    label: str
    """The model, and what distinguishes this row from others of it."""
    milliseconds: float


def bench_page(title: str, subtitle: str, timed: Sequence[Timed], cards: dict[str, Card], *,
               heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:  # fmt: skip
    """The page as HTML; `rows` are the texts of the table under `heads`."""
    charts = accuracy_charts(timed, cards)
    without = [name for name, card in cards.items() if not any(map(_is_main, card.origin.scores))]
    return render(
        "bench.html",
        title=title,
        subtitle=subtitle,
        colors=COLORS,
        charts=charts,
        without=without,
        heads=heads,
        rows=rows,
    )


def accuracy_charts(timed: Sequence[Timed], cards: dict[str, Card]) -> list[Chart]:
    """A chart per score that the cards name, of the models that were scored on the same data."""
    panels: dict[tuple[str, str], dict[str, list[tuple[float, float]]]] = {}
    for each in timed:
        for score in filter(_is_main, cards[each.model].origin.scores):
            panels.setdefault((score.name, _data(score)), {})[each.label] = [(each.milliseconds, score.value)]
    drawn = [chart(f"{name} over ms per tile ({data})", curves) for (name, data), curves in panels.items()]
    return [each for each in drawn if each]


def _is_main(score: Score) -> bool:
    """Whether it is the score by which models of its kind are compared."""
    return score.name.split()[-1].lower() in ("miou", "accuracy") or "RMSE (" in score.name


def _data(score: Score) -> str:
    """The data it was measured on: only scores of the same data are comparable."""
    first = score.protocol.partition(";")[0].strip()
    return first.removeprefix("data:").strip() or "unknown data"
