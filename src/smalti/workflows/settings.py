"""Changes of a recipe's settings."""

import json
from collections.abc import Mapping, Sequence


def as_settings(changes: Mapping[str, object] | Sequence[str]) -> tuple[str, ...]:
    """Changes as `a.b=c` with a value of TOML; strings of that form stay as they are."""
    if not isinstance(changes, Mapping):
        return tuple(changes)
    return tuple(f"{key}={json.dumps(value, default=str)}" for key, value in changes.items())
