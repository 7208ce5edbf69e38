"""Test-time augmentation and the plain answer from the same passes."""

from smalti.blend import Floats
from smalti.card import Card
from smalti.scene import Averaged, Pixels, Predictor

PLAIN = "/plain"


class Both:
    """A predictor's mean over flips and turns, and under `TASK/plain` its plain answer: one of those passes."""

    def __init__(self, predict: Predictor, task: str) -> None:
        self._hearing = _Hearing(predict)
        self._averaged = Averaged(self._hearing)
        self._task = task
        plain = predict.card.task(task).model_copy(update={"name": task + PLAIN})
        self._card = predict.card.model_copy(update={"tasks": (*predict.card.tasks, plain)})

    @property
    def card(self) -> Card:
        """The card of the predictor inside, with one task more."""
        return self._card

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Raw pixels (N, C, H, W) -> one answer (N, K, H, W) per task, the plain one last."""
        self._hearing.first = None
        averaged = self._averaged(batch)
        assert self._hearing.first is not None  # `Averaged` asks for the picture as it is first
        return averaged | {self._task + PLAIN: self._hearing.first[self._task]}


class _Hearing:
    """Passes on, and keeps the first answer."""

    def __init__(self, predict: Predictor) -> None:
        self._predict = predict
        self.first: dict[str, Floats] | None = None

    @property
    def card(self) -> Card:
        return self._predict.card

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        answer = self._predict(batch)
        if self.first is None:
            self.first = answer
        return answer
