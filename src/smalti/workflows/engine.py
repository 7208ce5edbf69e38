"""The engine of a call's maps where it is left to the program: `--engine auto`."""

from smalti.averaged import Averaged
from smalti.errors import MissingExtraError
from smalti.runtime.open import REFERENCE, Engine
from smalti.scene import Predictor
from smalti.watch import Say
from smalti.workflows.models import OpenModel

FEWEST_TILES = 100
"""Of all maps of a call: for fewer neither a measurement nor the start of another engine is worth its time."""


class EngineChoice:
    """Puts a model on the engine of each map of a call (see `smalti.mapping.engine.Choose`)."""

    def __init__(self, model: OpenModel, *, tta: bool, maps: int = 1, here: bool = True) -> None:
        """`maps` is how many there are. If they are not all made `here`, in this process, new ones get ONNX Runtime."""
        self._model, self._tta, self.maps, self._here = model, tta, maps, here
        self._fastest: Engine | None = None
        self._ready: dict[Engine, Predictor] = {REFERENCE: self._through(model)}

    def __call__(self, begun: Engine | None, tiles: int, say: Say) -> tuple[Engine, Predictor]:
        """The engine that has begun a map, or that of a new one, and the model on it."""
        worth = self._here and tiles * self.maps >= FEWEST_TILES
        engine = begun or (self._chosen(say) if worth else REFERENCE)
        if engine not in self._ready:
            self._ready[engine] = self._through(self._started(engine))
        return engine, self._ready[engine]

    def _chosen(self, say: Say) -> Engine:
        if self._fastest is None:
            from smalti.runtime.choice import fastest  # lazily, like everything that a small map does not need

            choice = fastest(self._start, self._model.sha256, self._model.threads)
            for line in choice.said:
                say(line)
            self._fastest = choice.engine
        return self._fastest

    def _start(self, engine: Engine) -> Predictor:
        """The open model as it is, or on another engine."""
        return self._model if engine == REFERENCE else self._model.on(engine)

    def _started(self, engine: Engine) -> Predictor:
        try:
            return self._model.on(engine)
        except MissingExtraError as error:
            raise MissingExtraError(f"{error.value}, with which this map was begun,", error.extra) from None

    def _through(self, predict: Predictor) -> Predictor:
        return Averaged(predict) if self._tta else predict


def engine_choice(model: OpenModel, *, tta: bool, maps: int = 1, here: bool = True) -> EngineChoice | None:
    """None where the engine was named, or is torch."""
    left_open = model.engine == "auto" and model.checkpoint is None
    return EngineChoice(model, tta=tta, maps=maps, here=here) if left_open else None
