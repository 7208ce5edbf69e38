import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from smalti.card import Card, Task
from smalti.deploy import parity
from smalti.deploy.onnx import export_model
from smalti.errors import ModelError
from smalti.nets.backbones import BACKBONES
from smalti.nets.build import NETS, build
from smalti.nets.multitask.net import MultiTask
from smalti.nets.multitask.sharing import SHARING
from smalti.nets.weights import load_encoder
from tests.nets.multitask.contract import TASKS, Tiny
from tests.nets.test_onnx import settled

COVER, HEIGHT, AGE, _ = TASKS


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, "tiny", Tiny)
    torch.manual_seed(0)


def make(*tasks: Task, **options: Any) -> MultiTask:
    return MultiTask(tasks, **{"encoder": "tiny", **options})


def test_heights_are_never_below_zero() -> None:
    net, image = make(HEIGHT, Task(name="free", kind="value")).eval(), 20 * torch.randn(1, 3, 64, 64)
    net.heads[1].load_state_dict(net.heads[0].state_dict())
    with torch.no_grad():
        answer = net(image)
    assert answer["free"].min() < -0.1 and answer["height"].min() >= 0
    assert torch.all(answer["height"] > answer["free"])


@pytest.mark.parametrize(("name", "decoder"), [("ued", "ued"), ("deeplabv3plus", "deeplabv3plus")])
def test_one_task_is_the_plain_net_of_its_decoder(name: str, decoder: str) -> None:
    options = {"encoder": "resnet18", "width": 0.125}
    plain = settled(NETS[name](classes=3, task="cover", **options))
    net = make(COVER, decoder=decoder, sharing="separate", **options).eval()
    lines = net.fill_branch("cover", {f"net.{key}": value for key, value in plain.state_dict().items()})
    assert len(lines) == 1 and lines[0].startswith("from init of task cover: ")
    image = torch.randn(2, 3, 45, 64)
    with torch.no_grad():
        torch.testing.assert_close(net(image)["cover"], plain(image)["cover"])


@pytest.mark.parametrize("stride", [8, 16])
def test_the_encoder_is_dilated_for_every_branch(stride: int) -> None:
    net = make(
        COVER, HEIGHT, encoder="resnet18", width=0.125, decoder="deeplabv3plus", output_stride=stride, sharing="afa"
    )
    x = torch.randn(1, 3, 64, 96)
    for encoder in net._encoders():
        assert encoder(x)[-1].shape[-2:] == (64 // stride, 96 // stride)
    assert net.eval()(x)["height"].shape == (1, 1, 64, 96)


@pytest.mark.parametrize("sharing", ["separate", "cross_stitch", "afa"])
def test_nets_of_one_task_become_branches(sharing: str) -> None:
    singles = [settled(make(task, sharing=sharing)) for task in (COVER, HEIGHT)]
    net = make(COVER, HEIGHT, sharing=sharing).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for task, single in zip((COVER, HEIGHT), singles, strict=True):
        lines = net.fill_branch(task.name, {f"net.{name}": value for name, value in single.state_dict().items()})
        assert len(lines) == 1
    filled = set(net.branch_keys("cover")) | set(net.branch_keys("height"))
    assert {name for name in before if name not in filled} == {n for n in before if n.startswith("sharing.")}
    for number, single in enumerate(singles):
        own = single.state_dict()
        for name in (name for name in filled if name.split(".")[1] == str(number)):
            part, _, rest = name.split(".", 2)
            assert torch.equal(net.state_dict()[name], own[f"{part}.0.{rest}"]), name
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        answers, alone = net(image), [single(image) for single in singles]
    for task, found in zip((COVER, HEIGHT), alone, strict=True):
        if sharing == "separate":
            torch.testing.assert_close(answers[task.name], found[task.name])


def test_what_does_not_fit_a_branch_is_told() -> None:
    ued = NETS["ued"](classes=7, encoder="tiny")
    lines = make(COVER, HEIGHT, sharing="afa").fill_branch("height", ued.state_dict())
    assert lines[1].startswith("  of another shape, left as initialised: heads.1.decoder.head.2.weight")
    assert lines[2].endswith(": heads.1.answers.centre, heads.1.answers.spread") and len(lines) == 3


def test_an_encoder_of_all_tasks_is_filled_too() -> None:
    net, single = make(COVER, AGE, sharing="shared"), make(AGE)
    net.fill_branch("age", single.state_dict())
    assert torch.equal(net.encoder[0].stages[0][0].conv.weight, single.encoder[0].stages[0][0].conv.weight)
    assert torch.equal(net.heads[1].linear.weight, single.heads[0].linear.weight)


@pytest.mark.parametrize(
    ("task", "tasks", "message"),
    [
        ("depth", (HEIGHT,), "unknown task 'depth'; expected one of cover, height"),
        ("cover", (COVER, HEIGHT), "task cover: what init names has several tasks"),
    ],
)
def test_a_checkpoint_that_cannot_fill_a_branch_is_refused(task: str, tasks: tuple[Task, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make(COVER, HEIGHT).fill_branch(task, make(*tasks).state_dict())
    with pytest.raises(ModelError, match="none of its 1 weights fits"):
        make(COVER, HEIGHT).fill_branch("cover", {"net.stem.weight": torch.zeros(1)})


def test_weights_of_an_encoder_fill_every_branch(tmp_path: Path) -> None:
    single, net = (
        make(AGE, encoder="mobilenetv3_small", width=0.25),
        make(COVER, HEIGHT, encoder="mobilenetv3_small", width=0.25, sharing="afa"),
    )
    save_file({f"net.{name}": value for name, value in single.state_dict().items()}, tmp_path / "w.safetensors")
    load_encoder(net.encoder, tmp_path / "w.safetensors")
    for encoder in net.encoder:
        for name, value in single.encoder[0].state_dict().items():
            assert torch.equal(encoder.state_dict()[name], value)
    save_file({f"net.{name}": value for name, value in net.state_dict().items()}, tmp_path / "several.safetensors")
    with pytest.raises(ModelError, match=r"not the weights of this encoder: it lacks stages"):
        load_encoder(net.encoder, tmp_path / "several.safetensors")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"sharing": "hard"},
            "unknown sharing scheme 'hard'; expected one of separate, shared, cross_stitch, nddr, afa, mtan",
        ),
        ({"decoder": "unet"}, "unknown decoder 'unet'; expected one of ued, deeplabv3plus"),
        ({"sharing": "shared", "isolation": "own"}, "sharing shared does not support isolation 'own'; omit it"),
        ({"sharing": "nddr", "gate": "both"}, "sharing nddr does not support gate 'both'"),
        ({"sharing": "mtan", "stages": [1]}, "sharing mtan does not support stages"),
        ({"sharing": "afa", "gate": "time"}, "unknown gate 'time'; expected one of channel, spatial, both"),
        ({"sharing": "afa", "stages": [4]}, r"stages \[4\]: give some of \[0, 1, 2, 3\]"),
        ({"sharing": "afa", "stages": [1, 1]}, r"stages \[1, 1\]: give some of"),
        ({"sharing": "afa", "isolation": "self"}, "isolation 'self' is none of"),
        ({"dilation": 2}, "do not fit net multitask"),
    ],
)
def test_unfit_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build(Card(name="m", net="multitask", options={"encoder": "tiny", **options}, tasks=(COVER, HEIGHT)))


