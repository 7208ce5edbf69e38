import pytest
import torch

from smalti.card import Task
from smalti.errors import ModelError
from smalti.nets.multitask.classifier import Classifier

KIND = Task(name="kind", kind="image_classes", labels=tuple(map(str, range(1000))))

# Parameters with 1000 classes. GhostNet 1.0: 5.2 M in the paper, 5.18 M at timm; EfficientNet-Lite0 as in its authors'
# weights; MobileNetV2 and the ResNets as torchvision counts them.
PUBLISHED = {
    ("efficientnet_lite0", 1.0): 4_652_008,
    ("ghostnet", 1.0): 5_182_508,
    ("mobilenetv2", 1.0): 3_504_872,
    ("resnet18", 1.0): 11_689_512,
    ("resnet34", 1.0): 21_797_672,
    ("resnet50", 1.0): 25_557_032,
}


@pytest.mark.parametrize(("encoder", "width"), PUBLISHED)
def test_it_is_as_large_as_published(encoder: str, width: float) -> None:
    with torch.device("meta"):
        net = Classifier([KIND], encoder=encoder, width=width)
    assert sum(p.numel() for p in net.parameters()) == PUBLISHED[encoder, width]


@pytest.mark.parametrize(("width", "millions"), [(1.3, 7.36), (1.5, 9.07)])
def test_wider_ghostnets_as_they_are(width: float, millions: float) -> None:
    with torch.device("meta"):
        net = Classifier([KIND], encoder="ghostnet", width=width)
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)


@pytest.mark.parametrize("encoder", ["ghostnet", "mobilenetv2", "resnet18"])
def test_gradients_reach_every_parameter_at_odd_sizes(encoder: str) -> None:
    task = Task(name="kind", kind="image_classes", labels=("a", "b", "c"))
    net = Classifier([task], encoder=encoder, width=0.25)
    answer = net(torch.randn(2, 3, 61, 75))["kind"]
    assert answer.shape == (2, 3)
    answer.square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_values_keep_above_their_minimum_and_other_tasks_are_refused() -> None:
    net = Classifier([Task(name="age", kind="image_value", minimum=2.0)], encoder="mobilenetv2", width=0.25).eval()
    net.classes.bias.data -= 9
    assert 2 <= float(net(torch.randn(1, 3, 32, 32))["age"].detach()) < 2.1
    with pytest.raises(ModelError, match="predicts one task of kind image_classes or image_value, not classes"):
        Classifier([Task(name="x", labels=("a",))])
