import re
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from affine import Affine
from PIL import Image
from rasterio.crs import CRS

from smalti.card import Task
from smalti.errors import LabelError, RasterError
from smalti.label_sets import set_ids, with_sets
from smalti.raster.grid import Grid
from smalti.raster.label_doubts import doubt_lines, doubts
from smalti.raster.labels import LabelSpec, open_labels
from smalti.raster.palette import colorize, parse_color, task_colors, to_hex
from smalti.tiling import Window
from tests.raster.still_open import still_open

TASK = Task(name="cover", labels=("land", "water", "road"), colors=((255, 0, 0), (0, 0, 255), (9, 9, 9)))
IDS = np.array([[0, 1, 2, 255], [2, 2, 0, 0], [1, 0, 0, 1]], np.uint8)
GRID = Grid(3, 4)
WHOLE = Window(0, 0, 3, 4)
UTM = Grid(3, 4, Affine(2, 0, 500000, 0, -2, 5000000), CRS.from_epsg(32633))


def save(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    Image.fromarray(pixels, mode).save(path) if mode else Image.fromarray(pixels).save(path)
    return path


def painted(ids: np.ndarray) -> np.ndarray:
    colors = colorize(ids, TASK)
    colors[ids == 255] = parse_color("#808080")
    return colors


SPEC = LabelSpec(colors={"#808080": "ignore"})


def test_colors_round_trip() -> None:
    assert parse_color("#6EC1E4") == (0x6E, 0xC1, 0xE4)
    assert to_hex((0x6E, 0xC1, 0xE4)) == "#6EC1E4"
    assert len(set(task_colors(Task(name="many", labels=tuple(map(str, range(40))))))) == 40
    for bad in ("#12", "#GGGGGG", "red"):
        with pytest.raises(ValueError, match="not a colour"):
            parse_color(bad)


def test_index_raster_and_beyond_its_border(tmp_path: Path) -> None:
    labels = open_labels(save(tmp_path / "a.png", IDS), GRID, TASK)
    assert np.array_equal(labels.read(WHOLE), IDS)
    assert np.array_equal(labels.read(Window(-1, -1, 5, 6)), np.pad(IDS, 1, constant_values=255))
    assert (labels.read(Window(50, 50, 2, 2)) == 255).all()
    labels.close()


def tagged(path: Path, *names: str, colors: bool = False) -> Path:
    """Class ids in a GeoTIFF with the names of its classes, and perhaps their colours."""
    with rasterio.open(path, "w", "GTiff", 4, 3, 1, dtype="uint8", crs=UTM.crs, transform=UTM.transform) as file:
        if colors:
            file.write_colormap(1, {k: (*color, 255) for k, color in enumerate(TASK.colors)})
        file.update_tags(1, **{f"CLASS_{k}": name for k, name in enumerate(names)}, CLASS_X="no number")
        file.write(np.where(IDS == 255, 0, IDS)[None])
    return path


@pytest.mark.parametrize("colors", [False, True])
def test_class_names_in_the_file_that_differ_from_the_tasks_are_a_doubt(tmp_path: Path, colors: bool) -> None:
    other = [tagged(tmp_path / f"{k}.tif", "land", "road", "water", colors=colors) for k in range(5)]
    found = [(path, doubts(open_labels(path, UTM, TASK))) for path in other]
    assert doubt_lines(found) == [
        f"{other[0]}, {other[1]}, {other[2]} and 2 more: 1 is 'road' in the file and read as 'water', "
        "2 is 'water' in the file and read as 'road'; if they differ, give `ids`: which value is which class"
    ]
    for spec in (LabelSpec(ids={0: "land", 1: "road", 2: "water"}), LabelSpec(reduce_zero_label=True)):
        assert not doubts(open_labels(other[0], UTM, TASK, spec)).misnamed  # the spec takes precedence
    for names in (("Land", "water_", " ROAD"), ("land",), ("land", "water", "road", "further")):
        assert not doubts(open_labels(tagged(tmp_path / "a.tif", *names, colors=colors), UTM, TASK)).misnamed


def test_names_of_a_palette_that_is_read_by_its_colours_belong_to_the_colours(tmp_path: Path) -> None:
    path = tagged(tmp_path / "a.tif", "water", "road", "land", colors=True)
    turned = TASK.model_copy(update={"labels": ("road", "land", "water"), "colors": (*TASK.colors[1:], TASK.colors[0])})
    assert not doubts(open_labels(path, UTM, turned)).misnamed


def test_ids_stand_for_classes(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", np.array([[0, 7, 200]], np.uint8))
    spec = LabelSpec(ids={0: "ignore", 7: "water", 200: 2})
    assert open_labels(path, Grid(1, 3), TASK, spec).read(Window(0, 0, 1, 3)).tolist() == [[255, 1, 2]]
    with pytest.raises(LabelError, match="'sea' is not a class; the classes are 0 land, 1 water, 2 road"):
        open_labels(path, Grid(1, 3), TASK, LabelSpec(ids={0: "sea"}))


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
def test_ids_may_be_any_whole_numbers(tmp_path: Path, dtype: str) -> None:
    most = np.iinfo(dtype).max if dtype != "float32" else 1 << 20
    values = np.array([[-1, 0, most, 3]], dtype)
    profile = {
        "driver": "GTiff",
        "width": 4,
        "height": 1,
        "count": 1,
        "dtype": dtype,
        "nodata": -1,
        "transform": UTM.transform,
    }
    with rasterio.open(tmp_path / "a.tif", "w", **profile) as file:
        file.write(values, 1)
    spec = LabelSpec(ids={-1: "land", 0: "ignore", int(most): "road"})
    window = Window(0, 0, 1, 4)
    with pytest.raises(LabelError, match=r"unknown class value 3(\.0)? in 1 pixel, first at row 0, column 3"):
        open_labels(tmp_path / "a.tif", Grid(1, 4), TASK, spec).read(window)
    spec = spec.model_copy(update={"ids": {**spec.ids, 3: 1}})
    assert open_labels(tmp_path / "a.tif", Grid(1, 4), TASK, spec).read(window).tolist() == [[0, 255, 2, 1]]


def test_zero_may_be_unlabelled_and_the_rest_shifted(tmp_path: Path) -> None:
    path = save(tmp_path / "mask.png", np.array([[0, 1, 2, 3], [2, 1, 0, 255], [3, 3, 3, 3]], np.uint8))
    spec = LabelSpec(reduce_zero_label=True)
    found = open_labels(path, GRID, TASK, spec).read(WHOLE)
    assert found.tolist() == [[255, 0, 1, 2], [1, 0, 255, 255], [2, 2, 2, 2]]
    with pytest.raises(LabelError, match="unknown class value 9"):
        open_labels(save(tmp_path / "nine.png", np.full((3, 4), 9, np.uint8)), GRID, TASK, spec).read(WHOLE)
    with pytest.raises(ValueError, match="keep one of them"):
        LabelSpec(reduce_zero_label=True, ids={1: 0})


def test_unknown_value_is_named_counted_and_placed(tmp_path: Path) -> None:
    ids = IDS.copy()
    ids[1, 2:] = 9
    labels = open_labels(save(tmp_path / "a.png", ids), GRID, TASK)
    assert np.array_equal(labels.read(Window(0, 0, 1, 4)), IDS[:1])
    with pytest.raises(LabelError, match=r"a\.png: unknown class value 9 in 2 pixels, first at row 1, column 2;"):
        labels.read(WHOLE)


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "P"])
def test_colours_stand_for_classes(tmp_path: Path, kind: str) -> None:
    image = Image.fromarray(painted(IDS)).convert(kind)
    if kind == "P":
        image = Image.fromarray(painted(IDS)).quantize(8)
    image.save(tmp_path / "a.png")
    assert np.array_equal(open_labels(tmp_path / "a.png", GRID, TASK, SPEC).read(WHOLE), IDS)


