"""Searches the smallest loss of speed that a model in 8-bit integers needs to pass its gate.

The softmax moves before the last upsampling where that alone costs at most half of what may be lost. All layers are
quantized; where the gate is missed, those that cost most accuracy are left in float, one more after the other until it
is passed, and then each of them is tried in integers again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smalti.arrays import Pixels
from smalti.card import Card
from smalti.deploy.packing import packed
from smalti.deploy.shrink.early import with_early_softmax
from smalti.deploy.shrink.gate import GateRow, Judge, worst
from smalti.deploy.shrink.quantize import Quantizer
from smalti.deploy.shrink.sensitivity import sensitivity
from smalti.runtime.models import ModelFile, sealed
from smalti.runtime.onnx import OnnxPredictor, saturates
from smalti.text import count
from smalti.watch import Say

COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""How many layers are left in float, one try after the other; at most half of them."""


@dataclass(frozen=True)
class Shrunk:
    """A smaller model, and how it compares with its parent."""

    model: ModelFile
    rows: tuple[GateRow, ...]
    early: bool
    """Whether its softmax was moved before the last upsampling."""
    floats: tuple[str, ...] = ()
    """The layers that were left in float."""
    layers: int = 0
    """Its convolutions."""
    packed: bool = False
    """Whether only its weights are integers."""

    @property
    def loss(self) -> float:
        """The largest loss in percent."""
        return worst(self.rows)


class Search:
    """The tries to shrink one model."""

    def __init__(
        self, parent: ModelFile, card: Card, judge: Judge, allowed: float, say: Say, lost: float = 0.0
    ) -> None:
        """`card` is that of the results; `allowed` is the loss in percent that passes the gate, `lost` that of the
        model itself, where the judge compares with another one."""
        self._parent, self._card, self._judge, self._allowed, self._say = parent, card, judge, allowed, say
        self._lost = lost

    def run(self, tiles: Sequence[Pixels]) -> Shrunk:
        """The result that passes, or the best one that does not; `tiles`, raw pixels 1,C,H,W, calibrate it.

        Of a model that has itself lost more than is allowed, all layers become integers, and nothing is searched.
        """
        plain = Shrunk(self._parent, (), early=False)
        moved = self._moved()
        if moved is None:
            return self._quantized(plain, tiles)
        found = self._quantized(moved, tiles)
        if found.loss <= self._allowed or self._lost > self._allowed:
            return found
        return min(found, self._quantized(plain, tiles), key=lambda each: each.loss)

    def packed(self) -> Shrunk:
        """The parent with its weights packed."""
        found = self._judged(packed(self._parent.content), Shrunk(self._parent, (), early=False, packed=True))
        self._say(f"weights in 8 bits, computed in float: loss {found.loss:.2f} %")
        return found

    def _moved(self) -> Shrunk | None:
        """The parent with its softmax moved, if it has one and that costs little."""
        content = with_early_softmax(self._parent.content)
        if content is None:
            return None
        moved = self._judged(content, Shrunk(self._parent, (), early=True))
        self._say(f"softmax before the last upsampling: loss {moved.loss:.2f} %")
        return moved if moved.loss - self._lost <= max(0.0, self._allowed - self._lost) / 2 else None

    def _quantized(self, start: Shrunk, tiles: Sequence[Pixels]) -> Shrunk:
        if saturates():
            self._say("this processor takes coarser weights than others: those with VNNI lose less accuracy")
        self._say(f"measuring the ranges of all layers on {count(len(tiles), 'tile')}")
        quantizer = Quantizer(start.model.content, self._card, tiles)
        tries = [self._tried(quantizer, start, ())]
        if tries[0].loss <= self._allowed or self._lost > self._allowed:
            return tries[0]
        order = self._by_cost(quantizer, tiles)
        for number in [number for number in COUNTS if number <= len(order) // 2]:
            tries.append(self._tried(quantizer, start, order[:number]))
            if tries[-1].loss <= self._allowed:
                return self._pruned(quantizer, tries[-1])
        return min(tries, key=lambda each: each.loss)

    def _by_cost(self, quantizer: Quantizer, tiles: Sequence[Pixels]) -> list[str]:
        """All layers, those that cost most accuracy first."""
        self._say(f"measuring the sensitivity of {len(quantizer.layers)} layers")
        exact = OnnxPredictor(self._parent)
        costs = dict(sensitivity(quantizer, lambda content: OnnxPredictor(self._file(content)), exact, tiles))
        return sorted(costs, key=lambda layer: -costs[layer])

    def _pruned(self, quantizer: Quantizer, found: Shrunk) -> Shrunk:
        """The result with each layer in integers that passes without being float."""
        for layer in found.floats:
            rest = tuple(each for each in found.floats if each != layer)
            without = self._tried(quantizer, found, rest) if rest else found
            found = without if without.loss <= self._allowed else found
        first, *others = quantizer.layers
        if first not in found.floats and others[:1] and others[0] in found.floats:
            # rounding the pixels for it, and back for the second layer, takes longer than its integers save
            more = self._tried(quantizer, found, (first, *found.floats))
            found = more if more.loss <= self._allowed else found
        return found

    def _tried(self, quantizer: Quantizer, start: Shrunk, floats: Sequence[str]) -> Shrunk:
        state = replace(start, floats=tuple(floats), layers=len(quantizer.layers))
        found = self._judged(quantizer.quantized(floats), state)
        kept = f", {len(floats)} of {found.layers} layers in float" if floats else ""
        self._say(f"8-bit integers{kept}: loss {found.loss:.2f} %")
        return found

    def _judged(self, content: bytes, state: Shrunk) -> Shrunk:
        model = self._file(content)
        return replace(state, model=model, rows=tuple(self._judge(model)))

    def _file(self, content: bytes) -> ModelFile:
        path = self._parent.path
        sealed_content, digest = sealed(content, path, self._card)
        return ModelFile(path, sealed_content, self._card, digest)
