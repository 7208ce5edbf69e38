"""Changes to a recipe's settings."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Annotated

from smalti.errors import OptionError

Changes = Annotated[
    Mapping[str, object] | Sequence[str], "a dict of settings by key, or a list like ['train.steps=200']"
]
"""Settings of a recipe to change."""


def as_settings(changes: Changes) -> tuple[str, ...]:
    """Changes as `a.b=c` with a TOML value; strings of that form are kept."""
    if not isinstance(changes, Mapping):
        return tuple(changes)
    return tuple(f"{key}={as_toml(value)}" for key, value in changes.items())


def as_toml(value: object) -> str:
    """A value as TOML; OptionError for one that TOML lacks, such as None."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{json.dumps(str(key))} = {as_toml(one)}' for key, one in value.items())}}}"
    if isinstance(value, list | tuple | set):
        return f"[{', '.join(map(as_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | PurePath):
        return json.dumps(str(value), ensure_ascii=False)
    raise OptionError(f"{value!r} cannot be a setting of a recipe; omit a key for its default", value=value)
