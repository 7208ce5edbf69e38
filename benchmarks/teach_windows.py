"""Suggestions against random places: IoU by the number of windows that a simulated user looks at.

    python benchmarks/teach_windows.py DATA [--model landcover] [--seeds 2] [--only PLACE ...]

The users are those of `teach_users.py`, but each looks at windows of 128 pixels, one after the other: in the order of
`smalti suggest`, or in a random one. In a window a user paints one stroke of each class, at the largest region that the
map has wrong there, or none. The map is made again after five windows; the order is that of the first map.
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from teach_places import PLACES, Place
from teach_users import Part, User, paint, predicted, read_part, strokes_of, taught

from smalti.lessons.classes import plan_classes
from smalti.lessons.lesson import learn
from smalti.lessons.network import TeachableNetwork
from smalti.lessons.suggest import SIDE, choose
from smalti.runtime.models import find_model, verify
from smalti.text import aligned

LOOKS, LESSON = (5, 15, 30), 5
"""Windows after which is scored, and between two lessons."""


def windows(part: Part, step: int) -> NDArray[np.intp]:
    """W,N: the cells of each whole window."""
    side = SIDE // step
    return np.array([
        tile[row : row + side, col : col + side].ravel()
        for _, tile in part.maps(np.arange(len(part.truth)))
        for row in range(0, tile.shape[0] - side + 1, side) for col in range(0, tile.shape[1] - side + 1, side)
    ])  # fmt: skip


def suggested(part: Part, places: NDArray[np.intp]) -> list[int]:
    """The windows in the order of `smalti suggest`."""
    powers = np.exp(part.samples.logits - part.samples.logits.max(axis=1, keepdims=True))
    unsure = 1 - powers.max(axis=1) / powers.sum(axis=1)
    every = np.concatenate([part.samples.features, part.samples.logits], axis=1)
    means = np.stack([every[cells].astype(np.float64).mean(axis=0) for cells in places])
    means = (means - means.mean(axis=0)) / (means.std(axis=0) + 1e-3)
    return [at for at, _ in choose(means, unsure[places].mean(axis=1), [], len(places))]


def scores(user: User, places: NDArray[np.intp], order: list[int]) -> list[float]:
    """IoU before, and after each number of windows."""
    after = lambda samples: user.plan.offsets(samples.logits)  # noqa: E731
    found, taken = [user.score(after)], np.zeros(len(user.here.truth), bool)
    for seen, at in enumerate(order[: LOOKS[-1]], 1):
        if seen % LESSON == 1:
            now = predicted(user.here, after)
        beside = np.ones(len(taken), bool)
        beside[places[at]] = taken[places[at]]
        lines = paint(user.here, now, user.classes, 1, user.random, beside, 0.0)
        user.lines += [(cells, label) for cells, label in lines if len(cells) > 1]
        taken |= beside & np.isin(np.arange(len(taken)), places[at])
        if seen % LESSON == 0 and user.lines:
            strokes = strokes_of(user.here, user.lines)
            after = partial(taught, learn(strokes, user.others, user.plan, user.colours))
        found += [user.score(after)] if seen in LOOKS else []
    return found + found[-1:] * (len(LOOKS) + 1 - len(found))


def measure(place: Place, network: TeachableNetwork, asked: argparse.Namespace) -> NDArray[np.float64]:
    """2,4: IoU before and after windows, suggested and random."""
    plan = plan_classes(network.card.class_task(), {k: v for k, v in place.classes.items() if v != [k]})
    order = np.array([plan.task.labels.index(name) for name in place.classes])
    here, there = (read_part(pairs, network, False) for pairs in place.read(asked.data))
    for part in (here, there):
        part.truth[part.truth < len(order)] = order[part.truth[part.truth < len(order)]]
    places = windows(here, network.step)
    first = suggested(here, places)
    found = []
    for seed in range(asked.seeds):
        make = partial(User, place, plan, here, there, seed=seed, wrong=0.0, colours=network.sizes[-1])
        any_order = np.random.default_rng(seed).permutation(len(places)).tolist()
        found.append([scores(make(), places, each) for each in (first, any_order)])
    return np.asarray(np.mean(found, axis=0), np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="landcover")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    network = TeachableNetwork(verify(find_model(asked.model)))
    rows = {place.name: measure(place, network, asked) for place in PLACES if place.name in (asked.only or place.name)}
    text = [["place", "as it is", *(f"{how} {count}" for how in ("suggested", "random") for count in LOOKS)]]
    text += [
        [name, f"{row[0, 0]:.1f}", *(f"{value:.1f}" for value in row[:, 1:].ravel())] for name, row in rows.items()
    ]
    print("\n".join(aligned(text)))
    gains = np.stack(list(rows.values()))[:, :, 1:] - np.stack(list(rows.values()))[:, :, :1]
    for how, gain in zip(("suggested", "random"), gains.transpose(1, 0, 2), strict=True):
        print(how, "median gain", np.median(gain, axis=0).round(1), "mean", gain.mean(axis=0).round(1))


if __name__ == "__main__":
    main()
