"""Paths in recipes that begin with a home folder."""

from pathlib import Path

from smalti.errors import RecipeError


def expand_home(text: str) -> Path:
    """A path with `~` and `~user` expanded; RecipeError where there is no such home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise RecipeError(f"{text}: no such user, or no home folder; give the full path") from None
