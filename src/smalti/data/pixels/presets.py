"""Presets of augmentation: none, light or heavy changes, as defaults of the single keys."""

from typing import Any, Literal

Preset = Literal["none", "light", "heavy"]
PRESETS: dict[Preset, dict[str, Any]] = {
    "none": {
        "scale": (1, 1), "flips": False, "turns": False, "rotate": 0,
        "brightness": 0, "contrast": 0, "saturation": 0, "balance": 0, "gamma": 0, "blur": 0,
    },
    "light": {
        "scale": (0.8, 1.25), "flips": True, "turns": True, "rotate": 0,
        "brightness": 0.1, "contrast": 0.1, "saturation": 0.1, "balance": 0, "gamma": 0.1, "blur": 0,
    },
    "heavy": {
        "scale": (0.5, 2), "flips": True, "turns": True, "rotate": 0.5,
        "brightness": 0.3, "contrast": 0.3, "saturation": 0.5, "balance": 0.1, "gamma": 0.4, "blur": 0.25,
    },
}  # fmt: skip


def fill_in(given: Any) -> Any:
    """The preset named in the given keys, updated with them; without a valid preset, the keys themselves."""
    preset = given.get("preset") if isinstance(given, dict) else None
    return {**PRESETS[preset], **given} if preset in PRESETS else given
