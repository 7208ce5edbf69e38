"""Inria Aerial Image Labeling: buildings of ten cities, 0.3 m."""

from smalti.datasets.spec import DatasetSpec, SplitSpec
from smalti.raster.label_spec import LabelSpec

CITIES = ("austin", "chicago", "kitsap", "tyrol-w", "vienna")
HELD = 5
"""The authors' advice: the first five images of each city validate."""


def images(first: int, last: int) -> tuple[str, ...]:
    """Ids of the images first to last of each city."""
    return tuple(f"train/{city}{number}" for city in CITIES for number in range(first, last + 1))


INRIA = DatasetSpec(
    name="inria",
    title="Inria aerial image labeling",
    classes=("background", "building"),
    colors=("#000000", "#FFFFFF"),
    spec=LabelSpec(ids={0: "background", 255: "building"}),
    images={("red", "green", "blue"): ("{folder}/images/{stem}.tif",)},
    labels=("{folder}/gt/{stem}.tif",),
    splits={
        "train": SplitSpec("train", "images 6 to 36 of the five labelled cities", images(HELD + 1, 36)),
        "validation": SplitSpec(
            "validation", "images 1 to 5 of each labelled city, as the authors advise", images(1, HELD)
        ),
        "all": SplitSpec("train", "all images of the five labelled cities", images(1, 36)),
        "test": SplitSpec(
            "test",
            "five other cities; scored by the authors' server only",
            folders=("test",),
            count=180,
            labelled=False,
        ),
    },
    pixel="0.3 m",
    size="5000x5000",
    licence="public; the imagery keeps its providers' terms",
    citation="Maggiori et al., Can Semantic Labeling Methods Generalize to Any City? The Inria Aerial Image Labeling "
    "Benchmark, IGARSS, 2017",
    url="https://project.inria.fr/aerialimagelabeling/",
    leave_out=("background",),
    beside=("*.zip", "*.7z*", "*.txt"),
    notes=("the published score is the IoU of buildings, not a mean over both classes",),
)
