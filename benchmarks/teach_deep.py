"""Deep lessons of simulated users: IoU after the quick lesson, after a deep one, and how far that is to the ceiling.

    python benchmarks/teach_deep.py DATA [--only PLACE ...] [--strokes 30 100] [--minutes 10]

DATA, places, users and scores are those of `teach_users.py`, one seed. `step` is the one that the strokes held out
chose, `kept` whether `smalti teach --deep` would have kept it. The way is (deep - as it is) / (ceiling - as it is); the
ceiling is the head from 5,000 labelled pixels.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from teach_places import PLACES, Place, tiles
from teach_users import STEPS, Line, Part, User, iou, read_part, strokes_of, taught

from smalti.lessons.classes import ClassPlan, plan_classes
from smalti.lessons.examples import Samples
from smalti.lessons.head import probabilities
from smalti.lessons.lesson import Lesson, learn, stroke_weights
from smalti.lessons.network import TeachableNetwork
from smalti.nets.build import Model
from smalti.runtime.models import ModelFile, find_model, verify
from smalti.text import aligned
from smalti.training.model_file import ModelWeights
from smalti.training.teaching.deep import DeepLesson
from smalti.training.teaching.ground import NONE, SIDE, Ground
from smalti.training.teaching.held import Deepened, Material, held_out
from smalti.training.teaching.student import make_student

Images = list[np.ndarray]


def grounds_of(part: Part, images: Images, lines: list[Line], quick: Lesson) -> list[Ground]:
    """The tiles of a part, with what a quick lesson says."""
    number = np.full(len(part.truth), NONE, np.int32)
    for at, (cells, _) in enumerate(lines):
        number[cells] = at
    found = []
    for (first, drawn), image in zip(part.maps(number), images, strict=True):
        here = slice(first, first + drawn.size)
        every = part.samples
        samples = Samples(every.cells[here], every.features[here].astype(np.float32), every.logits[here])
        said = probabilities(taught(quick, samples)).T.reshape(-1, *drawn.shape).astype(np.float16)
        pixels = np.ascontiguousarray(image.transpose(2, 0, 1))
        found.append(Ground(pixels, drawn.astype(np.int32), said, np.ones(drawn.shape, bool)))
    return found


def deepened(
    user: User, images: Images, network: TeachableNetwork, file: ModelFile, seconds: float
) -> tuple[Model, Deepened]:
    """What a user's strokes teach the decoder."""
    strokes = strokes_of(user.here, user.lines)
    held = held_out(strokes.labels)
    quick = learn(strokes.chosen(~held), user.others, user.plan, network.sizes[-1])
    grounds = grounds_of(user.here, images, user.lines, quick)
    side = min(SIDE * network.step, *(size for ground in grounds for size in ground.pixels.shape[1:]))
    first = torch.from_numpy(np.stack([ground.pixels[:, :side, :side] for ground in grounds[:16]]))
    card = file.card.model_copy(update={"tasks": (user.plan.task,), "unlike": None})
    model = make_student(ModelWeights(file), card, user.plan, first)
    each = np.bincount(strokes.stroke, stroke_weights(strokes)) / np.bincount(strokes.stroke)
    material = Material(grounds, strokes.labels, np.where(held, 0.0, each), "")
    lesson = DeepLesson(model, material, None, seconds=seconds)
    return model, lesson.learn(lambda text: print("  ", text, flush=True), lambda share: None)


@torch.inference_mode()
def score(model: Model, images: Images, step: int, part: Part, plan: ClassPlan, place: Place) -> float:
    """IoU on the part that is tested on."""
    found = []
    for image in images:
        pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))[None])
        cells = F.avg_pool2d(model(pixels)[plan.task.name], step)[0]
        found.append(cells.argmax(0).numpy().ravel())
    return iou(np.concatenate(found).astype(int), part.truth, plan, place)


def measure(place: Place, file: ModelFile, asked: argparse.Namespace) -> list[list[str]]:
    """The rows of one place, by strokes per class."""
    network = TeachableNetwork(file)
    plan = plan_classes(file.card.class_task(), {k: v for k, v in place.classes.items() if v != [k]})
    order = np.array([plan.task.labels.index(name) for name in place.classes])
    parts = place.read(asked.data)
    here, there = (read_part(pairs, network, False) for pairs in parts)
    images = [[image for image, _ in tiles(pairs)] for pairs in parts]
    for part in (here, there):
        known = part.truth < len(order)
        part.truth[known] = order[part.truth[known]]
    user = User(place, plan, here, there, seed=0, wrong=0.0, colours=network.sizes[-1])
    rows: list[tuple[int, float, Deepened]] = []
    left = iter(STEPS)

    def after(lines: list[Line]) -> None:
        if (strokes := next(left)) in asked.strokes:
            model, found = deepened(user, images[0], network, file, 60 * asked.minutes)
            rows.append((strokes, score(model, images[1], network.step, there, plan, place), found))

    quick, _ = user.lessons(after)
    before, ceiling = quick[0], user.ceiling()
    table = []
    for strokes, deep, found in rows:
        scores = (before, quick[1 + STEPS.index(strokes)], deep, ceiling)
        way = 100 * (deep - before) / (ceiling - before)
        gain = f"{100 * found.gain:+.0f} ±{100 * found.spread:.0f}"
        kept = "yes" if found.gain > found.spread else "no"
        row = [place.name, str(strokes), *(f"{value:.1f}" for value in scores)]
        table.append([*row, f"{way:.0f} %", f"{found.step}/{found.steps}", gain, kept])
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--strokes", type=int, nargs="*", default=[30, 100], choices=STEPS)
    parser.add_argument("--minutes", type=float, default=10)
    asked = parser.parse_args()
    file = verify(find_model("landcover"))
    rows = [["place", "strokes", "as it is", "quick", "deep", "ceiling", "way", "step", "held out", "kept"]]
    for place in PLACES:
        if not asked.only or place.name in asked.only:
            began = time.perf_counter()
            rows += measure(place, file, asked)
            print("\n".join(aligned(rows)), f"{(time.perf_counter() - began) / 60:.0f} min", flush=True)


if __name__ == "__main__":
    main()
