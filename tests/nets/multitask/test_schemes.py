from typing import Any, ClassVar

import pytest
import torch

from smalti.nets.multitask.exchange import start_weights
from tests.nets.multitask.contract import SharingContract


class TestSeparate(SharingContract):
    sharing = "separate"
    mixes = False


class TestShared(SharingContract):
    sharing = "shared"
    branched = False


class TestCrossStitch(SharingContract):
    sharing = "cross_stitch"


class TestCrossStitchEachBranchForItself(SharingContract):
    sharing = "cross_stitch"
    options: ClassVar[dict[str, Any]] = {"isolation": "own"}
    mixes = False


class TestNDDR(SharingContract):
    sharing = "nddr"


class TestAFA(SharingContract):
    sharing = "afa"


class TestAFAByChannelsAtTwoStages(SharingContract):
    sharing = "afa"
    options: ClassVar[dict[str, Any]] = {"gate": "channel", "stages": [3, 1]}


class TestAFAByPixels(SharingContract):
    sharing = "afa"
    options: ClassVar[dict[str, Any]] = {"gate": "spatial"}


class TestMTAN(SharingContract):
    sharing = "mtan"
    branched = False


@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_what_a_task_gets_at_the_start_sums_to_one(tasks: int) -> None:
    weights = torch.tensor(start_weights(tasks))
    assert weights.diagonal().tolist() == pytest.approx([0.9] * tasks)
    assert weights.sum(1).tolist() == pytest.approx([1] * tasks)