@pytest.mark.parametrize("palette", [False, True])
def test_unknown_colour_is_named_counted_and_placed(tmp_path: Path, palette: bool) -> None:
    colors = painted(IDS)
    colors[0, 3] = colors[1, 1] = (1, 2, 3)
    image = Image.fromarray(colors)
    (image.quantize(8) if palette else image).save(tmp_path / "a.png")
    with pytest.raises(LabelError, match=r"colour #010203 in 2 pixels, first at row 0, column 3; known are #FF0000"):
        open_labels(tmp_path / "a.png", GRID, TASK, SPEC).read(WHOLE)


def test_jpeg_labels_are_refused_with_the_reason(tmp_path: Path) -> None:
    Image.fromarray(np.kron(painted(IDS), np.ones((8, 8, 1), np.uint8))).save(tmp_path / "a.jpg")
    with pytest.raises(LabelError, match="JPEG changes colours: save labels as PNG"):
        open_labels(tmp_path / "a.jpg", Grid(24, 32), TASK, SPEC).read(Window(0, 0, 24, 32))


def test_palette_without_known_colours_is_read_as_ids(tmp_path: Path) -> None:
    image = Image.fromarray(np.where(IDS == 255, 0, IDS)).convert("P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(tmp_path / "a.png")
    assert np.array_equal(open_labels(tmp_path / "a.png", GRID, TASK).read(WHOLE), np.where(IDS == 255, 0, IDS))


def test_another_size_or_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="4x3 pixels, but their image has 9x9"):
        open_labels(save(tmp_path / "a.png", IDS), Grid(9, 9), TASK)
    with rasterio.open(
        tmp_path / "a.tif", "w", width=4, height=3, count=1, dtype="uint8", crs=UTM.crs, transform=UTM.transform
    ) as file:
        file.write(IDS, 1)
    assert np.array_equal(open_labels(tmp_path / "a.tif", UTM, TASK).read(WHOLE), IDS)
    with pytest.raises(LabelError, match="lie -10 columns and 20 rows away"):
        open_labels(tmp_path / "a.tif", UTM.crop(Window(-20, 10, 3, 4)), TASK)


