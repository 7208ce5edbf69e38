import tomllib
from dataclasses import replace

import pytest
from click.testing import CliRunner
from PIL import Image

from smalti.cli.data import command
from smalti.datasets.registry import DATASETS
from smalti.errors import DataError, OutputError
from tests.datasets.drawn import lay_out, small


def run(*words):
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def tiny_set(tmp_path, monkeypatch):
    """A small Vaihingen that goes by that name, and its folder."""
    dataset = replace(small(DATASETS["vaihingen"]), notes=("small",))
    monkeypatch.setitem(DATASETS, "vaihingen", dataset)
    lay_out(dataset, tmp_path / "set")
    return tmp_path / "set"


def test_the_list_names_licence_and_citation_of_all():
    output = run().output
    assert all(
        dataset.name in output and dataset.licence in output and dataset.citation in output
        for dataset in DATASETS.values()
    )


@pytest.mark.parametrize("name", DATASETS)
def test_a_description_ends_with_a_recipe(name):
    output = run(name).output
    recipe = tomllib.loads(output.partition("in a recipe\n")[2])
    assert tuple(recipe["card"]["tasks"][0]["labels"]) == DATASETS[name].classes
    assert recipe["data"]["train"][0]["split"] in DATASETS[name].splits


def test_a_complete_download_gets_shares_and_a_sheet(tiny_set, tmp_path):
    (tiny_set / "holiday.mp3").touch()
    output = run("vaihingen", tiny_set, "--sheet", tmp_path / "sheet.png").output
    assert "train: 2 images, complete, nir, red, green" in output
    assert "eroded labels: 8 of 8" in output and "holiday.mp3" in output
    assert output.count("14.29") == 6 * 7  # seven stripes, six splits
    assert "images are 21 to 21 wide and 12 to 12 high" in output
    sheet = Image.open(tmp_path / "sheet.png").convert("RGB")
    colors = {color for _, color in sheet.getcolors(1 << 20)}
    assert {(255, 0, 0), (0, 0, 255), (0, 255, 255), (90, 90, 90)} <= colors


def test_an_incomplete_download_is_listed_and_goes_no_further(tiny_set, tmp_path):
    (tiny_set / "top" / "top_mosaic_09cm_area3.tif").unlink()
    result = CliRunner().invoke(command, ["vaihingen", str(tiny_set), "--sheet", str(tmp_path / "s.jpg")])
    assert isinstance(result.exception, DataError) and "vaihingen is incomplete: 1 missing" in str(result.exception)
    assert "missing: 1\n  top/top_mosaic_09cm_area3.tif" in result.output and "% of pixels" not in result.output
    assert not (tmp_path / "s.jpg").exists()
    assert "complete" in run("vaihingen", tiny_set, "--split", "test", "--sheet", tmp_path / "s.jpg").output
    assert (tmp_path / "s.jpg").exists()


def test_labels_that_cannot_be_used_are_listed(tiny_set, tmp_path):
    Image.new("RGB", (21, 12), (0, 128, 255)).save(next((tiny_set / "gts").iterdir()))
    Image.new("L", (21, 12), 9).save(sorted((tiny_set / "gts").iterdir())[1])
    result = CliRunner().invoke(command, ["vaihingen", str(tiny_set), "--sheet", str(tmp_path / "s.jpg")])
    assert isinstance(result.exception, DataError) and "1 files of vaihingen cannot be used" in str(result.exception)
    assert "unknown class value 9 in 252 pixels" in result.output


def test_wrong_names_are_refused(tiny_set, tmp_path):
    with pytest.raises(DataError, match="did you mean"):
        run("vaihigen", tiny_set)
    with pytest.raises(DataError, match="no such folder"):
        run("vaihingen", tmp_path / "nowhere")
    with pytest.raises(OutputError, match="a contact sheet is a picture"):
        run("vaihingen", tiny_set, "--sheet", tmp_path / "sheet.gif")


def test_heights_are_told_and_shown_in_grey(tiny_set, tmp_path):
    for row, path in enumerate(sorted(tiny_set.glob("*_normalized.jpg"))):
        Image.new("L", (21, 12), 10 + row).save(path)
    first = next(tiny_set.glob("*_normalized.jpg"))
    picture = Image.new("L", (21, 12), 0)
    picture.paste(120, (0, 0, 8, 12))
    picture.save(first)
    output = run("vaihingen", tiny_set, "--sheet", tmp_path / "sheet.png").output
    assert "ndsm: 0.00 to 12" in output and "100.00 % of the pixels have one" in output
    sheet = Image.open(tmp_path / "sheet.png").convert("RGB")
    colors = {color for _, color in sheet.getcolors(1 << 20)}
    assert {(255, 255, 255), (48, 48, 48)} <= colors
    first.unlink()
    output = run("vaihingen", tiny_set, "--sheet", tmp_path / "sheet.png").output
    assert "heights or depths missing, which only tasks of values need: 1" in output and first.name in output
