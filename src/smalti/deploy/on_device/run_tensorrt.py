"""Runs a model of Smalti on a device: agreement with its CPU, and milliseconds per tile, for every provider there.

    python NAME_run.py [NAME.json] [--seconds 10]

Needs numpy and ONNX Runtime with the providers of the device: `onnxruntime-gpu` on a PC with an NVIDIA card; on a
Jetson the wheel that NVIDIA offers for its version of JetPack. The first start compiles the network, which takes
minutes; later ones read it from the folder `engines`.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime


def main() -> None:
    """Prints a line per provider."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    own = Path(__file__).with_name(Path(__file__).name.removesuffix("_run.py") + ".json")
    parser.add_argument("manifest", nargs="?", type=Path, default=own)
    parser.add_argument("--seconds", type=float, default=10.0, help="of measurement per provider")
    options = parser.parse_args()
    manifest = json.loads(options.manifest.read_text(encoding="utf-8"))
    model = options.manifest.with_name(next(name for name in manifest["files"] if name.endswith(".onnx")))
    image = manifest["input"]
    tile = patches(image["shape"])
    there = onnxruntime.get_available_providers()
    providers = [(name, chosen) for name, chosen in manifest["providers"] if name in there]
    print(f"onnxruntime {onnxruntime.__version__}, providers here: {', '.join(name for name, _ in providers)}")
    (options.manifest.parent / "engines").mkdir(exist_ok=True)
    expected = session(model, [("CPUExecutionProvider", {})]).run(None, {image["name"]: tile})
    for number, (name, _) in enumerate(providers):
        begin = time.perf_counter()
        run = session(model, placed(providers[number:], options.manifest.parent))
        found = run.run(None, {image["name"]: tile})
        opened = time.perf_counter() - begin
        used = run.get_providers()[0]
        same = [agreement(one, other) for one, other in zip(expected, found, strict=True)]
        times = measured(run, {image["name"]: tile}, options.seconds)
        said = f"{np.median(times) * 1e3:.2f} ms per tile (fastest {min(times) * 1e3:.2f}), start {opened:.1f} s"
        print(f"{name}{'' if used == name else ', not usable: ' + used}: {said}, agreement {min(same):.5f}")


def session(model: Path, providers: list[tuple[str, dict[str, Any]]]) -> Any:
    """The model with the first of these providers that can run it."""
    return onnxruntime.InferenceSession(str(model), providers=providers)


def placed(providers: list[tuple[str, dict[str, Any]]], folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Providers whose folders lie beside the model."""
    return [
        (name, {key: str(folder / value) if key.endswith("_path") else value for key, value in chosen.items()})
        for name, chosen in providers
    ]


def measured(run: Any, given: dict[str, np.ndarray], seconds: float) -> list[float]:
    """Seconds of each tile, copies to and from the device included."""
    times: list[float] = []
    while sum(times) < seconds or len(times) < 5:
        begin = time.perf_counter()
        run.run(None, given)
        times.append(time.perf_counter() - begin)
    return times


def agreement(expected: np.ndarray, found: np.ndarray) -> float:
    """The share of pixels of the same class; of a value, one minus the mean difference relative to the largest."""
    if expected.shape[1] > 1:
        return float((expected.argmax(1) == found.argmax(1)).mean())
    return float(1 - np.abs(expected - found).mean() / max(1.0, float(np.abs(expected).max())))


def patches(shape: list[int]) -> np.ndarray:
    """A tile 1,C,H,W of patches with some noise, from 0 to 255."""
    random = np.random.default_rng(0)
    n, bands, height, width = shape
    coarse = random.random((n, bands, -(-height // 16), -(-width // 16)))
    tile = coarse.repeat(16, axis=2).repeat(16, axis=3)[:, :, :height, :width]
    return (255 * (0.9 * tile + 0.1 * random.random(shape))).astype(np.float32)


if __name__ == "__main__":
    main()
