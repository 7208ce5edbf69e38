import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from smalti.cli.evaluate import command as evaluate
from smalti.deploy.release import export_checkpoint, with_scores
from smalti.errors import DataError, ModelError, RecipeError
from smalti.training import predict
from smalti.training.checkpoint import load_checkpoint
from smalti.training.kinds.ranking import work as ranking
from smalti.training.kinds.ranking.work import checkpoint_logits
from smalti.training.loop import Training, begin
from smalti.training.recipe import read_recipe
from tests.data.photos.tiny import write_ranked
from tests.training.descent import PLAIN, descend

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own

RECIPE = """
kind = "ranking"
[card]
name = "tiny"
[net]
encoder = "mobilenetv2"
width = 0.25
[data]
root = "{root}"
[[data.train]]
kind = "ranked"
path = "train"
[[data.validation]]
kind = "ranked"
path = "validation"
[loss]
pairs = 1.0
list = 0.5
group = 0.1
[optim]
lr = 3e-3
[train]
steps = 4
batch = 2
photos = 3
epoch_steps = 2
save_every = 1
threads = 1
"""


@pytest.fixture(scope="module", autouse=True)
def _few_series_to_start_from() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "START", 2)
        yield


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranking")
    write_ranked(folder / "train", 3)
    write_ranked(folder / "validation", 2, first=10)
    path = folder / "tiny.toml"
    path.write_text(RECIPE.format(root=folder))
    return path


def start(recipe: Path, folder: Path, *changes: str) -> Training:
    read = read_recipe(recipe, changes)
    return begin(read, read.make_card(recipe.name), folder)


