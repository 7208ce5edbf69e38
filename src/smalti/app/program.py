"""How this program is started again: from Python, or from the packaged program, which has no Python beside it."""

import sys


def program() -> list[str]:
    """The beginning of a command line."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "smalti"]
