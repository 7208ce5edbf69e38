"""Self-supervised pre-training: an encoder learns to let a decoder infer hidden cells of images without labels."""

import itertools
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypedDict

import numpy as np
import torch
from torch import Tensor, nn

from smalti.ahead import run_ahead
from smalti.card import Card
from smalti.data.identity import Identity, digests, identity
from smalti.data.pixels.augment import Augment
from smalti.data.pixels.copies import check_copies
from smalti.data.pixels.leakage import Placed, check_apart
from smalti.data.pixels.scenes import Scene, keep_in_memory
from smalti.data.pixels.stream import Stream
from smalti.data.pixels.unlabelled import UnlabelledSource
from smalti.losses.masked import hidden_cells, hidden_error
from smalti.nets.build import Model, build
from smalti.nets.multitask.masked import spread
from smalti.text import count
from smalti.training.distributed import ALONE
from smalti.training.encoder import encoder_of
from smalti.training.kinds.selfsupervised.settings import SelfSupervisedRecipe
from smalti.training.predict import load_model
from smalti.training.warmstart import check_source, start_encoder
from smalti.training.work import Conclusion
from smalti.watch import Watch, unwatched

WINDOWS = 64
"""Windows of a validation, at least; always the same ones."""
MASK = 3
"""Third part of the seed of the cells that are hidden; `stream` has the ones before."""
PARTS = "train", "validation"
MEGABYTE = 1 << 20
Scenes = list[list[Scene]]
"""By source."""


class Windows(TypedDict):
    """A batch of windows."""

    image: Tensor
    """(N, C, H, W) raw pixels, float32."""
    valid: Tensor
    """(N, H, W) bool."""
    chances: Tensor
    """(N, h, w) float32: a random number for each cell."""
    names: list[str]
    """The source of each window, for messages."""


