from pathlib import Path

import pytest
from pydantic import ValidationError

from smalti.card import Card
from smalti.errors import RecipeError
from smalti.nets.build import build
from smalti.training.recipe import WORKS, explain, read_recipe
from smalti.training.schedule import rate
from tests.training.kinds.pixels.tiny_tasks import write_tasks
from tests.training.tiny import write_tiny


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.stpes=3", "unknown key train.stpes; did you mean steps?"),
        ("data.train.0.wieght=3", "unknown key data.train.0.wieght; did you mean weight?"),
        ("card.tasks.0.label_colours={}", "unknown key card.tasks.0.label_colours; did you mean label_colors?"),
        ("tran.steps=3", "unknown key tran; did you mean train?"),
        ("train.steps='many'", "train.steps: input should be a valid integer.*, not 'many'"),
        (
            "data.train.0.kind=foldr",
            "data.train.0.kind: 'foldr' is unknown; expected one of folder, scenes, drawn, dataset",
        ),
        ("train.crop=50", "train.crop 50 must be a multiple of 32"),
        ("augment.scale=[2,1]", "augment: scale"),
        ("loss={}", "loss: needs at least one term"),
        ("loss.focl=1", "unknown key loss.focl; did you mean focal?"),
        ("loss.focal={gama=1}", "unknown key loss.focal.gama; did you mean gamma?"),
        ("loss.dice=-1", "loss.dice.weight: input should be greater than 0, not -1"),
        ("loss.focal={alpha=[1]}", "alpha has 1 values, task classes has 2 classes"),
        ("optim.freeze_encoder=-1", "optim.freeze_encoder: input should be greater than or equal to 0"),
        ("optim.freeze_encoder=2", "would keep random weights"),
        ("schedule.name=step", "schedule: name 'step' and milestones"),
        ("net.width=inf", "net.width: input should be .*finite|net.width: input should be less than or equal to 16"),
        ("optim.lr=inf", "optim.lr: input should be a finite number, not inf"),
        ("loss.dice=inf", "loss.dice.weight: input should be a finite number"),
        ("train.threads=65536", "train.threads: input should be less than or equal to 1024"),
        ("train.workers=65536", "train.workers: input should be less than or equal to 1024"),
        ("train.seed=9999999999999999999999", "train.seed: input should be less than"),
        ("train", "expected KEY=VALUE"),
        ("data.train.0.path=train", "data.train.0.path: input should be a list, not 'train'"),
        ("data.train=[]", "data.train: list should have at least 1 item"),
        ("kind='segmentatoin'", "unknown recipe kind 'segmentatoin'; expected one of segmentation"),
        ("data.train.7.weight=1", "the recipe has no such place"),
    ],
)
def test_a_wrong_recipe_is_one_line_that_names_the_key(tmp_path: Path, change: str, message: str) -> None:
    recipe = write_tiny(tmp_path)
    with pytest.raises(RecipeError, match=message) as caught:
        read_recipe(recipe, [change])
    assert "\n" not in str(caught.value)


def test_a_mark_of_the_encoding_is_no_part_of_a_recipe(tmp_path: Path) -> None:
    path = write_tiny(tmp_path)
    plain = read_recipe(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_recipe(path) == plain


def test_a_source_without_a_kind_is_a_folder(tmp_path: Path) -> None:
    recipe = write_tiny(tmp_path)
    recipe.write_text(recipe.read_text().replace('kind = "folder"\n', ""))
    assert [source.kind for source in (*read_recipe(recipe).data.train, *read_recipe(recipe).data.validation)] == [
        "folder",
        "folder",
    ]
    with pytest.raises(RecipeError, match=r"unknown key data\.train\.0\.pth; did you mean path"):
        read_recipe(recipe, ["data.train.0.pth=x"])


def test_a_kind_that_is_missing_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    recipe = write_tasks(tmp_path)
    recipe.write_text(recipe.read_text().replace('kind = "value"\n', ""))
    with pytest.raises(
        RecipeError, match=r"card\.tasks\.1\.kind: it is missing; expected one of classes, value, edges$"
    ):
        read_recipe(recipe)


@pytest.mark.parametrize(
    ("recipe", "kind"),
    [
        *(("multitask", kind) for kind in ("folder", "scenes", "drawn", "dataset")),
        *(("images", kind) for kind in ("class_folders", "table", "adience")),
        *(("ranking", kind) for kind in ("worsened", "ranked", "pairs", "triage")),
    ],
)
def test_the_kind_of_a_source_is_no_part_of_the_name_of_a_key(recipe: str, kind: str) -> None:
    settings, _ = WORKS[recipe]
    with pytest.raises(ValidationError) as caught:
        settings.model_validate({"data": {"train": [{"kind": kind, "wrong": 1}]}})
    [error] = [each for each in caught.value.errors() if each["loc"][-1] == "wrong"]
    assert explain(error, 1, settings).startswith("unknown key data.train.0.wrong; did you mean ")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            ('schedule.name="step"', "schedule.milestones=[5,20,30]"),
            ["schedule.milestones 20, 30 not below train.steps 20: the rate does not fall there"],
        ),
        (('schedule.name="step"', "schedule.milestones=[5,19]"), []),
        (
            ("optim.freeze_encoder=20", 'train.start="other"'),
            ["optim.freeze_encoder 20 is not below train.steps 20: the encoder stays frozen"],
        ),
        (("optim.freeze_encoder=19", 'train.start="other"'), []),
        (('optim.freeze_encoder="always"', 'train.start="other"'), []),
    ],
)
def test_what_a_short_try_of_a_long_recipe_does_not_reach_is_told(
    tmp_path: Path, changes: tuple[str, ...], told: list[str]
) -> None:
    assert read_recipe(write_tiny(tmp_path), [*changes, "train.steps=20"]).notes() == told


