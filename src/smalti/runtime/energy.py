"""The energy of the processor, where the system reports it: RAPL, as Linux shows it for Intel and AMD processors."""

from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
"""Holds a folder per zone: `intel-rapl:N` is a whole processor, `intel-rapl:N:M` a part of one."""


class Energy:
    """Counts the energy of all processors from its creation on."""

    def __init__(self) -> None:
        self._counters = [zone / "energy_uj" for zone in _processors()]
        self._start = [_read(counter) for counter in self._counters]

    def joules(self) -> float | None:
        """Joules so far, of everything that runs on the machine; None if it does not report them to this user.

        A counter starts again when it overflows, after minutes at least: one overflow is taken into account.
        """
        used = [self._used(at) for at in range(len(self._counters))]
        return sum(each for each in used if each is not None) / 1e6 if used and None not in used else None

    def _used(self, at: int) -> int | None:
        """Microjoules of one processor."""
        start, now = self._start[at], _read(self._counters[at])
        if start is None or now is None:
            return None
        return now - start if now >= start else now - start + (_read(self._largest(at)) or 0)

    def _largest(self, at: int) -> Path:
        return self._counters[at].with_name("max_energy_range_uj")


def _processors() -> list[Path]:
    """The zones of whole processors; `psys`, a zone of the whole device, would count them twice."""
    zones = POWERCAP.glob("intel-rapl:*") if POWERCAP.is_dir() else []
    return sorted(zone for zone in zones if zone.name.count(":") == 1 and _name(zone).startswith("package"))


def _name(zone: Path) -> str:
    try:
        return (zone / "name").read_text(encoding="utf-8")
    except OSError:
        return ""


def _read(counter: Path) -> int | None:
    try:
        return int(counter.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # often readable by root alone
        return None
