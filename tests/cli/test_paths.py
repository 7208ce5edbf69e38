"""Paths on the command line: what is written to is local, no URL, and an empty one is refused."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from smalti.cli import group
from smalti.errors import OutputError


@pytest.mark.parametrize(
    "arguments",
    [
        ("draw", "URL"),
        ("demo", "URL"),
        ("train", "no.toml", "--out", "URL"),
        ("pretrain", "no.toml", "--out", "URL"),
        ("export", "no", "URL.onnx"),
        ("evaluate", "landcover", "no", "--json", "URL"),
        ("evaluate", "landcover", "no", "--report", "URL"),
        ("evaluate", "landcover", "no", "--pictures", "URL"),
        ("photos", "no", "--csv", "URL"),
        ("photos", "no", "--copy-picks", "URL"),
        ("data", "vaihingen", "no", "--sheet", "URL"),
        ("data", "check", "no", "--sheet", "URL"),
        ("data", "split", "no", "-o", "URL"),
        ("map", "no.tif", "-o", "URL"),
        ("map", "no.tif", "-o", "m.tif", "--polygons", "URL.gpkg"),
    ],
)
def test_urls_are_refused_by_every_command(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [word.replace("URL", "s3://bucket/out") for word in arguments]
    done = CliRunner().invoke(group, words)
    assert isinstance(done.exception, OutputError), done.output
    assert str(done.exception).startswith("s3://bucket/out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("photos", "", "--xmp"),
        ("photos", "no", "--csv", ""),
        ("evaluate", "landcover", ""),
        ("train", "no.toml", "--out", ""),
        ("export", "", "a.onnx"),
        ("draw", ""),
        ("data", "check", ""),
        ("map", "no.tif", "-o", ""),
        ("map", "", "-o", "m.tif"),
    ],
)
def test_an_empty_path_is_not_the_current_folder(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(group, arguments)
    assert done.exit_code == 2 and re.search("expected a (list of )?path", done.output)
    assert list(tmp_path.iterdir()) == []
