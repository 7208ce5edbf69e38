"""Shares of a list of scenes, and the examples for schedulers, each run with the variables that its scheduler sets."""

import json
import os
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import smalti as sm
from smalti.errors import GeoreferenceWarning, OptionError, RasterError, SmaltiError
from smalti.workflows.map_result import MapResult
from smalti.workflows.shard import Shard, parse_shard
from tests.tiny import tiny_model

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "many-machines.md").read_text()
BLOCKS: dict[str, str] = dict(re.findall(r'^```\w+ title="([\w.]+)"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12])
@pytest.mark.parametrize("scenes", [0, 1, 7, 10])
def test_shards_make_the_whole_list_once(scenes: int, count: int) -> None:
    whole = list(range(scenes))
    shares = [parse_shard(f"{k}/{count}").of(whole) for k in range(count)]
    assert sorted(each for share in shares for each in share) == whole
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert parse_shard(None).of(whole) == whole


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8/8", "shard is 8/8: of 8 shards the index is from 0 to 7"),
        ("0/0", "shard is 0/0: there must be at least one shard, such as 0/1"),
        ("1", "shard is '1'; expected INDEX/COUNT, such as 0/8"),
        ("-1/8", "shard is '-1/8'; expected INDEX/COUNT"),
        ("/8", "shard is '/8'; expected INDEX/COUNT"),  # of a variable that is not set
        ("1/8/2", "expected INDEX/COUNT"),
        ("1.0/8", "expected INDEX/COUNT"),
        ("٣/٨", "expected INDEX/COUNT"),
        ("", "expected INDEX/COUNT"),
    ],
)
def test_what_is_no_shard_is_one_line(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        parse_shard(text)


def test_a_shard_is_its_text() -> None:
    assert str(parse_shard(" 3/8 ")) == "3/8" and parse_shard("3/8") == Shard(3, 8)


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    for k in range(5):
        path = tmp_path / "scenes" / f"{k}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.random.default_rng(k).integers(0, 255, (40, 50, 3), np.uint8)).save(path)
    tiny_model(tmp_path / "tiny.onnx")
    return tmp_path


@pytest.fixture
def no_warning_of_place() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GeoreferenceWarning)
        yield


@pytest.mark.usefixtures("no_warning_of_place")
def test_shards_of_a_folder_make_all_maps(scenes: Path) -> None:
    made, notes = [], []

    def note(now: sm.Progress) -> None:
        notes.append(now.note)

    for k in range(7):
        for found in sm.map_many(
            [scenes / "scenes"], f"{scenes}/maps/", model=scenes / "tiny.onnx", shard=f"{k}/7", progress=note
        ):
            assert isinstance(found, MapResult)
            made.append((k, found.path.name))
    assert made == [(k, f"{k}.tif") for k in range(5)]
    assert notes[0] == "shard 0/7: 1 of 5 scenes" and notes[-1] == "shard 6/7: 0 of 5 scenes"


@pytest.mark.usefixtures("no_warning_of_place")
def test_names_of_maps_do_not_depend_on_the_shard(scenes: Path) -> None:
    """Scenes of one name in two folders are told apart by the folder, in whatever shard they are."""
    (scenes / "more").mkdir()
    (scenes / "more" / "0.png").write_bytes((scenes / "scenes" / "0.png").read_bytes())
    names = [scenes / "scenes", scenes / "more"]
    made = [
        found.path.name
        for k in range(3)
        for found in sm.map_many(names, f"{scenes}/maps/", model=scenes / "tiny.onnx", shard=f"{k}/3")
        if isinstance(found, MapResult)
    ]
    assert sorted(made) == ["1.tif", "2.tif", "3.tif", "4.tif", "more_0.tif", "scenes_0.tif"]


@pytest.mark.usefixtures("no_warning_of_place")
def test_what_cannot_be_found_is_reported_once(scenes: Path) -> None:
    names = [scenes / "scenes" / "0.png", scenes / "none*.png"]
    found: list[MapResult | SmaltiError] = []
    for k in range(2):
        found += sm.map_many(names, f"{scenes}/maps/", model=scenes / "tiny.onnx", shard=f"{k}/2")
    assert sum(isinstance(each, RasterError) for each in found) == 1 and len(found) == 2


def test_a_mosaic_has_no_shards(scenes: Path) -> None:
    with pytest.raises(OptionError, match="--shard splits a list of scenes, but --mosaic makes one map of all"):
        list(sm.map_many([scenes / "scenes"], scenes / "map.tif", mosaic=True, shard="0/2"))


def commands() -> dict[str, tuple[str, dict[str, str]]]:
    """By scheduler: the shell's text, and the variables that it sets for the second of eight tasks."""
    job = yaml.safe_load(BLOCKS["map.yaml"])["spec"]
    container = job["template"]["spec"]["containers"][0]
    own = {each["name"]: each["value"] for each in container["env"]}
    assert own["SHARDS"] == str(job["completions"]) and container["command"][:2] == ["sh", "-c"]
    batch = json.loads(BLOCKS["map.json"])["containerProperties"]["command"]
    assert "#SBATCH --array=0-7\n" in BLOCKS["map.sh"]
    return {
        "slurm": (BLOCKS["map.sh"], {"SLURM_ARRAY_TASK_ID": "1", "SLURM_CPUS_PER_TASK": "2"}),
        "kubernetes": (container["command"][2], own | {"JOB_COMPLETION_INDEX": "1"}),
        "aws": (batch[2], {"AWS_BATCH_JOB_ARRAY_INDEX": "1", "AWS_BATCH_JOB_ARRAY_SIZE": "8"}),
    }


@pytest.mark.parametrize("scheduler", ["slurm", "kubernetes", "aws"])
def test_examples_give_each_task_its_shard(scheduler: str, scenes: Path) -> None:
    """The program is one that maps with a tiny model; all else is as on the page."""
    text, variables = commands()[scheduler]
    shim = scenes / "bin" / "smalti"
    shim.parent.mkdir()
    python = shlex.quote(sys.executable)
    shim.write_text(f'#!/bin/sh\nexec {python} -m smalti "$@" --model tiny.onnx\n')
    shim.chmod(0o755)
    env = os.environ | variables | {"PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}"}
    text = text.replace("cd /archive && ", "")
    done = subprocess.run(["sh", "-c", text], cwd=scenes, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "shard 1/8: 1 of 5 scenes"
    assert [path.name for path in (scenes / "maps").glob("*.tif")] == ["1.tif"]


def test_a_task_without_its_variable_is_one_line(scenes: Path, smalti: object) -> None:
    done = smalti("map", "scenes", "-o", "maps/", "--shard", "/8", check=False)  # type: ignore[operator]
    assert done.returncode == 2 and "shard is '/8'; expected INDEX/COUNT" in done.stderr
    assert not (scenes / "maps").exists()


@pytest.mark.parametrize("name", ["slurm_cluster.py", "kubernetes_cluster.py"])
def test_a_script_that_starts_a_cluster_prints_the_address_for_the_scheduler(name: str) -> None:
    names = compile(BLOCKS[name], name, "exec").co_names
    assert "print" in names and "scheduler_address" in names