def write_ids(path: Path, ids: np.ndarray, **options: object) -> Path:
    bands = ids if ids.ndim == 3 else ids[None]
    shape = {"width": bands.shape[2], "height": bands.shape[1], "count": len(bands), "dtype": ids.dtype}
    with rasterio.open(path, "w", crs=UTM.crs, transform=UTM.transform, **shape, **options) as file:
        file.write(bands)
    return path


def test_ids_of_the_spec_win_over_nodata_of_the_file(tmp_path: Path) -> None:
    ids = np.array([[0, 1, 1, 0], [1, 0, 7, 1], [0, 0, 0, 7]], np.uint8)
    path = write_ids(tmp_path / "a.tif", ids, nodata=0)
    spec = LabelSpec(ids={0: "land", 1: "water", 7: "ignore"})
    assert np.array_equal(open_labels(path, UTM, TASK, spec).read(WHOLE), np.where(ids == 7, 255, ids))
    without = LabelSpec(ids={1: "water", 7: "ignore"})
    assert np.array_equal(open_labels(path, UTM, TASK, without).read(WHOLE), np.where(ids == 1, 1, 255))
    path = write_ids(tmp_path / "b.tif", np.where(ids == 0, 255, ids).astype(np.uint8), nodata=255)
    spec = LabelSpec(ids={255: "road", 1: 1, 7: "land"})
    assert np.array_equal(open_labels(path, UTM, TASK, spec).read(WHOLE), np.array([2, 1, 0])[np.minimum(ids, 2)])


def test_colours_of_the_spec_win_over_nodata_of_the_file(tmp_path: Path) -> None:
    colors = painted(IDS).transpose(2, 0, 1).copy()
    colors[:, IDS == 1] = 0
    path = write_ids(tmp_path / "a.tif", colors, nodata=0, photometric="RGB")
    spec = LabelSpec(colors={"#808080": "ignore", "#000000": "water"})
    assert np.array_equal(open_labels(path, UTM, TASK, spec).read(WHOLE), IDS)
    image = Image.fromarray(np.where(IDS == 255, 3, IDS).astype(np.uint8)).convert("P")
    image.putpalette([255, 0, 0, 0, 0, 255, 9, 9, 9, 128, 128, 128])
    image.save(tmp_path / "b.png", transparency=1)
    assert np.array_equal(open_labels(tmp_path / "b.png", GRID, TASK, SPEC).read(WHOLE), IDS)


