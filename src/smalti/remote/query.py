"""Which items of a catalogue are meant: by place, by time and by their properties; and which of their files."""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smalti.arguments import check_fields
from smalti.errors import OptionError
from smalti.remote.instant import Interval, parse_instant, parse_interval

_FORM = re.compile(r"\s*([^<>=!\s]+)\s*(<=|>=|!=|==?|<|>)\s*(.+?)\s*")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "=": operator.eq, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to take from catalogues; OptionError for values that cannot be meant."""

    bbox: Sequence[float] | None = None
    """West, south, east and north in degrees; items that meet this rectangle."""
    datetime: str | None = None
    """A date, or two with a slash, such as `2024-06/2024-08`; items of that time."""
    assets: Sequence[str] | None = None
    """Names of the files of an item; several are the bands of one scene, in this order."""
    where: Sequence[str] = ()
    """Conditions for an item's properties, such as `eo:cloud_cover<10`; all must hold."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.bbox is not None:
            _check_bbox(self.bbox)
        if self.assets is not None and not all(self.assets):
            raise OptionError("assets: an empty name; expected names such as visual, or red,green,blue")
        _ = self.interval, [_condition(text) for text in self.where]

    @property
    def interval(self) -> Interval | None:
        """The time asked for."""
        return None if self.datetime is None else parse_interval(self.datetime)

    def __bool__(self) -> bool:
        """Whether it asks for anything."""
        return self != Query()

    def __str__(self) -> str:
        bbox = "" if self.bbox is None else f"--bbox {','.join(f'{side:g}' for side in self.bbox)}"
        time = "" if self.datetime is None else f"--datetime {self.datetime}"
        return " ".join(filter(None, (bbox, time, *(f"--where '{text}'" for text in self.where))))

    def matches(self, item: Mapping[str, Any]) -> bool:
        """Whether an item is asked for."""
        properties = item.get("properties") or {}
        if self.bbox is not None and not boxes_meet(self.bbox, item.get("bbox")):
            return False
        if self.interval is not None:
            time = time_of(properties)
            if time is None or not time.meets(self.interval):
                return False
        return all(_holds(_condition(text), properties) for text in self.where)


def boxes_meet(one: Sequence[float], other: Sequence[float] | None) -> bool:
    """Whether two rectangles of degrees meet; the second may cross the antimeridian, or have heights."""
    if not other or len(other) not in (4, 6):
        return False
    west, south, east, north = other if len(other) == 4 else (*other[:2], *other[3:5])
    if one[1] > north or south > one[3]:
        return False
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    asked = [(one[0], one[2])] if one[0] <= one[2] else [(one[0], 180.0), (-180.0, one[2])]
    return any(a <= right and left <= b for a, b in asked for left, right in spans)


def time_of(properties: Mapping[str, Any]) -> Interval | None:
    """The time of an item; None if it states none."""
    begin, end = (properties.get(key) for key in ("start_datetime", "end_datetime"))
    instant = properties.get("datetime")
    try:
        if instant:
            return Interval(parse_instant(str(instant)), parse_instant(str(instant)))
        return Interval(parse_instant(str(begin)), parse_instant(str(end))) if begin and end else None
    except ValueError:
        return None


def _check_bbox(bbox: Sequence[float]) -> None:
    sound = len(bbox) == 4 and all(map(math.isfinite, bbox))
    if not sound or not (-90 <= bbox[1] <= bbox[3] <= 90 and all(-180 <= x <= 180 for x in (bbox[0], bbox[2]))):
        expected = "WEST,SOUTH,EAST,NORTH in degrees, such as 13.1,52.3,13.7,52.7"
        raise OptionError(f"bbox is {','.join(map(str, bbox))}; expected {expected}", value=bbox)


def _condition(text: str) -> tuple[str, str, str]:
    found = _FORM.fullmatch(text)
    if not found:
        expected = "PROPERTY, one of < <= = != >= >, and a value, such as eo:cloud_cover<10"
        raise OptionError(f"where is {text!r}; expected {expected}", value=text)
    return found[1], found[2], found[3]


def _holds(condition: tuple[str, str, str], properties: Mapping[str, Any]) -> bool:
    key, sign, wanted = condition
    value = properties.get(key)
    if value is None:
        return False
    try:
        pair: tuple[Any, Any] = float(value), float(wanted)
    except (TypeError, ValueError):
        pair = str(value), wanted.strip("'\"")
    return _OPERATORS[sign](*pair)