@pytest.mark.parametrize(("warmup", "steps", "warm"), [(50, 20, 2), (20, 20, 2), (19, 20, 19), (5, 1, 0), (0, 20, 0)])
def test_a_short_try_of_a_long_recipe_has_a_short_rise(tmp_path: Path, warmup: int, steps: int, warm: int) -> None:
    recipe = read_recipe(write_tiny(tmp_path), [f"schedule.warmup={warmup}", f"train.steps={steps}"])
    rates = [rate(step, steps, recipe.schedule) for step in range(steps)]
    assert rates.index(max(rates)) == warm and min(rates) > 0
    told = recipe.notes()
    assert told == (
        [f"schedule.warmup {warmup} is not below train.steps {steps}: shortened to {warm} steps"]
        if warm != warmup
        else []
    )


def test_changes_are_toml_or_text(tmp_path: Path) -> None:
    recipe = read_recipe(write_tiny(tmp_path), ["train.steps=9", "net.name=ued_bes", "data.train.0.weight=2"])
    assert (recipe.train.steps, recipe.net.name, recipe.data.train[0].weight) == (9, "ued_bes", 2)


def test_the_nets_own_options_reach_its_card(tmp_path: Path) -> None:
    changes = ["net.name=deeplabv3plus", "net.encoder=resnet18", "net.options={output_stride=8,multi_grid=[1,2]}"]
    tiny = write_tiny(tmp_path)
    card = read_recipe(tiny, changes).make_card("")
    assert card.options.items() >= {"encoder": "resnet18", "output_stride": 8, "multi_grid": (1, 2)}.items()
    assert build(Card.load(card.dump(), "a test")).net.encoder.strides == (4, 8, 8, 8)
    with pytest.raises(RecipeError, match=r"width is a key of \[net\] itself"):
        read_recipe(tiny, ["net.options={width=0.5}"])


def test_a_missing_recipe_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such file"):
        read_recipe(tmp_path / "nothing.toml")


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "recipes").glob("*.toml")), ids=lambda p: p.stem)
def test_our_recipes_are_valid_and_begin_with_their_command(path: Path) -> None:
    recipe, first = read_recipe(path), path.read_text().splitlines()[0]
    assert first.startswith("# smalti pretrain") or recipe.make_card(path.name).tasks  # there the data have the classes
    commands = (f"# smalti train recipes/{path.name}", f"# smalti pretrain recipes/{path.name}", "# python benchmarks/")
    assert first.startswith(commands)


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "recipes").glob("*.toml")), ids=lambda p: p.stem)
@pytest.mark.parametrize("style", ["statistics", "fourier", None])
def test_a_stored_recipe_is_the_same_again(path: Path, style: str | None) -> None:
    changes = [f'augment.style={{ chance = 0.5, kind = "{style}" }}'] if style else []
    try:
        recipe = read_recipe(path, changes)
    except RecipeError:
        pytest.skip("it has no style")
    stored = recipe.model_dump_json()
    assert type(recipe).model_validate_json(stored).model_dump_json() == stored


def test_what_an_older_version_wrote_down_is_still_the_same_recipe(tmp_path: Path) -> None:
    recipe = read_recipe(write_tiny(tmp_path))
    older = recipe.model_dump(mode="json")
    del older["kind"]
    assert type(recipe).model_validate(older) == recipe


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_nodata_that_is_no_number_leaves_a_recipe_that_can_be_written_and_read(tmp_path: Path, value: str) -> None:
    recipe = read_recipe(write_tiny(tmp_path), [f"card.nodata={value}"])
    assert type(recipe).model_validate_json(recipe.model_dump_json()) == recipe
