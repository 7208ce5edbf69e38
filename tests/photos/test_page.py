import base64
import hashlib
import html
import json
import os
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from smalti.errors import OutputError
from smalti.photos.page import write_page
from smalti.photos.photo import Unread
from smalti.photos.tables import COLUMNS, rows
from tests.photos.results import draw, photo, ranked, result

NAMES = [b"<img src=x onerror=alert(1)> \"q\" 'n'.jpg", b"bad \xff # % ?.jpg", "a:b \N{SUNRISE}.jpg".encode()]


@pytest.fixture
def written(tmp_path):
    paths = [draw(tmp_path / "in" / os.fsdecode(name), shade=k) for k, name in enumerate(NAMES)]
    evil = "</script><script>alert(1)</script>"
    first = (
        ranked(photo(paths[0], taken=1_700_000_000)),
        ranked(photo(paths[1], taken=1_700_000_002.5), "alternate", ("soft", evil), 0.47, True),
    )
    found = result(first, (ranked(photo(paths[2])),), unread=(Unread(tmp_path / "in" / "half.jpg", f"is cut {evil}"),))
    write_page(found, tmp_path / "out" / "my page.html")
    return found, (tmp_path / "out" / "my page.html").read_text("utf-8")


def test_says_what_was_found(written):
    _, page = written
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert "3 photos: 1 series and 1 on their own, 1 file could not be read" in text
    assert "2023-11-14 22:13, 2.5 s" in text and "beats the model's pick: 47 %" in text
    assert page.count("<mark>too close to call</mark>") == 2  # the photo's and the series'
    assert "Model: tiny" in text and "by time and similarity" in text and "half.jpg" in text and "score -1.25" in text


def test_nothing_in_a_name_or_reason_becomes_markup(written):
    _, page = written
    assert "<img src=x" not in page and "<script>alert" not in page
    assert page.count("<script") == page.count("</script>") == 2
    assert "soft, &lt;/script&gt;" in page and "bad \\xff # % ?.jpg" in page


def test_links_lead_to_thumbnails_and_originals(written, tmp_path):
    _, page = written
    targets = [os.fsdecode(unquote_to_bytes(target)) for target in re.findall(r' (?:src|href)="([^"]+)"', page)]
    assert sum(Path(target).parent == Path("my page_files") for target in targets) == 3
    assert {os.fsencode(Path(target).name) for target in targets} >= set(NAMES)
    assert all((tmp_path / "out" / target).is_file() for target in targets)


def test_asks_nothing_from_the_network_and_runs_its_own_script_only(written):
    _, page = written
    policy = re.search(r'content="(default-src[^"]+)"', page)[1]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in html.unescape(policy)
        assert "://" not in text and "innerHTML" not in text and "eval(" not in text


def test_holds_the_table_for_the_buttons(written):
    found, page = written
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    file = COLUMNS.index("file")
    assert data["columns"] == list(COLUMNS) and data["name"] == "my page"
    assert [row[:file] + row[file + 1 :] for row in data["rows"]] == [
        row[:file] + row[file + 1 :] for row in rows(found)
    ]
    assert [row[file] for row in data["rows"]] == [photo["files"][0] for photo in data["photos"]]
    assert all(photo["files"][0].startswith("../in/") for photo in data["photos"])
    assert sorted(photo["when"] for photo in data["photos"]) == [0, 1, 2]
    assert re.findall(r'data-row="(\d)"', page) == ["0", "1", "2"]


def test_a_photo_that_is_gone_and_an_empty_folder_still_give_a_page(tmp_path):
    write_page(result((ranked(photo(tmp_path / "gone.jpg")),)), tmp_path / "a.html")
    assert "can no longer be read" in (tmp_path / "a.html").read_text()
    write_page(result(), tmp_path / "b.html")
    assert "0 photos" in (tmp_path / "b.html").read_text()


def test_the_browser_is_given_the_jpeg_of_a_raw(tmp_path):
    raw, jpeg = tmp_path / "1.nef", draw(tmp_path / "1.jpg")
    raw.write_bytes(b"raw")
    write_page(result((ranked(photo(raw, jpeg)),)), tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text()
    assert 'href="1.jpg"' in page and "1.nef + jpg" in page


def test_no_page_without_its_thumbnails(tmp_path):
    shot = photo(draw(tmp_path / "1.jpg"))
    (tmp_path / "p_files").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write_page(result((ranked(shot),)), tmp_path / "p.html")
    assert not (tmp_path / "p.html").exists()
