from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn
from torch.nn import functional as F

from smalti.deploy.onnx import export_model, graph_of
from smalti.deploy.parity import LIMIT, Parity, check_parity
from smalti.errors import ExportError
from smalti.runtime.models import verify
from smalti.runtime.open import open_model
from tests.deploy.nets import Baked, Fixed, Warp, cards
from tests.needs import need_engine

pytestmark = pytest.mark.slow  # writing a graph takes seconds


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Warp, Parity]:
    torch.manual_seed(0)
    path, net = tmp_path_factory.mktemp("export") / "small.onnx", Warp()
    net.stem[1].running_mean.uniform_(-1, 1)
    net.stem[1].running_var.uniform_(0.5, 2)
    return path, net, export_model(net, cards(), path)


def test_the_file_is_valid_sealed_and_says_nothing_of_its_maker(exported: tuple[Path, Warp, Parity]) -> None:
    path, _, parity = exported
    assert parity.difference < LIMIT
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    assert proto.ir_version <= 9 and [entry.version for entry in proto.opset_import] == [18]
    assert [entry.key for entry in proto.metadata_props] == ["smalti.card", "smalti.sha256"]
    assert [output.name for output in proto.graph.output] == ["landcover", "height"]
    for value in (*proto.graph.input, *proto.graph.output):
        dims = value.type.tensor_type.shape.dim
        assert [dims[at].dim_param for at in (0, 2, 3)] == ["batch", "height", "width"]
    assert verify(path).card == cards()
    for trace in (b"site-packages", b".py", str(Path.home()).encode() + b"/"):
        assert trace not in path.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == ["small.onnx"]


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (2, 3, 33, 71), (1, 3, 512, 384), (1, 3, 5, 5)])
def test_engines_answer_like_torch(
    exported: tuple[Path, Warp, Parity], engine: str, shape: tuple[int, int, int, int]
) -> None:
    need_engine(engine)
    path, net, _ = exported
    batch = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    answer = open_model(str(path), engine, threads=1)(batch)  # type: ignore[arg-type]
    with torch.inference_mode():
        expected = net(torch.from_numpy(batch).float())
    np.testing.assert_allclose(answer["landcover"], expected["landcover"].softmax(1).numpy(), atol=LIMIT)
    np.testing.assert_allclose(answer["height"], expected["height"].numpy(), atol=LIMIT)


def test_a_graph_that_answers_otherwise_is_not_written(tmp_path: Path) -> None:
    torch.manual_seed(0)
    with pytest.raises(ExportError, match="not written"):
        export_model(Baked(), cards(), tmp_path / "baked.onnx")
    assert not list(tmp_path.iterdir())


def test_a_net_of_one_size_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="any size") as error:
        export_model(Fixed(), cards(), tmp_path / "fixed.onnx")
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (
            lambda x: F.scaled_dot_product_attention(x[0], x[0], x[0]),
            "operator aten.scaled_dot_product_attention: only 4D",
        ),
        (lambda x: torch.linalg.svdvals(x[0, 0].float()), "operator aten._linalg_svd: No ONNX function found"),
        (nn.AvgPool2d(3, 2, ceil_mode=True), "Constraints violated"),
    ],
)
def test_what_cannot_be_written_is_one_line_that_names_the_operator(step: Callable[[Tensor], Tensor], why: str) -> None:
    sizes = {"x": {2: torch.export.Dim("height", min=4)}}
    with pytest.raises(ExportError, match="torch cannot write the net odd as a graph") as error:
        graph_of(Ending(step).eval(), {"x": torch.zeros(1, 1, 9, 8)}, sizes, ["y"], "odd")
    assert why in str(error.value) and "\n" not in str(error.value) and "information" not in str(error.value)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    net = Warp()
    net.height.weight.data.fill_(float("nan"))
    with pytest.raises(ExportError, match=r"height\.weight is not finite"):
        export_model(net, cards(), tmp_path / "nan.onnx")
    assert not list(tmp_path.iterdir())


def test_answers_that_are_no_numbers_count_as_different(exported: tuple[Path, Warp, Parity]) -> None:
    class Lost(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return image[:, :1].expand(-1, 5, -1, -1) * float("nan"), image[:, :1]

    with pytest.raises(ExportError, match="by nan"):
        check_parity(Lost(), verify(exported[0]))


class Ending(nn.Module):
    """A convolution, and what comes behind it."""

    def __init__(self, step: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.step = nn.Conv2d(1, 4, 3), step

    def forward(self, x: Tensor) -> Tensor:
        return self.step(self.conv(x.float()))


def overwritten(x: Tensor) -> Tensor:
    """The first result is changed after it was named."""
    first = x * 2
    first.add_(3)
    return x + first


@pytest.mark.parametrize(
    ("step", "parts"),
    [
        (nn.Sequential(nn.ReLU(inplace=True), nn.Dropout2d(0.5), nn.Upsample(scale_factor=2, mode="bilinear")), False),
        (lambda x: (x.double() * 2).float().float(), False),
        (overwritten, True),
        (nn.Sequential(nn.ConvTranspose2d(4, 3, 3, 2, output_padding=1, bias=False), nn.BatchNorm2d(3)), False),
        (nn.ConvTranspose2d(4, 2, 2, 2, groups=2), False),
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), False),
        (lambda x: (1 - x).flatten(2), False),
        (lambda x: x.mean().flatten(), False),
        (lambda x: x.unflatten(1, (2, -1)).flatten(1, 3).unflatten(1, (2, 2, -1)), False),
        (lambda x: torch.where((x > 0) & (x < 1), x, 2 - x), False),
        (lambda x: x @ torch.arange(12.0).reshape(2, 6).T, False),
        (lambda x: ((4 * x).int() & (9 * x).int()) - torch.rsub(x, 2, alpha=3), True),
        (nn.BatchNorm2d(4, track_running_stats=False), True),
        (torch.special.entr, True),
    ],
)
def test_operators_are_replaced_by_their_parts_only_where_they_must_be(
    step: Callable[[Tensor], Tensor], parts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    net, seen = Ending(step).eval(), []
    decompose = torch.export.ExportedProgram.run_decompositions
    monkeypatch.setattr(
        torch.export.ExportedProgram, "run_decompositions", lambda *given: (seen.append(1), decompose(*given))[1]
    )
    sizes = {"x": {2: torch.export.Dim("height", min=4)}}
    graph = graph_of(net, {"x": torch.zeros(1, 1, 9, 8)}, sizes, ["y"], "ending")
    assert bool(seen) == parts
    given = torch.rand(1, 1, 13, 8)
    session = InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": given.numpy()})
    np.testing.assert_allclose(found, net(given).detach().numpy(), atol=1e-5)
