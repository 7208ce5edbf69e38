"""The Dubai set of Humans in the Loop: satellite images of eight places, nine each."""

from smalti.datasets.spec import DatasetSpec, SplitSpec, by_color

CLASSES = {
    "land": "#8429F6",
    "water": "#E2A929",
    "building": "#3C1098",
    "vegetation": "#FEDD3A",
    "road": "#6EC1E4",
}


def tiles(*numbers: int) -> tuple[str, ...]:
    """Ids of the nine images of some tiles."""
    return tuple(f"tile{tile}/image_part_{part:03d}" for tile in numbers for part in range(1, 10))


DUBAI = DatasetSpec(
    name="dubai",
    title="Semantic segmentation of aerial imagery, Dubai",
    classes=tuple(CLASSES),
    colors=tuple(CLASSES.values()),
    spec=by_color(CLASSES, ignore=("#9B9B9B", "#000000")),
    images={("red", "green", "blue"): ("{folder}/images/{stem}.jpg",)},
    labels=("{folder}/masks/{stem}.png",),
    splits={
        "train": SplitSpec("train", "tiles 1 to 5 of 8; split by place, by us", tiles(1, 2, 3, 4, 5)),
        "validation": SplitSpec("validation", "tile 6 of 8; split by place, by us", tiles(6)),
        "test": SplitSpec("test", "tile 7 of 8; split by place, by us", tiles(7)),
        "test-8": SplitSpec("test", "tile 8 of 8; split by place, by us", tiles(8)),
    },
    pixel="not stated",
    size="509x544 to 2149x2061",
    licence="CC0 1.0",
    citation="Humans in the Loop and Mohammed Bin Rashid Space Centre, Semantic segmentation of aerial imagery, 2020",
    url="https://humansintheloop.org/resources/datasets/semantic-segmentation-dataset-2/",
    beside=("classes.json", "*.txt", "*.zip"),
    notes=(
        "no official split: random windows of all tiles, as often used, mix places",
        "the colours of its classes.json are not those of its labels",
    ),
)
