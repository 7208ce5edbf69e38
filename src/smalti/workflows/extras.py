"""What is said where a package of an extra is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager

from smalti.errors import MissingExtraError


@contextmanager
def of_training() -> Iterator[None]:
    """MissingExtraError where an import of the block needs a package for training that is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "torch").partition(".")[0]
        if package == "smalti":
            raise
        raise MissingExtraError(package, "train") from None
