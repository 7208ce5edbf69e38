"""The ways to open scenes, by keys where that differs: a folder, an address, an item of a catalogue."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.page.conftest import Web
from tests.app.page.serving import Server, call

pytestmark = pytest.mark.slow
REFUSED = "Failed to load resource: the server responded with a status of 4"


def test_a_chosen_folder_gives_its_scenes_and_names_what_is_none(open_page: Any, scene: Path, tmp_path: Path) -> None:
    inner = tmp_path / "town" / "inner"
    inner.mkdir(parents=True)
    for path in (tmp_path / "town" / "same.tif", inner / "same.tif"):
        path.write_bytes(scene.read_bytes())
    (inner / "bad.tif").write_text("not an image")
    (inner / "readme.txt").write_text("two scenes")
    app = open_page(allowed=(REFUSED,))
    with app.page.expect_file_chooser() as chooser:
        app.page.locator("#tools button", has_text="Choose a folder").press("Enter")
    chooser.value.set_files(tmp_path / "town")
    told = app.page.wait_for_selector("#panel-scene .problem").inner_text()
    assert told.startswith("2 of 4 files")
    assert "bad.tif" in told and "readme.txt" in told
    app.painted()
    assert {"same.tif", "inner_same.tif"} <= set(app.page.inner_text("#panel-scene").splitlines())


def test_photos_of_all_kinds_that_are_ranked_are_sent(open_page: Any, server: Server, tmp_path: Path) -> None:
    names = ("one.rw2", "two.RW2", "two.mov")
    for name in names:
        (tmp_path / name).write_bytes(b"of a camera")
    app = open_page()
    app.drop(*(tmp_path / name for name in names))
    app.page.wait_for_selector("text=2 photos. What are they?")
    app.page.click("text=Series: find the best")
    app.page.wait_for_selector("#panel-result:not([hidden])")
    assert call(server, "jobs")[0]["kind"] == "photos"
    assert app.page.locator("#panel-scene .problem").count() == 0


def test_of_a_folder_of_the_server_the_good_images_are_opened(open_page: Any, scene: Path, folder: Path) -> None:
    for name in ("mixed", "broken"):
        (folder / name).mkdir()
        for bad in ("one.tif", "two.tif"):
            (folder / name / bad).write_text("not an image")
    (folder / "mixed" / "good.tif").write_bytes(scene.read_bytes())
    app = open_page(f"#path={folder / 'broken'}", allowed=(REFUSED,))
    told = app.page.wait_for_selector("#panel-scene .problem").inner_text()
    assert told.startswith("None of 2 files")
    assert "two.tif" in told
    app.page.click("summary:has-text('On the server')")
    app.page.click(f"#panel-scene .list >> text={folder.name}")
    app.page.click("#panel-scene .list >> text=mixed")
    app.page.click("text=Open all images")
    told = app.page.wait_for_selector("#panel-scene details .problem").inner_text()
    assert told.startswith("2 of 3 files")
    assert {"one.tif", "two.tif"} <= set(told.replace(":", " ").split())
    app.painted()
    assert app.page.inner_text("#title") == "good.tif"


def test_an_address_of_an_allowed_host_is_opened_by_keys(open_page: Any, scene: Path, web: Web) -> None:
    (web.folder / "far.tif").write_bytes(scene.read_bytes())
    app = open_page()
    app.page.locator("summary", has_text="From an address").press("Enter")
    app.page.keyboard.press("Tab")
    app.page.keyboard.type(f"http://{web.host}/far.tif")
    app.page.keyboard.press("Enter")
    app.painted()
    assert app.page.inner_text("#title") == "far.tif"


def test_an_item_of_a_catalogue_is_opened(open_page: Any, scene: Path, web: Web) -> None:
    (web.folder / "visual.tif").write_bytes(scene.read_bytes())
    assets = {"visual": {"href": "visual.tif", "type": "image/tiff; application=geotiff"}}
    (web.folder / "item.json").write_text(json.dumps({"type": "Feature", "assets": assets}))
    app = open_page()
    app.page.click("summary:has-text('From an address')")
    app.page.fill("input[type=url]", f"http://{web.host}/item.json")
    app.page.click("#panel-scene form button")
    app.painted()
    assert app.page.inner_text("#title") == "visual.tif"


def test_an_address_that_cannot_be_opened_is_told_below_it(open_page: Any, web: Web) -> None:
    app = open_page(allowed=(REFUSED,))
    app.page.click("summary:has-text('From an address')")
    for address, why in ((f"http://{web.host}/none.tif", "404"), ("http://elsewhere.example/a.tif", web.host)):
        app.page.fill("input[type=url]", address)
        app.page.click("#panel-scene form button")
        app.page.wait_for_selector(f"#panel-scene form .problem:has-text('{why}')")
