from pathlib import Path

import pytest

from smalti.errors import RecipeError
from smalti.training.kinds.pixels.segmentation import SegmentationRecipe
from smalti.training.recipe import open_work, read_pixels
from tests.training.tiny import write_tiny


def recipe(folder: Path, *changes: str) -> SegmentationRecipe:
    path = write_tiny(folder)
    path.write_text(path.read_text().replace("width = 0.25", ""))
    return read_pixels(path, changes)


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        (["net.name=ddrnet23_slim"], {}),
        (["net.name=segformer", "net.encoder=ghostnet", "net.width=1.5"], {"encoder": "ghostnet", "width": 1.5}),
    ],
)
def test_a_net_gets_the_options_that_are_given(changes: list[str], options: dict[str, object], tmp_path: Path) -> None:
    assert recipe(tmp_path, *changes).make_card("").options == options


def test_one_image_a_step_is_refused_where_a_batch_norm_sees_one_pixel(tmp_path: Path) -> None:
    lone = recipe(tmp_path, "net.name=fastscnn", "train.batch=1")
    with pytest.raises(RecipeError, match=r"^train\.batch 1 leaves one image .*; fastscnn needs two"):
        open_work(lone, lone.make_card(""))
    enough = recipe(tmp_path, "net.name=ued", "net.width=0.25", "train.batch=1", "train.crop=64")
    open_work(enough, enough.make_card(""))


def test_weights_for_an_encoder_need_one(tmp_path: Path) -> None:
    (tmp_path / "w.pth").touch()
    without = recipe(tmp_path, "net.name=bisenetv2", f"net.encoder_weights={tmp_path / 'w.pth'}")
    with pytest.raises(RecipeError, match=r"net\.encoder_weights needs a net with an encoder"):
        open_work(without, without.make_card(""))


def test_missing_weights_of_an_encoder_are_reported_before_the_data_are_read(tmp_path: Path) -> None:
    missing = recipe(tmp_path, "net.encoder=efficientnet_lite0", "net.encoder_weights=w.pth", "data.root=nowhere")
    with pytest.raises(
        RecipeError, match=r"^net\.encoder_weights: no such file .*w\.pth; expected .* or hub:OWNER/NAME$"
    ):
        open_work(missing, missing.make_card(""))
