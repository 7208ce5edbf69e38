"""Several folders of photos, each ranked by itself, here or on a cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from distributed import LocalCluster

from smalti.cli.photos import command
from smalti.errors import ClusterError, DataError, OptionError
from smalti.workflows import photo_folders
from smalti.workflows import photos as workflow
from smalti.workflows.photo_folders import WorkerRanker, check_ranker, rank_folders
from smalti.workflows.photos import PhotoOptions, PhotoRanking
from tests.photos.shots import FakeRanker, blurred, save, scene, tags


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a scheduler with two workers."""
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    def open_fake(*_: Any, **__: Any) -> FakeRanker:
        return FakeRanker()

    monkeypatch.setattr(workflow, "open_ranker", open_fake)
    monkeypatch.setattr(photo_folders, "open_ranker", open_fake)
    for name in ("a", "b", "c"):
        for k, sigma in enumerate((2.0, 0.01)):
            picture = blurred(scene(ord(name)), sigma)
            save(tmp_path / name / f"{k}.jpg", picture, tags(f"2024:05:17 12:00:0{k}"), quality=95)
    return [tmp_path / name for name in ("a", "b", "c")]


def test_workers_rank_each_folder_as_one_process_does_and_errors_come_last(folders: list[Path], scheduler: str) -> None:
    given = [folders[0].parent / "missing", *folders]
    alone = list(rank_folders(given, PhotoOptions()))
    both = list(rank_folders(given, PhotoOptions(report=True, xmp=True), scheduler=scheduler))
    assert [type(each) for each in alone] == [DataError] + [PhotoRanking] * 3
    assert [type(each) for each in both] == [PhotoRanking] * 3 + [DataError]
    assert str(both[-1]) == str(alone[0])
    picks = {each.folder: each.picks for each in both if isinstance(each, PhotoRanking)}
    assert picks == {each.folder: each.picks for each in alone if isinstance(each, PhotoRanking)}
    assert picks[folders[1]] == (folders[1] / "1.jpg",)
    for folder in folders:
        assert (folder / "smalti-photos.html").exists() and len(list(folder.glob("1*.xmp"))) == 1


def test_shards_are_all_folders_together(folders: list[Path]) -> None:
    shares = [list(rank_folders(folders, PhotoOptions(), shard=f"{k}/2")) for k in range(2)]
    ranked = [[each.folder for each in share if isinstance(each, PhotoRanking)] for share in shares]
    assert ranked == [[folders[0], folders[2]], [folders[1]]]


def test_what_several_folders_cannot_share_is_refused(folders: list[Path]) -> None:
    with pytest.raises(OptionError, match="--csv is for one folder, but 3 are given"):
        list(rank_folders(folders, PhotoOptions(csv=folders[0].parent / "t.csv")))
    with pytest.raises(OptionError, match=r"a: is given besides .*, whose photos are ranked too"):
        list(rank_folders([folders[0].parent, folders[0]], PhotoOptions()))
    with pytest.raises(OptionError, match="shard is 2/2"):
        list(rank_folders(folders, PhotoOptions(), shard="2/2"))


def test_workers_have_the_same_ranker(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    check_ranker(WorkerRanker("bestshot", FakeRanker().sha256))
    with pytest.raises(ClusterError, match=r"a worker has another model bestshot \(sha256 f{8}, here 0{8}\)"):
        check_ranker(WorkerRanker("bestshot", "0" * 64))
    monkeypatch.undo()
    with pytest.raises(ClusterError, match="a worker cannot open the model: "):
        check_ranker(WorkerRanker("none", ""))


def test_the_command_prints_each_folder(folders: list[Path]) -> None:
    done = CliRunner().invoke(command, [str(folders[0]), str(folders[2]), str(folders[0].parent / "missing")])
    lines = done.output.splitlines()
    assert done.exit_code == 3, done.output
    assert [line for line in lines if line.endswith(":")] == [f"{folders[0]}:", f"{folders[2]}:"]
    assert lines[1] == "1.jpg: best of 2 (1 soft)" and lines[-1].startswith("smalti: ")
