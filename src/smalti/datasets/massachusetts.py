"""Massachusetts buildings and roads: 1 m, squares of 1500 x 1500."""

from smalti.datasets.spec import DatasetSpec, SplitSpec
from smalti.raster.label_spec import LabelSpec


def _set(thing: str, counts: tuple[int, int, int], note: str) -> DatasetSpec:
    train, valid, test = counts
    return DatasetSpec(
        name=f"massachusetts-{thing}s",
        title=f"Massachusetts {thing}s",
        classes=("background", thing),
        colors=("#000000", "#FF0000"),
        spec=LabelSpec(
            ids={0: "background", 255: thing},
            colors={"#000000": "background", "#FF0000": thing, "#FFFFFF": thing},
            threshold=128,
        ),
        images={("red", "green", "blue"): ("{folder}/sat/{stem}.tiff", "tiff/{folder}/{stem}.tiff")},
        labels=("{folder}/map/{stem}.tif", "tiff/{folder}_labels/{stem}.tif"),
        splits={
            "train": SplitSpec("train", "the author's train", folders=("train",), count=train),
            "validation": SplitSpec("validation", "the author's valid", folders=("valid", "val"), count=valid),
            "test": SplitSpec("test", "the author's test", folders=("test",), count=test),
        },
        pixel="1 m",
        size="1500x1500",
        licence="not stated; imagery by the state of Massachusetts, labels from OpenStreetMap",
        citation="Mnih, Machine Learning for Aerial Image Labeling, PhD thesis, University of Toronto, 2013",
        url="https://www.cs.toronto.edu/~vmnih/data/",
        leave_out=("background",),
        beside=("*.zip", "*.csv", "*.txt", "png/*", "tiff/*", "*.html", "*.shp", "*.png"),
        notes=("published scores are often precision and recall relaxed by 3 pixels: another measure than IoU", note),
    )


BUILDINGS = _set("building", (137, 4, 10), "labels come from a map, and do not always fit the image")
ROADS = _set("road", (1108, 14, 49), "large white parts of some training images hold no ground")