GREY = Task(name="cover", labels=("land", "water", "road"))


@pytest.mark.parametrize("task", [TASK, GREY], ids=["colours to show", "no colours"])
def test_three_bands_that_are_alike_are_ids(tmp_path: Path, task: Task) -> None:
    path = save(tmp_path / "a.png", np.stack([IDS] * 3, axis=-1))
    assert np.array_equal(open_labels(path, GRID, task).read(WHOLE), IDS)
    alpha = np.full((3, 4, 1), 255, np.uint8)
    path = save(tmp_path / "b.png", np.concatenate([np.stack([IDS] * 3, axis=-1), alpha], axis=-1))
    assert np.array_equal(open_labels(path, GRID, task).read(WHOLE), IDS)
    with pytest.raises(LabelError, match="unknown class value 7 in 1 pixel, first at row 0, column 2"):
        open_labels(save(tmp_path / "c.png", np.array([[[1] * 3, [0] * 3, [7] * 3]], np.uint8)), Grid(1, 3), task).read(
            Window(0, 0, 1, 3)
        )


def test_labels_that_cannot_be_read_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grey = np.tile(np.random.default_rng(0).integers(0, 3, (64, 64), np.uint8), (3, 1, 1))
    place = {"crs": UTM.crs, "transform": UTM.transform}
    with rasterio.open(tmp_path / "a.tif", "w", "GTiff", 64, 64, 3, dtype="uint8", compress="deflate", **place) as file:
        file.write(grey)
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    (tmp_path / "a.tif").write_bytes(content)
    opened = still_open(monkeypatch)
    with pytest.raises(RasterError, match="cannot be read, truncated or damaged"):
        open_labels(tmp_path / "a.tif", Grid(64, 64, UTM.transform, UTM.crs), GREY)
    assert not opened


def test_three_bands_are_ids_where_the_spec_says_so(tmp_path: Path) -> None:
    grey = np.stack([np.where(IDS == 1, 255, 0).astype(np.uint8)] * 3, axis=-1)
    spec = LabelSpec(ids={0: "land", 255: "water"})
    found = open_labels(save(tmp_path / "a.png", grey), GRID, TASK, spec).read(WHOLE)
    assert np.array_equal(found, (IDS == 1).astype(np.uint8))
    with pytest.raises(LabelError, match=r"b\.png: its three bands differ, so they are not ids"):
        open_labels(save(tmp_path / "b.png", painted(IDS)), GRID, TASK, spec).read(WHOLE)


def test_grey_images_of_known_colours_stay_colours(tmp_path: Path) -> None:
    task = Task(name="cover", labels=("dark", "light"), colors=((0, 0, 0), (255, 255, 255)))
    grey = np.stack([np.where(IDS == 1, 255, 0).astype(np.uint8)] * 3, axis=-1)
    found = open_labels(save(tmp_path / "a.png", grey), GRID, task).read(WHOLE)
    assert np.array_equal(found, (IDS == 1).astype(np.uint8))


def write_features(path: Path, values: list[object], crs: str = "EPSG:32633") -> Path:
    corners = [
        (500000, 4999994, 500004, 5000000),
        (500002, 4999998, 500008, 5000000),
        (500006, 4999994, 500008, 4999996),
    ]
    shapes = np.array([shapely.box(*c) for c in corners], object)
    if crs != "EPSG:32633":
        from rasterio.warp import transform

        shapes = shapely.transform(
            shapely.segmentize(shapes, 1), lambda p: np.column_stack(transform("EPSG:32633", crs, p[:, 0], p[:, 1]))
        )
    kind = np.array(values, object)
    options = {"SPATIAL_INDEX": "NO"} if path.suffix == ".fgb" else {}  # the index would change their order
    pyogrio.raw.write(path, shapely.to_wkb(shapes), [kind], ["kind"], geometry_type="Polygon", crs=crs, **options)
    return path


