"""A deep lesson: the parent's decoder learns strokes, beginning where the quick head ended.

Cells under strokes are learned as painted, all others as the quick head says (distillation, Hinton et al., 2015).
Norms keep their statistics, so that the net that learns is the one that maps. A fifth of the strokes is held out, also
from the quick head that is learned from: it decides which step is kept.

Other colours, pasted classes (ClassMix) and a mean teacher, with which nets are trained on scenes without labels, were
measured and made maps worse: what the quick head knows by colours cannot be learned from changed ones.
"""

import io
import math
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.files import write_whole
from smalti.lessons.lesson import over_classes
from smalti.nets.build import Model
from smalti.text import duration
from smalti.training.ema import average_of, resume_at
from smalti.training.teaching.ground import Batch, Windows
from smalti.training.teaching.held import Deepened, Held, Material
from smalti.training.teaching.student import learning

_WINDOWS = 3
"""Windows of a batch."""
_RATE, _DECAY = 1e-3, 1e-2
_ON_STROKES = 0.03
"""Weight of the strokes, that of the others being 1: strokes lie where the map is wrong, and alone spoil the rest."""
_KEPT = 0.99
"""Decay of the average of the weights."""
_LOOKS = 8
"""How often the state is saved; from the middle of the lesson on the strokes held out are looked at then."""
_NEARLY = 0.03
"""A difference of cross-entropies, in nats, that says nothing."""
_MOST = 200
"""Steps at most: more were measured, and spoiled what the strokes do not show."""
_TIMED = 5
"""Steps by which the speed is measured."""


def _chosen(scores: Sequence[float]) -> int:
    """The number of the last look that is nearly as good as the best one: later ones have seen more of the scenes."""
    return max(at for at, score in enumerate(scores) if score >= max(scores) - _NEARLY)


@dataclass(eq=False)
class _State:
    step: int = 0
    steps: int = 0
    """Of the whole lesson; 0 until the speed is known."""
    looked: list[int] = field(default_factory=list)
    """The step of each look."""
    scores: list[float] = field(default_factory=list)
    """Minus the cross-entropy of the strokes held out, at each look."""
    rights: list[Tensor] = field(default_factory=list)
    """The share of each stroke held out that is right, at each look."""
    best: dict[str, Tensor] = field(default_factory=dict)
    """The weights of the best look."""


