import re

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from rasterio.crs import CRS

from smalti.averaged import PASSES, PASSES_TAG
from smalti.card import Origin, Score, Task
from smalti.errors import DataError, ModelError, OutputError
from smalti.evaluation import Pair, evaluate
from smalti.products import Product
from smalti.raster.grid import Grid
from smalti.raster.write import write_raster
from smalti.report.evaluation_page import write_evaluation_page
from smalti.report.map_page import write_map_page
from smalti.report.preview import write_preview
from smalti.scene import Summary
from tests.evaluation.test_run import Thirds, Truth, case, pair, small_card
from tests.evaluation.test_tasks import Both
from tests.evaluation.test_tasks import pair as pair_of_two
from tests.evaluation.test_tasks import scene as scene_of_two

UTM = CRS.from_epsg(32645)


def write_map(folder, classes, grid, card, **notes):
    """A scene and its map, as files."""
    scene, out = folder / "scene <b>.png", folder / "map.tif"
    Image.fromarray(np.stack([classes * 80] * 3, -1)).save(scene)
    product = Product(card.tasks[0], "classes")
    write_raster(
        out, grid, product=product, rows=lambda begin, end: classes[None, begin:end], scratch=folder, notes=notes
    )
    return scene, out


@pytest.fixture
def mapped(tmp_path):
    classes = np.zeros((40, 60), np.uint8)
    classes[:10], classes[10:, 30:] = 1, 255
    grid = Grid(40, 60, Affine(10, 0, 600000, 0, -10, 3000000), UTM)
    return (*write_map(tmp_path, classes, grid, small_card()), tmp_path / "page.html")


def self_contained(page):
    assert "<script" not in page and not re.search(r"""(src|href)=["'](?!data:)""", page)
    return page


def test_map_page_has_shares_hectares_place_and_time(mapped):
    scene, out, html = mapped
    card = small_card(origin=Origin(licence="CC0", scores=(Score(name="mIoU", value=0.7, protocol="one split"),)))
    write_map_page(html, str(scene), out, card, Summary(2400, 2.0, 4, 1, 1.5))
    page = self_contained(html.read_text())
    assert "scene &lt;b&gt;.png" in page and "<b>" not in page
    assert "40.00 %" in page and "60.00 %" in page and "900 pixels have no data" in page
    assert "6.00</td>" in page and "9.00</td>" in page  # hectares of 600 and 900 pixels of 100 square metres
    assert "EPSG:32645" in page and "10 x 10 m" in page and "1 tiles without data" in page
    assert "mIoU 0.700" in page and "one split" in page and "CC0" in page


def test_map_page_says_that_views_were_averaged(tmp_path):
    for notes, words in (({}, "mapped by small<"), ({PASSES_TAG: PASSES}, f"mapped by small: {PASSES}<")):
        scene, out = write_map(tmp_path, np.ones((9, 7), np.uint8), Grid(9, 7), small_card(), **notes)
        write_map_page(tmp_path / "p.html", str(scene), out, small_card(), None)
        assert words in (tmp_path / "p.html").read_text()


def test_map_page_without_place_has_no_hectares(tmp_path):
    scene, out = write_map(tmp_path, np.ones((9, 7), np.uint8), Grid(9, 7), small_card())
    write_map_page(tmp_path / "p.html", str(scene), out, small_card(), None)
    page = (tmp_path / "p.html").read_text()
    assert "hectares" not in page and "no georeference" in page and "<h2>Time" not in page


def test_a_page_that_cannot_be_written_is_an_output_error(mapped):
    scene, out, html = mapped
    with pytest.raises(OutputError):
        write_map_page(out / "below" / "p.html", str(scene), out, small_card(), None)
    assert not html.exists()


def test_preview_shows_three_panels_and_the_legend(mapped):
    scene, out, html = mapped
    write_preview(html.with_suffix(".png"), str(scene), out, small_card())
    sheet = np.asarray(Image.open(html.with_suffix(".png")))
    assert sheet.shape[1] > 3 * 60
    painted = sheet[30:70, :, :].reshape(-1, 3)
    assert (painted == (90, 90, 90)).all(1).sum() == 600  # the second class, in the map's panel only


HEIGHT = Task(name="height", kind="value", unit="m", quantity="height")


def write_heights(out, grid):
    """A house of 8 m on ground that rises to the east; the last row is unknown."""
    heights = np.broadcast_to(np.linspace(0, 3, grid.width, dtype=np.float32), (grid.height, grid.width)).copy()
    heights[10:20, 10:25] += 8
    heights[-1] = np.nan
    write_raster(
        out,
        grid,
        product=Product(HEIGHT, "values"),
        rows=lambda begin, end: heights[None, begin:end],
        scratch=out.parent,
    )
    return heights


