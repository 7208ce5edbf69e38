"""Puts a learned head into a model's graph: an ordinary model file comes out.

Each map gets a convolution of one pixel to the classes, at the map's own size, and is resampled to the logits; their
sum is added to the parent's logits. That costs about a hundredth of the network, and no engine needs anything new.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from smalti.card import UNLIKE, Card
from smalti.lessons.anatomy import Anatomy, find_anatomy
from smalti.lessons.colours import colour_map
from smalti.lessons.lesson import Lesson
from smalti.lessons.made import Made
from smalti.runtime.graph import Graph
from smalti.runtime.models import ModelFile, sealed


def grafted(parent: ModelFile, lesson: Lesson, sizes: Sequence[int], card: Card, out: Path) -> tuple[bytes, str]:
    """The bytes of a model file with the head of a lesson, and its hash; `sizes` are the channels of its maps."""
    graph = Graph.load(parent.content)
    anatomy = find_anatomy(graph, parent.card)
    plain, constant = lesson.basis.unfolded(lesson.weights)
    parts = np.split(plain.astype(np.float32), np.cumsum(sizes))  # of each map, then of the logits: C,J
    made = Made(graph)
    logits = anatomy.logits
    maps = [*anatomy.maps, colour_map(made, graph.inputs()[0], parent.card)]
    terms = [made.resampled(made.pointwise(name, part), logits) for name, part in zip(maps, parts, strict=False)]
    terms.append(made.pointwise(logits, parts[-1], constant))
    offsets = logits if lesson.plan.same else made.merged(logits, lesson.plan)
    terms.append(made.scaled(offsets, lesson.scales))
    total = made.added(terms)
    content = _inserted(graph, anatomy, made, total).dump()
    return sealed(content, out, card)


def _inserted(graph: Graph, anatomy: Anatomy, made: Made, total: str) -> Graph:
    """The graph with the new nodes behind the logits; whatever read these reads the taught ones."""
    at = next(k for k, node in enumerate(graph.nodes) if anatomy.logits in node.outputs) + 1
    behind = [node.reading({anatomy.logits: total}) for node in graph.nodes[at:]]
    changed = replace(graph, nodes=(*graph.nodes[:at], *made.nodes, *behind)).with_constants(made.constants)
    return changed.without(UNLIKE)  # it was found for the parent's answers, and says nothing of the taught ones
