"""The sharing schemes by name."""

from collections.abc import Callable

from smalti.nets.multitask.cross_stitch import CrossStitch
from smalti.nets.multitask.plan import Plan, Sharing
from smalti.nets.multitask.separate import Separate
from smalti.nets.multitask.shared import Shared

SHARING: dict[str, Callable[[Plan], Sharing]] = {
    "separate": Separate,
    "shared": Shared,
    "cross_stitch": CrossStitch,
}
