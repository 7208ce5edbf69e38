"""The folder of the rounds of `smalti shrink --recipe`: what is done stays there, so that a killed command resumes.

about.json says which model and recipe the rounds are of. A round has a folder named by its number: `pruned` and
`trained` with its checkpoints, model.onnx and round.json with its result. Each appears only when it is complete.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from smalti.deploy.shrink.gate import GateRow
from smalti.deploy.shrink.search import Shrunk
from smalti.errors import ModelError, OutputError
from smalti.files import beside, guarded, write_whole
from smalti.runtime.models import verify
from smalti.workflows.bench import Bench
from smalti.workflows.shrink_done import ShrinkDone
from smalti.workflows.shrink_work import ShrinkWork

ABOUT, RESULT, MODEL = "about.json", "round.json", "model.onnx"


@dataclass(frozen=True)
class _Stored:
    """A result without its model."""

    sha256: str
    """Of the model's file."""
    allowed: float
    """The loss in percent that its search aimed at."""
    rows: tuple[GateRow, ...]
    early: bool
    floats: tuple[str, ...]
    layers: int
    timings: Bench


_STORED = TypeAdapter(_Stored)


class RoundFolder:
    """The rounds beside an output."""

    def __init__(self, out: Path) -> None:
        self.path = beside(out, "rounds")

    def of(self, number: int) -> Path:
        """The folder of a round."""
        return self.path / str(number)

    def begin(self, about: dict[str, str], *, resume: bool) -> None:
        """Makes the folder, or resumes what it holds; OutputError if that is of other things, unless it is to `resume`.

        `about` is all that the rounds depend on, by its name in messages.
        """
        with guarded(self.path):
            if not self.path.exists():
                self.path.mkdir()
            elif not resume:
                self._check(about)
            write_whole(self.path / ABOUT, json.dumps(about, indent=2).encode())

    def _check(self, about: dict[str, str]) -> None:
        try:
            before = json.loads((self.path / ABOUT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            if not any(self.path.iterdir()):
                return
            raise OutputError(f"{self.path}: exists and holds no rounds of smalti; choose another output") from None
        changed = [name for name, value in about.items() if not isinstance(before, dict) or before.get(name) != value]
        if changed:
            text = f"{self.path} holds rounds with another {changed[0]}"
            raise OutputError(f"{text}; give another output, or --resume to continue with this one")

    def load(self, number: int, work: ShrinkWork) -> ShrinkDone | None:
        """The result of a finished round; None if there is none, or one that aimed at another loss."""
        folder = self.of(number)
        try:
            stored = _STORED.validate_json((folder / RESULT).read_bytes())
            model = verify(folder / MODEL)
        except (OSError, ValidationError, ModelError):
            return None
        if stored.sha256 != model.sha256 or stored.allowed != work.targets.loss:
            return None
        found = Shrunk(model, stored.rows, stored.early, stored.floats, stored.layers)
        return work.done(model, found, stored.timings)

    def save(self, number: int, done: ShrinkDone, allowed: float) -> None:
        """Keeps the result of a round, which aimed at a loss of `allowed` percent."""
        found, folder = done.found, self.of(number)
        stored = _Stored(done.model.sha256, allowed, found.rows, found.early, found.floats, found.layers, done.timings)
        with guarded(folder):
            folder.mkdir(exist_ok=True)
            write_whole(folder / MODEL, done.model.content)
            write_whole(folder / RESULT, _STORED.dump_json(stored, indent=1))
