"""Whether the fields of a dataset's description are what they must be: another package may have written it."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from smalti.arguments import check_fields
from smalti.datasets.spec import DatasetSpec
from smalti.errors import ExtensionError, OptionError


def check_spec(dataset: DatasetSpec, group: str, name: str) -> None:
    """ExtensionError for fields of other types, for colours that do not match the classes, and for no images."""
    try:
        for table in _tables(dataset):
            check_fields(table)
        dataset.task()
        if not dataset.images or not dataset.splits:
            raise ValueError("images and splits must not be empty")
    except ValidationError as error:
        raise _unusable(group, name, error.errors()[0]["msg"].removeprefix("Value error, ")) from error
    except (OptionError, ValueError) as error:
        raise _unusable(group, name, str(error)) from error


def _unusable(group: str, name: str, why: str) -> ExtensionError:
    return ExtensionError(f"{group}: the DatasetSpec {name!r} cannot be used: {why}", value=name)


def _tables(dataset: DatasetSpec) -> Iterator[Any]:
    """The description, and those inside it once its own fields are known to be right."""
    yield dataset
    yield from dataset.splits.values()
    yield from dataset.values.values()
