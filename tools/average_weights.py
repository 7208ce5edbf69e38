#!/usr/bin/env python3
"""Averages the weights of checkpoints of one network: `python tools/average_weights.py OUT A=0.3 B=0.7`.

A, B: folders of checkpoints, trained from one start, with their shares, which sum to 1; all but the last one may be
model files or names of models. OUT: a new folder, with the card of the last one. All floating-point tensors are
averaged, those of the batch norms too; model files have none, and take the scales and statistics of the last
checkpoint's. The average of a model and of what it became elsewhere keeps more of both than either (Wortsman et al.,
CVPR 2022, "Robust fine-tuning of zero-shot models").
"""

import argparse
from pathlib import Path

import torch

from smalti.errors import SmaltiError
from smalti.nets.naming import Weights
from smalti.training.checkpoint import load_checkpoint, save_checkpoint
from smalti.training.warmstart import open_start


def main() -> None:
    """Averages, and writes OUT."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("parts", nargs="+", metavar="CHECKPOINT=SHARE")
    options = parser.parse_args()
    if options.out.exists():
        parser.error(f"{options.out} exists; expected a new folder")
    try:
        average(options.out, [_part(text) for text in options.parts])
    except (SmaltiError, ValueError) as error:
        parser.error(str(error))


def _part(text: str) -> tuple[str, float]:
    path, _, share = text.rpartition("=")
    return path, float(share)


def average(out: Path, parts: list[tuple[str, float]]) -> None:
    """Writes the mean of the checkpoints and model files, each weighted by its share.

    ValueError if the shares do not sum to 1, or if tensors differ in their names or shapes; ModelError for a folder
    that is no checkpoint, and for a file of another network.
    """
    if abs(sum(share for _, share in parts) - 1) > 1e-6:
        raise ValueError(f"the shares sum to {sum(share for _, share in parts):g}; expected 1")
    card, last = load_checkpoint(Path(parts[-1][0]))
    loaded = [*((_weights(path, last), share) for path, share in parts[:-1]), (last, parts[-1][1])]
    for (path, _), (weights, _) in zip(parts, loaded, strict=True):
        if {name: value.shape for name, value in weights.items()} != {name: v.shape for name, v in last.items()}:
            raise ValueError(f"{path} is of another network than {parts[-1][0]}")
    means = {
        name: torch.stack([weights[name].double() * share for weights, share in loaded]).sum(0).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in last.items()
    }
    save_checkpoint(out, card, means)


def _weights(path: str, last: Weights) -> Weights:
    start = open_start(path, "average_weights")
    return load_checkpoint(start)[1] if isinstance(start, Path) else start.with_norms_of(last)


if __name__ == "__main__":
    main()
