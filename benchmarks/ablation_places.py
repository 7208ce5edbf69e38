"""What each part of a recipe for many places is worth where it has not learned: one row per change, equal budgets.

    python benchmarks/ablation_places.py RECIPE --set data.root=FOLDER --leave-out A,B --leave-out C,D
        [--rows NAME ...] [--seeds 0,1,2] [--steps 1300] [--unlabelled PATH ...] [--accelerator gpu] [--out FOLDER]

RECIPE is one like recipes/landcover.toml. Each `--leave-out` is a training without these places, scored on each;
a place's images count whether its labels are partial or not. The first four rows differ from the first in one thing:

* the encoder: MobileNetV2 instead of EfficientNet-Lite0, both with their ImageNet weights below `data.root`; no
  training starts from another one;
* without partial labels: no source whose labels leave classes open;
* without climates: no drawn scene of the style `world`.

The others differ from the second one, whose encoder is that of recipes/landcover.toml, in one thing:

* unlabelled: learning from PATHs without labels, and from what partial labels leave open;
* style mixing of each kind;
* AdaBN: statistics of batch norms from the images of the place, without another training.

Every training is in its own folder; finished ones are not repeated, and killed ones resume. The averaged weights of the
last step are scored: nothing is chosen. Writes OUT/ablation.json and OUT/ablation.md: rightness and mIoU, means over
places, mean and standard deviation over seeds.
"""

import argparse
import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from leave_place_out import NAMES, Job, Scores, cell, known

from smalti.training.kinds.pixels.settings import PixelRecipe
from smalti.training.recipe import read_pixels

ENCODERS = {
    "efficientnet_lite0": ("weights/efficientnet-lite/efficientnet_lite0_imagenet_fp16.pth", 1.0, 127.0, 128.0),
    "mobilenetv2_tf": ("weights/mobilenet_v2_1.0_224_bnfolded_fp16.pth", 1 / 255, 0.5, 0.5),
}
"""By encoder: its weights below `data.root`, and the scale, mean and standard deviation of pixels that they expect."""

PLACE = "^([a-z]+)"
"""The place of images without labels: the letters that their path begins with, `banepa` for `banepa-more`."""


@dataclass(frozen=True)
class Row:
    """A variant of the recipe."""

    encoder: str = "efficientnet_lite0"
    partial: bool = True
    climates: bool = True
    unlabelled: bool = False
    style: str = "none"
    adapt: float = 0.0


ROWS = {
    "base": Row(),
    "mobilenetv2": Row(encoder="mobilenetv2_tf"),
    "no-partial": Row(partial=False),
    "no-climates": Row(climates=False),
    "unlabelled": Row(encoder="mobilenetv2_tf", unlabelled=True),
    "style-statistics": Row(encoder="mobilenetv2_tf", style="statistics"),
    "style-fourier": Row(encoder="mobilenetv2_tf", style="fourier"),
    "adabn": Row(encoder="mobilenetv2_tf", adapt=1.0),
    "adabn-half": Row(encoder="mobilenetv2_tf", adapt=0.5),
}


