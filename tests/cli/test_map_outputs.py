"""`smalti map` and the files that lie where it writes: nothing of the user's is lost, and refusals come first."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyogrio
import pytest
import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from click.testing import CliRunner
from pyogrio.raw import write as write_vectors

from smalti.card import Task
from smalti.cli.map import command
from smalti.cli.progress import Log
from smalti.errors import SmaltiError, exit_code
from smalti.workflows.models import checkpoint_folder
from tests.needs import need_engine
from tests.tiny import tiny_card, tiny_model

PLACE = {"crs": "EPSG:32633", "transform": Affine(0.5, 0, 5e5, 0, -0.5, 5e6)}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "tiny.onnx", tiny_card())


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return image(tmp_path / "scene.tif")


def image(path: Path, value: int | None = None, **options: Any) -> Path:
    pixels = np.random.default_rng(0).integers(1, 255, (3, 6, 7), np.uint8).repeat(10, 1).repeat(10, 2)
    pixels = pixels if value is None else np.full_like(pixels, value)
    shape = {"height": 60, "width": 70, "count": 3, "dtype": "uint8", "photometric": "rgb"}
    with rasterio.open(path, "w", driver="GTiff", **shape, **{**PLACE, **options}) as file:
        file.write(pixels)
    return path


class Done(NamedTuple):
    exit_code: int
    stdout: str
    stderr: str


def smalti_map(*arguments: Any) -> Done:
    """The command as a person calls it: an error that ends it is a line and a code too."""
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if isinstance(done.exception, SmaltiError):
        return Done(exit_code(done.exception), done.stdout, f"{done.stderr}smalti: {done.exception}\n")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def pixels(path: Path) -> np.ndarray[Any, Any]:
    with rasterio.open(path) as file:
        return np.asarray(file.read(1))


@pytest.mark.parametrize("how", ["vrt", "file", "part", "polygons", "link", "sidecar", "model"])
def test_nothing_that_is_read_is_replaced(scene: Path, tmp_path: Path, model: Path, how: str) -> None:
    name, out, more = str(scene), scene, []
    if how == "vrt":
        rasterio.shutil.copy(scene, tmp_path / "v.vrt", driver="VRT")
        name = str(tmp_path / "v.vrt")
    elif how == "file":
        name = f"file://{scene}"
    elif how == "part":
        name = f"GTIFF_DIR:1:{scene}"
    elif how == "polygons":
        scene = tmp_path / "scene.gpkg"
        rasterio.shutil.copy(name, scene, driver="GPKG")
        name, out, more = str(scene), tmp_path / "m.tif", ["--polygons", scene]
    elif how == "link":
        out = tmp_path / "link.tif"
        out.symlink_to(scene)
    elif how == "sidecar":
        scene = scene.rename(tmp_path / "m.tif.ovr")
        name, out = str(scene), tmp_path / "m.tif"
    elif how == "model":
        scene, model = model, model.rename(tmp_path / "m.tif")
        out = scene = model
    before = scene.read_bytes()
    done = smalti_map(name, "-o", out, "--model", model, *more)
    assert done.exit_code == 4, done.stderr
    assert done.stderr.count("smalti: ") == done.stderr.count("\n") == 1
    assert scene.read_bytes() == before
    assert not (tmp_path / "m.tif").exists() or scene == tmp_path / "m.tif"


def test_labels_and_whatever_else_is_no_map_are_not_replaced(scene: Path, tmp_path: Path, model: Path) -> None:
    labels = image(tmp_path / "scene_classes.tif")
    before = labels.read_bytes()
    done = smalti_map(scene, "-o", labels, "--model", model)
    assert (done.exit_code, "is not a map of this program" in done.stderr) == (4, True)
    confidence = image(tmp_path / "m_confidence.tif")
    assert smalti_map(scene, "-o", tmp_path / "m.tif", "--confidence", "--model", model).exit_code == 4
    page = tmp_path / "m.html"
    page.write_text("my notes")
    assert smalti_map(scene, "-o", tmp_path / "m.tif", "--report", "--model", model).exit_code == 4
    assert (labels.read_bytes(), confidence.read_bytes(), page.read_text()) == (before, before, "my notes")
    assert not (tmp_path / "m.tif").exists()


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".fgb", ".parquet"])
def test_polygons_replace_polygons_of_a_map_only(scene: Path, tmp_path: Path, model: Path, ending: str) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    out = tmp_path / f"m{ending}"
    arguments = (scene, "-o", tmp_path / "m.tif", "--model", model, "--polygons")
    for _ in range(2):
        assert smalti_map(*arguments, out).exit_code == 0
    mine = tmp_path / f"mine{ending}"
    if ending == ".parquet":
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.table({"class": ["house"]}), mine)
    else:
        box = shapely.to_wkb(np.array([shapely.box(0, 0, 1, 1)]))
        write_vectors(mine, box, [np.array(["house"], object)], ["class"], geometry_type="Polygon", crs="EPSG:4326")
    before = mine.read_bytes()
    done = smalti_map(*arguments, mine)
    assert (done.exit_code, "give --polygons another file" in done.stderr) == (4, True), done.stderr
    assert mine.read_bytes() == before


def test_a_layer_beside_our_own_keeps_a_geopackage(scene: Path, tmp_path: Path, model: Path) -> None:
    out = tmp_path / "m.gpkg"
    arguments = (scene, "-o", tmp_path / "m.tif", "--model", model, "--polygons", out)
    assert smalti_map(*arguments).exit_code == 0
    box = shapely.to_wkb(np.array([shapely.box(0, 0, 1, 1)]))
    write_vectors(out, box, [], [], layer="mine", geometry_type="Polygon", crs="EPSG:32633", append=True)
    done = smalti_map(*arguments)
    assert "holds 2 layers or tables (landcover, mine)" in done.stderr
    assert {name for name, _ in pyogrio.list_layers(out)} == {"landcover", "mine"}


def test_a_damaged_map_is_made_anew_and_a_changed_one_is_kept(scene: Path, tmp_path: Path, model: Path) -> None:
    out, polygons = tmp_path / "m.tif", tmp_path / "p.gpkg"
    arguments = (scene, "-o", out, "--model", model, "--polygons", polygons)
    smalti_map(*arguments)
    whole, found = out.read_bytes(), pyogrio.read_info(polygons)["features"]
    assert "is already finished" in smalti_map(*arguments).stdout
    out.write_bytes(whole[:300])
    assert "was damaged after it was written; it is made again" in smalti_map(*arguments).stderr
    assert out.read_bytes() == whole
    foreign = image(tmp_path / "foreign.tif", 9).read_bytes()
    out.write_bytes(foreign)
    assert "it is kept as m.tif.changed-1" in smalti_map(*arguments).stderr
    assert (out.read_bytes(), (tmp_path / "m.tif.changed-1").read_bytes()) == (whole, foreign)
    assert pyogrio.read_info(polygons)["features"] == found


def test_a_map_that_lost_its_mark_in_another_program_is_kept(scene: Path, tmp_path: Path, model: Path) -> None:
    out = tmp_path / "m.tif"
    smalti_map(scene, "-o", out, "--model", model)
    with rasterio.open(out, "r+") as file:
        file.write(np.zeros((1, *file.shape), np.uint8))
    (tmp_path / "m.tif.aux.xml").unlink()  # as programs do that write metadata into the file
    edited = out.read_bytes()
    assert "it is kept as m.tif.changed-1" in smalti_map(scene, "-o", out, "--model", model).stderr
    assert (tmp_path / "m.tif.changed-1").read_bytes() == edited


def test_a_changed_source_is_mapped_anew(scene: Path, tmp_path: Path, model: Path) -> None:
    rasterio.shutil.copy(scene, tmp_path / "v.vrt", driver="VRT")
    for name, out in ((tmp_path / "v.vrt", tmp_path / "v.tif"), (f"file://{scene}", tmp_path / "f.tif")):
        image(scene)
        assert smalti_map(name, "-o", out, "--model", model).exit_code == 0
        image(scene, 200)
        assert "is already finished" not in smalti_map(name, "-o", out, "--model", model).stdout
        assert len(np.unique(pixels(out))) == 1


def nothing_done(*_: Any, **__: Any) -> None:
    raise AssertionError("a pixel was asked for")


def test_what_needs_no_pixel_is_refused_before_the_first(
    scene: Path, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smalti.workflows.map_run.map_scene", nothing_done)
    monkeypatch.chdir(tmp_path)
    heights = tiny_model(tmp_path / "heights.onnx", tiny_card(tasks=(Task(name="height", kind="value"),)))
    nowhere = image(tmp_path / "nowhere.tif", crs=None, transform=Affine(1, 0, 0, 0, -1, 60))
    (tmp_path / "m.html").mkdir()
    (tmp_path / "folder.gpkg").mkdir()
    (tmp_path / "notes").write_text("mine")
    cases: list[tuple[list[Any], int, str]] = [
        ([scene, "--model", model, "--polygons", "none/p.gpkg"], 4, "there is no such folder"),
        ([scene, "--model", model, "--polygons", "folder.gpkg"], 4, "is a directory"),
        ([scene, "--model", model, "--polygons", "s3://bucket/p.gpkg"], 4, "only local files are written"),
        ([scene, "--model", model, "--report"], 4, "is a directory"),
        ([scene, "--model", heights, "--polygons", "p.gpkg"], 3, "classes"),
        ([nowhere, "--model", model, "--polygons", "p.gpkg", "--min-area", 5], 3, "it has no CRS"),
    ]
    for arguments, code, message in cases:
        done = smalti_map("-o", "m.tif", *arguments)
        assert message in done.stderr, (arguments, done.stderr)
        assert done.exit_code == code, done.stderr
        assert not list(tmp_path.glob("m.tif*"))
    for out, message in (("x" * 300, "file name too long"), ("y" * 240, "file name too long"), ("notes/m", "notes")):
        done = smalti_map(scene, "-o", f"{out}.tif", "--model", model, "--confidence")
        assert done.exit_code == 4 and message in done.stderr.lower(), done.stderr
    done = smalti_map(scene, "-o", "https://bucket/m.tif", "--model", model)
    assert "https://bucket/m.tif: only local files are written" in done.stderr
    assert not (tmp_path / "s3:").exists()


def test_a_folder_is_mapped_into_itself_and_again(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "scenes"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        image(tmp_path / "t.tif").rename(folder / name)
    for told in (" MPix", "already"):
        done = smalti_map(folder, "-o", f"{folder}/", "--model", model, "--confidence")
        assert done.exit_code == 0, done.stderr
        assert sum(told in line for line in (done.stdout + done.stderr).splitlines()) == 2
    assert len(list(folder.glob("*.tif"))) == 4


def test_parquet_without_its_package_is_refused_before_the_first_pixel(
    scene: Path, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smalti.workflows.map_run.map_scene", nothing_done)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = smalti_map(scene, "-o", tmp_path / "m.tif", "--model", model, "--polygons", tmp_path / "p.parquet")
    assert "smalti[parquet]" in done.stderr


def test_a_scene_without_a_valid_pixel_is_warned_of(tmp_path: Path, model: Path) -> None:
    scene = image(tmp_path / "scene.tif", 0, nodata=0)
    done = smalti_map(scene, "-o", tmp_path / "m.tif", "--model", model)
    assert (done.exit_code, done.stderr.count("no pixel of it is valid")) == (0, 1)
    assert smalti_map(image(tmp_path / "other.tif"), "-o", tmp_path / "o.tif", "--model", model).stderr == ""


def test_a_map_is_written_through_a_link(scene: Path, tmp_path: Path, model: Path) -> None:
    (tmp_path / "disk").mkdir()
    out, polygons = tmp_path / "m.tif", tmp_path / "m.gpkg"
    out.symlink_to(Path("disk") / "real.tif")
    polygons.symlink_to(Path("disk") / "real.gpkg")
    arguments = (scene, "-o", out, "--model", model, "--polygons", polygons)
    assert smalti_map(*arguments).exit_code == 0
    assert "is already finished" in smalti_map(*arguments).stdout
    assert out.is_symlink() and polygons.is_symlink()
    assert {path.name for path in (tmp_path / "disk").iterdir()} == {"real.tif", "real.tif.aux.xml", "real.gpkg"}


def test_a_log_hears_of_progress_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((0.0, 0.0, 5.0, 11.0, 30.0, 45.0, 90.0))
    monkeypatch.setattr("smalti.cli.progress.time.monotonic", lambda: next(clock))
    log = Log(100_000_000, "Pix", "map.tif")
    for done in (10_000_000, 1_000_000, 21_000_000, 8_000_000, 35_000_000, 25_000_000):
        log(done)
    assert capsys.readouterr().err.splitlines() == [
        "map.tif: 32% of 100 MPix, 2 MPix/s, 34 s left",
        "map.tif: 75% of 100 MPix, 1.44 MPix/s, 17 s left",
    ]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="a checkpoint needs torch")
def test_a_checkpoint_makes_maps(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from smalti.nets.build import build
    from smalti.training.checkpoint import save_checkpoint

    card = tiny_card(net="fastscnn", stride=32)
    net = build(card)
    save_checkpoint(tmp_path / "own" / "best", net.card, net.state_dict())
    out = tmp_path / "m.tif"
    (tmp_path / "landcover").symlink_to(tmp_path / "own")  # a bundled model has that name
    monkeypatch.chdir(tmp_path)
    assert checkpoint_folder("landcover") is None
    for model in (tmp_path / "own" / "best", tmp_path / "own"):
        done = smalti_map(scene, "-o", out, "--model", model)
        assert done.exit_code == 0, done.stderr
    assert "is already finished" in done.stdout
    assert set(np.unique(pixels(out)).tolist()) <= {0, 1, 2}
    refused = smalti_map(scene, "-o", out, "--model", tmp_path / "own", "--engine", "openvino")
    assert "export it with smalti export" in refused.stderr


def test_an_engine_without_kernels_for_this_processor_leaves_nothing_behind(
    scene: Path, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_engine("openvino")
    from smalti.runtime.openvino import openvino

    def refuse(*_: object) -> None:
        raise RuntimeError("Exception from core.cpp:117:\nbad combination\n")

    monkeypatch.setattr(openvino.Core, "compile_model", refuse)
    refused = smalti_map(scene, "-o", tmp_path / "m.tif", "--model", model, "--engine", "openvino")
    assert refused.exit_code == 3 and refused.stderr.count("\n") == 1
    assert "bad combination; use ONNX Runtime: --engine onnx" in refused.stderr
    assert not list(tmp_path.glob("*m.tif*"))
    assert smalti_map(scene, "-o", tmp_path / "m.tif", "--model", model).exit_code == 0


def test_a_checkpoint_without_torch_names_what_brings_it(scene: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own" / "best"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"")
    arguments = ["map", str(scene), "-o", str(tmp_path / "m.tif"), "--model", str(folder)]
    code = f"import sys; sys.modules['torch'] = None; sys.argv = ['smalti', *{arguments!r}]\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}from smalti.cli import main; main()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "torch is not installed; install it with: pip install 'smalti[train]'" in done.stderr
