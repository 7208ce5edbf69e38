"""A model that scores photos relative to others of their series, and embeds what they show."""

from collections.abc import Sequence

import numpy as np

from smalti.arrays import Floats
from smalti.card import Card
from smalti.errors import ModelError
from smalti.runtime.batch import network_input
from smalti.runtime.models import ModelFile, find_model, verify
from smalti.runtime.onnx import start

INPUTS = ("image", "cues")
EMBEDDING = "embedding"


class Ranker:
    """Scores photos with ONNX Runtime; P(a is better than b) is the sigmoid of a's score minus b's."""

    def __init__(self, model: ModelFile, threads: int | None = None) -> None:
        """`threads` defaults to the cores this process may use; ModelError if the file is not a ranker."""
        task = model.card.tasks[0]
        if task.kind != "score":
            raise ModelError(f"{model.path}: predicts {task.kind}, not scores of photos; give a model like bestshot")
        self.card: Card = model.card
        self.sha256 = model.sha256
        self.cues: tuple[str, ...] = tuple(model.card.options["cues"])
        """Names of the cues it takes with each picture."""
        self._session = start(model.content, model.path, threads)
        self._outputs = [task.name, EMBEDDING]
        inputs = {entry.name for entry in self._session.get_inputs()}
        outputs = {entry.name for entry in self._session.get_outputs()}
        if inputs != set(INPUTS) or not set(self._outputs) <= outputs:
            raise ModelError(
                f"{model.path}: the graph takes {', '.join(sorted(inputs))}, so it is not a ranker of photos"
            )

    @property
    def side(self) -> int:
        """Side of the square pictures it takes."""
        return self.card.tile

    def __call__(self, images: np.ndarray, cues: Floats) -> tuple[Floats, Floats]:
        """Scores (N,) and embeddings (N,D) of unit length for pictures N,3,side,side (bytes) and their cues N,K.

        Raises ModelError for other shapes.
        """
        pixels = network_input(images, self.card)
        if pixels.shape[2:] != (self.side, self.side):
            raise ModelError(
                f"model {self.card.name} got pictures of {pixels.shape[2:]}, but takes {self.side} squares"
            )
        if cues.shape != (len(pixels), len(self.cues)):
            wanted = (len(pixels), len(self.cues))
            raise ModelError(f"model {self.card.name} got cues of shape {cues.shape}, but takes {wanted}")
        scores, embeddings = self._session.run(
            self._outputs, {"image": pixels, "cues": np.ascontiguousarray(cues, np.float32)}
        )
        return scores[:, 0], embeddings


def open_ranker(name_or_path: str, cues: Sequence[str] | None = None, threads: int | None = None) -> Ranker:
    """A bundled or local ranker by name, or an `.onnx` file, ready to run.

    `cues` are the names of the cues that will be given, in order. ModelError if the file cannot be used, is not a
    ranker, or was trained for other cues.
    """
    model = verify(find_model(name_or_path))
    ranker = Ranker(model, threads)
    if cues is not None and tuple(cues) != ranker.cues:
        raise ModelError(
            f"{model.path}: was trained for other cues than this version measures; train or fetch it again"
        )
    return ranker
