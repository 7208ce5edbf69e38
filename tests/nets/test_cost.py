import torch
from torch import nn

from smalti.nets.build import NETS
from smalti.nets.cost import Cost, count


def test_a_convolution_costs_its_weights_at_every_pixel() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, groups=4))
    assert count(net, 10, 6) == Cost(3 * 8 * 9 + 8 + 2 * 8 * 9 + 8, 5 * 3 * (3 * 8 * 9 + 2 * 8 * 9))


def test_counting_leaves_the_net_as_it_was() -> None:
    net = NETS["ued"](classes=2).train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    assert count(net, 64, 64).multiply_adds > 0
    assert net.training and all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_heads_of_training_count_in_training_only() -> None:
    with torch.device("meta"):
        net = NETS["ued_bes"](classes=2)
    assert count(net.train(), 64, 64).multiply_adds > count(net.eval(), 64, 64).multiply_adds
