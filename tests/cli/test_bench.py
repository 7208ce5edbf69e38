import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from smalti.card import Origin, Score
from smalti.cli import group
from smalti.errors import MissingExtraError, ModelError, OutputError
from smalti.runtime import models
from smalti.runtime.measure import Case, Measured
from smalti.workflows import bench as verb
from tests.tiny import tiny_card, tiny_model


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Case]:
    """No process is started: a tile takes a millisecond per 64 pixels, OpenVINO half of it."""
    cases: list[Case] = []

    def measured(case: Case, seconds: float) -> Measured:
        cases.append(case)
        slow = case.tile / 64e3 * (0.5 if case.engine == "openvino" else 1)
        sample = np.full((3, 4, 4), 0.25 if case.engine == "openvino" else 0.5, np.float32)
        return Measured(0.5, (2 * slow, slow, 3 * slow), 100_000_000, 0.125, sample)

    monkeypatch.setattr(verb, "measure_alone", measured)
    monkeypatch.setattr(models, "BUNDLED", tmp_path / "bundled")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    for folder in ("bundled", "models"):
        (tmp_path / folder).mkdir()
    return cases


def run(*words: str) -> Result:
    return CliRunner().invoke(group, ["bench", *words], catch_exceptions=False)


def scored(name: str, *data: str) -> Path:
    scores = tuple(
        Score(name="mIoU", value=0.5 + k / 10, protocol=f"data: {each}; split: all") for k, each in enumerate(data)
    )
    return tiny_model(Path(f"models/{name}.onnx"), tiny_card(name=name, origin=Origin(scores=scores)))


def test_rows_of_models_engines_threads_and_tiles_are_measured_in_turns(asked: list[Case]) -> None:
    scored("one")
    words = ("--engine", "onnx", "--engine", "openvino", "--threads", "1", "--threads", "2", "--tile", "64")
    if "openvino" not in verb.installed_engines():
        pytest.skip("openvino is not installed")
    lines = run("one", *words, "--tile", "128").stdout.splitlines()
    assert " ".join(lines[1].split()) == "model engine threads tile numbers ms fastest MPix/s start s peak MB J differs"
    rows = [line.split() for line in lines[2:]]
    assert [row[:4] for row in rows[:3]] == [
        ["one", "onnx", "1", "64"], ["one", "openvino", "1", "64"], ["one", "onnx", "2", "64"]
    ]  # fmt: skip
    assert rows[0][4:] == ["floats", "2.0", "1.0", "2.05", "0.50", "100", "0.125", "0e+00"]
    assert rows[1][-1] == "2e-01"  # 0.25, compared with the first engine
    assert len(rows) == 8 and asked[:8] == asked[8:16] == asked[16:]


def test_without_a_model_all_but_rankers_and_damaged_ones(asked: list[Case]) -> None:
    scored("own")
    tiny_model(Path("bundled/ready.onnx"))
    (Path("models") / "bad.onnx").write_bytes(b"none")
    run("--engine", "onnx")
    assert [case.model for case in asked] == ["ready", "own"] * verb.ROUNDS
    assert {case.tile for case in asked} == {64}


def test_json_and_a_page_with_a_chart_per_data(tmp_path: Path) -> None:
    scored("one", "town <7>")
    scored("two", "town <7>", "elsewhere")
    scored("three")
    run("--engine", "onnx", "--json", "out/b.json", "--report", "out/b.html")
    found = json.loads(Path("out/b.json").read_text())
    assert [row["model"] for row in found["timings"]] == ["one", "three", "two"]
    assert found["timings"][0]["megapixels_per_second"] == pytest.approx(64 * 64 / 2e3)
    page = Path("out/b.html").read_text()
    assert page.count("<figure>") == 2 and page.count("<circle") == 3
    assert "mIoU over ms per tile (town &lt;7&gt;)" in page and "No score in the card of three" in page
    run("--engine", "onnx", "--json", "out/b.json", "--report", "out/b.html")  # its own files are replaced


@pytest.mark.parametrize("option", ["--json", "--report"])
def test_other_files_are_not_replaced(option: str, asked: list[Case]) -> None:
    scored("one")
    Path("notes").write_text("of somebody")
    with pytest.raises(OutputError, match="notes: exists and"):
        run("one", option, "notes")
    assert Path("notes").read_text() == "of somebody" and not asked


def test_what_cannot_be_measured_is_refused_before(monkeypatch: pytest.MonkeyPatch, asked: list[Case]) -> None:
    scored("one")
    assert "expected one of auto, onnx" in run("one", "--engine", "onx").output
    assert "takes multiples of 32 pixels" in run("one", "--tile", "100").output
    with pytest.raises(ModelError, match="no model is named 'two'"):
        run("two")
    monkeypatch.setattr(verb, "installed_engines", lambda: ("onnx",))
    with pytest.raises(MissingExtraError, match=r"smalti\[openvino\]"):
        run("one", "--engine", "openvino")
    assert not asked


def test_a_ranker_of_photos_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    scored("one")
    monkeypatch.setattr(verb, "is_ranker", lambda card: True)
    with pytest.raises(ModelError, match="one: ranks photos"):
        run("one")
