"""How many threads NumPy multiplies matrices with: one, since requests already run side by side.

Those of a lesson are small. On a busy machine its threads wait for each other most of the time: a lesson took two to
seven seconds in place of a third of one.
"""

import os

_SWITCHES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def multiply_alone() -> None:
    """To be called before NumPy is imported; a variable that the user has set stays."""
    for switch in _SWITCHES:
        os.environ.setdefault(switch, "1")