@pytest.fixture(scope="module")
def trained(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a training, and what it said."""
    folder, said = tmp_path_factory.mktemp("run"), []
    training = start(recipe, folder)
    said += training.work.introduction()
    training.run(said.append)
    said.append(training.work.conclude(folder / "best").text)
    return folder, "\n".join(said)


@pytest.mark.slow
def test_it_trains_validates_and_tells(trained: tuple[Path, str]) -> None:
    folder, said = trained
    for text in ("ranker on mobilenetv2", "3 series", "pairs ", "best of series", "log-loss", "calibration error"):
        assert text in said
    card, weights = load_checkpoint(folder / "best")
    assert card.tasks[0].kind == "score" and card.tile == 256 and "best accuracy" in card.origin.chosen
    assert weights["net.cues.std"].min() > 0 and weights["net.cues.mean"].abs().max() > 0.1


@pytest.mark.slow
def test_a_killed_training_goes_on_where_it_was(recipe: Path, trained: tuple[Path, str], tmp_path: Path) -> None:
    first = start(recipe, tmp_path)
    batches = first.work.batches(0)
    for _ in range(3):
        first.step(batches)
    batches.close()
    first._save(Quiet())  # type: ignore[arg-type]
    again = start(recipe, tmp_path)
    assert again.progress.step == 3
    again.run(lambda _: None)
    _, expected = load_checkpoint(trained[0] / "last")
    _, got = load_checkpoint(tmp_path / "last")
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, msg=name)


class Quiet:
    """Records that nobody reads."""

    path = Path("records.csv")

    def content(self) -> bytes:
        return b""


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["pairs=1", "pairs=1,list=0.5,group=0.1"])
def test_an_update_lowers_the_loss_as_its_gradient_promises(recipe: Path, tmp_path: Path, loss: str) -> None:
    training = start(recipe, tmp_path, f"loss={{{loss}}}", *PLAIN)
    with closing(training.work.batches(0)) as batches:
        promised, seen = descend(training, next(batches))
    assert seen == pytest.approx(promised, rel=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("net", ["siamese", "pooled"])
def test_rankers_to_compare_with_train_too(recipe: Path, tmp_path: Path, net: str) -> None:
    training = start(recipe, tmp_path, f"net.name={net}", "loss={pairs=1}", "train.steps=1", "train.epoch_steps=1")
    training.run(lambda _: None)
    logits = checkpoint_logits(tmp_path / "best")
    answer = logits(np.zeros((2, 3, 256, 256), np.uint8), np.zeros((2, len(training.work.card.options["cues"]))))
    assert answer.shape == (2, 2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("loss.pears=1", "expected the terms pairs, list, group or steady"),
        ("net.name=siamese", "loss.list needs scores"),
        ("net.encoder_sha256=00", "without net.encoder_weights"),
        ("data.train.0.pth=x", "unknown key data.train.0.pth; did you mean path"),
        ("data.labels=sharp", "data.labels"),
    ],
)
def test_contradictions_are_refused_when_the_recipe_is_read(recipe: Path, change: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        read_recipe(recipe, [change])


def test_a_steady_score_needs_a_net_with_scores(recipe: Path) -> None:
    with pytest.raises(RecipeError, match=r"loss\.steady needs scores"):
        read_recipe(recipe, ["net.name=siamese", "loss={pairs=1, steady=1}"])


@pytest.mark.slow
def test_steadiness_is_learned_from_twins(recipe: Path, tmp_path: Path) -> None:
    training = start(recipe, tmp_path, "loss={pairs=1, steady=5}")
    with closing(training.work.batches(0)) as batches:
        batch = next(batches)
    batch["twin_cues"], batch["twin_image"] = batch["cues"].clone(), batch["image"].clone()
    training.model.eval()
    assert training.work.terms(training.model, batch)["steady"] < 1e-9
    batch["twin_cues"] = batch["cues"] + 1
    assert training.work.terms(training.model, batch)["steady"] > 1e-9
    batch["twin_cues"], batch["twin_image"] = batch["cues"].clone(), 255 - batch["image"]
    assert training.work.terms(training.model, batch)["steady"] > 1e-9


def test_variants_need_a_frozen_encoder(recipe: Path) -> None:
    with pytest.raises(RecipeError, match=r"data\.variants keeps the encoder's features"):
        read_recipe(recipe, ["data.variants=2"])


@pytest.mark.slow
def test_what_is_kept_of_pictures_changes_no_training(recipe: Path, tmp_path: Path) -> None:
    """However much fits into the memory: all, some, or nothing."""
    weights = []
    for memory in (1000, 1, 0):
        frozen = ["data.variants=2", "optim.freeze_encoder=always", f"data.memory_mb={memory}"]
        training = start(recipe, tmp_path / str(memory), *frozen)
        training.run(lambda _: None)
        weights.append(load_checkpoint(tmp_path / str(memory) / "last")[1])
    for name, value in weights[0].items():
        assert all(torch.equal(one[name], value) for one in weights[1:]), name


@pytest.mark.parametrize("net", ["siamese", "pooled"])
def test_what_is_kept_serves_nets_to_compare_with(recipe: Path, tmp_path: Path, net: str) -> None:
    frozen = ["data.variants=2", "optim.freeze_encoder=always", f"net.name={net}", "loss={pairs=1}", "train.steps=1"]
    training = start(recipe, tmp_path, *frozen)
    training.run(lambda _: None)
    assert training.progress.step == 1


def test_a_source_of_nothing_is_refused(recipe: Path) -> None:
    text = recipe.read_text().replace('kind = "ranked"\npath = "train"', 'kind = "worsened"')
    path = recipe.with_name("nothing.toml")
    path.write_text(text)
    with pytest.raises(RecipeError, match="needs originals or drawn"):
        read_recipe(path)
    with pytest.raises(RecipeError, match=r"photos \(5, 3\) must be two numbers"):
        read_recipe(path, ["data.train.0.drawn=[1]", "data.train.0.photos=[5,3]"])


def test_copies_of_a_photo_on_both_sides_are_refused_whatever_their_names(recipe: Path, tmp_path: Path) -> None:
    for part in ("train", "validation"):
        shutil.copytree(recipe.parent / part, tmp_path / part)
    photo = next((tmp_path / "train").rglob("*.*"))
    other = next((tmp_path / "validation").rglob("*.*"))
    caption = PngInfo()
    caption.add_text("Title", "edited")
    with Image.open(photo) as picture:
        picture.save(photo)
        picture.save(other, pnginfo=caption)
    with pytest.raises(DataError, match=rf"{photo} \(training\) and {other} \(validation\) are copies of one photo"):
        start(recipe, tmp_path / "run", f"data.root={tmp_path}")


def test_series_on_both_sides_are_refused(recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="split by series"):
        start(recipe, tmp_path, "data.validation.0.path=train")


@pytest.mark.slow
def test_the_checkpoint_and_its_file_are_scored_alike(recipe: Path, trained: tuple[Path, str], tmp_path: Path) -> None:
    model = tmp_path / "tiny.onnx"
    assert export_checkpoint(trained[0] / "best", model).difference < 1e-4
    found = {}
    data = recipe.parent / "validation"
    for name, which in (("file", model), ("checkpoint", trained[0])):
        done = CliRunner().invoke(evaluate, [str(which), str(data), "--json", str(tmp_path / f"{name}.json")])
        assert done.exit_code == 0, done.output
        assert "variance of the Laplacian" in done.output and "hard: the order of the names" in done.output
        found[name] = json.loads((tmp_path / f"{name}.json").read_text())["ranking"]
    assert found["file"]["accuracy"] == found["checkpoint"]["accuracy"] and found["file"]["pairs"] == 6
    assert found["file"]["log_loss"] == pytest.approx(found["checkpoint"]["log_loss"], abs=1e-3)
    whole = json.loads((tmp_path / "file.json").read_text())
    assert whole["baselines"]["variance of the Laplacian"]["accuracy"] == 1  # softer ones are worse here
    card, _ = load_checkpoint(trained[0] / "best")
    assert with_scores(card, tmp_path / "file.json").origin.scores[0].name == "pair accuracy"


@pytest.mark.slow
def test_recipes_tables_and_other_data_are_scored_or_refused(recipe: Path, trained: tuple[Path, str]) -> None:
    run = CliRunner().invoke
    folder = str(trained[0])
    assert "2 series, 6 pairs" in run(evaluate, [folder, str(recipe), "--part", "validation"]).output
    assert "--tta is for models that map" in run(evaluate, [folder, str(recipe), "--tta"]).output
    for data, says in ((recipe, "has no data.test"), (recipe.parent / "x.jpg", "a folder of ranked series, a CSV")):
        with pytest.raises(DataError, match=says):
            run(evaluate, [folder, str(data)], catch_exceptions=False)


def test_weights_of_another_net_are_refused(trained: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    card, weights = load_checkpoint(trained[0] / "best")
    weights.pop("net.cues.mean")
    monkeypatch.setattr(predict, "load_checkpoint", lambda _: (card, weights))
    with pytest.raises(ModelError, match="do not match the net ranker"):
        checkpoint_logits(trained[0] / "best")


def test_a_damaged_photo_is_told_before_the_first_step(tmp_path: Path) -> None:
    write_ranked(tmp_path / "train", 3)
    write_ranked(tmp_path / "validation", 2, first=10)
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE.format(root=tmp_path))
    photo = tmp_path / "validation" / "s11" / "03.png"
    photo.write_bytes(photo.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"s11/03\.png: is truncated"):
        start(path, tmp_path / "run")


@pytest.mark.parametrize("part", ["train", "validation"])
def test_pairs_without_a_better_photo_say_nothing(recipe: Path, tmp_path: Path, part: str) -> None:
    write_ranked(tmp_path, 1)
    (tmp_path / "pairs.csv").write_text("a,b,p\ns0/01.png,s0/02.png,0.5\ns0/01.png,s0/03.png,0.5\n")
    source = f"data.{part}=[{{kind='pairs',path='{tmp_path / 'pairs.csv'}'}}]"
    with pytest.raises(DataError, match=r"^(training|validation): no photo is preferred to another"):
        start(recipe, tmp_path / "run", source)


def test_a_share_of_best_photos_chooses_no_checkpoint_where_none_is_known(recipe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "validation"
    for number in (10, 11):
        shutil.copytree(recipe.parent / "validation" / f"s{number}", folder / f"s{number}")
    (folder / "pairs.csv").write_text(
        "a,b,winner\n" + "".join(f"s{n}/{a:02}.png,s{n}/{b:02}.png,a\n" for n in (10, 11) for a, b in ((1, 2), (3, 2)))
    )
    path = tmp_path / "tiny.toml"
    ranked = 'kind = "ranked"\npath = "validation"'
    path.write_text(recipe.read_text().replace(ranked, f'kind = "pairs"\npath = "{folder}/pairs.csv"'))
    assert start(path, tmp_path / "run").work.undefined == {"top1": ranking.NO_BEST}
    with pytest.raises(RecipeError, match=r"^train\.select: top1 is undefined for the validation data: no validation"):
        start(path, tmp_path / "run", 'train.select="top1"')
