"""Changes of a recipe's settings."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from smalti.errors import OptionError


def as_settings(changes: Mapping[str, object] | Sequence[str]) -> tuple[str, ...]:
    """Changes as `a.b=c` with a value of TOML; strings of that form stay as they are."""
    if not isinstance(changes, Mapping):
        return tuple(changes)
    return tuple(f"{key}={_toml(value)}" for key, value in changes.items())


def _toml(value: object) -> str:
    """A value of TOML; OptionError for what it has none for, such as None."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{json.dumps(str(key))} = {_toml(one)}' for key, one in value.items())}}}"
    if isinstance(value, list | tuple | set):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | PurePath):
        return json.dumps(str(value), ensure_ascii=False)
    raise OptionError(f"{value!r} cannot be a setting of a recipe; leave a key out for its default", value=value)
