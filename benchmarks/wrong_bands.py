"""Fits and measures what tells red, green, blue from blue, green, red and from infrared by the pixels alone.

    python benchmarks/wrong_bands.py fit SETS ROOT --out src/smalti/mapping/band_order.json
    python benchmarks/wrong_bands.py measure SETS

SETS holds the sets as they were published, ROOT is made of them by benchmarks/world_root.py. `fit` draws windows of
the sets that a bundled model may learn from, with other casts, contrasts, pixel sizes and JPEG qualities, in the right
order and in wrong ones, and fits a small network to their statistics; first without each place in turn, to print how
often the scenes of a place that was left out are taken for what they are, at several limits. `measure` gives whole
images of the sets that are for evaluation only to what `smalti map` asks.
"""

import argparse
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from PIL import Image

from smalti.mapping.band_order import DECIDED, KINDS, OVERWHELMING, mean_evidence
from smalti.mapping.glance import SIDE
from smalti.raster.array import ArrayReader
from smalti.raster.band_statistics import band_statistics
from smalti.text import aligned, percent

Bytes = NDArray[np.uint8]
Doubles = NDArray[np.float64]
PER_PLACE = 48
"""Windows of each place, in each order of bands."""
PENALTY = 1e-3
"""Of squared weights."""
HIDDEN = 12
"""Units of the hidden layer."""
FARTHEST, MOST = 4.0, 3.0
"""As in `smalti.mapping.band_order`."""
LIMITS = (0.5, 1.0, DECIDED, 1.5, OVERWHELMING, 2.0)
UNSEEN = (
    "dronedeploy-sample", "jonkoping", "yangon", "world-buildings", "roads", "potsdam-thumbs", "kalimantan-rivers",
    "heights-beijing-zy3",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """An image of a place; `infrared` is its fourth band or a file beside it."""

    place: str
    path: Path
    infrared: Path | None = None


def sources(sets: Path, root: Path) -> Iterator[Source]:
    """The images that a bundled model may learn from."""
    for tile in range(1, 7):
        yield from (Source(f"dubai {tile}", path) for path in sorted((sets / f"dubai/tile{tile}/images").glob("*.jpg")))
    for name in ("california-naip", "arkansas-naip"):
        for path in sorted((sets / "places" / name / "images").glob("*.jpg")):
            place = path.name.partition("_20")[0].rstrip("_0123456789") if "cal" in name else "arkansas"
            yield Source(place, path, path.parents[1] / "nir" / path.name)
    for path in sorted((root / "fair-buildings" / "images").glob("*.tif")):
        yield Source(path.stem.partition("_")[0], path)
    for name in ("banepa", "kampala"):
        yield Source(name, root / name / "images" / f"{name}.tif")
    for part in ("train", "validation", "stack"):
        for path in sorted((root / "chesapeake" / part / "images").glob("*.tif")):
            yield Source("chesapeake", path, path)
    yield from (Source("dakota", path, path) for path in sorted((sets / "naip" / "naip").glob("*.tif")))
    for path in sorted((sets / "places" / "heights" / "images").glob("*.png")):
        yield Source(path.name.partition("_")[0], path)


@lru_cache(maxsize=64)
def pixels_of(source: Source) -> Bytes:
    """Red, green, blue, and infrared where there is one (bands, H, W)."""
    with rasterio.open(source.path) as file:
        bands = file.read()
    if source.infrared is None or source.infrared == source.path:
        return np.asarray(bands[: 3 if source.infrared is None else 4], np.uint8)
    if not source.infrared.is_file():
        return np.asarray(bands[:3], np.uint8)
    with rasterio.open(source.infrared) as file:
        return np.concatenate([bands[:3], file.read([1])])


def drawn_windows(found: list[Source], rng: np.random.Generator) -> Iterator[tuple[Source, int, Bytes]]:
    """Windows of the images of a place in each order of bands: the image, the number of the kind, the pixels."""
    for k in range(PER_PLACE):
        source = found[k % len(found)]
        pixels = pixels_of(source)
        height, width = pixels.shape[1:]
        factor = float(np.exp(rng.uniform(0, np.log(3 if min(height, width) > 500 else 1.6))))
        side = min(height, width, int(SIDE * factor))
        for _ in range(8):  # not in a gap of a mosaic
            row, col = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
            cut = pixels[:, row : row + side, col : col + side]
            if (cut[:3].max(axis=0) > 0).mean() > 0.9:
                break
        for kind, bands in in_other_orders(cast(shrunk(cut, factor), rng)):
            yield source, kind, recompressed(bands, rng)


def shrunk(pixels: Bytes, factor: float) -> Bytes:
    """Pixels `factor` times as large."""
    size = tuple(max(32, int(length / factor)) for length in pixels.shape[:0:-1])
    return np.stack([np.asarray(Image.fromarray(band).resize(size, Image.Resampling.BOX)) for band in pixels])


def cast(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    """Another gain of each band, gamma, haze, and saturation."""
    count = len(pixels)
    values = (pixels / 255) ** np.exp(rng.normal(0, 0.2))
    values *= (np.exp(rng.normal(0, 0.07, count)) * np.exp(rng.normal(0, 0.2)))[:, None, None]
    if rng.random() < 0.5:
        values += rng.uniform(0, 0.08) * np.array([0.3, 0.6, 1, 0.1])[:count, None, None]
    if rng.random() < 0.4:
        grey = values[:3].mean(axis=0)
        values[:3] = grey + (values[:3] - grey) * rng.uniform(0.6, 1.3)
    return np.asarray(np.clip(values, 0, 1) * 255, np.uint8)


def in_other_orders(pixels: Bytes) -> Iterator[tuple[int, Bytes]]:
    """The pixels as each of `KINDS`; infrared before red and green, and in place of red."""
    red, green, blue = pixels[:3]
    yield 0, np.stack([red, green, blue])
    yield 1, np.stack([blue, green, red])
    for infrared in pixels[3:]:
        yield 2, np.stack([infrared, red, green])
        yield 2, np.stack([infrared, green, blue])


def recompressed(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    """The pixels, most of the time through JPEG."""
    if rng.random() < 0.4:
        return pixels
    file = io.BytesIO()
    Image.fromarray(np.moveaxis(pixels, 0, 2)).save(file, "JPEG", quality=int(rng.integers(55, 96)))
    return np.moveaxis(np.asarray(Image.open(file)), 2, 0)


@dataclass(frozen=True)
class Samples:
    """Statistics of windows (N, statistics), their kinds, their images and the places of these (N)."""

    statistics: Doubles
    kinds: NDArray[np.int64]
    images: NDArray[np.str_]
    places: NDArray[np.str_]

    def only(self, chosen: NDArray[np.bool_]) -> "Samples":
        """Some of the windows."""
        return Samples(self.statistics[chosen], self.kinds[chosen], self.images[chosen], self.places[chosen])


def samples(sets: Path, root: Path) -> Samples:
    """The windows of all places."""
    rng, by_place = np.random.default_rng(0), defaultdict(list)
    for source in sources(sets, root):
        by_place[source.place].append(source)
    rows = []
    for found in by_place.values():
        for source, kind, pixels in drawn_windows(found, rng):
            numbers = band_statistics(pixels, np.ones(pixels.shape[1:], bool))
            if numbers is not None:
                rows.append((numbers, kind, str(source.path), source.place))
    statistics, kinds, images, places = zip(*rows, strict=True)
    return Samples(np.array(statistics, np.float64), np.array(kinds), np.array(images), np.array(places))


@dataclass(frozen=True)
class Table:
    """The numbers of `band_order.json`."""

    mean: Doubles
    deviation: Doubles
    hidden_weights: Doubles
    hidden_bias: Doubles
    weights: Doubles
    bias: Doubles

    def evidence(self, statistics: Doubles) -> Doubles:
        """As `smalti.mapping.band_order.evidence`."""
        inputs = np.clip((statistics - self.mean) / self.deviation, -FARTHEST, FARTHEST)
        scores = np.tanh(inputs @ self.hidden_weights + self.hidden_bias) @ self.weights + self.bias
        return np.clip(scores[:, 1:] - scores[:, :1], -MOST, MOST)

    def text(self) -> str:
        """As JSON."""
        numbers = {name: np.round(values, 5).tolist() for name, values in vars(self).items()}
        return json.dumps(numbers, indent=1) + "\n"


def fitted(taken: Samples) -> Table:
    """A network with one hidden layer; each kind of each place weighs alike."""
    mean, deviation = taken.statistics.mean(axis=0), taken.statistics.std(axis=0) + 1e-6
    inputs = torch.tensor(np.clip((taken.statistics - mean) / deviation, -FARTHEST, FARTHEST))
    groups = np.array([f"{place} {kind}" for place, kind in zip(taken.places, taken.kinds, strict=True)])
    names, which, often = np.unique(groups, return_inverse=True, return_counts=True)
    share = torch.tensor(1 / often[which] / len(names))
    torch.manual_seed(0)
    first, last = torch.nn.Linear(inputs.shape[1], HIDDEN).double(), torch.nn.Linear(HIDDEN, len(KINDS)).double()
    every = [first.weight, first.bias, last.weight, last.bias]
    optimizer = torch.optim.LBFGS(every, max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        scores = last(torch.tanh(first(inputs)))
        each = torch.nn.functional.cross_entropy(scores, torch.tensor(taken.kinds), reduction="none")
        total = (share * each).sum() + PENALTY * (first.weight.square().sum() + last.weight.square().sum())
        total.backward()
        return total

    optimizer.step(loss)
    numbers = [tensor.detach().numpy().T for tensor in every]
    return Table(mean, deviation, *numbers)


def print_left_out(every: Samples) -> None:
    """How often scenes of a place that was left out are found to be something else than red, green, blue."""
    evidence = np.zeros((len(every.kinds), len(KINDS) - 1))
    for place in np.unique(every.places):
        out = every.places == place
        evidence[out] = fitted(every.only(~out)).evidence(every.statistics[out])
    flagged: dict[tuple[int, str], list[float]] = defaultdict(list)
    for image in np.unique(every.images):
        for kind in range(len(KINDS)):
            here = (every.images == image) & (every.kinds == kind)
            if here.sum() >= 3:
                flagged[kind, every.places[here][0]].append(float(evidence[here].mean(axis=0).max()))
    rows = [("limit", *("/".join(kind) for kind in KINDS), "places with false alarms")]
    for limit in LIMITS:
        shares = {key: float(np.mean([each > limit for each in found])) for key, found in flagged.items()}
        means = [np.mean([share for (kind, _), share in shares.items() if kind == k]) for k in range(len(KINDS))]
        alarms = ", ".join(f"{place} {percent(share)}" for (kind, place), share in shares.items() if not kind and share)
        rows.append((f"{limit:g}", *(percent(float(mean)) for mean in means), alarms))
    print("scenes of places left out that are said to be something else, mean over places, in per cent")
    print("\n".join(aligned(rows)))


def measure(sets: Path) -> None:
    """Whole images of sets that nothing was fitted on, at most 40 of each."""
    limits = (DECIDED, OVERWHELMING)
    rows = [("set", "images", *(f"{'/'.join(kind)} above {limit:g}" for kind in KINDS[:2] for limit in limits))]
    for name in UNSEEN:
        images = sorted((sets / "places" / name / "images").glob("*.jpg"))
        images = images[:: -(-len(images) // 40)]
        shares = np.mean([_alarms(path, limits) for path in images], axis=0)
        rows.append((name, str(len(images)), *(percent(share) for share in shares.tolist())))
    print("images that are said to be something else than red, green, blue, in per cent")
    print("\n".join(aligned(rows)))


def _alarms(path: Path, limits: tuple[float, float]) -> list[bool]:
    """Whether an image, and its bands in reverse, are said to be something else at each limit."""
    with rasterio.open(path) as file:
        pixels = file.read([1, 2, 3])
    found = (mean_evidence(ArrayReader(np.ascontiguousarray(order))) for order in (pixels, pixels[::-1]))
    return [mean is not None and bool(mean.max() > limit) for mean in found for limit in limits]


def main() -> None:
    """Fits or measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    fit, see = commands.add_parser("fit"), commands.add_parser("measure")
    fit.add_argument("sets", type=Path)
    fit.add_argument("root", type=Path)
    fit.add_argument("--out", type=Path, required=True)
    see.add_argument("sets", type=Path)
    options = parser.parse_args()
    if options.command == "measure":
        measure(options.sets)
        return
    every = samples(options.sets, options.root)
    print_left_out(every)
    options.out.write_text(fitted(every).text(), encoding="utf-8")


if __name__ == "__main__":
    main()
