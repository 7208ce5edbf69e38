"""What a training changes in its process is as before when it ends, and it is the only one."""

import threading
from typing import Any

import cv2
import pytest
import torch
from torch import nn

from smalti.errors import BusyError
from smalti.nets.build import NETS, build
from smalti.nets.randomness import own_random
from smalti.training.process import sole_training, torch_threads
from tests.tiny import tiny_card

CPU = torch.device("cpu")


def test_random_numbers_and_threads_are_given_back() -> None:
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    state = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt), sole_training(CPU):
        torch.manual_seed(7)
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        raise KeyboardInterrupt
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == 2 and cv2.getNumThreads() == 2


def test_a_second_training_of_a_process_is_refused() -> None:
    heard: list[object] = []

    def train() -> None:
        try:
            with sole_training(CPU):
                heard.append("trains")
        except BusyError as error:
            heard.append(str(error))

    with sole_training(CPU):
        thread = threading.Thread(target=train)
        thread.start()
        thread.join()
    train()
    assert heard == ["another training runs in this process; wait for it, or train in another process", "trains"]


def test_threads_of_a_model_are_its_own() -> None:
    torch.set_num_threads(2)
    with torch_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_building_a_net_with_random_numbers_of_its_own_draws_none_of_torch() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Conv2d(3, 3, 1)
            self.normal = nn.Parameter(torch.randn(2) + torch.rand(2))
            for fill in (nn.init.trunc_normal_, nn.init.xavier_uniform_, nn.init.orthogonal_, nn.init.kaiming_normal_):
                fill(self.head.weight)

    state = torch.get_rng_state()
    with own_random():
        first, order = Net(), torch.randperm(9)
        model = build(tiny_card(net="segformer", options={"encoder": "mit_b0"}))
    assert torch.equal(torch.get_rng_state(), state)
    assert sorted(order.tolist()) == list(range(9)) and first.head.weight.std() > 0
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_a_seed_gives_the_same_weights_whenever_a_net_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(**_: Any) -> nn.Module:
        return Net()

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Conv2d(3, 3, 1)

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"landcover": self.head(x)}

    def imported(group: str, name: str) -> Any:
        torch.rand(5)  # as a module does that makes a layer
        return make

    monkeypatch.setattr("smalti.nets.build.find_extension", imported)
    with sole_training(CPU):
        first = build(tiny_card(net="mine"), seed=3).state_dict()
        monkeypatch.setitem(NETS, "mine", make)
        second = build(tiny_card(net="mine"), seed=3).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
