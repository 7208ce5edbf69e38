"""Paths in recipes that begin with somebody's home folder."""

from pathlib import Path

from smalti.errors import RecipeError


def at_home(text: str) -> Path:
    """A path with `~` and `~user` written out; RecipeError where there is no such home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise RecipeError(f"{text}: there is no such user, or no home folder; give the path in full") from None
