"""Several files at once: the good ones are taken, all others named; damaged pixels are told with their tiles."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smalti.app.limits import Limits
from tests.app.bombs import archive
from tests.app.conftest import Serve, Server
from tests.app.pictures import write_tiff
from tests.app.test_attacks import png, stored_files


def test_of_a_folder_the_good_ones_are_taken_and_all_bad_ones_named(server: Server, scene: Path) -> None:
    for name in ("a.tif", "z.tif"):
        (server.root / name).write_bytes(scene.read_bytes())
    (server.root / "broken.tif").write_bytes(scene.read_bytes()[:500])
    (server.root / "text.png").write_text("no image")
    (server.root / "out.tif").symlink_to(scene)
    answer = server.http.post("/api/scenes", json={"path": str(server.root)})
    assert answer.status_code == 201
    found = answer.json()
    assert [one["name"] for one in found["scenes"]] == ["a.tif", "z.tif"]
    refused = {one["name"]: one for one in found["refused"]}
    assert sorted(refused) == ["broken.tif", "out.tif", "text.png"]
    assert "truncated" in refused["broken.tif"]["detail"] and refused["broken.tif"]["exit_code"] == 3
    assert "is no image" in refused["text.png"]["detail"] and refused["text.png"]["status"] == 422
    assert "below the allowed folders" in refused["out.tif"]["detail"] and refused["out.tif"]["status"] == 404


def test_where_none_is_good_all_are_named(server: Server) -> None:
    for name in ("a.tif", "b.tif"):
        (server.root / name).write_text("no image")
    problem = server.refused("POST", "/api/scenes", json={"path": str(server.root)})
    assert problem["status"] == 422 and problem["detail"].startswith("none of 2 files can be used")
    assert [one["name"] for one in problem["refused"]] == ["a.tif", "b.tif"]
    alone = server.refused("POST", "/api/scenes", json={"path": str(server.root / "a.tif")})
    assert "refused" not in alone and alone["detail"].startswith("a.tif: is no image")


def test_of_a_zip_likewise(server: Server, scene: Path) -> None:
    damaged = archive({"a.png": png(), "dir/b.tif": b"II*\0 no more", "c.tif": scene.read_bytes(), "d.png": png(9)})
    at = damaged.index(b"d.png") + 60
    packed = damaged[:at] + bytes([damaged[at] ^ 255]) + damaged[at + 1 :]
    found = server.http.post("/api/uploads", params={"name": "a.zip"}, content=packed).json()
    assert [one["name"] for one in found["scenes"]] == ["a.png", "c.tif"]
    assert [one["name"] for one in found["refused"]] == ["b.tif", "d.png"]
    assert "cannot be unpacked" in found["refused"][1]["detail"]
    assert sorted(path.name for path in stored_files(server)) == ["a.png", "c.tif"]


def test_a_full_quota_refuses_the_rest(serve: Serve, scene: Path) -> None:
    server = serve(limits=Limits(scenes=1))
    for name in ("a.tif", "b.tif", "c.tif"):
        (server.root / name).write_bytes(scene.read_bytes())
    found = server.http.post("/api/scenes", json={"path": str(server.root)}).json()
    assert len(found["scenes"]) == 1
    assert [one["status"] for one in found["refused"]] == [429, 429]


@pytest.mark.parametrize("ending", ["tif", "jpg", "webp"])
def test_damaged_pixels_are_a_problem_of_their_tiles(ending: str, server: Server) -> None:
    path = server.root / f"scene.{ending}"
    pixels = np.random.default_rng(0).integers(0, 9, (3, 600, 600), np.uint8)
    if ending == "tif":
        write_tiff(path, pixels, tiled=True, compress="deflate")
    else:
        Image.fromarray(np.moveaxis(pixels, 0, -1)).save(path)
    content = path.read_bytes()
    middle = len(content) // 2
    noise = np.random.default_rng(1).bytes(60_000)
    path.write_bytes(content[:middle] + (noise + content[middle + len(noise) :] if ending == "tif" else b""))
    (found,) = server.http.post("/api/scenes", json={"path": str(path)}).json()["scenes"]
    problem = server.refused("GET", f"/api/scenes/{found['id']}/tiles/0/0/0")
    assert problem["status"] == 422 and f"scene.{ending}: damaged" in problem["detail"]
    assert problem["todo"] == "copy it again" and problem["exit_code"] == 3
