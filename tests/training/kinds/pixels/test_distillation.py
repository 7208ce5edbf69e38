"""Distillation: what the net learns from a teacher, which teachers are refused, and that resuming is exact."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from smalti.card import Card, Task
from smalti.data.identity import Identity
from smalti.data.pixels.sample import Sample
from smalti.deploy.onnx import export_model
from smalti.errors import DataError, RecipeError, SmaltiError
from smalti.label_sets import id_of, with_sets
from smalti.nets.backbones.backbone import stage_maps
from smalti.nets.build import Model, build
from smalti.training.checkpoint import load_state, save_checkpoint
from smalti.training.kinds.pixels.distill import DistillSettings
from smalti.training.kinds.pixels.distillation import Distillation
from smalti.training.kinds.pixels.teacher import Teacher
from smalti.training.kinds.pixels.work import PixelWork
from smalti.training.loop import Training, begin
from smalti.training.predict import load_model
from smalti.training.recipe import open_work, read_recipe
from smalti.workflows import training_run
from tests.training.kinds.pixels.tiny_tasks import write_tasks
from tests.training.tiny import write_tiny

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own

TASK = with_sets(Task(name="cover", labels=("land", "water", "road")), [(0, 1)])
RGB = ("red", "green", "blue")


class Fixed(nn.Module):
    """A teacher with given logits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"its": self.logits}


def sample(labels: Tensor, valid: Tensor | None = None) -> Sample:
    return Sample(
        image=torch.zeros(len(labels), 1, *labels.shape[1:]),
        targets={"cover": labels},
        valid=torch.ones_like(labels).bool() if valid is None else valid,
        names=["x"] * len(labels),
    )


def divergence(logits: Tensor, answer: Tensor, batch: Sample, **settings: Any) -> float:
    teacher = Teacher(Fixed(answer), {"cover": "its"}, Identity(1, ""))  # type: ignore[arg-type]
    student = build(Card(name="m", net="fpn", tasks=(TASK,)))
    found = Distillation(DistillSettings(teacher="t", **settings), teacher, [TASK], student, {})
    [(name, value)] = found.terms({"cover": logits}, [], batch).items()
    assert name == "cover"
    return value.item()


def some(seed: int) -> Tensor:
    return 2 * torch.randn(2, 3, 1, 4, generator=torch.Generator().manual_seed(seed))


def test_the_term_is_the_divergence_over_all_valid_pixels_with_or_without_a_label() -> None:
    ours, theirs = some(0), some(1)
    valid = torch.ones(2, 1, 4, dtype=torch.bool)
    valid[1, 0, 2:] = False
    batch = sample(torch.full((2, 1, 4), TASK.ignore), valid)
    each = F.kl_div((ours / 3).log_softmax(1), (theirs / 3).softmax(1), reduction="none").sum(1)
    expected = 2 * 9 * each[valid].mean().item()
    assert divergence(ours, theirs, batch, weight=2, temperature=3) == pytest.approx(expected, rel=1e-5)
    assert divergence(theirs, theirs, batch) == pytest.approx(0, abs=1e-6)


def test_the_teacher_has_no_class_that_a_label_rules_out() -> None:
    ours, theirs = some(0)[:1], some(1)[:1]
    labels = torch.tensor([[[2, id_of(TASK, (0, 1)), TASK.ignore, 0]]])
    p, log_q = theirs.softmax(1)[0, :, 0], ours.log_softmax(1)[0, :, 0]  # K,W
    pair = p[:2, 1] / p[:2, 1].sum()
    every = [
        -log_q[2, 0],
        (pair * (pair.log() - log_q[:2, 1])).sum(),
        (p[:, 2] * (p[:, 2].log() - log_q[:, 2])).sum(),
        -log_q[0, 3],
    ]
    assert divergence(ours, theirs, sample(labels)) == pytest.approx(torch.stack(every).mean().item(), rel=1e-5)


