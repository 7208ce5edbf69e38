from pathlib import Path

import pytest

from smalti.errors import RecipeError
from smalti.nets.build import Model, build
from smalti.training.encoder import Freezing
from smalti.training.optim import make_optimizer, restore
from smalti.training.recipe import read_recipe
from smalti.training.schedule import set_rates
from smalti.training.settings import OptimSettings
from tests.training.tiny import write_tiny


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return build(read_recipe(write_tiny(tmp_path)).make_card(""))


def test_norms_and_biases_do_not_decay_and_the_encoder_has_its_own_rate(model: Model) -> None:
    settings = OptimSettings(name="sgd", lr=0.1, encoder_factor=0.5, weight_decay=0.3, momentum=0.8)
    optimizer = make_optimizer(model, settings)
    set_rates(optimizer, 0.5)
    names = {parameter: name for name, parameter in model.named_parameters()}
    seen = 0
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            seen += 1
            assert group["lr"] == pytest.approx(0.025 if names[parameter].startswith("net.encoder.") else 0.05)
            assert group["weight_decay"] == (0.3 if parameter.ndim > 1 else 0)
            assert group["momentum"] == 0.8
    assert seen == len(names)


@pytest.mark.parametrize("settings", [{}, {"layer_decay": 0.5}, {"freeze_encoder": "always"}, {"freeze_encoder": 3}])
def test_every_trainable_parameter_is_in_exactly_one_group(model: Model, settings: dict[str, object]) -> None:
    chosen = OptimSettings.model_validate(settings)
    Freezing(model, chosen.freeze_encoder)
    optimizer = make_optimizer(model, chosen)
    grouped = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    trainable = [id(parameter) for parameter in model.parameters() if parameter.requires_grad]
    assert sorted(grouped) == sorted(trainable) and len(set(grouped)) == len(grouped)


def test_deeper_stages_of_the_encoder_learn_faster(model: Model) -> None:
    optimizer = make_optimizer(model, OptimSettings(lr=1.0, encoder_factor=0.8, layer_decay=0.5))
    rates = {id(p): group["peak"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        stage = int(name.split(".")[3]) if name.startswith("net.encoder.stages.") else None
        expected = 1.0 if stage is None else 0.8 * 0.5 ** (3 - stage)
        assert rates[id(parameter)] == pytest.approx(expected), name


def test_a_restored_optimizer_keeps_its_moments_and_takes_the_new_rates(model: Model) -> None:
    old = make_optimizer(model, OptimSettings(lr=1.0))
    model.net.decoder.head[-1].weight.grad = model.net.decoder.head[-1].weight.detach().clone()
    old.step()
    new = make_optimizer(model, OptimSettings(lr=0.25, weight_decay=0.5))
    restore(new, old.state_dict())
    assert {group["peak"] for group in new.param_groups} == {0.25}
    assert {group["weight_decay"] for group in new.param_groups} == {0.0, 0.5}
    assert len(new.state_dict()["state"]) == 1


@pytest.mark.parametrize("settings", [OptimSettings(layer_decay=0.5), OptimSettings(name="sgd")])
def test_the_state_of_another_optimizer_is_refused(model: Model, settings: OptimSettings) -> None:
    state = make_optimizer(model, OptimSettings()).state_dict()
    with pytest.raises(RecipeError, match=r"another optimizer or other groups .* train\.start"):
        restore(make_optimizer(model, settings), state)
