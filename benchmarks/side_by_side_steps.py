"""One way to map a scene with torch, in a process of its own: a step of `side_by_side.py`.

    python benchmarks/side_by_side_steps.py loop|geoai|terratorch SCENE OUT.tif

Prints seconds and CPU seconds from opening the scene to the finished file, and the peak resident memory in MB. The
network is built, and has seen one tile, before that. Its weights are random: a speed, not a map. Without SCENE and OUT
it only imports and builds.
"""

import contextlib
import json
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
import rasterio
import torch
from rasterio.windows import Window

TILE = 512
SHARED = 128  # pixels that neighbouring tiles share, as in the card of `landcover`
BATCH = 4  # the default of geoai
CLASSES = 5
LIGHT = "mobilenet_v2"  # with LinkNet 2.3 G multiply-adds per tile; `landcover` has 2.2
Way = Callable[[str, str], None]


def main() -> None:
    name, *paths = sys.argv[1:]
    torch.manual_seed(0)
    with torch.inference_mode(), contextlib.redirect_stdout(sys.stderr):
        run = {"loop": loop, "geoai": geoai, "terratorch": terratorch}[name]()
        if not paths:
            return
        start, busy = time.perf_counter(), time.process_time()
        run(*paths)
        times = [time.perf_counter() - start, time.process_time() - busy]
    with rasterio.open(paths[0]) as scene, rasterio.open(paths[1]) as made:
        assert (made.height, made.width, made.count) == (scene.height, scene.width, 1)
    print(json.dumps([*times, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3]))


def loop() -> Way:
    """Tile by tile, nothing shared, nothing blended: DeepLabv3+ on ResNet-50, of this program."""
    from smalti.nets.build import build
    from smalti.runtime.models import find_model, verify

    card = verify(find_model("landcover")).card
    net = build(card.model_copy(update={"net": "deeplabv3plus", "options": {"encoder": "resnet50"}})).eval()
    net(torch.zeros(1, 3, TILE, TILE))

    def run(scene: str, out: str) -> None:
        with rasterio.open(scene) as source:
            profile = source.profile | {"count": 1}
            with rasterio.open(out, "w", **profile) as made:
                for row in range(0, source.height, TILE):
                    for col in range(0, source.width, TILE):
                        height, width = min(TILE, source.height - row), min(TILE, source.width - col)
                        window = Window(col, row, width, height)
                        tile = np.zeros((source.count, TILE, TILE), np.uint8)
                        tile[:, :height, :width] = source.read(window=window)
                        logits = net(torch.from_numpy(tile)[None])["landcover"][0]
                        made.write(logits.argmax(0).to(torch.uint8).numpy()[:height, :width], 1, window=window)

    return run


def geoai() -> Way:
    """The predictor behind geoai's `semantic_segmentation`: shared pixels, probabilities blended in memory."""
    _import_torchvision()
    from geoai.train import semantic_inference_on_geotiff

    net = _light()

    def run(scene: str, out: str) -> None:
        semantic_inference_on_geotiff(
            net, scene, out, window_size=TILE, overlap=SHARED, batch_size=BATCH, num_classes=CLASSES,
            device=torch.device("cpu"), quiet=True,
        )  # fmt: skip

    return run


def terratorch() -> Way:
    """Terratorch's `tiled_inference` as its task calls it, on the scene in memory: shared pixels, logits blended."""
    _import_torchvision()
    from terratorch.tasks.tiled_inference import tiled_inference

    net = _light()

    def run(scene: str, out: str) -> None:
        with rasterio.open(scene) as source:
            profile = source.profile | {"count": 1}
            pixels = torch.from_numpy(source.read()).float().div_(255)[None]
        logits = tiled_inference(net, pixels, crop=TILE, stride=TILE - SHARED, batch_size=BATCH)
        with rasterio.open(out, "w", **profile) as made:
            made.write(logits[0].argmax(0).to(torch.uint8).numpy(), 1)

    return run


def _light() -> torch.nn.Module:
    import segmentation_models_pytorch as smp

    net: torch.nn.Module = smp.Linknet(LIGHT, encoder_weights=None, classes=CLASSES).eval()
    net(torch.zeros(BATCH, 3, TILE, TILE))
    return net


def _import_torchvision() -> None:
    """Torchvision does not fit every CPU build of torch: two operators, unused here, are missing then."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        operators = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(operators)


_kept: list[torch.library.Library] = []  # operators vanish with their library


if __name__ == "__main__":
    main()
