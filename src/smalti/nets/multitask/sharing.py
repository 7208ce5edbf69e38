"""The sharing schemes by name."""

from collections.abc import Callable

from smalti.nets.multitask.afa import AFA
from smalti.nets.multitask.cross_stitch import CrossStitch
from smalti.nets.multitask.mtan import MTAN
from smalti.nets.multitask.nddr import NDDR
from smalti.nets.multitask.plan import Sharing, SharingPlan
from smalti.nets.multitask.separate import Separate
from smalti.nets.multitask.shared import Shared

SHARING: dict[str, Callable[[SharingPlan], Sharing]] = {
    "separate": Separate,
    "shared": Shared,
    "cross_stitch": CrossStitch,
    "nddr": NDDR,
    "afa": AFA,
    "mtan": MTAN,
}