@pytest.mark.parametrize(
    ("name", "crs"),
    [("a.gpkg", "EPSG:32633"), ("a.geojson", "EPSG:4326"), ("a.shp", "EPSG:3857"), ("a.fgb", "EPSG:32633")],
)
def test_features_of_any_format_and_crs(tmp_path: Path, name: str, crs: str) -> None:
    path = write_features(tmp_path / name, ["wet", "street", "wet"], crs)
    spec = LabelSpec(attribute="kind", values={"wet": "water", "street": "road"}, background=0)
    labels = open_labels(path, UTM, TASK, spec)
    expected = np.array([[1, 2, 2, 2], [1, 1, 0, 0], [1, 1, 0, 1]], np.uint8)  # the later feature lies on top
    assert np.array_equal(labels.read(WHOLE), expected)
    assert np.array_equal(
        labels.read(Window(1, 1, 4, 2)), np.pad(expected[1:, 1:3], ((0, 2), (0, 0)), constant_values=255)
    )
    labels.close()


def test_features_burnt_as_one_class_leave_the_rest_out(tmp_path: Path) -> None:
    path = write_features(tmp_path / "a.gpkg", ["x", "y", "z"])
    found = open_labels(path, UTM, TASK, LabelSpec(burn="road")).read(WHOLE)
    assert found.tolist() == [[2, 2, 2, 2], [2, 2, 255, 255], [2, 2, 255, 2]]


def test_feature_without_a_value_is_left_out(tmp_path: Path) -> None:
    path = write_features(tmp_path / "a.gpkg", ["road", None, "land"])
    found = open_labels(path, UTM, TASK, LabelSpec(attribute="kind", background="water")).read(WHOLE)
    assert found.tolist() == [[2, 255, 255, 255], [2, 2, 1, 1], [2, 2, 1, 0]]


def test_unknown_attribute_and_value_are_named(tmp_path: Path) -> None:
    path = write_features(tmp_path / "a.gpkg", ["x", "y", "z"])
    with pytest.raises(LabelError, match=r"'[xyz]' is not a class"):
        open_labels(path, UTM, TASK, LabelSpec(attribute="kind"))
    with pytest.raises(LabelError, match="no attribute 'sort', only kind"):
        open_labels(path, UTM, TASK, LabelSpec(attribute="sort"))
    with pytest.raises(LabelError, match="give `attribute`, which of kind"):
        open_labels(path, UTM, TASK)
    with pytest.raises(LabelError, match="the image has none"):
        open_labels(path, GRID, TASK, LabelSpec(burn=0))


def test_features_without_any_attribute_are_told(tmp_path: Path) -> None:
    write_features(tmp_path / "a.shp", ["water", "road", "land"])
    (tmp_path / "a.dbf").unlink()
    with pytest.raises(LabelError, match=r"a\.shp: its features have no attribute; give `burn`, the class"):
        open_labels(tmp_path / "a.shp", UTM, TASK)
    assert (open_labels(tmp_path / "a.shp", UTM, TASK, LabelSpec(burn="water")).read(WHOLE) == 1).any()


def test_damaged_and_missing_vector_files(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="there is no such file"):
        open_labels(tmp_path / "a.gpkg", UTM, TASK)
    (tmp_path / "b.gpkg").write_text("no vectors")
    with pytest.raises(LabelError, match="cannot be read as vector features"):
        open_labels(tmp_path / "b.gpkg", UTM, TASK)


DUBAI = {"#8429F6": 0, "#E2A929": 1, "#3C1098": 2, "#FEDD3A": 3, "#6EC1E4": 4, "#9B9B9B": 255, "#000000": 255}


