"""The picture of `docs/how-to/teach.md`: what is taken for buildings in Banepa before and after a lesson.

    python benchmarks/teach_picture.py DATA docs/images/teach.jpg

A user of `teach_users.py` paints 30 strokes per class on one half of the town; shown is a tile of the other half. Red
is what the model takes for buildings, white are the buildings of OpenStreetMap. Prints the IoU of that half.
"""

import argparse
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from teach_places import PLACES, tiles
from teach_users import User, paint, predicted, read_part, strokes_of, taught

from smalti.lessons.classes import plan_classes
from smalti.lessons.lesson import learn
from smalti.lessons.network import TeachableNetwork
from smalti.runtime.models import find_model, verify

VISITS = (3, 7, 10, 10)
"""Strokes per class between two lessons."""
SIDE, GAP = 480, 6


def shown(image: NDArray[np.uint8], found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """An image with buildings found, at a quarter of its size, and true ones."""
    wide = cv2.resize(found.astype(np.uint8), truth.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    mixed = np.where(wide[..., None], 0.6 * image + 0.4 * np.array([230, 60, 40]), image).astype(np.uint8)
    edges, _ = cv2.findContours(truth.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    drawn = cv2.drawContours(mixed.copy(), edges, -1, (255, 255, 255), 1)
    return np.asarray(drawn, np.uint8)[:SIDE, :SIDE]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("picture", type=Path)
    asked = parser.parse_args()
    network = TeachableNetwork(verify(find_model("landcover")))
    place = next(place for place in PLACES if place.name == "Banepa")
    plan = plan_classes(network.card.class_task(), place.classes)
    building, pairs = plan.task.labels.index("building"), place.read(asked.data)
    here, there = (read_part(part, network, False) for part in pairs)
    for part in (here, there):
        part.truth[part.truth < 2] = np.where(part.truth[part.truth < 2] == 0, building, 1 - building)
    user = User(place, plan, here, there, seed=0, wrong=0.0, colours=network.sizes[-1])
    before = after = lambda samples: plan.offsets(samples.logits)
    taken = np.zeros(len(here.truth), bool)
    for each in VISITS:
        user.lines += paint(here, predicted(here, after), 2, each, user.random, taken, 0.0)
        after = partial(taught, learn(strokes_of(here, user.lines), user.others, plan, network.sizes[-1]))
    image, ids = next(tiles(pairs[1]))
    rows, cols = there.sizes[0]
    views = [predicted(there, each)[: rows * cols].reshape(rows, cols) == building for each in (before, after)]
    halves = [shown(image, view, ids == 0) for view in views]
    both = np.concatenate([halves[0], np.full((SIDE, GAP, 3), 255, np.uint8), halves[1]], axis=1)
    cv2.imwrite(str(asked.picture), both[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])
    print(f"IoU before {user.score(before):.1f}, after {user.score(after):.1f}")


if __name__ == "__main__":
    main()
