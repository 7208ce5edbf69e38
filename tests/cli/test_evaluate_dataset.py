"""A public dataset as downloaded, scored without a recipe; class maps as pictures."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from smalti.card import Task
from smalti.cli.evaluate import command
from smalti.datasets.registry import DATASETS
from smalti.errors import DataError
from tests.datasets.drawn import lay_out, small
from tests.tiny import tiny_card, tiny_model

BANDS = ("nir", "red", "green")


@pytest.fixture
def vaihingen(tmp_path, monkeypatch):
    dataset = small(DATASETS["vaihingen"])
    monkeypatch.setitem(DATASETS, "vaihingen", dataset)
    lay_out(dataset, tmp_path / "set")
    return tmp_path / "set"


@pytest.fixture
def model(tmp_path):
    """Answers impervious surface, building or low vegetation by the brightest of three bands, and no other class."""
    dataset = DATASETS["vaihingen"]
    task = Task(name="landcover", labels=dataset.classes, colors=dataset.task().colors)
    return tiny_model(tmp_path / "tiny.onnx", tiny_card(BANDS, tasks=(task,)))


def run(*words):
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


def test_a_split_is_scored_with_its_protocol_and_all_variants(vaihingen, model):
    output = run(model, vaihingen, "--dataset", "vaihingen:test", "--report", vaihingen / "r.html").output
    assert "ISPRS 2D semantic labelling, Vaihingen, 2 images" in output
    assert "test of vaihingen: the 17 areas" in output
    for words in ("eroded labels, as the dataset gives them", "means without clutter", "clutter ignored"):
        assert words in output
    assert output.count("mean over images") == (vaihingen / "r.html").read_text().count("mean over images") == 6


def test_tta_doubles_the_variants(vaihingen, model):
    output = run(model, vaihingen, "--dataset", "vaihingen:test", "--tta").output
    assert output.count("; one pass") == output.count("; mean of 2, 4 or 8 flips and turns, until they agree") == 12


def test_class_maps_are_saved_in_the_tasks_colours(vaihingen, model, tmp_path):
    for path in (vaihingen / "top").iterdir():
        image = np.asarray(Image.open(path)).copy()
        image[:, :8] = 10, 200, 10
        Image.fromarray(image).save(path)
    result = run(model, vaihingen, "--dataset", "vaihingen:test", "--pictures", tmp_path / "maps")
    assert "gives class maps only" in result.stderr and "need a checkpoint" in result.stderr
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == ["2.png", "4.png"]
    picture = np.asarray(Image.open(tmp_path / "maps" / "2.png").convert("RGB"))
    assert picture.shape == (12, 21, 3) and (picture[:, :8] == (0, 0, 255)).all()


def test_what_does_not_fit_is_refused(vaihingen, model, tmp_path):
    with pytest.raises(DataError, match="did you mean test"):
        run(model, vaihingen, "--dataset", "vaihingen:tset")
    with pytest.raises(DataError, match="there is no dataset"):
        run(model, vaihingen, "--dataset", "vaihinge")
    with pytest.raises(DataError, match="asks for red, green, blue"):
        run(tiny_model(tmp_path / "rgb.onnx"), vaihingen, "--dataset", "vaihingen:test")
    (vaihingen / "top" / "top_mosaic_09cm_area2.tif").unlink()
    with pytest.raises(DataError, match=r"area2\.tif missing; see all with: smalti data vaihingen"):
        run(model, vaihingen, "--dataset", "vaihingen:test")
    assert run(model, "r.toml", "--dataset", "vaihingen:test").exit_code == 2
    assert run(model, "r.toml", "--known", "vaihingen:test").exit_code == 2  # the former name
