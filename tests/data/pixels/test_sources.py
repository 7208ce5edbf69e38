import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from smalti.card import Card, Task
from smalti.data.pixels.augment import Augment
from smalti.data.pixels.pool import Pool
from smalti.data.pixels.sample import Patch
from smalti.data.pixels.scenes import FileScene, MemoryScene, in_memory, keep_in_memory
from smalti.data.pixels.scored import scored_pairs
from smalti.data.pixels.sources import (
    DrawnSource,
    FolderSource,
    ScenesSource,
    labelled_files,
    open_source,
)
from smalti.data.pixels.stream import Stream
from smalti.errors import DataError, RasterError
from smalti.raster.grid import Grid
from smalti.tiling import Window

TASK = Task(name="classes", labels=("other", "house", "pond"))
SIDE = 200


def card_of(bands: int = 3, dtype: str = "uint8", scale: float = 1 / 255) -> Card:
    names = ("red", "green", "blue", "nir")[:bands]
    return Card(
        name="t",
        net="ued",
        bands=names,
        dtype=dtype,
        scale=scale,
        mean=(0.5,) * bands,
        std=(0.2,) * bands,
        tasks=(TASK,),
    )


def scene_of(labels: NDArray[np.uint8]) -> MemoryScene:
    whole = Patch(labels[..., None].repeat(3, 2), {"classes": labels}, np.ones(labels.shape, bool))
    return MemoryScene("made", None, Grid(*labels.shape), (TASK,), lambda: whole)


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A raster with nodata in its left tenth, and vectors: a house 40 to 80 pixels right and down, a pond beside it."""
    pixels = np.random.default_rng(0).integers(1, 4000, (3, SIDE, SIDE)).astype(np.uint16)
    pixels[:, :, :20] = 0
    profile: dict[str, Any] = {"driver": "GTiff", "height": SIDE, "width": SIDE, "count": 3, "dtype": "uint16"}
    place = Affine(0.5, 0, 5e5, 0, -0.5, 5e6)
    with rasterio.open(tmp_path / "town.tif", "w", crs="EPSG:32633", transform=place, nodata=0, **profile) as file:
        file.write(pixels)
    features = [
        {"type": "Feature", "properties": {"kind": kind}, "geometry": {"type": "Polygon", "coordinates": [ring(*box)]}}
        for kind, box in (("hut", (40, 40, 80, 80)), ("pond", (120, 40, 130, 50)))
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    (tmp_path / "town.geojson").write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
    return tmp_path


def ring(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    return [(5e5 + 0.5 * col, 5e6 - 0.5 * row) for col, row in corners]


def source_of(**more: Any) -> ScenesSource:
    labels = {"attribute": "kind", "values": {"hut": "house", "pond": "pond"}, "background": "other"}
    return ScenesSource(kind="scenes", images=("town.tif",), truth=("town.geojson",), labels=labels, **more)


def test_a_raster_of_values_alone_needs_no_labels(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    Image.fromarray(np.full((30, 40), 25, np.uint8)).save(tmp_path / "depth.png")
    depth = Task(name="depth", kind="value", quantity="depth", unit="m")
    source = ScenesSource(
        kind="scenes", images=("a.png",), also={"depth": {"files": ["depth.png"], "values": {"scale": 0.1}}}
    )
    (scene,) = open_source(source, tmp_path, card_of(), [depth])
    np.testing.assert_allclose(scene.read_targets(Window(0, 0, 30, 40))["depth"], 2.5)
    with pytest.raises(DataError, match="1 image but 0 files of truth"):
        open_source(source, tmp_path, card_of(), [TASK, depth])


def test_a_raster_with_vectors_is_read_by_windows(town: Path) -> None:
    (scene,) = open_source(source_of(), town, card_of(dtype="uint16"), [TASK])
    patch = scene.read(Window(30, 10, 60, 120))
    assert patch.image.shape == (60, 120, 3) and patch.image.dtype == np.uint16
    assert not patch.valid[:, :10].any() and patch.valid[:, 10:].all()
    assert (patch.targets["classes"][10:50, 30:70] == 1).all() and (patch.targets["classes"][10:20, 110:120] == 2).all()
    assert (patch.targets["classes"] == 1).sum() == 1600 and (patch.targets["classes"] == 2).sum() == 100


def test_beyond_the_border_pixels_are_mirrored_and_labels_count_nowhere(town: Path) -> None:
    (scene,) = open_source(source_of(), town, card_of(dtype="uint16"), [TASK])
    patch = scene.read(Window(-20, 150, 60, 80))
    assert np.array_equal(patch.image[:20, :50], patch.image[20:41, :50][:0:-1])
    assert (patch.targets["classes"][:20] == TASK.ignore).all() and (
        patch.targets["classes"][:, 50:] == TASK.ignore
    ).all()
    assert (patch.targets["classes"][20:, :50] == 0).all()


def test_a_scene_held_in_memory_reads_the_same(town: Path) -> None:
    (scene,) = open_source(source_of(), town, card_of(dtype="uint16"), [TASK])
    assert isinstance(scene, FileScene)
    held = in_memory(scene)
    for window in (Window(3, 4, 50, 60), Window(-30, 160, 260, 90), Window(0, 0, SIDE, SIDE)):
        one, other = scene.read(window), held.read(window)
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.targets["classes"], other.targets["classes"]) and np.array_equal(
            one.valid, other.valid
        )
    (kept,), (left,) = (keep_in_memory([[scene]], budget) for budget in (scene.bytes, scene.bytes - 1))
    assert isinstance(kept[0], MemoryScene) and left[0] is scene


def test_windows_of_16_bits_keep_their_range_and_nodata_enters_as_an_average_pixel(town: Path) -> None:
    card = card_of(dtype="uint16", scale=1 / 4000)
    pool = Pool(open_source(source_of(), town, card, [TASK]), "area")
    stream = Stream([(1.0, pool, Augment(scale=(1, 1), rotate=0.5))], card, [TASK], 64, seed=0)
    samples = [stream.batch(number, 4) for number in range(4)]
    images = np.concatenate([sample["image"].numpy() for sample in samples])
    valid = np.concatenate([sample["valid"].numpy() for sample in samples])
    assert images.max() > 3000 and np.isfinite(images).all()
    assert not valid.all() and np.allclose(images.transpose(0, 2, 3, 1)[~valid], 2000)


def test_a_rare_class_is_found() -> None:
    labels = np.zeros((640, 640), np.uint8)
    labels[300:600, 10:300] = 1
    labels[70:76, 501:507] = 2  # one window of 64 in a hundred has it
    scenes = [scene_of(np.zeros((64, 64), np.uint8)), scene_of(labels)]
    shares = {}
    for by in ("area", "class"):
        rng = np.random.default_rng(0)
        pool = Pool(scenes, by)
        shares[by] = np.mean([(pool.patch(rng, 64).targets["classes"] == 2).any() for _ in range(300)])
    assert shares["area"] < 0.03
    assert shares["class"] > 0.1  # a third of the windows hold a place of its cell, if not always the pond itself


def test_windows_without_labels_are_drawn_again() -> None:
    labels = np.full((256, 256), TASK.ignore, np.uint8)
    labels[:, :128] = 0
    pool, rng = Pool([scene_of(labels)], "area"), np.random.default_rng(0)
    enough = [(pool.patch(rng, 32).targets["classes"] == 0).mean() >= 0.05 for _ in range(200)]
    assert np.mean(enough) > 0.95  # half of them at the first try


def test_the_numbers_of_images_and_truths_must_fit(town: Path) -> None:
    source = source_of().model_copy(update={"images": ("a.tif",) * 3, "truth": ("a.gpkg",) * 2})
    with pytest.raises(DataError, match="3 images but 2 files of truth"):
        open_source(source, town, card_of(), [TASK])


def test_a_band_too_few_is_told(town: Path) -> None:
    has = r"town\.tif: its bands do not fit: it has 3 of uint16: band1, band2, band3; model t takes 4 of uint16: red, "
    with pytest.raises(RasterError, match=has):
        open_source(source_of(), town, card_of(4, "uint16"), [TASK])


def bands_of(path: Path, *names: str | None) -> None:
    """A town of bands so described, each with its number as pixels."""
    profile = {"driver": "GTiff", "height": SIDE, "width": SIDE, "count": len(names), "dtype": "uint16"}
    place = Affine(0.5, 0, 5e5, 0, -0.5, 5e6)
    with rasterio.open(path, "w", crs="EPSG:32633", transform=place, **profile) as file:
        file.write(np.broadcast_to(np.arange(1, len(names) + 1)[:, None, None], (len(names), SIDE, SIDE)))
        file.descriptions = names


@pytest.mark.parametrize("names", [(None,) * 5, ("nir", "red", "green"), ("coastal", "blue", "green", "yellow")])
def test_bands_are_not_guessed(town: Path, names: tuple[str | None, ...]) -> None:
    bands_of(town / "town.tif", *names)
    mend = r"`bands` of the source those that are red, green, blue, in this order: bands = \[1, 2, 3\] if the first"
    for open_it in (open_source, scored_pairs):
        with pytest.raises(RasterError, match=mend):
            open_it(source_of(), town, card_of(3, "uint16"), [TASK])
    chosen = source_of(bands=(3, "2", names[0] or "1"))
    window = Window(0, 0, 1, 1)
    [scene] = open_source(chosen, town, card_of(3, "uint16"), [TASK])
    assert scene.read(window).image.tolist() == [[[3, 2, 1]]]
    [pair], _ = scored_pairs(chosen, town, card_of(3, "uint16"), [TASK])
    assert pair.open_image().read(window)[0].ravel().tolist() == [3, 2, 1]
    with pytest.raises(RasterError, match=r"town\.tif: 2 bands chosen, but model t takes 3"):
        open_source(source_of(bands=(1, 2)), town, card_of(3, "uint16"), [TASK])


HEIGHT = Task(name="height", kind="value", quantity="height", unit="m")
DEPTH = Task(name="depth", kind="value", quantity="depth", unit="m")


def test_a_scene_of_two_tasks_reads_the_same_from_memory(town: Path) -> None:
    heights = np.random.default_rng(1).integers(0, 200, (SIDE, SIDE)).astype(np.uint8)
    Image.fromarray(heights).save(town / "heights.png")
    also = {"height": {"files": ("heights.png",), "values": {"scale": 0.1}}}
    (scene,) = open_source(source_of(also=also), town, card_of(dtype="uint16"), [TASK, HEIGHT])
    assert isinstance(scene, FileScene) and [task.name for task in scene.tasks] == ["classes", "height"]
    assert scene.bytes == SIDE * SIDE * (3 * 2 + 1 + 1 + 4)
    held = in_memory(scene)
    for window in (Window(3, 4, 50, 60), Window(-30, 160, 260, 90)):
        one, other = scene.read(window).targets, held.read(window).targets
        assert all(np.array_equal(one[name], other[name], equal_nan=True) for name in ("classes", "height"))
    inside = scene.read_targets(Window(0, 0, SIDE, SIDE))
    np.testing.assert_allclose(inside["height"], heights * 0.1, rtol=1e-6)


def folder_of(tmp_path: Path, *kinds: str) -> Path:
    for kind in ("images", *kinds):
        (tmp_path / kind).mkdir()
        Image.new("RGB" if kind == "images" else "L", (8, 6)).save(tmp_path / kind / "a.png")
    return tmp_path


def labelled(folder: Path, ours: list[Task], **more: Any) -> list[tuple[str, str]]:
    source = FolderSource.model_validate({"path": (".",), **more})
    files = labelled_files(source, folder, card_of(), ours)
    return [(truth.task.name, truth.path.parent.name) for truths in files.values() for truth in truths]


def test_which_task_a_folder_labels(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "masks", "ndsm", "roofs")
    roofs = Task(name="roofs", labels=("flat", "steep"))
    ndsm, more = {"height": {"name": "ndsm"}}, {"roofs": {"name": "roofs"}}
    assert labelled(folder, [TASK, HEIGHT]) == [("classes", "masks")]
    assert labelled(folder, [HEIGHT, TASK], also=ndsm) == [("height", "ndsm"), ("classes", "masks")]
    assert labelled(folder, [TASK, HEIGHT], also=ndsm, tasks=["height"]) == [("height", "ndsm")]
    assert labelled(folder, [HEIGHT], tasks=["height"]) == [("height", "masks")]
    assert labelled(folder, [TASK, roofs], also=more) == [("classes", "masks"), ("roofs", "roofs")]
    assert labelled(folder, [roofs, TASK], also=more) == [("roofs", "roofs"), ("classes", "masks")]
    with pytest.raises(DataError, match="labels no task of height; name one in `tasks` or `also`"):
        labelled(folder, [HEIGHT])
    with pytest.raises(DataError, match="names the unknown task 'depth'; expected one of classes, height"):
        labelled(folder, [TASK, HEIGHT], also={"depth": {"name": "ndsm"}})
    with pytest.raises(DataError, match=r"no label folder beside it \(heights\)"):
        labelled(folder, [TASK, HEIGHT], also={"height": {"name": "heights"}})


def test_heights_that_lie_beside_their_image_are_found_by_the_end_of_their_name(tmp_path: Path) -> None:
    for name in ("town.tif", "town_classes.tif", "town_height.tif"):
        Image.new("L", (8, 6)).save(tmp_path / name)
    source = FolderSource.model_validate({"path": (".",), "also": {"height": {"name": "height"}}})
    [(image, truths)] = labelled_files(source, tmp_path, card_of(), [TASK, HEIGHT]).items()
    assert image.name == "town.tif" and [truth.path.name for truth in truths] == ["town_classes.tif", "town_height.tif"]


def test_an_image_that_lacks_what_the_others_of_its_source_have_is_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "masks")
    (tmp_path / "b").mkdir()
    folder_of(tmp_path / "b", "masks", "ndsm")
    source = {"path": (".",), "also": {"height": {"name": "ndsm"}}}
    with pytest.raises(DataError, match="images has no label folder beside it"):
        labelled(folder, [TASK, HEIGHT], **source)


def test_drawn_scenes_have_classes_and_heights(tmp_path: Path) -> None:
    cover = Task(name="cover", labels=("land", "water", "building", "vegetation", "road"))
    card = card_of()
    for tasks, named, found in (
        ([cover, HEIGHT], (), ["cover", "height"]),
        ([cover, HEIGHT], ("height",), ["height"]),
        ([DEPTH, HEIGHT], (), ["height"]),
    ):
        source = DrawnSource(kind="drawn", seeds=(8,), size=64, tasks=named)
        [scene] = open_source(source, tmp_path, card, tasks)
        targets = scene.read(Window(-2, 0, 40, 64)).targets
        assert list(targets) == found
        height = targets["height"]
        assert np.isnan(height[:2]).all() and height[2:].max() > 10 and height.dtype == np.float32
    with pytest.raises(DataError, match=r"the height in m, .*; the card has depth in m, 3 bands"):
        open_source(DrawnSource(kind="drawn", seeds=(8,)), tmp_path, card, [DEPTH])


def test_drawn_scenes_of_the_world_by_climate_and_sensor(tmp_path: Path) -> None:
    cover = Task(name="cover", labels=("land", "water", "building", "vegetation", "road"))
    card = card_of().model_copy(update={"tasks": (cover,)})
    world = DrawnSource(kind="drawn", seeds=(8,), size=64, climate="boreal", sensor="aerial")
    town = DrawnSource(kind="drawn", seeds=(8,), size=64)
    (scene,), (other,) = (open_source(source, tmp_path, card, [cover]) for source in (world, town))
    assert (scene.name, other.name) == ("drawn world, boreal, aerial 8", "drawn 8")
    window = Window(0, 0, 64, 64)
    assert not np.array_equal(scene.read(window).image, other.read(window).image)
    for wrong in ({"climate": "boreall"}, {"style": "town", "sensor": "drone"}):
        with pytest.raises(ValidationError, match=r"did you mean boreal|the style town has no climate"):
            DrawnSource.model_validate({"kind": "drawn", "seeds": [8]} | wrong)


def test_windows_are_drawn_by_the_classes_of_the_first_task_that_has_some() -> None:
    def valued(task: Task) -> MemoryScene:
        whole = Patch(
            np.zeros((64, 64, 3), np.uint8), {task.name: np.ones((64, 64), np.float32)}, np.ones((64, 64), bool)
        )
        return MemoryScene("made", None, Grid(64, 64), (task,), lambda: whole)

    with pytest.raises(DataError, match=r"by = 'class' needs classes; made has only height; use 'area'"):
        Pool([valued(HEIGHT)], "class")
    stream = Stream([(1.0, Pool([valued(HEIGHT)], "area"), Augment())], card_of(), [TASK, HEIGHT], 32, 0)
    targets = stream.batch(0, 2)["targets"]
    assert (targets["classes"] == TASK.ignore).all() and (targets["height"][targets["height"].isfinite()] == 1).all()
