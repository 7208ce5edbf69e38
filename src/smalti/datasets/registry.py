"""The datasets that Smalti knows by name."""

from difflib import get_close_matches

from smalti.datasets.deepglobe import DEEPGLOBE
from smalti.datasets.dubai import DUBAI
from smalti.datasets.fields import check_spec
from smalti.datasets.inria import INRIA
from smalti.datasets.landcoverai import LANDCOVERAI
from smalti.datasets.loveda import LOVEDA
from smalti.datasets.massachusetts import BUILDINGS, ROADS
from smalti.datasets.nyuv2 import NYUV2, NYUV2_13, NYUV2_FILE, NYUV2_FILE_13, NYUV2_REFINENET
from smalti.datasets.potsdam import POTSDAM
from smalti.datasets.spec import DatasetSpec, SplitSpec
from smalti.datasets.vaihingen import VAIHINGEN
from smalti.errors import DataError
from smalti.extensions import find_extension, nobody_brings, unfit

GROUP = "smalti.datasets"
"""Where other packages register theirs, each a `DatasetSpec`."""

DATASETS: dict[str, DatasetSpec] = {
    dataset.name: dataset
    for dataset in (
        VAIHINGEN, POTSDAM, DEEPGLOBE, LOVEDA, INRIA, BUILDINGS, ROADS, LANDCOVERAI, DUBAI,
        NYUV2, NYUV2_13, NYUV2_FILE, NYUV2_FILE_13, NYUV2_REFINENET,
    )
}  # fmt: skip


def find_dataset(name: str) -> DatasetSpec:
    """The dataset of that name, of this program or an installed package.

    DataError with the nearest name where there is none; ExtensionError for what is no usable `DatasetSpec`.
    """
    dataset = DATASETS[name] if name in DATASETS else find_extension(GROUP, name)
    if dataset is None:
        near = _near(name, list(DATASETS))
        raise DataError(f"there is no dataset {name!r}{near}; {nobody_brings(GROUP)}", value=name)
    if not isinstance(dataset, DatasetSpec):
        raise unfit(GROUP, name, f"is {dataset!r}", "a smalti.datasets.spec.DatasetSpec")
    check_spec(dataset, GROUP, name)
    return dataset


def find_split(dataset: DatasetSpec, name: str) -> SplitSpec:
    """A split of a dataset; DataError if there is none of that name, or its labels are not public."""
    if name not in dataset.splits:
        raise DataError(f"{dataset.name} has no split {name!r}{_near(name, list(dataset.splits))}")
    split = dataset.splits[name]
    if not split.labelled:
        raise DataError(f"{dataset.name}: the labels of its split {name} are not public; choose another split")
    return split


def _near(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, 1, 0)
    return f"; did you mean {near[0]}? There are {', '.join(names)}"
