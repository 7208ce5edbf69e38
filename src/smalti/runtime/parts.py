"""What is run of a model file: the same computation in less work, found in its graph when it is opened.

Answers leave the graph before their last upsampling (`smalti.runtime.ending`), and bytes enter it as they are
(`smalti.runtime.beginning`). The file itself stays a graph from pixels of any type to maps of the image's size.
"""

from dataclasses import dataclass

from smalti.card import Card
from smalti.runtime.beginning import Beginning, find_beginning
from smalti.runtime.ending import Ending, find_ending
from smalti.runtime.graph import Graph
from smalti.runtime.models import ModelFile


@dataclass(frozen=True)
class Parts:
    """The graphs to run in place of a model's own."""

    plain: bytes
    """For pixels of any type: the file, or its graph without the last upsampling."""
    beginning: Beginning | None
    """The same for bytes alone; None where that is not less work."""
    ending: Ending | None

    def names(self, card: Card) -> dict[str, str]:
        """For each output of the card the one of these graphs."""
        small = {} if self.ending is None else self.ending.small
        return {name: small.get(name, name) for name in card.outputs}


def parts_of(model: ModelFile) -> Parts:
    """Finds them; the whole file alone where it has no other form."""
    try:
        graph = Graph.load(model.content)
    except ValueError:  # the engine says what it is
        return Parts(model.content, None, None)
    ending = find_ending(graph, model.card)
    before = graph if ending is None else ending.before
    return Parts(model.content if ending is None else before.dump(), find_beginning(before, model.card), ending)
