"""A share of a list of scenes, so that many machines run one command."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from smalti.errors import OptionError

T = TypeVar("T")

_FORM = re.compile(r"(\d{1,9})/(\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """Every `count`-th scene, beginning with number `index`, from 0."""

    index: int = 0
    count: int = 1

    def of(self, all_: Sequence[T]) -> list[T]:
        """Its entries of a list."""
        return list(all_[self.index :: self.count])

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def parse_shard(text: str | None) -> Shard:
    """The share that `INDEX/COUNT` states, all of the list for None; OptionError for any other text."""
    if text is None:
        return Shard()
    if not (found := _FORM.fullmatch(text.strip())):
        raise OptionError(f"shard is {text!r}; expected INDEX/COUNT, such as 0/8 for the first of eight", value=text)
    index, count = int(found[1]), int(found[2])
    if count == 0:
        raise OptionError(f"shard is {text}: there must be at least one shard, such as 0/1", value=text)
    if index >= count:
        raise OptionError(f"shard is {text}: of {count} shards the index is from 0 to {count - 1}", value=text)
    return Shard(index, count)