def test_a_net_of_one_task_refuses_what_it_does_not_know() -> None:
    for task in (AGE, HEIGHT):
        with pytest.raises(ModelError, match="net ued supports neither, use multitask"):
            build(Card(name="m", net="ued", tasks=(task,)))


def test_a_task_that_ranks_is_refused() -> None:
    with pytest.raises(ModelError, match="a score ranks images"):
        make(COVER, Task(name="beauty", kind="score"))


PAGE = (Path(__file__).resolve().parents[3] / "docs" / "benchmarks" / "multitask.md").read_text()
COSTS = re.findall(r"^\| `(\w+)`(?:, `(\w+)`)? \| (\d+,[\d,]+) \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("sharing", "gate", "parameters"), COSTS)
def test_sizes_are_those_of_the_page(sharing: str, gate: str, parameters: str) -> None:
    cover = Task(name="cover", labels=tuple("abcde"))
    with torch.device("meta"):
        net = make(cover, HEIGHT, encoder="mobilenetv2_tf", sharing=sharing, gate=gate or None)
    assert f"{sum(p.numel() for p in net.parameters()):,}" == parameters


def test_the_page_tells_the_size_of_every_scheme() -> None:
    assert {sharing for sharing, *_ in COSTS} == set(SHARING)


class Short(Tiny):
    """Two stages only: a capture's time grows with its steps, and what is tried is the exchange and the heads."""

    strides = (4, 8)

    def __init__(self, bands: int, width: float) -> None:
        super().__init__(bands, width)
        self.stages, self.channels = self.stages[:2], self.channels[:2]


@pytest.mark.slow
def test_the_graph_answers_like_the_net_at_every_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, "short", Short)
    monkeypatch.setattr(parity, "SHAPES", ((1, 64, 64), (1, 96, 160), (1, 77, 45), (3, 77, 45)))
    options = {"encoder": "short", "sharing": "afa", "stages": [1], "isolation": "own"}
    card = Card(name="m", net="multitask", options=options, tasks=(COVER, HEIGHT))
    model = build(card)
    with torch.no_grad():
        for parameter in model.net.sharing.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    settled(model.net)
    assert export_model(model, card, tmp_path / "m.onnx").difference < 1e-4
