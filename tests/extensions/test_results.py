"""What extensions raise, and results of theirs that cannot be used, are errors of one line that name them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smalti.averaged import Averaged
from smalti.card import Task
from smalti.datasets.registry import DATASETS, find_dataset
from smalti.datasets.vaihingen import VAIHINGEN
from smalti.errors import ExtensionError
from smalti.runtime.extension import CheckedEngine
from smalti.runtime.models import verify
from tests.tiny import tiny_card, tiny_model

CLASSES = Task(name="t", labels=("a", "b"))


def fail(*_: object, **__: object) -> Any:
    raise KeyError("two\nlines")


def refused(call: Callable[[], object], message: str) -> None:
    """The call ends in one line; what an extension raised itself is the cause."""
    with pytest.raises(ExtensionError, match=message) as error:
        call()
    assert "\n" not in str(error.value) and error.value.value
    assert ("fails" not in message) or isinstance(error.value.__cause__, KeyError)


def engine(tmp_path: Path, infer: Callable[[Any], Any]) -> CheckedEngine:
    model = verify(tiny_model(tmp_path / "tiny.onnx", tiny_card()))
    return CheckedEngine("mine", lambda *_: infer, model, 1)


def test_an_engine_that_fails_is_named(tmp_path: Path) -> None:
    model = verify(tiny_model(tmp_path / "tiny.onnx", tiny_card()))
    refused(lambda: CheckedEngine("mine", fail, model, 1), "smalti.engines: 'mine' fails: KeyError: 'two")
    refused(lambda: engine(tmp_path, fail)(np.zeros((1, 3, 32, 32))), "'mine' fails: KeyError")


def test_predictions_of_an_engine_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    found = engine(tmp_path, lambda batch: {"landcover": np.full((1, 3, 32, 32), np.nan, np.float32)})
    refused(
        lambda: found(np.zeros((1, 3, 32, 32))), "'mine' gave NaN or infinity for task 'landcover'; expected finite"
    )


def test_an_engine_may_keep_its_arrays_and_change_its_batch(tmp_path: Path) -> None:
    buffer = np.zeros((1, 3, 32, 32), np.float32)

    def infer(batch: Any) -> Mapping[str, Any]:
        buffer[:] = batch
        batch[:] = -1
        held = buffer.view()
        held.setflags(write=False)
        return {"landcover": held}

    image = np.random.default_rng(0).random((1, 3, 32, 32), np.float32)
    given, found = image.copy(), engine(tmp_path, infer)
    first, second = found(given)["landcover"], found(given + 1)["landcover"]
    np.testing.assert_array_equal(given, image)
    np.testing.assert_array_equal(second, first + 1)
    first += 1  # the caller's own
    np.testing.assert_allclose(Averaged(found)(given)["landcover"], image, atol=1e-6)


@pytest.mark.parametrize(
    ("gave", "message"),
    [
        (fail, "smalti.losses: 'mine' fails: KeyError: 'two"),
        (lambda x: 1, "'mine' gave int; expected a tensor that is one number, with a gradient"),
        (lambda x: (x > 0).any(), r"gave torch.bool of shape \(\) on cpu"),
        (lambda x: x.mean() * 1j, "gave torch.complex64 of shape"),
        (lambda x: x.mean().to("meta"), "gave torch.float32 of shape .* on meta"),
        (lambda x: x.detach().mean(), "gave one without; expected a tensor that is one number, with a gradient"),
    ],
)
def test_a_loss_that_cannot_be_trained_on_is_refused(
    gave: Callable[[Any], Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    from smalti.losses import LOSSES, LossSettings, Term, ValueLoss, ValueLossSettings, ValueTerm, make_loss

    class Mine(Term):
        def __call__(self, outputs: Any, labels: Any, task: str) -> Any:
            return gave(outputs[task])

    class Values(ValueTerm):
        def __call__(self, prediction: Any, truth: Any) -> Any:
            return gave(prediction)

    monkeypatch.setitem(LOSSES, "mine", Mine)
    logits, valid = torch.ones(1, 2, 4, 4, requires_grad=True), torch.ones(1, 4, 4) > 0
    loss = make_loss(LossSettings.model_validate({"mine": 1}), CLASSES)
    refused(lambda: loss({"t": logits}, {"t": torch.zeros(1, 4, 4, dtype=torch.int64)}, valid), message)
    monkeypatch.setitem(LOSSES, "mine", Values)
    of_values = ValueLoss(ValueLossSettings.model_validate({"mine": 1}), Task(name="t", kind="value"))
    refused(lambda: of_values({"t": logits[:, :1]}, {"t": torch.ones(1, 4, 4)}, valid), message)


def test_a_check_of_a_loss_may_raise_a_value_error_only(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from smalti.losses import LOSSES, LossSettings, Term, make_loss

    class Mine(Term):
        own: bool = True

        def check(self, task: Task) -> None:
            if self.own:
                raise ValueError("needs three classes")
            fail()

        def __call__(self, outputs: Any, labels: Any, task: str) -> Any:
            return outputs[task].mean()

    monkeypatch.setitem(LOSSES, "mine", Mine)
    with pytest.raises(ValueError, match="needs three"):
        make_loss(LossSettings.model_validate({"mine": 1}), CLASSES)
    settings = LossSettings.model_validate({"mine": {"own": False}})
    refused(lambda: make_loss(settings, CLASSES), "'mine' fails: KeyError")


def augment(change: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A window after an augmentation, and the arrays that it was made of."""
    pytest.importorskip("torch")
    from smalti.data.pixels.extension import AUGMENTATIONS, Augmentation, ExtensibleAugment, apply_extensions
    from smalti.data.pixels.sample import Patch

    class Mine(Augmentation):
        def __call__(self, patch: Any, rng: Any) -> Any:
            return change(patch)

    monkeypatch.setitem(AUGMENTATIONS, "mine", Mine)
    found = ExtensibleAugment.model_validate({"mine": 1.0}).extensions()  # type: ignore[attr-defined]
    patch = Patch(np.ones((8, 8, 3), np.float32), {"t": np.zeros((8, 8), np.uint8)}, np.ones((8, 8), bool))
    return apply_extensions(patch, found, np.random.default_rng(0), [CLASSES]), patch


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (fail, "smalti.augmentations: 'mine' fails: KeyError: 'two"),
        (lambda patch: None, "'mine' gave NoneType; expected a smalti"),
        (lambda patch: [patch], "'mine' gave list; expected a smalti"),
        (lambda patch: replace(patch, image=None), r"gave NoneType for image; expected float32 \(8, 8, 3\)"),
        (lambda patch: replace(patch, image=patch.image.tolist()), "gave list for image"),
        (lambda patch: replace(patch, targets=None), "gave NoneType for targets; expected a dict"),
        (lambda patch: replace(patch, valid=patch.valid[:4]), r"gave bool \(4, 8\) for valid; expected bool \(8, 8\)"),
        (
            lambda patch: replace(patch, targets={"t": patch.targets["t"] + np.uint8(77)}),
            "gave the class id 77 for target 't'; expected 0 to 1, or 255",
        ),
    ],
)
def test_an_augmentation_that_fails_or_gives_no_window_is_refused(
    change: Callable[[Any], Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(lambda: augment(change, monkeypatch), message)


def test_a_stop_of_an_augmentation_does_not_end_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(patch: Any) -> Any:
        raise StopIteration

    with pytest.raises(ExtensionError, match="'mine' fails: StopIteration"):
        augment(stop, monkeypatch)


def test_an_augmentation_may_give_arrays_that_are_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = augment(
        lambda patch: replace(patch, image=np.broadcast_to(patch.image[:1, :1], patch.image.shape)), monkeypatch
    )
    assert found.image.flags.writeable and found.valid.flags.writeable


def test_an_augmentation_that_changes_its_arrays_does_not_change_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(patch: Any) -> Any:
        patch.targets["t"][:] = 1
        patch.valid[:] = False
        return patch

    found, before = augment(change, monkeypatch)
    assert found.targets["t"].all() and not found.valid.any()
    assert not before.targets["t"].any() and before.valid.all()


def build_net(monkeypatch: pytest.MonkeyPatch, how: str) -> Any:
    torch = pytest.importorskip("torch")
    from smalti.nets.build import NETS, build

    class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Conv2d(3, 3, 1)

        def forward(self, x: Any) -> Any:
            y = self.head(x)
            if not self.training:
                return {"landcover": y}
            return {
                "small": lambda: {"landcover": y[..., ::2]},
                "nothing": lambda: None,
                "detached": lambda: {"landcover": y.detach()},
                "bool": lambda: {"landcover": y > 0},
                "fail": fail,
                "good": lambda: {"landcover": y.double(), "landcover/aux": y},
            }[how]()

    make: Any = fail if how == "cannot be made" else "no function" if how == "text" else lambda **_: Net()
    monkeypatch.setitem(NETS, "mine", make)
    return build(tiny_card(net="mine"))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            "small",
            r"'mine' gives torch.float32 of shape \(2, 3, 8, 4\) for 'landcover' in training mode; expected floats",
        ),
        ("nothing", "'mine' gives NoneType; expected a dict of outputs by task"),
        ("detached", "'mine' gives no gradient for 'landcover'; expected weights that can be trained"),
        ("bool", "gives torch.bool of shape"),
        ("fail", "smalti.nets: 'mine' fails: KeyError: 'two"),
        ("cannot be made", "smalti.nets: 'mine' fails: KeyError: 'two"),
        ("text", "'mine' is 'no function'; expected a function that makes a net"),
    ],
)
def test_a_net_that_fails_or_predicts_something_else_in_training_is_refused(
    how: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    refused(lambda: build_net(monkeypatch, how).train()(torch.zeros(2, 3, 8, 8)), message)


def test_a_net_may_have_further_outputs_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    assert set(build_net(monkeypatch, "good")(torch.zeros(2, 3, 8, 8))) == {"landcover", "landcover/aux"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": None}, "classes is None; expected a list of names"),
        ({"labels": "{id}.tif"}, r"labels is '\{id\}.tif'; expected a list of names"),
        ({"colors": ("#FFFFFF",)}, "task classes: 6 labels but 1 colors"),
        ({"colors": ("red",) * 6}, "'red' is not a colour"),
        ({"classes": ("land",) * 6}, "task classes: two classes have the name 'land'"),
        ({"images": {}}, "images and splits must not be empty"),
        ({"spec": None}, "spec is None; expected a LabelSpec"),
        ({"splits": {"test": 3}}, "splits is {'test': 3}; expected a dict, each value a SplitSpec"),
        (
            {"splits": {"test": replace(VAIHINGEN.splits["test"], ids=(1, 2))}},
            r"ids is \(1, 2\); expected a list of names",
        ),
        ({"url": 5}, "url is 5; expected text"),
    ],
)
def test_a_dataset_with_wrong_fields_is_refused(change: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "mine", replace(VAIHINGEN, **change))
    refused(lambda: find_dataset("mine"), f"smalti.datasets: the DatasetSpec 'mine' cannot be used: {message}")