def main() -> None:
    """Trains and scores all rows, and writes the tables after each of them."""
    options = _options()
    found: dict[str, list[Scores]] = {}
    for name in options.rows:
        found[name] = [_means(_scores(options, ROWS[name], seed)) for seed in options.seeds]
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "ablation.json").write_text(json.dumps(_record(options, found), indent=2))
        (options.out / "ablation.md").write_text("\n".join(table(found)) + "\n")
    print("\n".join(table(found)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--leave-out", action="append", required=True, metavar="A,B", type=lambda text: text.split(","))
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", default=[0, 1, 2], type=lambda text: [int(seed) for seed in text.split(",")])
    parser.add_argument("--steps", type=int, default=1300)
    parser.add_argument("--unlabelled", nargs="+", default=[], metavar="PATH", help="below data.root")
    parser.add_argument("--accelerator", choices=["auto", "cpu", "gpu"], default="auto")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    return parser.parse_args()


def _scores(options: argparse.Namespace, row: Row, seed: int) -> dict[str, Scores]:
    """The scores of one row and seed on every place; rows that differ in adaptation alone share their trainings."""
    trained = Row(**asdict(row) | {"adapt": 0.0})
    own = next(name for name, other in ROWS.items() if other == trained)
    plain = [
        *options.changes, f"train.steps={options.steps}", f"train.validate_every={options.steps}",
        f"train.accelerator={options.accelerator}",
    ]  # fmt: skip
    changes = (*plain, *changes_of(row, options.recipe, plain, options.unlabelled))
    out = options.out / f"{own}_{options.steps}"
    jobs = [Job(options.recipe, tuple(places), seed, changes, out, row.adapt) for places in options.leave_out]
    return {place: scores for job in jobs for place, scores in job.scores().items()}


def changes_of(row: Row, recipe: Path, plain: list[str], unlabelled: list[str]) -> list[str]:
    """The settings of a row."""
    weights, scale, mean, std = ENCODERS[row.encoder]
    settings = read_pixels(recipe, plain)
    bands = len(settings.card.bands)
    changes = [
        f"net.encoder={row.encoder}", f"net.encoder_weights={weights}", f"card.scale={scale}",
        f"card.mean={[mean] * bands}", f"card.std={[std] * bands}", 'train.start=""',
    ]  # fmt: skip
    changes += _sources(row, settings, tomllib.loads(recipe.read_text(encoding="utf-8"))["data"])
    if row.unlabelled:
        sources = [{"path": [path], "place": PLACE} for path in unlabelled]
        changes += [f"data.unlabelled={_toml(sources)}", f"unlabelled.partial={0.5 if sources else 1.0}"]
    if row.style != "none":
        changes.append(f'augment.style={{ chance = 0.5, kind = "{row.style}" }}')
    return changes


def _sources(row: Row, settings: PixelRecipe, data: dict[str, Any]) -> list[str]:
    """Settings that leave out sources; those with partial labels become tests, for their places are still scored."""
    tasks = settings.make_card("").tasks
    train, test = [], data.get("test", [])
    for source, given in zip(settings.data.train, data["train"], strict=True):
        if not row.climates and source.kind == "drawn" and source.scenery.style == "world":
            continue
        is_partial = any(source.sets(tasks, "").values())
        (test if is_partial and not row.partial else train).append(given)
    return [] if train == data["train"] else [f"data.train={_toml(train)}", f"data.test={_toml(test)}"]


def _toml(value: Any) -> str:
    """A value of a recipe as inline TOML."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(key)} = {_toml(part)}' for key, part in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _means(by_place: dict[str, Scores]) -> Scores:
    """Means over places, and the scores of each as `NAME/PLACE`."""
    means = {name: fmean(known(scores[name] for scores in by_place.values())) for name in NAMES}
    return means | {f"{name}/{place}": scores[name] for place, scores in by_place.items() for name in NAMES}


def _record(options: argparse.Namespace, found: dict[str, list[Scores]]) -> dict[str, Any]:
    return {
        "recipe": str(options.recipe), "steps": options.steps, "seeds": options.seeds, "left_out": options.leave_out,
        "rows": {name: {**asdict(ROWS[name]), "scores": runs} for name, runs in found.items()},
    }  # fmt: skip


def table(found: dict[str, list[Scores]]) -> list[str]:
    """The rows as a Markdown table."""
    heads = ["row", "encoder", "partial labels", "climates", "unlabelled", "style", "AdaBN", *NAMES]
    lines = [heads, ["---"] * len(heads)]
    for name, runs in found.items():
        row = ROWS[name]
        switches = ["yes" if on else "no" for on in (row.partial, row.climates, row.unlabelled)]
        scores = [cell(run[score] for run in runs) for score in NAMES]
        lines.append([name, row.encoder, *switches, row.style, f"{row.adapt:g}", *scores])
    return [f"| {' | '.join(line)} |" for line in lines]


if __name__ == "__main__":
    main()
