"""No output takes the place of what is read, by whatever name, nor of what is somebody else's."""

import os
from pathlib import Path

import pytest

from smalti.errors import OutputError
from smalti.mapping.protect import Inputs, Outputs, check_distinct, check_page


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "scene.tif"
    path.parent.mkdir()
    path.write_text("pixels")
    return path


def refused(scene: Path, outputs: Outputs) -> bool:
    try:
        Inputs([str(scene), "https://example.org/a.tif", ""]).refuse_to_replace(outputs)
    except OutputError as error:
        assert "would replace" in str(error)
        return True
    return False


def test_an_output_is_compared_by_file_and_not_by_name(scene: Path, tmp_path: Path) -> None:
    soft, hard, other = tmp_path / "soft.tif", tmp_path / "hard.tif", tmp_path / "other.tif"
    soft.symlink_to(scene)
    os.link(scene, hard)
    (tmp_path / "same").symlink_to(scene.parent)
    for path in (scene, soft, hard, tmp_path / "same" / "scene.tif", scene.parent / ".." / "in" / "scene.tif"):
        assert refused(scene, Outputs((path,))), path
        assert refused(scene, Outputs((other, path))), path
        assert refused(scene, Outputs((other,), polygons=path)), path
        assert refused(scene, Outputs((other,), page=path)), path
    assert not refused(scene, Outputs((other,), tmp_path / "other.gpkg", tmp_path / "other.html"))


@pytest.mark.parametrize("sidecar", ["m.tif.aux.xml", "m.tif.ovr", "m.tif.msk", "m.tfw", "m.tif.lock", "m.tif.holder"])
def test_what_is_replaced_beside_an_output_counts_too(tmp_path: Path, sidecar: str) -> None:
    (tmp_path / sidecar).write_text("")
    assert refused(tmp_path / sidecar, Outputs((tmp_path / "m.tif",)))


def test_nothing_is_read_from_where_a_map_is_made(tmp_path: Path) -> None:
    part = tmp_path / "m.tif.partial" / "scene.tif"
    part.parent.mkdir()
    part.write_text("")
    assert refused(part, Outputs((tmp_path / "m.tif",)))


def test_nothing_is_written_into_a_data_set_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "store.zarr").mkdir()
    assert refused(tmp_path / "store.zarr", Outputs((tmp_path / "store.zarr" / "deep" / "m.tif",)))


def test_two_maps_do_not_share_a_file(tmp_path: Path) -> None:
    first, second = Outputs((tmp_path / "a.tif",)), Outputs((tmp_path / "b.tif",))
    check_distinct([first, second])
    (tmp_path / "b.tif").symlink_to("a.tif")
    for other in (first, second, Outputs((tmp_path / "c.tif",), polygons=tmp_path / "a.tif")):
        with pytest.raises(OutputError, match="two scenes"):
            check_distinct([first, other])


def test_a_page_replaces_pages_only(tmp_path: Path) -> None:
    page = tmp_path / "m.html"
    check_page(page)
    page.write_text("<footer>Made by Smalti 0.1.0</footer>")
    check_page(page)
    page.write_text("<p>my notes</p>")
    with pytest.raises(OutputError, match="not a page of this program"):
        check_page(page)
