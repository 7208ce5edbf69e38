"""Copies weights of another net where names and shapes fit, and reports what was copied."""

from collections.abc import Mapping

import torch
from torch import Tensor

from smalti.errors import ModelError
from smalti.text import some

SHOWN = 3


def fill_fitting(own: Mapping[str, Tensor], weights: Mapping[str, Tensor], source: str) -> list[str]:
    """Copies into `own`, in place, the tensors of the same names and shapes; `source` begins the report.

    Returns lines that report what was copied and what was not; ModelError if nothing fits.
    """
    fitting = {name for name, value in weights.items() if name in own and own[name].shape == value.shape}
    if not any(own[name].is_floating_point() for name in fitting):
        raise ModelError(f"{source}: none of its {len(weights)} weights fits the net by name and shape")
    with torch.no_grad():
        for name in fitting:
            own[name].copy_(weights[name])
    lines = [f"from {source}: {len(fitting)} of the net's {len(own)} tensors copied"]
    for what, names in (
        ("of another shape, left as initialised", (own.keys() & weights.keys()) - fitting),
        ("not there, left as initialised", own.keys() - weights.keys()),
        ("only there, not used", weights.keys() - own.keys()),
    ):
        if names:
            lines.append(f"  {what}: {some(sorted(names), SHOWN)}")
    return lines
