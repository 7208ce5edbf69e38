from pathlib import Path

import pytest
import torch
from torch import nn

from smalti.nets.backbones import make_backbone
from smalti.nets.build import NETS
from smalti.nets.cost import Cost, count

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.mark.slow
def test_the_table_of_light_encoders_holds_what_is_counted() -> None:
    lines = (ROOT / "docs" / "reference" / "networks.md").read_text().splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("| encoder | M parameters"))
    nets = [cell.split("`")[1] for cell in lines[head].split("|") if cell.endswith(": M ")]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[head + 2 : head + 6]]
    assert "efficientnet_lite0" in [row[0] for row in rows]
    for encoder, alone, *costs in rows:
        with torch.device("meta"):
            found = [make_backbone(encoder, 3, 1.0), *(NETS[net](classes=5, encoder=encoder) for net in nets)]
        parameters = [f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f}" for net in found]
        assert parameters == [alone, *costs[::2]], encoder
        assert costs[1] == f"{count(found[1].eval(), 512, 512).multiply_adds / 1e9:.2f}", encoder
