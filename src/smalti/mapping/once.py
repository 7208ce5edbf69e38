"""Files made of a finished map: made once, under the map's lock, and noted in its mark.

When the map is made again, its mark is new and has no notes, so these files are made again, too.
"""

import json
from collections.abc import Callable
from pathlib import Path

from smalti.files import guarded
from smalti.lock import hold
from smalti.raster.mark import mark_of, note, noted


def made_once(output: Path, target: Path, asked: str, make: Callable[[], int], *, exact: bool = True) -> int:
    """Makes a file of a map unless an earlier run has made it; returns the number that `make` returned then or now.

    `asked` is all that the file depends on besides the map. A file that is not `exact` may have been edited since.
    BusyError while another process makes files of the map.
    """
    with hold(output):
        told = noted(output, target.name)
        found = json.loads(told) if told else {}
        if target.is_file() and found == {**found, "asked": asked, **_state(target, exact)}:
            return int(found["count"])
        made = make()
        note(output, target.name, json.dumps({"asked": asked, "count": made, **_state(target, exact)}))
        return made


def _state(target: Path, exact: bool) -> dict[str, object]:
    """Size and digest of a file."""
    if not exact:
        return {}
    with guarded(target):
        mark = mark_of(target, "")
    return {"size": mark.size, "sha256": mark.sha256}