def test_map_page_shows_heights_shaded_beside_the_classes(mapped):
    scene, out, html = mapped
    heights = write_heights(out.with_stem("map_height"), Grid(40, 60, Affine(10, 0, 600000, 0, -10, 3000000), UTM))
    card = small_card().model_copy(update={"tasks": (*small_card().tasks, HEIGHT)})
    write_map_page(html, str(scene), out, card, None)
    page = self_contained(html.read_text())
    assert "<h2>Height</h2>" in page and "map.tif, map_height.tif" in page and "60.00 %" in page
    assert f"{np.nanmax(heights):.2f} m" in page and f"{np.nanmean(heights):.2f} m" in page
    assert page.count("data:image/") == 4  # scene, map, heights, and the map beside them


def test_map_page_of_heights_alone(mapped):
    scene, out, html = mapped
    write_heights(out, Grid(40, 60, Affine(10, 0, 600000, 0, -10, 3000000), UTM))
    write_map_page(html, str(scene), out, small_card().model_copy(update={"tasks": (HEIGHT,)}), None)
    page = self_contained(html.read_text())
    assert "Area per class" not in page and "highest" in page and page.count("data:image/") == 2


def test_no_task_of_pixels_is_a_model_error(mapped):
    scene, out, html = mapped
    task = Task(name="age", kind="image_value")
    with pytest.raises(ModelError, match="maps need a model of pixels"):
        write_map_page(html, str(scene), out, small_card().model_copy(update={"tasks": (task,)}), None)


def test_evaluation_page_shows_every_task_with_its_errors(tmp_path):
    image, classes, heights = scene_of_two(1, 40, 50)
    pairs = [pair_of_two("a", image, classes, heights), pair_of_two("b", *scene_of_two(2, 40, 50))]
    results = evaluate(Both(), pairs, data="town", tiles=True)
    write_evaluation_page(tmp_path / "p.html", results, pairs)
    page = self_contained((tmp_path / "p.html").read_text())
    assert '<h2 class="part">height</h2>' in page and f"{results['height'].scores.rmse:.4g}" in page
    assert page.count("data:image/") == 2 * 2 * 4 and "too high by" in page
    for result in results:
        for _, text in result.protocol.lines():
            assert text in page


@pytest.fixture
def evaluated():
    image, truth = case(1, 40, 50)
    pairs = [pair("<i>a</i>", image, truth), pair("b", image, np.full_like(truth, 1))]
    evaluation = evaluate(Thirds(), pairs, data="town", split="half of it", tiles=True, leave_out=("low",))
    return evaluation, pairs


def test_evaluation_page_has_scores_matrix_tiles_and_protocol(evaluated, tmp_path):
    evaluation, pairs = evaluated
    write_evaluation_page(tmp_path / "p.html", evaluation, pairs)
    page = self_contained((tmp_path / "p.html").read_text())
    assert f"{100 * evaluation.scores.miou:.2f}" in page and "half of it" in page and "not in the means" in page
    assert page.count("mapped as") >= 9 and "&lt;i&gt;a" in page and "<i>a" not in page
    assert page.count("data:image/png") == 4 and page.count("data:image/webp") == 4  # 2 tiles of 4 pictures
    assert "The training" not in page
    for _, text in evaluation.results[0].protocol.lines():
        assert text in page


def test_evaluation_page_draws_the_curves_of_a_training(evaluated, tmp_path):
    (tmp_path / "r.csv").write_text("step,loss,val/miou,lr\n1,0.9,,0.1\n2,0.5,0.4,0.1\n3,0.4,,0.1\n")
    write_evaluation_page(tmp_path / "p.html", evaluated[0], records=tmp_path / "r.csv")
    page = (tmp_path / "p.html").read_text()
    assert page.count("<polyline") == 2 and "val/miou" in page and "last 0.4" in page


def test_evaluation_page_refuses_other_files_as_records(evaluated, tmp_path):
    (tmp_path / "r.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no column `step`"):
        write_evaluation_page(tmp_path / "p.html", evaluated[0], records=tmp_path / "r.csv")
    assert not (tmp_path / "p.html").exists()


def test_evaluation_page_of_a_16_bit_image(tmp_path):
    image = np.arange(40 * 40, dtype=np.uint16).reshape(40, 40) * 30
    pairs = [Pair("a", lambda: Sixteen(image), {"cover": lambda grid: Truth(np.zeros((40, 40), np.uint8))})]
    evaluation = evaluate(Thirds(), pairs, tiles=True)
    write_evaluation_page(tmp_path / "p.html", evaluation, pairs)
    assert "data:image/webp" in (tmp_path / "p.html").read_text()


class Sixteen(Truth):
    def read(self, window):
        return super().read(window)[None], np.ones((window.height, window.width), bool)
