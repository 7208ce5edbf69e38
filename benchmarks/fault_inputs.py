"""Damaged files, each given to the command that reads it, in a process of 2 GB and 20 s."""

import random
import re
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fault_fork import End, run
from fault_kills import in_child
from fault_kinds import Kind
from fault_truth import CAME, check

SECONDS, MEMORY = 20, 2 << 30
"""CPU seconds, independent of other programs; bytes."""
OURS = re.compile(r"smalti: |warning: |Error: |Usage: |Try |$")
"""How lines of the program itself begin; all others are from libraries."""


@dataclass(slots=True)
class Damaged:
    """The results for the damaged files of one kind."""

    kind: str
    codes: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def row(self) -> str:
        """One row of the table."""
        refused = sum(count for code, count in self.codes.items() if code)
        faults = "; ".join(f"{count} {fault}" for fault, count in self.faults.most_common()) or "none"
        return f"| {self.kind} | {sum(self.codes.values())} | {self.codes[0]} | {refused} | {faults} |"


def damage_all(kind: Kind, folder: Path, times: int, seed: int, keep: Path | None) -> Damaged:
    """Runs a command on `times` damaged files; those that show a fault are kept in `keep`."""
    source = in_child(kind.prepare, folder / "inputs")
    result = Damaged(kind.name)
    for number in range(times):
        chance = random.Random(f"{kind.name} {seed} {number}")
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(source, work)
        victim = work / chance.choice(kind.victims)
        victim.write_bytes(kind.mutate(victim.read_bytes(), chance))
        shutil.copyfile(victim, work / CAME)
        (work / "out").mkdir()
        arguments = [argument.replace("VICTIM", victim.name) for argument in kind.arguments]
        end = run(arguments, work, limit=30 * SECONDS, processor=SECONDS, memory=MEMORY)
        fault = end.fault or _bad_refusal(end) or _outputs(kind, end, work, source)
        result.codes[-1 if end.code is None else end.code] += 1
        if fault:
            result.faults[fault] += 1
            if keep:
                shutil.copytree(work, keep / f"{kind.name} {number}".replace(" ", "-"), dirs_exist_ok=True)
                (keep / f"{kind.name} {number}.txt".replace(" ", "-")).write_text(
                    f"{fault}\n{victim}\n{end.out}\n{end.err}"
                )
    shutil.rmtree(folder)
    return result


def _bad_refusal(end: End) -> str | None:
    """What is wrong with a refusal: it must give a reason in our own line, and no library may print."""
    lines = end.err.splitlines()
    raw = [line for line in lines if not OURS.match(line)]
    if raw:
        return f"a raw line of a library: {raw[0][:80]}"
    if end.code not in (0, 3):
        return f"exit {end.code} instead of 3"
    return None if end.code == 0 or any(map(str.strip, lines)) else "exit 3 without a line of ours"


def _outputs(kind: Kind, end: End, work: Path, source: Path) -> str | None:
    made = [path for path in (work / "out").iterdir() if not path.name.startswith(".")]
    if end.code and kind.arguments[0] != "photos" and any(path.is_file() for path in made):
        return "an output beside a refusal"
    if not made and (end.code == 0 or (end.code == 3 and kind.arguments[0] == "photos")):
        return "no output"
    ended_well = end.code == 0 or (end.code == 3 and kind.arguments[0] == "photos")  # without the photo that is damaged
    return check(kind.wrong, work, source) if ended_well and made else None