def test_real_colour_masks_rgb_and_palette(shared_data: Path) -> None:
    task = Task(name="landcover", labels=("land", "water", "building", "vegetation", "road"), label_colors=DUBAI)
    table = np.zeros((256, 3), np.uint8)
    for text, value in DUBAI.items():
        table[value] = parse_color(text)
    modes: dict[str, tuple[Path, np.ndarray]] = {}
    for mask in sorted(shared_data.glob("dubai/tile*/masks/*.png")):
        with Image.open(mask) as image:
            if image.mode not in modes:
                modes[image.mode] = mask, np.asarray(image.convert("RGB"))
    assert set(modes) == {"RGB", "P"}
    for mask, colors in modes.values():
        height, width, _ = colors.shape
        found = open_labels(mask, Grid(height, width), task).read(Window(0, 0, height, width))
        assert np.array_equal(table[found][found != 255], colors[found != 255])


LAND_OR_ROAD = LabelSpec(ids={1: "water", 0: ("land", "road")})


def test_ids_stand_for_sets_of_classes(tmp_path: Path) -> None:
    task = with_sets(TASK, LAND_OR_ROAD.sets(TASK))
    path = save(tmp_path / "a.png", np.array([[0, 1, 255]], np.uint8))
    labels = open_labels(path, Grid(1, 3), task, LAND_OR_ROAD)
    assert labels.read(Window(0, 0, 1, 3)).tolist() == [[3, 1, 255]]
    assert set_ids(task) == {3: (0, 2)}
    everything = LabelSpec(ids={1: ["water"], 0: [0, 1, 2]})
    assert everything.sets(TASK) == {(1,), (0, 1, 2)}
    assert open_labels(path, Grid(1, 3), TASK, everything).read(Window(0, 0, 1, 3)).tolist() == [[255, 1, 255]]


def test_colours_stand_for_sets_of_classes(tmp_path: Path) -> None:
    spec = LabelSpec(colors={"#808080": ["land", "road"]})
    task = with_sets(TASK, spec.sets(TASK))
    path = save(tmp_path / "a.png", painted(IDS))
    assert np.array_equal(open_labels(path, GRID, task, spec).read(WHOLE), np.where(IDS == 255, 3, IDS))


def test_a_set_is_painted_in_the_mean_colour_of_its_classes() -> None:
    task = with_sets(TASK, [(0, 1)])
    assert colorize(np.array([[3, 255]], np.uint8), task).tolist() == [[[128, 0, 128], [0, 0, 0]]]


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"ids": {0: ["land", "rood"]}}, r"^here ids\.0: 'rood' is not a class; .*; did you mean road\?$"),
        ({"ids": {0: ["land", "ignore"]}}, r"^here ids\.0: a set names the classes .*; 'ignore' is none of them$"),
        ({"background": ["land", 0]}, r"^here background: the set names land twice$"),
    ],
)
def test_a_set_names_each_of_its_classes_once(stated: dict[str, object], message: str) -> None:
    with pytest.raises(LabelError, match=message):
        LabelSpec.model_validate(stated).sets(TASK, "here ")


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"ids": {"0": []}}, "an empty set of classes; name the classes that the label allows, or say ignore"),
        ({"ids": {"1": "land", "01": "road"}}, "ids: '1' and '01' are one; state its class once"),
        ({"colors": {"#ff0000": "land", "#FF0000": "road"}}, "'#ff0000' and '#FF0000' are one"),
        ({"burn": "land", "values": {"a": "road"}}, "burn and values both state the class of features; keep one"),
    ],
)
def test_contradictions_about_a_label_are_told(stated: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LabelSpec.model_validate(stated)


def test_an_unknown_value_is_told_with_what_is_missing(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", np.array([[0, 5, 6, 6]], np.uint8))
    told = "and 2 more of other values; expected 0 to 2 or 255, by the task's classes; or give `ids`"
    with pytest.raises(LabelError, match=re.escape(told)):
        open_labels(path, Grid(1, 4), TASK).read(Window(0, 0, 1, 4))
    with pytest.raises(LabelError, match=r"unknown class value 5 in 1 pixel, .*; `ids` does not list it$"):
        open_labels(path, Grid(1, 4), TASK, LabelSpec(ids={0: 0, 6: 1})).read(Window(0, 0, 1, 4))
