"""Deep lessons of a project, once torch is known to be installed."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from smalti.arrays import Floats
from smalti.card import Card, Score
from smalti.deploy.onnx import export_model
from smalti.errors import LabelError
from smalti.lessons.examples import SPREAD, SceneTiles, joined, own_part
from smalti.lessons.head import probabilities
from smalti.lessons.lesson import DeepScore, Lesson, Strokes, learn, stroke_weights
from smalti.lessons.network import Cells
from smalti.lessons.view import View
from smalti.mapping.identity import identity
from smalti.raster.reader import Reader
from smalti.text import count
from smalti.tiling import Tile, plan_tiles, spread_tiles
from smalti.training.model_file import ModelWeights
from smalti.training.process import sole_training
from smalti.training.teaching.deep import DeepLesson
from smalti.training.teaching.ground import NONE, SIDE, Ground
from smalti.training.teaching.held import Deepened, Material, held_out
from smalti.training.teaching.student import check_encoder, make_student
from smalti.workflows.progress import Meter, Show
from smalti.workflows.teaching import Part, Teaching, all_strokes

_FEWEST = 5
"""Strokes that must be held out."""
_MOST_TILES = 300
"""With strokes, of one scene."""
STATE = Path("deep") / "state.pt"
"""In the project's folder."""


class DeepTeaching:
    """The deep lesson of a project."""

    def __init__(self, teaching: Teaching) -> None:
        """ModelError for a model whose weights cannot be taken out of its file; RecipeError for one without encoder."""
        self._teaching = teaching
        self._weights = ModelWeights(teaching.model)
        check_encoder(self._weights.card)

    def teach(
        self, parts: Sequence[tuple[str, Part]], card: Card, out: Path, minutes: float, progress: Show | None
    ) -> DeepScore:
        """Learns, and writes the model of the taught `card` if it is better than the quick lesson.

        `parts` are the project's scenes. What a killed lesson has stored is continued. LabelError for too few strokes.
        """
        model, found = self._learn(parts, card, minutes, progress)
        score = DeepScore(found.score, found.score - found.gain, found.spread, len(found.labels))
        if score.kept:
            protocol = f"a fifth of the strokes, held out; they chose step {found.step} of {found.steps}; {score}"
            scores = (Score(name="strokes, held out from a deep lesson", value=score.score, protocol=protocol),)
            chosen = "taught deeply: better at strokes held out than the quick lesson"
            origin = card.origin.model_copy(update={"scores": scores, "chosen": chosen})
            export_model(model, card.model_copy(update={"origin": origin}), out)
        return score

    def _learn(
        self, parts: Sequence[tuple[str, Part]], card: Card, minutes: float, progress: Show | None
    ) -> tuple[torch.nn.Module, Deepened]:
        teaching, strokes = self._teaching, all_strokes([part for _, part in parts])
        held = held_out(strokes.labels)
        if held.sum() < _FEWEST:
            least = f"a deep lesson holds out a fifth of those of each class, at least {_FEWEST}"
            text = f"has {count(len(held), 'stroke')}; {least}: paint more, or omit --deep"
            raise LabelError(f"{teaching.project.folder}: {text}")
        with sole_training(torch.device("cpu")):
            others = joined([part.examples.others for _, part in parts])
            quick = learn(strokes.chosen(~held), others, teaching.plan, teaching.network.sizes[-1])
            grounds = self._grounds(parts, strokes, quick)
            model = make_student(self._weights, card, teaching.plan, _first(grounds))
            each = np.bincount(strokes.stroke, stroke_weights(strokes)) / np.bincount(strokes.stroke)
            of = self._identity(parts, card, minutes)
            material = Material(grounds, strokes.labels, np.where(held, 0.0, each), of)
            lesson = DeepLesson(model, material, teaching.project.folder / STATE, seconds=60 * minutes)
            meter = Meter(progress, "deep lesson", 1)
            return model, lesson.learn(meter.say, meter)

    def _identity(self, parts: Sequence[tuple[str, Part]], card: Card, minutes: float) -> str:
        """What a stored state must have been learned from."""
        digest = hashlib.sha256(self._teaching.model.sha256.encode())
        digest.update(f"{card.class_task().labels} {minutes}".encode())
        digest.update(self._teaching.plan.shares.tobytes())
        for image, part in parts:
            digest.update(str(identity([image])).encode())
            for stroke in part.strokes:
                digest.update(f"{stroke.key} {stroke.label}".encode())
        return digest.hexdigest()

    def _grounds(self, parts: Sequence[tuple[str, Part]], strokes: Strokes, quick: Lesson) -> list[Ground]:
        """The tiles of all scenes, with what a quick lesson says of them."""
        view = View(self._teaching.plan, quick, self._teaching.network.sizes)
        found, first = [], 0
        for image, part in parts:
            last = first + len(all_strokes([part]).labels)  # the strokes of a scene follow each other
            mine = (strokes.stroke >= first) & (strokes.stroke < last)
            with self._teaching.opened(image) as seen:
                found += self._of_scene(seen, strokes.samples.cells[mine], strokes.stroke[mine], view)
            first = last
        return found

    def _of_scene(self, seen: Reader, cells: Cells, stroke: NDArray[np.intp], view: View) -> list[Ground]:
        """The tiles of one scene, for the cells N,2 of its strokes, and the stroke N of each."""
        network = self._teaching.network
        scene, card = SceneTiles(seen, network), network.card
        tiles = list(plan_tiles(*scene.size, card.tile, card.overlap, card.stride))
        painted = [tile for tile in tiles if _inside(tile, cells, card, scene.size).any()]
        if len(painted) > _MOST_TILES:
            some = np.sort(np.random.default_rng(0).choice(len(painted), _MOST_TILES, replace=False))
            painted = [painted[at] for at in some]
        found = []
        for tile in {id(tile): tile for tile in (*painted, *spread_tiles(tiles, SPREAD))}.values():
            pixels, valid = scene.read(tile)
            said = _softmax(view.logits(network(pixels)))
            here = _inside(tile, cells, card, scene.size)
            drawn = np.full(valid.shape, NONE, np.int32)
            rows, cols = (cells[here] - (tile.read.row, tile.read.col)).T // network.step
            drawn[rows, cols] = stroke[here]
            found.append(Ground(pixels, drawn, said.astype(np.float16), valid))
        return found


def _inside(tile: Tile, cells: Cells, card: Card, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which cells lie on a tile's own part."""
    own = own_part(tile, card.overlap, size)
    inside = ((cells >= (own.row, own.col)) & (cells < (own.bottom, own.right))).all(axis=1)
    return np.asarray(inside)


def _softmax(logits: Floats) -> Floats:
    """Probabilities J,h,w."""
    flat = probabilities(logits.reshape(len(logits), -1).T.astype(np.float64))  # N,J
    return flat.T.reshape(logits.shape).astype(np.float32)


def _first(grounds: Sequence[Ground]) -> torch.Tensor:
    """Some windows N,C,H,W, raw."""
    step = grounds[0].pixels.shape[1] // grounds[0].strokes.shape[0]
    side = min(SIDE * step, *(size for ground in grounds for size in ground.pixels.shape[1:]))
    some = [grounds[at] for at in np.unique(np.linspace(0, len(grounds) - 1, 16).astype(int))]
    return torch.from_numpy(np.stack([ground.pixels[:, :side, :side] for ground in some]))
