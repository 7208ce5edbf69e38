"""What a net takes where it is applied: without the heads that only help in training."""

from torch import nn

from smalti.nets.cost import count


def parameters(net: nn.Module) -> int:
    applied = (value for name, value in net.named_parameters() if not name.startswith(("aux_head", "edge_head")))
    return sum(value.numel() for value in applied)


def giga(net: nn.Module, height: int, width: int) -> float:
    """Multiply-adds in 1e9 for one image."""
    return count(net.eval(), height, width).multiply_adds / 1e9
