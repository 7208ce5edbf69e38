import json
import math

import pytest

from smalti.errors import DataError
from smalti.evaluation import evaluate
from smalti.evaluation.delta import delta_m, read_singles
from smalti.evaluation.result import Main
from tests.evaluation.test_tasks import Both, pair, scene

MIOU, RMSE = Main("mIoU", 0.5, True), Main("RMSE", 2.0, False)


def test_it_is_the_mean_of_signed_relative_gains():
    found = {"cover": Main("mIoU", 0.55, True), "height": Main("RMSE", 1.5, False)}
    delta = delta_m(found, {"cover": MIOU, "height": RMSE})
    assert [gain.share for gain in delta.gains] == pytest.approx([0.1, 0.25])  # less error is a gain
    assert delta.mean == pytest.approx(0.175)
    assert str(delta).startswith("Delta_m +17.50 %: cover mIoU +10.00 % (0.5 to 0.55), height RMSE +25.00 %")
    worse = delta_m({"height": Main("RMSE", 2.5, False)}, {"height": RMSE})
    assert worse.mean == pytest.approx(-0.25)
    assert math.isnan(delta_m({"height": RMSE}, {"height": Main("RMSE", 0.0, False)}).mean)


def test_every_task_needs_a_single_run_by_the_same_number():
    with pytest.raises(DataError, match="no single run of task height, only of cover"):
        delta_m({"cover": MIOU, "height": RMSE}, {"cover": MIOU})
    with pytest.raises(DataError, match="was scored by accuracy, this one by mIoU"):
        delta_m({"cover": MIOU}, {"cover": Main("accuracy", 0.5, True)})


@pytest.fixture
def stored(tmp_path):
    """Both tasks scored at once, and each one alone in a file."""
    pairs = [pair("a", *scene(1))]
    found = evaluate(Both(), pairs, data="town")
    for name in found.tasks:
        alone = evaluate(Both(), pairs, data="town", split="another recipe", tasks=[name])
        (tmp_path / f"{name}.json").write_text(alone.to_json())
    return found, [tmp_path / f"{name}.json" for name in found.tasks]


def test_stored_runs_are_read_by_task(stored):
    found, paths = stored
    protocols = {result.task.name: dict(result.protocol.lines()) for result in found}
    singles = read_singles(paths, protocols)
    assert singles == {result.task.name: result.main for result in found}
    assert delta_m({result.task.name: result.main for result in found}, singles).mean == 0
    paths[0].write_text(found.to_json())
    assert read_singles(paths[:1], protocols) == singles  # from one file of several tasks, too


def test_runs_under_another_protocol_are_refused(stored):
    found, paths = stored
    protocols = {result.task.name: dict(result.protocol.lines()) for result in found}
    with pytest.raises(DataError, match="height already has a single run"):
        read_singles([paths[1], paths[1]], protocols)
    told = json.loads(paths[1].read_text())
    told["protocol"]["data"] = "village, 1 image, 9 pixels counted"
    paths[1].write_text(json.dumps(told))
    with pytest.raises(DataError, match="height was scored under another protocol: data: village"):
        read_singles(paths, protocols)


def test_undefined_scores_are_refused_where_they_are_compared(stored):
    found, paths = stored
    protocols = {result.task.name: dict(result.protocol.lines()) for result in found}
    told = json.loads(paths[1].read_text())
    told["main"]["value"] = None
    paths[1].write_text(json.dumps(told))
    with pytest.raises(DataError, match=r"height.json: height: its RMSE is undefined in this file; give one that"):
        read_singles(paths, protocols)
    del protocols["height"]
    assert set(read_singles(paths, protocols)) == set(protocols)


@pytest.mark.parametrize("text", ["{}", "[]", "nothing", '{"tasks": 3}', '{"tasks": {"a": {}}}'])
def test_files_without_scores_are_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match="no scores of tasks"):
        read_singles([tmp_path / "a.json"], {})
    with pytest.raises(DataError, match="cannot be read"):
        read_singles([tmp_path / "b.json"], {})


def test_a_gain_over_nothing_is_none_in_json():
    none, some = Main("RMSE", 0.0, False), Main("RMSE", 1.0, False)
    found = delta_m({"height": some, "depth": some}, {"height": none, "depth": some})
    assert found.to_dict() == {"delta_m": None, "gains": {"height": None, "depth": 0.0}}