def write_teacher(folder: Path, *, net: str = "ued", seed: int = 5, labels: tuple[str, ...] = ("dark", "bright"),
                  **changes: Any) -> Model:  # fmt: skip
    """A checkpoint of a teacher with random weights."""
    options = {} if net == "unet" else {"width": 0.25}
    card = Card(name="big", net=net, options=options | changes.pop("options", {}),
                tasks=(Task(name="light", labels=labels),), **changes)  # fmt: skip
    model = build(card, seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # one step in training gives the statistics that keep numbers small
    with torch.no_grad():
        model.train()(255 * torch.rand(2, len(card.bands), 64, 64))
    save_checkpoint(folder, card, model.state_dict())
    return model


def write_recipe(folder: Path, table: str = "features = 1.0\nbatch = 3\n", *, further: bool = True) -> Path:
    """A tiny recipe with a teacher, and three images without labels."""
    recipe = write_tiny(folder)
    write_teacher(folder / "teacher")
    text = recipe.read_text().replace("width = 0.25", 'name = "fpn"\nwidth = 0.25')
    if further:
        rng = np.random.default_rng(3)
        (folder / "more").mkdir()
        for number in range(3):
            pixels = rng.integers(20, 220, (5, 6, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
            Image.fromarray(pixels).save(folder / "more" / f"{number}.png")
        text = text.replace("[augment]", '[[data.unlabelled]]\npath = ["more"]\n[augment]')
    recipe.write_text(f'{text}[distill]\nteacher = "{folder / "teacher"}"\n{table}')
    return recipe


def opened(recipe: Path, *changes: str) -> PixelWork:
    settings = read_recipe(recipe, changes)
    work = open_work(settings, settings.make_card(recipe.name))
    assert isinstance(work, PixelWork)
    return work


def test_windows_with_and_without_labels_learn_what_the_teacher_answers(tmp_path: Path) -> None:
    work = opened(write_recipe(tmp_path))
    batch = next(work.batches(0))
    assert len(work.names(batch)) == len(batch["image"]) == 5
    labels = batch["targets"]["classes"]
    assert (labels[:2] != 255).any() and (labels[2:] == 255).all() and "views" not in batch
    terms = work.terms(work.model.train(), batch)
    assert set(terms) == {"cross_entropy", "distill", "distill/features"}
    assert terms["distill/features"].item() == pytest.approx(1, abs=0.7)  # of maps with variance 1
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is not None for p in (*work.model.parameters(), *work.beside.parameters()))
    [line] = [line for line in work.introduction() if line.startswith("distill")]
    assert line == (
        f"distill     the answers of {tmp_path / 'teacher'}; weight 1, 1 of features, temperature 1; "
        "3 windows per batch without labels: 3 images, 0.0 MPix"
    )


def test_a_setting_leaves_the_teacher_of_a_recipe_out(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, further=False)
    assert opened(recipe, "distill=false").recipe.distill is None
    with pytest.raises(RecipeError, match=r"distill"):
        opened(recipe, "distill=true")


def test_the_features_are_those_of_the_teacher_scaled_to_variance_one(tmp_path: Path) -> None:
    work = opened(write_recipe(tmp_path, "features = 2.0\n", further=False))
    batch, model = next(work.batches(0)), work.model.train()
    for project in work.beside:
        assert isinstance(project, nn.Conv2d) and project.bias is not None
        nn.init.zeros_(project.weight)
        nn.init.zeros_(project.bias)
    found = work.terms(model, batch)["distill/features"].item()
    teacher = write_teacher(tmp_path / "teacher").eval()
    with torch.no_grad(), stage_maps(teacher.net.encoder) as maps:  # type: ignore[arg-type]
        teacher(batch["image"])
    variances = [m.var((0, 2, 3), correction=0) for m in maps]
    expected = 2 * torch.stack([(v / (v + 1e-5)).mean() for v in variances]).mean().item()
    assert found == pytest.approx(expected, rel=1e-3)


def start(recipe: Path, out: Path, *changes: str, resume: bool = False) -> Training:
    settings = read_recipe(recipe, changes)
    return begin(settings, settings.make_card(recipe.name), out, resume=resume)


def silent(text: str) -> None: ...


def test_a_killed_training_ends_with_the_same_weights_and_projections(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    start(recipe, tmp_path / "whole").run(silent)
    killed = start(recipe, tmp_path / "killed")

    def kill(text: str) -> None:
        if killed.progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed.run(kill)
    resumed = start(recipe, tmp_path / "killed")
    assert 0 < resumed.progress.step < 4
    resumed.run(silent)
    for part in ("best", "last"):
        files = [tmp_path / run / part / "model.safetensors" for run in ("whole", "killed")]
        assert files[0].read_bytes() == files[1].read_bytes()
    whole, again = (load_state(tmp_path / run / "last") for run in ("whole", "killed"))
    assert whole is not None and again is not None and len(whole["beside"]) == 8
    first = dict(opened(recipe).beside.state_dict())
    for name, value in whole["beside"].items():
        assert torch.equal(value, again["beside"][name]) and not torch.equal(value, first[name]), name
    columns = (tmp_path / "whole" / "records.csv").read_text().partition("\n")[0].split(",")
    assert {"loss/distill", "loss/distill/features"} <= set(columns)


def test_a_teacher_that_has_changed_is_not_learned_from_unasked(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    start(recipe, tmp_path / "run", "train.steps=2").run(silent)
    write_teacher(tmp_path / "teacher", seed=6)
    with pytest.raises(DataError, match=r"distill\.teacher has changed since; give another --out, or --resume"):
        start(recipe, tmp_path / "run")
    assert start(recipe, tmp_path / "run", resume=True).progress.step == 2


def test_the_net_comes_nearer_to_its_teacher(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "weight = 10\nfeatures = 1.0\n")
    training = start(recipe, tmp_path / "run", "train.steps=60", "train.save_every=60", "train.epoch_steps=20")
    training.run(silent)
    lines = [line.split(",") for line in (tmp_path / "run" / "records.csv").read_text().splitlines()]
    for name, share in (("loss/distill", 0.8), ("loss/distill/features", 0.95)):
        losses = [float(line[lines[0].index(name)]) for line in lines[1:]]
        assert losses[-1] < share * losses[0], (name, losses)


def test_maps_of_a_net_in_half_precision_are_compared(tmp_path: Path) -> None:
    training = start(write_recipe(tmp_path), tmp_path / "run", "train.precision=bf16-mixed", "train.steps=1")
    training.run(silent)
    assert training.progress.step == 1


def test_an_exported_teacher_answers_what_its_checkpoint_does(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "")
    model = write_teacher(tmp_path / "teacher", options={"encoder": "mobilenetv2"})
    model.eval()
    export_model(model, model.card, tmp_path / "teacher.onnx")
    from_folder, from_file = opened(recipe), opened(recipe, f'distill.teacher="{tmp_path / "teacher.onnx"}"')
    batch = next(from_folder.batches(0))
    terms = [work.terms(from_folder.model.eval(), batch)["distill"].item() for work in (from_folder, from_file)]
    assert terms[0] == pytest.approx(terms[1], rel=1e-3) and terms[0] > 0


def test_windows_without_labels_learn_by_pseudo_labels_where_the_recipe_says_so(tmp_path: Path) -> None:
    work = opened(write_recipe(tmp_path, "[unlabelled]\nbatch = 2\n"))
    assert work.self_training is not None
    work.self_training.teacher = work.model
    batch = next(work.batches(0))
    assert len(batch["image"]) == 2 and len(batch["views"]["weak"]) == 2
    assert set(work.terms(work.model, batch)) == {"cross_entropy", "distill", "unlabelled"}


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (
            {"labels": ("bright", "dark")},
            r"predicts light \(bright, dark\); the recipe has dark, bright; give a teacher",
        ),
        (
            {"labels": ("dark", "bright", "other")},
            r"predicts light \(dark, bright, other\); the recipe has dark, bright",
        ),
        ({"bands": ("nir", *RGB)}, "takes nir, red, green, blue of uint8, the recipe has red, green, blue of uint8"),
        ({"dtype": "uint16"}, "takes red, green, blue of uint16, the recipe has red, green, blue of uint8"),
        ({"net": "unet"}, r"distill\.features: the teacher .* needs a net with an encoder; this one has none"),
        (
            {"net": "segnet", "options": {"width": 0.125}},
            r"the teacher .* \(segnet\) has no encoder that gives its maps",
        ),
        (
            {"net": "deeplabv3plus", "options": {"encoder": "mobilenetv2", "output_stride": 16}},
            r"the net's encoder has strides 4, 8, 16, 32, the teacher's 4, 8, 16, 16; choose an encoder with the same",
        ),
    ],
    ids=["order", "classes", "bands", "pixels", "no encoder", "no stages", "strides"],
)
def test_a_teacher_that_does_not_fit_is_refused_in_one_line(
    tmp_path: Path, teacher: dict[str, Any], message: str
) -> None:
    recipe = write_recipe(tmp_path)
    mean, std = ((0.5,) * len(teacher.get("bands", RGB)) for _ in range(2))
    write_teacher(tmp_path / "teacher", mean=mean, std=std, **teacher)
    with pytest.raises(RecipeError, match=message) as error:
        opened(recipe)
    assert "\n" not in str(error.value)


def tasks_with_teacher(folder: Path, *, heights: bool = True) -> Path:
    """A tiny recipe of classes, heights and edges, and a teacher with random weights, also without heights."""
    recipe = write_tasks(folder)
    card = read_recipe(recipe).make_card("tasks.toml")
    tasks = tuple(task for task in card.tasks if heights or task.kind == "classes")
    card = card.model_copy(update={"tasks": tasks})
    save_checkpoint(folder / "teacher", card, build(card, seed=5).state_dict())
    recipe.write_text(f'{recipe.read_text()}[distill]\nteacher = "{folder / "teacher"}"\nweight = 2.0\n')
    return recipe


def test_several_tasks_learn_what_the_teacher_answers_for_each(tmp_path: Path) -> None:
    recipe = tasks_with_teacher(tmp_path)
    work = opened(recipe)
    batch, model = next(work.batches(0)), work.model.eval()
    batch["targets"]["height"][:] = torch.nan
    terms = work.terms(model, batch)
    assert {name for name in terms if name.endswith("/distill")} == {"cover/distill", "height/distill", "edges/distill"}
    teacher = load_model(tmp_path / "teacher").eval()
    with torch.no_grad():
        ours, theirs = model(batch["image"]), teacher(batch["image"])
    errors = (ours["height"] - theirs["height"]).abs()[:, 0][batch["valid"]]
    c = 0.2 * errors.max()
    expected = 2 * torch.where(errors <= c, errors, (errors**2 + c**2) / (2 * c)).mean().item()
    assert terms["height/distill"].item() == pytest.approx(expected, rel=1e-3)
    each = F.kl_div(ours["edges"].log_softmax(1), theirs["edges"].softmax(1), reduction="none").sum(1)
    assert terms["edges/distill"].item() == pytest.approx(2 * each[batch["valid"]].mean().item(), rel=1e-3)
    start(recipe, tmp_path / "run", "balance.name=uncertainty", "train.steps=2").run(silent)
    columns = (tmp_path / "run" / "records.csv").read_text().partition("\n")[0].split(",")
    assert "loss/height/distill" in columns


def test_a_teacher_of_some_tasks_teaches_these_alone(tmp_path: Path) -> None:
    recipe = tasks_with_teacher(tmp_path, heights=False)
    work = opened(recipe)
    terms = work.terms(work.model.eval(), next(work.batches(0)))
    assert {name for name in terms if name.endswith("/distill")} == {"cover/distill", "edges/distill"}
    assert f"distill     the answers of {tmp_path / 'teacher'} for cover and edges; weight 2" in "\n".join(
        work.introduction()
    )
    start(recipe, tmp_path / "run", "balance.name=uncertainty", "train.steps=2").run(silent)
    with pytest.raises(RecipeError, match=r"distill\.features: several tasks learn answers alone"):
        opened(recipe, "distill.features=1")


def test_a_teacher_without_any_task_or_with_another_of_its_name_is_refused(tmp_path: Path) -> None:
    recipe = tasks_with_teacher(tmp_path)
    message = (
        r"predicts cover \(land, .*\) and height \(value\) and .*; the recipe has height in ft; give a teacher that"
    )
    with pytest.raises(RecipeError, match=message):
        opened(recipe, "card.tasks.1.unit=ft")
    write_teacher(tmp_path / "other", labels=("dark", "bright"))
    with pytest.raises(RecipeError, match=r"predicts light \(dark, bright\); the recipe has land, water"):
        opened(recipe, f"distill.teacher={tmp_path / 'other'}")


def test_a_training_with_a_teacher_and_labelled_windows_alone_resumes(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, "", further=False)
    done = training_run.train(recipe, ("train.steps=1",), tmp_path / "run")
    recipe.write_text(f"{recipe.read_text()}[shrink]\nms = 3.0\n")  # is no part of the training
    assert training_run.train(recipe, ("train.steps=1",), tmp_path / "run").scores == done.scores


def test_a_teacher_of_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SmaltiError, match="ranks photos"):
        opened(write_recipe(tmp_path), "distill.teacher=bestshot")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["distill.teacher=gone"], r"distill\.teacher: gone is neither a folder nor the name of a model"),
        (["distill.temp=2"], r"unknown key distill\.temp; did you mean te"),
        (["distill.weight=0"], r"distill\.weight"),
        (["train.devices=2"], r"distill: is for a training in one process, not 2"),
        (["train.compile=true"], r"distill\.features needs the net uncompiled; set train\.compile = false"),
        (
            ["data.unlabelled=[]"],
            r"distill\.batch: there is no image without labels to distil on; give data\.unlabelled",
        ),
        (["unlabelled.batch=2"], r"distill\.batch: .*; windows without labels are those of \[unlabelled\]"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(tmp_path: Path, changes: list[str], message: str) -> None:
    recipe = write_recipe(tmp_path)
    with pytest.raises(SmaltiError, match=message) as error:
        opened(recipe, *changes)
    assert "\n" not in str(error.value)
