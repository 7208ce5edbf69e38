import json
import math
import unicodedata
from dataclasses import dataclass, field

import numpy as np
import pytest

from smalti.card import Card, Task
from smalti.errors import DataError, LabelError, NothingToScoreError
from smalti.evaluation import Pair, evaluate, find_pairs
from smalti.evaluation.pairs import find_images
from smalti.evaluation.tiles import TileKeeper, notable
from smalti.metrics import BoundaryF1, Confusion
from smalti.raster.grid import Grid
from smalti.raster.labels import open_labels

LABELS = ("low", "middle", "high")


def small_card(**changes):
    task = Task(name="cover", labels=LABELS, colors=((0, 0, 0), (90, 90, 90), (255, 255, 255)))
    fields = {"name": "small", "net": "none", "bands": ("red",), "mean": (0.5,), "std": (1.0,)}
    return Card(**fields, tile=16, overlap=4, stride=1, tasks=(task,), **changes)


@dataclass
class Thirds:
    card: Card = field(default_factory=small_card)

    def __call__(self, batch):
        third = np.minimum(batch[:, :1].astype(int) // 86, 2)  # N,1,H,W
        return {"cover": (third == np.arange(3)[:, None, None]).astype(np.float32)}


class Array:
    """An image in memory: mirrored beyond its border, with some invalid pixels."""

    def __init__(self, pixels, valid=None):
        self.pixels, self.grid = pixels, Grid(*pixels.shape)
        self.valid = np.ones(pixels.shape, bool) if valid is None else valid
        self.closed = False

    def read(self, window):
        rows = self._mirror(window.row, window.height, self.grid.height)
        cols = self._mirror(window.col, window.width, self.grid.width)
        return self.pixels[None, rows][:, :, cols], self.valid[rows][:, cols]

    @staticmethod
    def _mirror(start, length, size):
        index = np.arange(start, start + length) % (2 * size)
        return np.minimum(index, 2 * size - 1 - index)

    def close(self):
        self.closed = True


class Truth(Array):
    def read(self, window):
        return super().read(window)[0][0]


def case(seed, height=37, width=45):
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (height, width), dtype=np.uint8)
    truth = np.minimum(image // 86, 2).astype(np.uint8)
    noise = random.random(truth.shape)
    truth[noise < 0.2] = 0
    truth[noise > 0.95] = 255
    return image, truth


def pair(name, image, truth, valid=None):
    return Pair(name, lambda: Array(image, valid), {"cover": lambda grid: Truth(truth)})


def test_scores_of_two_images_equal_counting_them_at_once():
    cases = [case(1), case(2, 16, 16), case(3, 5, 60)]
    [result] = evaluate(Thirds(), [pair(str(i), *c) for i, c in enumerate(cases)], data="drawn", split="all")
    confusion, boundary = Confusion(3), BoundaryF1(3)
    for image, truth in cases:
        prediction = np.minimum(image // 86, 2).astype(np.uint8)
        confusion.add(truth, prediction)
        boundary.add(truth, prediction)
    assert np.array_equal(result.confusion.counts, confusion.counts)
    assert result.scores == confusion.scores(LABELS)
    assert result.boundary.f1 == boundary.mean()
    assert [row.name for row in result.images] == ["0", "1", "2"]
    assert sum(row.pixels for row in result.images) == result.scores.pixels


def test_pixels_without_image_are_ignored():
    image, truth = case(4)
    valid = np.ones(image.shape, bool)
    valid[:20] = False
    [result] = evaluate(Thirds(), [pair("a", image, truth, valid)])
    assert result.scores.pixels == (truth[20:] != 255).sum()
    assert result.confusion.ignored == truth.size - result.scores.pixels


def test_the_protocol_states_every_fact():
    image, truth = case(5)
    [result] = evaluate(Thirds(), [pair("a", image, truth)], data="town", split="test part", leave_out=("low",))
    for fact in ("town, 1 image", "test part", "over middle, high", "left out: low", "within 3 px", "not eroded"):
        assert fact in str(result.protocol)
    assert "tiles: 16 px, overlap 4 px" in str(result.protocol) and "no test-time augmentation" in str(result.protocol)
    assert "chosen by: not stated" in str(result.protocol)
    [averaged] = evaluate(Thirds(), [pair("a", image, truth)], tta=True, boundary=None)
    assert "mean of 2, 4 or 8 flips and turns" in str(averaged.protocol) and "boundaries" not in str(averaged.protocol)


def test_json_holds_scores_with_their_protocol():
    image = np.zeros((20, 20), np.uint8)
    image[:, 10:] = 100
    truth = np.minimum(image // 86, 2).astype(np.uint8)
    found = evaluate(Thirds(), [pair("a", image, truth)])
    [result] = found
    told = json.loads(found.to_json())
    assert told == found.to_dict() and found.scores is result.scores and found["cover"] is result
    assert told["scores"][0] == {"name": "mIoU", "value": 1.0, "protocol": str(result.protocol)}
    assert told["classes"]["high"]["iou"] is None and told["classes"]["low"]["pixels"] == 200
    assert told["confusion"]["counts"] == [[200, 0, 0], [0, 200, 0], [0, 0, 0]]
    assert told["images"] == [{"name": "a", "miou": 1.0, "oa": 1.0, "pixels": 400}]
    assert all(not math.isnan(score.value) for score in found.card_scores())


def test_the_table_is_aligned_and_has_the_protocol_below():
    image, truth = case(6)
    lines = str(evaluate(Thirds(), [pair("a", image, truth)], leave_out=("high",))).splitlines()
    table = lines[: lines.index("")]
    assert len({len(line) for line in table}) == 1 and "high (left out)" in table[4]
    assert lines[lines.index("protocol") + 1].split()[0] == "data"


def test_nothing_to_score_is_an_error():
    image, truth = case(7)
    with pytest.raises(NothingToScoreError, match="no labelled pixel"):
        evaluate(Thirds(), [pair("a", image, np.full_like(truth, 255))], data="town")


def test_kept_tiles_hold_both_maps_and_are_ranked(monkeypatch):
    monkeypatch.setattr("smalti.evaluation.tiles.SIDE", 16)
    image, truth = case(8, 48, 40)
    truth[:16, :20] = np.minimum(image[:16, :20] // 86, 2)
    tiles = evaluate(Thirds(), [pair("a", image, truth)], tiles=True).results[0].tiles
    assert len(tiles) == 6
    for tile in tiles:
        assert np.array_equal(tile.maps()[0], truth[tile.window.slices()])
        assert np.array_equal(tile.maps()[1], np.minimum(image[tile.window.slices()] // 86, 2))
    chosen = notable(tiles, each=1)
    assert chosen["best"][0].window.row == chosen["best"][0].window.col == 0 and chosen["best"][0].oa == 1
    assert chosen["worst"][0].oa <= chosen["median"][0].oa <= 1
    assert notable(tiles[:2]) == {"all": sorted(tiles[:2], key=lambda tile: -tile.oa)}


def test_tiles_of_a_row_are_of_one_size(monkeypatch):
    monkeypatch.setattr("smalti.evaluation.tiles.SIDE", 16)
    tiles = []
    keeper = TileKeeper("a", tiles, small_card().tasks[0])
    keeper.add(*np.zeros((2, 20, 41), np.uint8))
    keeper.close()
    assert [(t.window.row, t.window.col, t.window.height, t.window.width) for t in tiles] == [
        (0, 0, 16, 14), (0, 14, 16, 13), (0, 27, 16, 14), (16, 0, 4, 14), (16, 14, 4, 13), (16, 27, 4, 14),
    ]  # fmt: skip


def test_a_tile_without_truth_is_not_kept():
    tiles = []
    keeper = TileKeeper("a", tiles, small_card().tasks[0])
    keeper.add(np.full((4, 4), 255, np.uint8), np.zeros((4, 4), np.uint8))
    keeper.close()
    assert tiles == []


def files(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(root):
    return [(str(a.relative_to(root)), str(b.relative_to(root))) for a, b in find_pairs(root)]


def test_pairs_in_two_folders_by_stem(tmp_path):
    files(tmp_path, "images/b.jpg", "images/a.JPG", "masks/a.png", "masks/b.png", "readme.txt")
    assert found(tmp_path) == [("images/a.JPG", "masks/a.png"), ("images/b.jpg", "masks/b.png")]


def test_pairs_in_nested_tiles_with_equal_names(tmp_path):
    files(tmp_path, *(f"tile{i}/{d}/p1.{e}" for i in (1, 2) for d, e in (("images", "jpg"), ("masks", "png"))))
    assert found(tmp_path) == [(f"tile{i}/images/p1.jpg", f"tile{i}/masks/p1.png") for i in (1, 2)]


def test_pairs_beside_each_other_as_draw_writes_them(tmp_path):
    files(
        tmp_path,
        "t.tif",
        "t_classes.tif",
        "t_height.tif",
        "t_buildings.gpkg",
        "t_map.tif",
        "preview.png",
        "u_sat.jpg",
        "u_mask.png",
    )
    assert found(tmp_path) == [("t.tif", "t_classes.tif"), ("u_sat.jpg", "u_mask.png")]


def test_one_vector_file_belongs_to_every_image(tmp_path):
    files(tmp_path, "images/a.tif", "images/b.tif", "labels/houses.geojson")
    assert found(tmp_path) == [(f"images/{n}.tif", "labels/houses.geojson") for n in "ab"]


def test_what_a_system_leaves_beside_them_does_not_count(tmp_path):
    litter = [f"images/{name}" for name in ("._a.png", ".b.png", ".thumbs/a.png", "@eaDir/a.png")]
    copies = [f"{home}/{kind}/a.png" for home in ("__MACOSX", ".trash", "$RECYCLE.BIN") for kind in ("images", "masks")]
    files(tmp_path, "images/a.png", "masks/a.png", "masks/._a.png", "images/.DS_Store", *litter, *copies)
    assert found(tmp_path) == [("images/a.png", "masks/a.png")]
    hidden = tmp_path / ".cache"  # a person may well name a hidden folder
    files(hidden, "t.tif", "t_classes.tif", "._t_classes.tif")
    assert found(hidden) == [("t.tif", "t_classes.tif")]


def test_equal_stems_are_a_pair_whatever_their_ending(tmp_path):
    names = ("a_rgb", "b_RGB", "c_sat", "d_mask", "e")
    files(tmp_path, *(f"images/{name}.jpg" for name in names), *(f"masks/{name}.png" for name in names))
    assert found(tmp_path) == [(f"images/{name}.jpg", f"masks/{name}.png") for name in names]
    files(tmp_path / "mixed", "images/a_rgb.jpg", "images/b_rgb.jpg", "masks/a_rgb.png", "masks/b_mask.png")
    mixed = [("images/a_rgb.jpg", "masks/a_rgb.png"), ("images/b_rgb.jpg", "masks/b_mask.png")]
    assert found(tmp_path / "mixed") == mixed


@pytest.mark.parametrize(("image", "mask"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_an_accent_has_two_forms_and_is_one_letter(tmp_path, image, mask):
    a, b = (unicodedata.normalize(form, "for\u00eat") for form in (image, mask))
    files(tmp_path, f"images/{a}.png", f"masks/{b}.png")
    assert found(tmp_path) == [(f"images/{a}.png", f"masks/{b}.png")]
    files(tmp_path / "beside", f"{a}.png", f"{b}_mask.png")
    assert found(tmp_path / "beside") == [(f"{a}.png", f"{b}_mask.png")]
    files(tmp_path / "more", f"images/{a}.png", f"{b}/{a}.png", "masks/none.png")
    assert len(find_pairs(tmp_path / "more", a)) == 1
    files(tmp_path / "twice", f"images/{a}.png", f"images/{b}.png", f"masks/{a}.png")
    with pytest.raises(DataError, match="both match"):
        find_pairs(tmp_path / "twice")


def test_links_to_folders_are_followed_but_not_back(tmp_path):
    files(tmp_path / "disk", "masks/a.png", "b/images/b.png", "b/masks/b.png")
    files(tmp_path / "set", "images/a.png")
    (tmp_path / "set/masks").symlink_to(tmp_path / "disk/masks")
    (tmp_path / "set/more").symlink_to(tmp_path / "disk")
    (tmp_path / "set/here").symlink_to(tmp_path / "set")
    (tmp_path / "disk/b/up").symlink_to("..")
    (tmp_path / "disk/b/other").symlink_to(tmp_path / "set")
    (tmp_path / "set/nowhere").symlink_to(tmp_path / "none")
    (tmp_path / "set/itself").symlink_to(tmp_path / "set/itself")
    assert found(tmp_path / "set") == [
        ("images/a.png", "masks/a.png"), ("more/b/images/b.png", "more/b/masks/b.png")
    ]  # fmt: skip
    assert [path.name for path in find_images(tmp_path / "set")] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], "no image with labels found"),
        (["images/a.png"], "has no label folder"),
        (["images/a.png", "images/b.png", "masks/a.png"], "images without labels: b.png"),
        (["images/a.png", "masks/a.png", "masks/c.png"], "labels without image: c.png"),
        ([f"images/{i}.png" for i in range(9)] + ["masks/0.png"], "and 3 more"),
        (["images/a.png", "images/a.jpg", "masks/a.png"], "both match a"),
    ],
)
def test_pairs_that_do_not_match_are_named(tmp_path, names, text):
    files(tmp_path, *names)
    with pytest.raises(DataError, match=text):
        find_pairs(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        find_pairs(tmp_path / "nowhere")


@pytest.mark.parametrize("labels", ["masks/a.kml", "masks/A.GML", "images/a_classes.csv"])
def test_labels_of_a_kind_that_is_not_read_are_named_with_the_mend(tmp_path, labels):
    for name in ("images/a.tif", labels):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=rf"{labels}: labels as vectors are read from \.gpkg, .*; convert it: ogr2ogr"):
        find_pairs(tmp_path)
    with pytest.raises(LabelError, match=rf"{labels}: labels as vectors are read from"):
        open_labels(tmp_path / labels, Grid(3, 4), Task(name="a", labels=("b",)))


@pytest.mark.parametrize(
    ("folder", "number"), [("dubai/tile7", 9), ("kampala", 118), ("isprs-loveda-crops", 5), ("banepa/train", 48)]
)
def test_pairs_of_real_folders(shared_data, folder, number):
    pairs = find_pairs(shared_data / folder)
    assert len(pairs) == number and all(image.is_file() and labels.is_file() for image, labels in pairs)