def _plain(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy."""
    return {name: value.detach().clone() for name, value in weights.items()}


_STORED = tuple(each.name for each in fields(_State))


class DeepLesson:
    """Learns, and saves its state now and then."""

    def __init__(self, model: Model, material: Material, state: Path | None, *, seconds: float) -> None:
        """The model is trained in place; a `state` of the same material is continued."""
        self._model, self._material, self._file, self._seconds = model, material, state, seconds
        card = model.card
        self._task = card.class_task().name
        self._windows = Windows(material.grounds, ~material.held)
        self._labels = torch.from_numpy(np.append(material.labels, 0))
        self._weights = torch.from_numpy(np.append(material.weights, 0.0)).float()
        self._mean = average_of(model, _KEPT)
        self._own = learning(model)
        self._averaged = {name: value for name, value in self._mean.module.named_parameters() if name in self._own}
        self._optimizer = torch.optim.AdamW(self._own.values(), lr=_RATE, weight_decay=_DECAY)
        self._held = Held(material)
        self._state = _State()
        self._load()

    def learn(self, say: Callable[[str], None], progress: Callable[[float], None]) -> Deepened:
        """Learns to the last step; the model has the best weights then. `progress` gets shares of the work."""
        state = self._state
        progress(state.step / max(1, state.steps))
        began, first = time.perf_counter(), state.step
        while state.step < (state.steps or _TIMED):
            self._step()
            if not state.steps and state.step == _TIMED:
                pace = (time.perf_counter() - began) / _TIMED
                state.steps = min(_MOST, max(2 * _LOOKS, round(self._seconds / pace)))
            if state.steps and (state.step % max(1, state.steps // _LOOKS) == 0 or state.step == state.steps):
                if 2 * state.step >= state.steps:  # before, it is still far from where the quick head ended
                    self._look()
                self._save()
                left = (time.perf_counter() - began) / (state.step - first) * (state.steps - state.step)
                say(f"deep: step {state.step} of {state.steps}, {duration(left)} left{self._line()}")
            if state.steps:
                progress(1 / state.steps)
        self._take(state.best)
        best = _chosen(state.scores)
        return self._held.result(state.rights[best].numpy(), state.looked[best], state.steps)

    def _line(self) -> str:
        if not self._state.rights:
            return ""
        labels = self._held.labels
        now, quick = (100 * over_classes(each, labels) for each in (self._state.rights[-1].numpy(), self._held.quick))
        return f"; of strokes held out {now:.0f} % right, quick {quick:.0f} %"

    def _step(self) -> None:
        state = self._state
        done = state.step / state.steps if state.steps else 0.0
        warm = min(1.0, (state.step + 1) / 20)
        for group in self._optimizer.param_groups:
            group["lr"] = _RATE * warm * 0.5 * (1 + math.cos(math.pi * done))
        loss = self._loss(self._windows.batch(state.step, _WINDOWS))
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._own.values(), 1.0)
        self._optimizer.step()
        self._mean.update_parameters(self._model)
        state.step += 1

    def _loss(self, batch: Batch) -> Tensor:
        """Of strokes and of other cells."""
        logits = self._cells(self._model, batch.image)
        logs = logits.log_softmax(1)  # N,J,h,w
        weights = self._weights[batch.strokes]  # of no stroke 0, the last one
        own = -logs.gather(1, self._labels[batch.strokes][:, None])[:, 0]
        painted = (weights * own).sum() / weights.sum().clamp_min(1e-6)
        others = batch.valid & (weights == 0)
        apart = -(batch.said * logs).sum(1)  # N,h,w
        return _ON_STROKES * painted + (apart * others).sum() / others.sum().clamp_min(1)

    def _cells(self, model: nn.Module, image: Tensor) -> Tensor:
        """Logits N,J,h,w at cells."""
        logits: Tensor = model(image)[self._task]
        ground = self._material.grounds[0]
        return F.avg_pool2d(logits, ground.pixels.shape[1] // ground.strokes.shape[0])

    def _look(self) -> None:
        """Maps the strokes held out with the averaged weights."""
        state = self._state
        rights, score = self._held.look(lambda image: self._cells(self._mean.module, image))
        state.looked.append(state.step)
        state.scores.append(score)
        state.rights.append(rights)
        if _chosen(state.scores) == len(state.scores) - 1:
            state.best = _plain(self._averaged)

    @torch.no_grad()
    def _take(self, weights: dict[str, Tensor]) -> None:
        for name, value in self._own.items():
            value.copy_(weights[name])

    def _save(self) -> None:
        if self._file is None:
            return
        state = self._state
        content = io.BytesIO()
        torch.save(
            {name: getattr(state, name) for name in _STORED}
            | {"of": self._material.of, "own": _plain(self._own), "mean": _plain(self._averaged)}
            | {"optimizer": self._optimizer.state_dict()},
            content,
        )
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._file, content.getvalue())

    @torch.no_grad()
    def _load(self) -> None:
        """Continues a stored state of the same material; one that is damaged or of another one is made again."""
        if self._file is None or not self._file.is_file():
            return
        try:
            with zipfile.ZipFile(self._file) as content:
                damaged = content.testzip()
            stored: dict[str, Any] = torch.load(self._file, map_location="cpu", weights_only=True)
            if damaged or stored["of"] != self._material.of:
                return
            state = _State(**{name: stored[name] for name in _STORED})
            if not self._fits(stored):
                return
            self._optimizer.load_state_dict(stored["optimizer"])  # changes nothing where it raises
        except Exception:  # a damaged file makes torch raise nearly anything
            return
        for own, theirs in ((self._own, stored["own"]), (self._averaged, stored["mean"])):
            for name, value in own.items():
                value.copy_(theirs[name])
        self._state = state
        resume_at(self._mean, state.step)

    def _fits(self, stored: dict[str, Any]) -> bool:
        """Whether all weights of a stored state, and the optimizer's moments of them, are those of the model."""
        shapes = {name: value.shape for name, value in self._own.items()}
        weights = [stored["own"], stored["mean"], *([stored["best"]] if stored["best"] else [])]
        moments = stored["optimizer"]["state"]
        return all({name: value.shape for name, value in each.items()} == shapes for each in weights) and all(
            each[name].shape == list(shapes.values())[number]
            for number, each in moments.items()
            for name in ("exp_avg", "exp_avg_sq")
        )
