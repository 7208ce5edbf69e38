"""What an attacker sends is refused with a problem, and nothing of it stays."""

import hmac
import http.server
import io
import logging
import os
import re
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from smalti.app.access.bodies import LONGEST
from smalti.app.access.hosts import is_public, parse_hosts
from smalti.app.access.tokens import one_token, read_tokens
from smalti.app.limits import Limits
from smalti.app.problems import ProblemError
from smalti.app.start import Start, is_loopback
from smalti.errors import OptionError
from tests.app.bombs import archive, png_bomb
from tests.app.conftest import TOKEN, Serve, Server
from tests.app.pictures import write_tiff

SECRET = b"the secret of another folder"


def stored_files(server: Server) -> list[Path]:
    """What lies in the folders for what arrives."""
    root = server.services.folders.root
    found = [path for name in ("scenes", "sets", "incoming") for path in (root / name).rglob("*") if path.is_file()]
    return [path for path in found if path.suffix not in (".lock", ".holder")]


def png(side: int = 8) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.zeros((side, side, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()


# Paths


def test_paths_beyond_the_roots_are_refused_alike(server: Server) -> None:
    write_tiff(server.folder / "secret.tif", np.zeros((3, 8, 8), np.uint8))
    (server.root / "link.tif").symlink_to(server.folder / "secret.tif")
    (server.root / "out").symlink_to(server.folder, target_is_directory=True)
    for path in [
        "{root}/../secret.tif",
        "{root}/link.tif",
        "{root}/out/secret.tif",
        "root/scene.tif",
        "/vsizip/{root}/a.zip/a.tif",
        "/vsicurl/http://127.0.0.1/a.tif",
        "file://{root}/scene.tif",
        "{root}/sc\0ene.tif",
        "",
        "<VRTDataset/>",
    ]:
        given = path.format(root=server.root)
        problem = server.refused("POST", "/api/scenes", json={"path": given})
        assert problem["status"] == 404 and "below the allowed folders" in problem["detail"]
        if given:
            assert server.refused("GET", "/api/browse", params={"path": given})["status"] == 404


def test_browsing_shows_nothing_that_leads_out(server: Server) -> None:
    write_tiff(server.root / "scene.tif", np.zeros((3, 8, 8), np.uint8))
    (server.root / "out").symlink_to(server.folder, target_is_directory=True)
    (server.root / ".hidden").mkdir()
    listing = server.http.get("/api/browse", params={"path": str(server.root)}).json()
    assert [entry["name"] for entry in listing["entries"]] == ["scene.tif"] and listing["parent"] is None


def test_folders_that_the_server_may_not_read_are_refused_in_one_line(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = server.root / "locked"
    locked.mkdir()
    for name in ("scandir", "listdir"):  # as root may read all folders
        plain = getattr(os, name)

        def refused(path: Any = ".", plain: Any = plain) -> Any:
            if str(path) == str(locked):
                raise PermissionError(13, "Permission denied", str(path))
            return plain(path)

        monkeypatch.setattr(os, name, refused)
    for method, path, more in (
        ("GET", "/api/browse", {"params": {"path": str(locked)}}),
        ("POST", "/api/scenes", {"json": {"path": str(locked)}}),
    ):
        problem = server.refused(method, path, **more)
        assert problem["status"] == 422 and "locked: cannot be read: permission denied; " in problem["detail"]


def test_names_that_are_paths_or_devices_are_refused(server: Server) -> None:
    paths = ["../a.tif", "a/b.tif", "..\\a.tif", "C:a.tif", "a:stream.tif", ".hidden", "", "x" * 300 + ".tif"]
    devices = ["CON", "nul.tif", "com1.txt", "a.tif.", "a.tif "]
    unprintable = ["a\r\nSet-Cookie: x=1.tif", "a\0.tif", "a\u202etif"]
    for name in paths + devices + unprintable:
        assert server.refused("POST", "/api/uploads", params={"name": name}, content=png())["status"] == 422
    assert stored_files(server) == []


def test_only_results_are_handed_out(server: Server, scene: Path) -> None:
    job = server.mapped(server.upload(scene))
    assert server.http.get(f"/api/jobs/{job['id']}/areas").status_code == 200
    for name in ["..%2f..%2fapp.sqlite", "%2e%2e", "job.json", "map.tif%00", "areas.json"]:
        assert server.refused("GET", f"/api/jobs/{job['id']}/results/{name}")["status"] == 404


def test_nothing_beside_the_page_is_handed_out(server: Server) -> None:
    for path in ["..%2fserver.py", "%2e%2e/server.py", "..%5cserver.py", "/etc/passwd"]:
        assert server.http.get(f"/static/{path}").status_code == 404


# Archives and images


def test_a_bomb_of_a_png_is_refused_before_it_is_decoded(server: Server) -> None:
    bomb = png_bomb()
    assert len(bomb) < 200_000
    problem = server.refused("POST", "/api/uploads", params={"name": "bomb.png"}, content=bomb)
    assert problem["status"] == 413 and "196 megapixels" in problem["detail"]
    assert stored_files(server) == []


def test_a_bomb_of_a_zip_is_refused(server: Server) -> None:
    bomb = archive({"a.png": bytes(20 * 2**20)})
    assert len(bomb) < 50_000
    problem = server.refused("POST", "/api/uploads", params={"name": "a.zip"}, content=bomb)
    assert problem["status"] == 413 and "unpacks to" in problem["detail"]
    assert stored_files(server) == []


def test_a_zip_may_not_hold_too_much(serve: Serve) -> None:
    server = serve(limits=Limits(archive_files=2, upload_bytes=100_000))
    many = archive({f"{k}.png": png() for k in range(3)})
    assert "at most 2" in server.refused("POST", "/api/uploads", params={"name": "a.zip"}, content=many)["detail"]
    noise = np.random.default_rng(0).bytes(60_000)
    large = archive({"a.png": png(), "b.png": noise + bytes(60_000)})
    assert server.refused("POST", "/api/uploads", params={"name": "a.zip"}, content=large)["status"] == 413
    assert stored_files(server) == []


def test_of_a_zip_only_images_are_taken_by_their_plain_names(server: Server) -> None:
    names = {
        "../../up.png": png(),
        "/etc/abs.png": png(),
        "dir/in.png": png(),
        "link.png": b"/etc/passwd",
        "x.vrt": b"<VRTDataset/>",
    }
    packed = archive({**names, "nul.png": png(), "readme.txt": b"x"}, links=("link.png",))
    answer = server.http.post("/api/uploads", params={"name": "a.zip"}, content=packed)
    assert sorted(scene["name"] for scene in answer.json()["scenes"]) == ["abs.png", "in.png", "up.png"]
    folder = server.services.folders.root / "scenes"
    assert all(path.is_relative_to(folder) for path in stored_files(server))


def test_what_is_no_image_is_refused(server: Server) -> None:
    for content in [
        b"",
        b"hello",
        b"<VRTDataset rasterXSize='1'/>",
        b"II*\0 <VRTDataset",
        b"PK\x03\x04 nonsense",
        b"\x89PNG\r\n\x1a\n",
        b"<GDAL_WMS><Service name='TMS'/></GDAL_WMS>",
        b"%PDF-1.4",
    ]:
        problem = server.refused("POST", "/api/uploads", params={"name": "scene.tif"}, content=content)
        assert problem["status"] == 422 and problem["exit_code"] in (2, 3)
        assert str(server.folder) not in problem["detail"]
        assert stored_files(server) == []


def test_a_chunked_body_is_counted_while_it_streams(serve: Serve) -> None:
    server = serve(limits=Limits(upload_bytes=5_000_000))

    def parts() -> Iterator[bytes]:
        yield from [bytes(100_000)] * 400

    try:
        answer = server.http.post("/api/uploads", params={"name": "a.tif"}, content=parts())
        assert answer.status_code == 413
    except httpx.WriteError:  # the connection ends in the middle of the body
        pass
    received = re.search(r"received_bytes_total (\d+)", server.http.get("/metrics").text)
    assert received and int(received[1]) < 12_000_000 and stored_files(server) == []
    declared = f"POST /api/uploads?name=a.tif HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    assert b" 413 " in raw(server, f"{declared}Content-Length: 5000001\r\n\r\n".encode())


def test_an_upload_that_stalls_does_not_keep_its_place(
    serve: Serve, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smalti.app.access.pace.PATIENCE_S", 0.2)
    server = serve(limits=Limits(uploads=1))
    url = server.http.base_url
    with socket.create_connection((url.host, url.port)) as stalled:
        head = f"POST /api/uploads?name=a.tif HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {TOKEN}\r\n"
        stalled.sendall(f"{head}Content-Length: 1000\r\n\r\nII*".encode())
        assert b" 408 " in stalled.recv(100)
        assert server.upload(scene)["name"] == scene.name
        assert len(stored_files(server)) == 1


def test_files_beside_an_image_cannot_lead_gdal_elsewhere(server: Server, scene: Path) -> None:
    def send(name: str, content: bytes) -> httpx.Response:
        return server.http.post("/api/uploads", params={"name": name, "set": "one"}, content=content)

    evil = b"<PAMDataset><Metadata domain='OVERVIEWS'>"
    evil += b"<MDI key='OVERVIEW_FILE'>/vsicurl/http://127.0.0.1/x</MDI></Metadata></PAMDataset>"
    for name in ("scene.tif.aux.xml", "scene.tif.ovr", "scene.tif.msk", "scene.aux", "scene.vrt"):
        assert send(name, evil).status_code == 422
    assert send("scene.tif", scene.read_bytes()).json()["width"] == 300
    assert send("scene.tif", scene.read_bytes()).status_code == 409
    assert [path.name for path in stored_files(server)] == ["scene.tif"]
    assert (
        server.refused("POST", "/api/uploads", params={"name": "a.tif", "set": "../x"}, content=png())["status"] == 422
    )


# Virtual rasters

BAND = '<VRTRasterBand dataType="Byte" band="1"><SimpleSource>{}</SimpleSource></VRTRasterBand>'
SOURCE = '<SourceFilename relativeToVRT="{}">{}</SourceFilename><SourceBand>1</SourceBand>'


def test_virtual_rasters_may_not_lead_out(server: Server) -> None:
    write_tiff(server.folder / "secret.tif", np.zeros((1, 8, 8), np.uint8))
    write_tiff(server.root / "scene.tif", np.zeros((1, 8, 8), np.uint8))
    (server.root / "link.tif").symlink_to(server.folder / "secret.tif")
    head = '<VRTDataset rasterXSize="8" rasterYSize="8">'
    outer = server.root / "outer.vrt"
    (server.root / "inner.vrt").write_text(head + BAND.format(SOURCE.format(1, "../secret.tif")) + "</VRTDataset>")
    for inside in [
        BAND.format(SOURCE.format(0, "/vsicurl/http://127.0.0.1/a.tif")),
        BAND.format(SOURCE.format(1, "/vsis3/bucket/a.tif")),
        BAND.format(SOURCE.format(1, "../secret.tif")),
        BAND.format(SOURCE.format(1, "link.tif")),
        BAND.format(SOURCE.format(0, "http://127.0.0.1/a.tif")),
        BAND.format(SOURCE.format(0, "&lt;VRTDataset/&gt;")),
        BAND.format(SOURCE.format(1, "inner.vrt")),
        BAND.format(SOURCE.format(1, "scene.tif")) + "<PixelFunctionLanguage>Python</PixelFunctionLanguage>",
        BAND.format(SOURCE.format(1, "scene.tif"))
        + "<Metadata><MDI key='OVERVIEW_FILE'>/vsicurl/http://x/</MDI></Metadata>",
        "<GDALWarpOptions><SourceDataset>/vsicurl/http://127.0.0.1/a.tif</SourceDataset></GDALWarpOptions>",
        "<Group><Source><SourceFilename>/etc/passwd</SourceFilename></Source></Group>",
    ]:
        outer.write_text(f"{head}{inside}</VRTDataset>")
        assert server.refused("POST", "/api/scenes", json={"path": str(outer)})["status"] == 422


def test_virtual_rasters_without_a_bomb_of_entities(server: Server) -> None:
    head = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>'
    bomb = f'{head}<VRTDataset rasterXSize="8" rasterYSize="8">&c;</VRTDataset>'
    (server.root / "bomb.vrt").write_text(bomb)
    assert server.refused("POST", "/api/scenes", json={"path": str(server.root / "bomb.vrt")})["status"] == 422


def test_a_virtual_raster_of_files_below_the_roots_is_a_scene(server: Server) -> None:
    write_tiff(server.root / "scene.tif", np.full((1, 8, 8), 7, np.uint8))
    path = server.root / "good.vrt"
    inside = BAND.format(SOURCE.format(1, "scene.tif"))
    path.write_text(f'<VRTDataset rasterXSize="8" rasterYSize="8">{inside}</VRTDataset>')
    assert server.http.post("/api/scenes", json={"path": str(path)}).json()["scenes"][0]["width"] == 8


@pytest.fixture
def unremembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are checked each time that they are used."""
    monkeypatch.setattr("smalti.app.scenes.table._CHECKED_S", 1e-9)


@pytest.mark.usefixtures("unremembered")
@pytest.mark.parametrize("way", ["outer", "inner", "link", "plain"])
def test_a_registered_file_may_not_lead_out_later(way: str, server: Server) -> None:
    write_tiff(server.folder / "secret.tif", np.full((1, 8, 8), 99, np.uint8))
    write_tiff(server.root / "scene.tif", np.full((1, 8, 8), 7, np.uint8))

    def vrt(name: str, source: str) -> Path:
        path = server.root / name
        inside = BAND.format(SOURCE.format(1, source))
        path.write_text(f'<VRTDataset rasterXSize="8" rasterYSize="8">{inside}</VRTDataset>')
        return path

    vrt("inner.vrt", "scene.tif")
    used = server.root / "scene.tif" if way == "plain" else vrt("outer.vrt", "inner.vrt")
    (found,) = server.http.post("/api/scenes", json={"path": str(used)}).json()["scenes"]
    tile = f"/api/scenes/{found['id']}/tiles/0/0/0"
    assert server.http.get(tile).status_code == 200
    written = used.stat().st_mtime_ns
    if way == "outer":
        vrt("outer.vrt", "../secret.tif")
    if way == "inner":
        vrt("inner.vrt", "../secret.tif")
    if way == "link":
        (server.root / "scene.tif").unlink()
        (server.root / "scene.tif").symlink_to(server.folder / "secret.tif")
    if way == "plain":
        vrt("scene.tif", "../secret.tif")
    os.utime(used, ns=(written, written))
    assert server.refused("GET", tile)["detail"].endswith("has changed; add it again")
    job = server.start(found)
    server.work()
    assert server.http.get(f"/api/jobs/{job['id']}").json()["state"] == "failed"


def test_a_file_that_was_written_again_is_another_scene(server: Server, scene: Path) -> None:
    path = server.root / "scene.tif"
    path.write_bytes(scene.read_bytes())
    (old,) = server.http.post("/api/scenes", json={"path": str(path)}).json()["scenes"]
    write_tiff(path, np.full((3, 50, 50), 7, np.uint8))
    os.utime(path, ns=(0, 0))
    assert "has changed since" in server.refused("GET", f"/api/scenes/{old['id']}/tiles/0/0/0")["detail"]
    (new,) = server.http.post("/api/scenes", json={"path": str(path)}).json()["scenes"]
    assert new["id"] != old["id"] and new["width"] == 50


# Requests that the server makes


@dataclass
class Web:
    """A web server on the loopback."""

    port: int
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def web(scene: Path) -> Iterator[Web]:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path == "/away.tif":
                self.send_response(302)
                self.send_header("Location", f"http://127.0.0.1:{found.server_address[1]}/scene.tif")
                self.end_headers()
                return
            item = b'{"type": "Feature", "assets": {"visual": {"type": "image/tiff"}}}'
            content = scene.read_bytes() if self.path.startswith("/scene.tif") else item
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield Web(found.server_address[1], asked)
    found.shutdown()
    found.server_close()


def test_a_listed_address_is_fetched_once(serve: Serve, web: Web) -> None:
    server = serve(hosts=(f"127.0.0.1:{web.port}",))
    answer = server.http.post("/api/scenes", json={"url": f"http://127.0.0.1:{web.port}/scene.tif"})
    assert answer.json()["scenes"][0]["source"] == "url" and web.asked == ["/scene.tif"]


def test_query_and_fragment_are_no_part_of_the_name(serve: Serve, web: Web) -> None:
    server = serve(hosts=(f"127.0.0.1:{web.port}",))
    url = f"http://127.0.0.1:{web.port}/scene.tif?key=a/b.png#part/c.jpg"
    assert server.http.post("/api/scenes", json={"url": url}).json()["scenes"][0]["name"] == "scene.tif"
    assert web.asked == ["/scene.tif?key=a/b.png"]


def test_an_item_whose_image_has_no_address_is_none(serve: Serve, web: Web) -> None:
    server = serve(hosts=(f"127.0.0.1:{web.port}",))
    problem = server.refused("POST", "/api/scenes", json={"stac": f"http://127.0.0.1:{web.port}/item.json"})
    assert problem["status"] == 422 and "is no STAC item" in problem["detail"]


def test_redirects_are_not_followed(serve: Serve, web: Web) -> None:
    server = serve(hosts=(f"127.0.0.1:{web.port}",))
    problem = server.refused("POST", "/api/scenes", json={"url": f"http://127.0.0.1:{web.port}/away.tif"})
    assert "redirects" in problem["detail"] and web.asked == ["/away.tif"]


def test_a_fetched_file_is_bounded_too(serve: Serve, web: Web) -> None:
    server = serve(hosts=(f"127.0.0.1:{web.port}",), limits=Limits(upload_bytes=1000))
    url = f"http://127.0.0.1:{web.port}/scene.tif"
    assert server.refused("POST", "/api/scenes", json={"url": url})["status"] == 413
    assert stored_files(server) == []


def test_only_listed_hosts_are_asked(serve: Serve, web: Web) -> None:
    server = serve(hosts=("data.example.org",))
    for url in [
        "http://127.0.0.1:{port}/a.tif",
        "http://localhost:{port}/a.tif",
        "http://2130706433:{port}/a.tif",
        "http://127.1:{port}/a",
        "http://[::1]:{port}/a.tif",
        "http://[::ffff:127.0.0.1]:{port}/a",
        "http://169.254.169.254/latest/meta-data",
        "http://data.example.org@127.0.0.1:{port}/a.tif",
        "http://data.example.org\\@127.0.0.1/a",
        "file:///etc/passwd",
        "/vsicurl/http://127.0.0.1/a.tif",
        "/vsis3/bucket/a.tif",
        "ftp://data.example.org/a.tif",
        "gopher://x/",
        "http:///a.tif",
        "http://data.example.org:{port}/a.tif",
        "http://data.example.org.evil.org/a.tif",
        "http://data.example.org/a\r\nHost: x",
        "https://data.example.org:99999/a.tif",
        "s3://bucket/a.tif",
        "data:image/png;base64,AA==",
    ]:
        for given in ({"url": url.format(port=web.port)}, {"stac": url.format(port=web.port)}):
            assert server.refused("POST", "/api/scenes", json=given)["status"] == 403
        assert web.asked == []


def test_a_listed_name_that_stands_for_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = parse_hosts(["data.example.org"])
    found: list[str] = []

    def resolve(*_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    found[:] = ["93.184.216.34"]
    assert hosts.find("http://data.example.org/a.tif").address == "93.184.216.34"
    for private in ("127.0.0.1", "10.0.0.8", "192.168.1.1", "169.254.169.254", "::1", "fe80::1", "::ffff:127.0.0.1"):
        found[:] = ["93.184.216.34", private]
        with pytest.raises(ProblemError, match="is not an address of an allowed host"):
            hosts.find("http://data.example.org/a.tif")


def test_the_address_that_was_checked_is_the_one_that_is_asked(
    serve: Serve, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that stands for another address the second time leads nowhere: it is resolved once."""
    names: list[str] = []
    true = socket.getaddrinfo

    def rebind(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        if host == "data.example.org":
            names.append(host)
            host = "127.0.0.1"
        return true(host, port, *rest, **more)

    server = serve(hosts=(f"data.example.org:{web.port}",))
    monkeypatch.setattr(socket, "getaddrinfo", rebind)
    monkeypatch.setattr("smalti.app.access.hosts.is_public", lambda _: True)
    answer = server.http.post("/api/scenes", json={"url": f"http://data.example.org:{web.port}/scene.tif"})
    assert answer.status_code == 201 and names == ["data.example.org"]


def test_public_addresses_are_told_from_others() -> None:
    assert all(map(is_public, ("93.184.216.34", "2606:2800:220:1::1")))
    others = (
        "0.0.0.0",
        "100.64.0.1",
        "224.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fd00::1",
        "::",
        "255.255.255.255",
    )
    assert not any(map(is_public, others))


@pytest.mark.parametrize("name", ["*.example.org", "user@host", "http://host", "host:port", "", "host/path"])
def test_hosts_that_are_none_are_refused_when_the_server_starts(name: str) -> None:
    with pytest.raises(OptionError, match="is no host"):
        parse_hosts([name])


# Who asks


def test_without_the_token_nothing_is_told(server: Server) -> None:
    for token in ["", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "\u00e9" * 20]:
        headers = {"Authorization": f"Bearer {token}".strip().encode()}
        for path in ("/api/scenes", "/api/jobs", "/metrics", "/api/openapi.json", "/api/models", "/nowhere"):
            assert server.refused("GET", path, headers=headers)["status"] == 401
        assert server.http.get("/health", headers=headers).json()["status"] == "ok"


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    true = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append(len(a) == len(b)) or true(a, b))
    tokens = one_token(TOKEN)
    assert tokens.owner("x") is None and tokens.owner(TOKEN) == "user"
    assert compared == [True, True]
    assert TOKEN not in repr(tokens)


def test_the_first_page_takes_the_token_out_of_the_address(server: Server) -> None:
    answer = server.http.get("/", params={"token": TOKEN}, headers={"Authorization": ""})
    assert (
        answer.status_code == 303
        and answer.headers["location"] == "/"
        and answer.headers["cache-control"] == "no-store"
    )
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert server.http.get("/api/jobs", headers={"Authorization": ""}).status_code == 200
    assert server.refused("GET", "/", params={"token": "wrong"}, headers={"Authorization": ""})["status"] == 401
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_ticket_opens_the_first_page_once(serve: Serve) -> None:
    tokens = one_token(TOKEN)
    server, ticket = serve(tokens=tokens), tokens.ticket(TOKEN)
    assert server.http.get("/api/jobs", headers={"Authorization": f"Bearer {ticket}"}).status_code == 401
    first = server.http.get("/", params={"token": ticket}, headers={"Authorization": ""})
    assert first.status_code == 303 and TOKEN in first.headers["set-cookie"]
    assert server.refused("GET", "/", params={"token": ticket})["status"] == 401


def test_a_change_by_cookie_needs_a_header_that_other_pages_cannot_send(server: Server, scene: Path) -> None:
    server.http.get("/", params={"token": TOKEN})
    by_cookie = {"Authorization": ""}
    for method, path in (("POST", "/api/jobs"), ("DELETE", "/api/scenes/x"), ("POST", "/api/uploads?name=a.tif")):
        assert server.refused(method, path, headers=by_cookie)["status"] == 403
    send = {"params": {"name": "a.tif"}, "content": scene.read_bytes()}
    assert server.http.post("/api/uploads", headers={**by_cookie, "X-Smalti": "1"}, **send).status_code == 201


def test_requests_of_other_pages_are_refused(server: Server) -> None:
    for site in ["cross-site", "same-site"]:
        assert server.refused("GET", "/api/scenes", headers={"Sec-Fetch-Site": site})["status"] == 403


def test_no_other_origin_may_read(server: Server) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("GET", "OPTIONS"):
        answer = server.http.request(method, "/api/scenes", headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert server.http.get("/api/scenes").headers["cross-origin-resource-policy"] == "same-origin"


def test_names_that_are_bound_to_this_machine_lead_nowhere(serve: Serve) -> None:
    server = serve(names=("127.0.0.1", "localhost"))
    for host in ["evil.example", "127.0.0.1.evil.example", "a@127.0.0.1", "127.0.0.1:x", "", "[::1"]:
        assert server.refused("GET", "/api/scenes", headers={"Host": host})["status"] == 421


def test_an_owner_does_not_see_what_others_have(serve: Serve, scene: Path, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"# who\nann {TOKEN}\nbob {TOKEN}-of-bob\n")
    server = serve(tokens=read_tokens(path))
    found = server.upload(scene)
    job = server.mapped(found)
    bob = {"Authorization": f"Bearer {TOKEN}-of-bob"}
    assert server.http.get("/api/scenes", headers=bob).json() == server.http.get("/api/jobs", headers=bob).json() == []
    for method, address in (
        ("GET", f"/api/scenes/{found['id']}/tiles/0/0/0"), ("GET", f"/api/jobs/{job['id']}"),
        ("GET", f"/api/jobs/{job['id']}/results/map.tif"), ("DELETE", f"/api/jobs/{job['id']}"),
        ("DELETE", f"/api/scenes/{found['id']}"), ("GET", f"/api/jobs/{job['id']}/events"),
    ):  # fmt: skip
        assert server.refused(method, address, headers=bob)["status"] == 404


@pytest.mark.parametrize("text", ["ann", "ann short", "a/b 0123456789abcdef", "", "ann 0123456789 abcdef"])
def test_files_of_tokens_are_checked(text: str, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(text)
    with pytest.raises(OptionError):
        read_tokens(path)


def test_secrets_are_in_no_log(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        server.http.get("/", params={"token": TOKEN})
        server.http.get("/api/jobs")
        server.refused("GET", "/", params={"token": TOKEN + "x"})
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    out, err = capfd.readouterr()
    assert TOKEN not in "".join([*ours, out, err])


# Headers


def raw(server: Server, lines: bytes) -> bytes:
    """The first part of the answer to bytes that no client would send."""
    host, port = server.http.base_url.host, server.http.base_url.port
    with socket.create_connection((host, port or 80), 10) as connection:
        connection.sendall(lines)
        return connection.recv(65536)


def test_no_header_can_be_slipped_in(server: Server, scene: Path) -> None:
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
    folded = raw(server, b"GET /api/jobs HTTP/1.1\r\n" + head + b"Idempotency-Key: a\r\n\tb\r\n\r\n")
    twice = raw(server, b"GET /api/jobs HTTP/1.1\r\n" + head + b"Host: evil.example\r\n\r\n")
    both = raw(server, b"GET /api/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer bad\r\n" + head[17:] + b"\r\n")
    assert all(b" 200 " not in answer.split(b"\r\n")[0] for answer in (twice, both))
    assert b"Set-Cookie" not in folded
    for key in ("a b", "\u00e9", "x" * 300, ""):
        asked = {"json": {"scene": "x"}, "headers": {"Idempotency-Key": key.encode()}}
        assert server.refused("POST", "/api/jobs", **asked)["status"] == 422
    name = "sc'ene;filename=x %0d%0aé.tif"
    answer = server.http.post("/api/uploads", params={"name": name}, content=scene.read_bytes())
    job = server.mapped(answer.json())
    given = server.http.get(f"/api/jobs/{job['id']}/results/map.tif").headers["content-disposition"]
    assert given.startswith("attachment; filename*=utf-8''") and ";" not in given.partition("''")[2]


# How much


def test_too_many_jobs_are_refused(serve: Serve, scene: Path) -> None:
    server = serve(limits=Limits(jobs=2))
    found = server.upload(scene)
    for _ in range(2):
        server.start(found)
    answer = server.http.post("/api/jobs", json={"scene": found["id"], "model": "tiny"})
    assert answer.status_code == 429 and answer.headers["retry-after"] == "60"


def test_a_token_has_quotas_of_pixels_bytes_and_scenes(serve: Serve, scene: Path) -> None:
    size = scene.stat().st_size
    server = serve(limits=Limits(pixels=70_000, bytes=2 * size + 10, scenes=2))
    found = server.upload(scene)
    server.start(found)
    problem = server.refused("POST", "/api/jobs", json={"scene": found["id"], "model": "tiny"})
    assert problem["status"] == 429 and "megapixels a day" in problem["detail"]
    server.upload(scene)
    send = {"params": {"name": "b.tif"}, "content": scene.read_bytes()}
    assert server.refused("POST", "/api/uploads", **send)["status"] == 413
    assert server.http.delete(f"/api/scenes/{server.http.get('/api/scenes').json()[0]['id']}").status_code == 204
    small = {"params": {"name": "c.png"}, "content": png()}
    assert server.http.post("/api/uploads", **small).status_code == 201
    assert server.refused("POST", "/api/uploads", **small)["status"] == 429


def test_streams_and_pixels_of_a_scene_are_bounded(serve: Serve, scene: Path) -> None:
    server = serve(limits=Limits(streams=0, scene_pixels=60_000))
    job = server.start(server.upload(scene))
    assert server.refused("GET", f"/api/jobs/{job['id']}/events")["status"] == 429
    larger = write_tiff(server.folder / "large.tif", np.zeros((1, 200, 301), np.uint8))
    send = {"params": {"name": "large.tif"}, "content": larger.read_bytes()}
    assert server.refused("POST", "/api/uploads", **send)["status"] == 413


def test_beyond_the_loopback_a_token_is_needed() -> None:
    assert is_loopback("127.0.0.1") and is_loopback("::1") and not is_loopback("0.0.0.0") and not is_loopback("::")
    from smalti.app.start import serve as serve_it

    start = replace(Start("0.0.0.0", 0, ()), data=Path("nowhere"))
    with pytest.raises(OptionError, match="would let everyone in"):
        serve_it(start, token=None, tokens=None, no_token=True, say=print)


def test_problems_name_no_path_of_the_server(server: Server) -> None:
    broken = server.root / "broken.tif"
    broken.write_bytes(b"II*\0" + bytes(100))
    problem = server.refused("POST", "/api/scenes", json={"path": str(broken)})
    assert problem["status"] == 422
    sent = server.refused("POST", "/api/uploads", params={"name": "broken.tif"}, content=broken.read_bytes())
    assert str(server.services.folders.root) not in sent["detail"] and SECRET.decode() not in sent["detail"]


def test_an_unexpected_error_tells_nothing_of_the_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError(SECRET.decode())

    monkeypatch.setattr(server.services.jobs, "all", fail)
    problem = server.refused("GET", "/api/jobs")
    assert problem["status"] == 500 and SECRET.decode() not in str(problem)


def test_a_full_disk_is_said_in_one_line(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(server.services.jobs, "all", full)
    problem = server.refused("GET", "/api/jobs")
    assert (problem["status"], problem["exit_code"]) == (507, 4)
    assert "disk is full" in problem["detail"]


def test_problems_are_exceptions_with_a_printable_line() -> None:
    assert ProblemError(422, "a\nb").detail == "a\\nb"


def test_a_body_that_is_held_in_memory_is_bounded(server: Server) -> None:
    parts = iter([b'{"scene": "', b"a" * LONGEST, b'"}'])
    json = {"content-type": "application/json"}
    assert server.refused("POST", "/api/jobs", content=parts, headers=json)["status"] == 413


def test_a_registered_file_that_became_a_link_is_not_followed(server: Server, scene: Path) -> None:
    inside = server.root / "inside.tif"
    inside.write_bytes(scene.read_bytes())
    (found,) = server.http.post("/api/scenes", json={"path": str(inside)}).json()["scenes"]
    inside.unlink()
    inside.symlink_to(scene)
    tile = f"/api/scenes/{found['id']}/tiles/0/0/0"
    assert "not there any more" in server.refused("GET", tile)["detail"]
    job = server.start(found)
    server.work()
    assert server.http.get(f"/api/jobs/{job['id']}").json()["state"] == "failed"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_names_that_are_no_text_do_not_hide_their_neighbours(server: Server, scene: Path) -> None:
    for name in (b"\xff\xfe.tif", b"new\nline.tif", b"good.tif"):
        Path(os.fsdecode(os.fsencode(server.root) + b"/" + name)).write_bytes(scene.read_bytes())
    listing = server.http.get("/api/browse", params={"path": str(server.root)}).json()
    assert [entry["name"] for entry in listing["entries"]] == ["good.tif"]


def test_layers_with_odd_names_are_not_there(server: Server, scene: Path) -> None:
    job = server.mapped(server.upload(scene))
    for name in ("**", "classes**", "%00", "\u00e9" * 200):
        assert server.refused("GET", f"/api/jobs/{job['id']}/tiles/{name}/0/0/0.png")["status"] == 404