class SelfSupervisedWork:
    """See `training.work.Work` and `training.distributed.Shareable`. Opens all sources at the start."""

    selectable = ("explained",)
    """The share of the variance of hidden pixels that the predictions explain: 1 for perfect ones, 0 for their mean."""
    undefined: ClassVar[Mapping[str, str]] = {}

    def __init__(self, recipe: SelfSupervisedRecipe, card: Card, watch: Watch = unwatched) -> None:
        self.recipe, self.card = recipe, card
        check_source(recipe.net, recipe.root)
        self.team = ALONE
        sources = {"train": recipe.data.train, "validation": recipe.data.validation}
        scenes = {part: [source.open(recipe.root, card) for source in own] for part, own in sources.items()}
        self._images = {part: [scene for own in groups for scene in own] for part, groups in scenes.items()}
        self.identity = _checked(self._images, watch)
        kept = keep_in_memory(scenes["train"], recipe.data.memory_mb * MEGABYTE)
        self.stream = self._stream(recipe.data.train, kept, recipe.augment)
        self._validation = self._stream(recipe.data.validation, scenes["validation"], Augment(preset="none"))
        self.model: Model = build(card, recipe.train.seed)
        first = partial(self.stream.batch, 0, recipe.train.batch)
        start_encoder(self.model, recipe.net, recipe.root, lambda: self.model.normalise(first()["image"]))

    def _stream(self, sources: Sequence[UnlabelledSource], scenes: Scenes, augment: Augment) -> Stream:
        pools = [
            (source.weight, source.pool(own), source.augment(augment))
            for source, own in zip(sources, scenes, strict=True)
        ]
        return Stream(pools, self.card, (), self.recipe.train.crop, self.recipe.train.seed)

    def _windows(self, stream: Stream, number: int) -> Windows:
        """This process's share of a batch, and random numbers for its cells."""
        t = self.recipe.train
        share = self.team.share(t.batch)
        sample = stream.batch(number, t.batch, share)
        cells = t.crop // self.recipe.mask.cell
        rng = np.random.default_rng([t.seed, number, MASK])
        chances = rng.random((t.batch, cells, cells), np.float32)[share.start : share.stop]
        return Windows(
            image=sample["image"], valid=sample["valid"], chances=torch.from_numpy(chances), names=sample["names"]
        )

    def images(self) -> Tensor:
        """See `Work`."""
        return self.stream.batch(0, self.recipe.train.batch)["image"]

    def batches(self, first: int) -> Generator[Windows, None, None]:
        """See `Work`."""
        return run_ahead(
            (partial(self._windows, self.stream, number) for number in itertools.count(first)),
            self.recipe.train.workers,
        )

    def names(self, batch: Windows) -> list[str]:
        """See `Work`."""
        return batch["names"]

    def _predict(self, model: Callable[..., Any], batch: Windows) -> tuple[Tensor, Tensor, Tensor]:
        """Predicted and true normalised pixels N,bands,H,W, and the mask N,1,H,W of hidden ones, of all processes."""
        image = batch["image"]
        if self.recipe.train.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        hidden = hidden_cells(batch["chances"], self.recipe.mask.share)
        outputs = model(image, hidden)
        predicted = torch.cat([outputs[band] for band in self.card.bands], 1)
        counted = batch["valid"][:, None] & (spread(hidden, image) > 0)
        parts = predicted.float(), self.model.normalise(image), counted
        first, second, third = (self.team.gather(part) for part in parts)
        return first, second, third

    def terms(self, model: Callable[..., Any], batch: Windows) -> dict[str, Tensor]:
        """See `Work`."""
        return {"hidden": hidden_error(*self._predict(model, batch))}

    def validate(self, model: nn.Module) -> dict[str, float]:
        """The explained share of hidden pixels, over the same windows each time."""
        return {"explained": self._explained(model)}

    @torch.no_grad()
    def _explained(self, model: nn.Module) -> float:
        model.eval()
        device = next(model.parameters()).device
        sums = torch.zeros(4, len(self.card.bands), dtype=torch.float64)
        for batch in self._validation_batches(device):
            predicted, pixels, counted = self._predict(model, batch)
            weight, true = counted.double(), pixels.double()
            error = (predicted.double() - true) ** 2
            each = [weight.expand_as(true), true * weight, true**2 * weight, error * weight]
            sums += torch.stack([part.sum((0, 2, 3)) for part in each]).cpu()
        pixels_counted, total, squares, errors = sums
        spreads = squares - total**2 / pixels_counted.clamp_min(1)
        return float(1 - errors.sum() / spreads.sum().clamp_min(1e-12))

    def _validation_batches(self, device: torch.device) -> Iterator[Windows]:
        for number in range(-(-WINDOWS // self.recipe.train.batch)):
            batch = self._windows(self._validation, number)
            image, valid, chances = (batch[name].to(device) for name in ("image", "valid", "chances"))
            yield Windows(image=image, valid=valid, chances=chances, names=batch["names"])

    def report(self, scores: dict[str, float]) -> str:
        """See `Work`."""
        return f"hidden pixels explained {100 * scores['explained']:.2f} %"

    def introduction(self) -> list[str]:
        """See `Work`."""
        t, mask, net = self.recipe.train, self.recipe.mask, self.recipe.net
        parameters = sum(p.numel() for p in encoder_of(self.model, "pre-training").parameters())
        sizes = {part: sum(s.grid.height * s.grid.width for s in own) / 1e6 for part, own in self._images.items()}
        images = [f"{part:<11} {count(len(self._images[part]), 'image')}, {sizes[part]:.1f} MPix" for part in PARTS]
        return [
            f"{self.card.name}: masked autoencoder on {net.encoder}, {parameters:,} parameters of the encoder",
            *images,
            f"{count(t.steps, 'step')} of {count(t.batch * t.accumulate, 'window')} of {t.crop}x{t.crop}; "
            f"{100 * mask.share:g} % of the cells of {mask.cell}x{mask.cell} are hidden",
        ]

    def warnings(self) -> list[str]:
        """See `Work`."""
        return []

    def conclude(self, folder: Path) -> Conclusion:
        """See `Work`."""
        explained = self._explained(load_model(folder))
        text = f"\nvalidation\nhidden pixels explained, %   {100 * explained:.2f}"
        return Conclusion(text, {"validation/explained": explained})


def _checked(images: dict[str, list[Scene]], watch: Watch) -> dict[str, Identity]:
    """Identity by content of each part; DataError if both show the same ground or have copies of an image."""
    train, validation = (images[part] for part in PARTS)
    names = "training", "validation"
    check_apart(_placed(train), _placed(validation), names)
    known = digests([file for own in images.values() for scene in own for file in scene.files], watch)
    check_copies(train, validation, known, names)
    return {part: identity(len(own), (known[scene.files[0]] for scene in own)) for part, own in images.items()}


def _placed(scenes: Sequence[Scene]) -> list[Placed]:
    return [(scene.path, scene.grid) for scene in scenes if scene.path]
