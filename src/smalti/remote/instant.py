"""Times of catalogues: instants, and intervals as catalogues state them: 2024-06-01/2024-08-31, 2024-06, ../2024."""

import calendar
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from smalti.errors import OptionError

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Interval:
    """From a time to another one, both included."""

    begin: datetime = _EARLIEST
    end: datetime = _LATEST

    def meets(self, other: "Interval") -> bool:
        """Whether they have an instant in common."""
        return self.begin <= other.end and other.begin <= self.end

    def __str__(self) -> str:
        begin = ".." if self.begin == _EARLIEST else written(self.begin)
        return f"{begin}/{'..' if self.end == _LATEST else written(self.end)}"


def written(time: datetime) -> str:
    """An instant as STAC writes it, in UTC."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_interval(text: str) -> Interval:
    """The interval that a text states: a year, month, day or instant, or two of them with a slash; OptionError."""
    first, slash, last = text.strip().partition("/")
    with suppress(ValueError, OverflowError):
        found = Interval(_span(first).begin, _span(last if slash else first).end)
        if found.begin <= found.end:
            return found
    expected = "a date such as 2024-06-30 or 2024-06, or two with a slash, where .. is open"
    raise OptionError(f"datetime is {text!r}; expected {expected}", value=text)


def parse_instant(text: str) -> datetime:
    """An instant in RFC 3339; without a zone it is UTC. ValueError for anything else."""
    found = datetime.fromisoformat(text.strip())
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _span(text: str) -> Interval:
    if text in ("", ".."):
        return Interval()
    found = _DATE.fullmatch(text)
    if not found:
        instant = parse_instant(text)
        return Interval(instant, instant)
    year, month, day = (int(part) if part else 0 for part in found.groups())
    begin = datetime(year, month or 1, day or 1, tzinfo=UTC)
    last = datetime(year, month or 12, day or calendar.monthrange(year, month or 12)[1], tzinfo=UTC)
    return Interval(begin, last + timedelta(days=1, microseconds=-1))
