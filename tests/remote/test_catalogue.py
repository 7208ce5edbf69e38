"""Items of catalogues are found by place, time and properties, and their files by name."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smalti.errors import DataError, MissingExtraError, OptionError
from smalti.remote.assets import band_count, chosen_assets
from smalti.remote.catalogue import find_items
from smalti.remote.documents import Documents, is_document
from smalti.remote.instant import parse_interval
from smalti.remote.query import Query, boxes_meet
from smalti.workflows.sources import find_sources
from tests.needs import without_packages
from tests.remote.loopback import Faulty, served


def ids(name: object, **asked: Any) -> list[str]:
    found = find_items(str(name), Query(**asked))
    assert found is not None
    return [item["id"] for item in found]


def test_a_static_catalogue_is_walked(folder: Path, web: Faulty) -> None:
    assert ids(folder / "catalog.json") == ["scene-0", "scene-1", "scene-2"]
    assert ids(f"{web.url}/catalog.json") == ["scene-0", "scene-1", "scene-2"]
    assert ids(f"{web.url}/c/scene-1.json") == ["scene-1"]
    found = find_items(f"{web.url}/c/scene-1.json", Query())
    assert found is not None and found[0]["assets"]["visual"]["href"] == f"{web.url}/c/scene-1.tif"


def test_items_are_chosen(folder: Path) -> None:
    name = folder / "c" / "collection.json"
    assert ids(name, bbox=(15.0, 45, 15.005, 46)) == ["scene-0"]
    assert ids(name, datetime="2024-02/..") == ["scene-1", "scene-2"]
    assert ids(name, datetime="2024-02-15") == ["scene-1"]
    assert ids(name, where=["eo:cloud_cover<20", "eo:cloud_cover>=10"]) == ["scene-1"]
    assert ids(name, where=["eo:cloud_cover != 10"]) == ["scene-0", "scene-2"]
    with pytest.raises(DataError, match=r"no item of it matches --where 'platform=x'; ask for more"):
        ids(name, where=["platform=x"])
    with pytest.raises(DataError, match="no item of it matches --bbox 0,0,1,1"):
        ids(folder / "catalog.json", bbox=(0, 0, 1, 1))  # without reading an item: its extent lies elsewhere


def test_a_busy_server_is_asked_again(web: Faulty) -> None:
    web.go_wrong({"path": "/c/", "kind": "503", "times": 2})
    assert len(ids(f"{web.url}/catalog.json")) == 3
    assert web.came() == 2


def test_an_api_searches_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with served("api_server.py", folder) as port:
        url = f"http://127.0.0.1:{port}/"
        assert ids(url) == ["scene-0", "scene-1", "scene-2"]
        assert ids(f"{url}collections/c", where=["eo:cloud_cover>5"]) == ["scene-1", "scene-2"]


def test_what_is_no_catalogue_is_told(tmp_path: Path, web: Faulty) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"a": 1}')
    assert find_items(str(other), Query()) is None
    other.write_text("[")
    with pytest.raises(DataError, match="is no JSON object"):
        find_items(str(other), Query())
    with pytest.raises(DataError, match="404"):
        find_items(f"{web.url}/none.json", Query())
    with pytest.raises(DataError, match="cannot be read: no such file"):
        find_items(str(tmp_path / "none.json"), Query())
    other.write_text('{"stac_version": "1.0.0", "type": "Catalog", "id": "a", "links": []}')
    with pytest.raises(DataError, match="it has no item"):
        find_items(str(other), Query())
    _, failed = find_sources([tmp_path / "a.tif"], Query(assets=["red"]))
    assert isinstance(failed[0], OptionError) and "only those are searched" in str(failed[0])


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"bbox": 3}, "bbox"),
        ({"bbox": [None, 45, 15, 46]}, "bbox.0"),
        ({"properties": [1]}, "properties"),
        ({"links": "x"}, "links"),
        ({"links": [None]}, "links.0"),
        ({"assets": {"visual": None}}, "assets.visual"),
        ({"assets": {"visual": {"href": "a.tif", "roles": 3}}}, "assets.visual.roles"),
        ({"assets": {"visual": {"href": "a.tif", "eo:bands": "red"}}}, "assets.visual.eo:bands"),
    ],
)
def test_a_document_of_the_wrong_form_is_told(change: dict[str, Any], where: str, tmp_path: Path) -> None:
    item = {"type": "Feature", "stac_version": "1.0.0", "id": "a", "bbox": [15, 45, 15, 46]} | change
    alone, saved = tmp_path / "item.json", tmp_path / "search.json"
    alone.write_text(json.dumps(item))
    saved.write_text(json.dumps({"type": "FeatureCollection", "features": [item]}))
    for path in (alone, saved):
        with pytest.raises(DataError, match=rf"^{path}: {where}: .*; expected a STAC document") as refused:
            ids(path, bbox=(14, 44, 16, 47))
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("extent", [3, {"temporal": {"interval": [None]}}, {"spatial": {"bbox": [["a"]]}}])
def test_an_extent_of_the_wrong_form_is_told(extent: object, tmp_path: Path) -> None:
    path = tmp_path / "collection.json"
    path.write_text(json.dumps({"type": "Collection", "stac_version": "1.0.0", "id": "a", "extent": extent}))
    with pytest.raises(DataError, match=r": extent.*; expected a STAC document"):
        ids(path, datetime="2024")


def test_a_catalogue_may_have_a_relative_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "c")
    for name in ("scene-1.json", "./scene-1.json", "../c/collection.json"):
        found = find_items(name, Query(where=["eo:cloud_cover=10"]))
        assert found is not None
        assert Path(found[0]["assets"]["visual"]["href"]).samefile(folder / "c" / "scene-1.tif")


def test_parts_that_are_null_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    path.write_text('{"type": "FeatureCollection", "features": null, "links": null}')
    with pytest.raises(DataError, match="it has no item"):
        ids(path)
    nothing = {"spatial": {"bbox": [[None] * 4]}, "temporal": {"interval": [[None, None]]}}
    path.write_text(json.dumps({"type": "Collection", "stac_version": "1.0.0", "id": "a", "extent": nothing}))
    with pytest.raises(DataError, match="no item of it matches"):
        ids(path, bbox=(0, 0, 1, 1))


def test_without_the_extra_it_is_named_or_the_name_is_a_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_packages(monkeypatch, "requests", "urllib3", "pystac", "pystac_client")
    assert Documents().look("https://host.invalid/scene") is None  # GDAL may open it
    for name in ("https://host.invalid/scene.json", str(folder / "catalog.json"), str(folder / "c" / "scene-1.json")):
        with pytest.raises(MissingExtraError, match=r"which reads catalogues, .*smalti\[remote\]"):
            find_items(name, Query())


def test_names_that_may_be_catalogues() -> None:
    for name in ("a.json", "https://a.org/v1", "https://a.org/stac/v1.0/collections/c", "s3://b/c.json"):
        assert is_document(name), name
    for name in ("a.tif", "https://a.org/a.tif", "s3://b/c", "folder"):
        assert not is_document(name), name


def test_assets_are_chosen_by_name_by_band_or_alone() -> None:
    def image(*bands: str) -> dict[str, Any]:
        return {
            "href": f"https://a/{bands[0]}.tif",
            "type": "image/tiff",
            "eo:bands": [{"common_name": b} for b in bands],
        }

    item = {"id": "i", "assets": {"B04": image("red"), "B03": image("green"), "meta": {"href": "m.xml"}}}
    assert chosen_assets(item, ["red", "B03"]) == {"red": "https://a/red.tif", "B03": "https://a/green.tif"}
    assert band_count(item, ["red", "B03"]) == 2
    assert band_count(item, ["meta"]) is None
    with pytest.raises(DataError, match=r"item i: has 2 images \(B04, B03, meta\); choose with --assets"):
        chosen_assets(item, None)
    with pytest.raises(DataError, match=r"item i: it has no asset 'blue', only B04, B03, meta"):
        chosen_assets(item, ["blue"])


def test_times_and_places_are_understood() -> None:
    june = parse_interval("2024-06")
    assert june.begin == datetime(2024, 6, 1, tzinfo=UTC)
    assert str(june) == "2024-06-01T00:00:00Z/2024-06-30T23:59:59.999999Z"
    assert june.meets(parse_interval("2024-06-30T23:59:59.5Z"))
    assert str(parse_interval("../2024-06-01T12:00:00Z")) == "../2024-06-01T12:00:00Z"
    for wrong in ("June", "2024-13", "2025/2024"):
        with pytest.raises(OptionError, match="expected a date"):
            parse_interval(wrong)
    assert boxes_meet((179, 0, -179, 1), [-179.5, 0, -178, 1]) and boxes_meet((-180, 0, -179, 1), [179, 0, -179, 1])
    assert not boxes_meet((0, 0, 1, 1), [2, 0, 3, 1]) and not boxes_meet((0, 0, 1, 1), None)
    for wrong_box in ((0, 0, 1), (0, 2, 1, 1), (0, 0, 200, 1)):
        with pytest.raises(OptionError, match="WEST,SOUTH,EAST,NORTH"):
            Query(bbox=wrong_box)
    for wrong_condition in ("cloud", "a~1", "<3"):
        with pytest.raises(OptionError, match="PROPERTY"):
            Query(where=[wrong_condition])


def test_a_saved_search_is_a_list_of_items(folder: Path, tmp_path: Path) -> None:
    items = [json.loads((folder / "c" / f"scene-{k}.json").read_text()) for k in (2, 0)]
    saved = tmp_path / "search.json"
    saved.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    assert ids(saved) == ["scene-0", "scene-2"]
