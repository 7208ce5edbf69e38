"""LoveDA: towns and villages around three Chinese cities, 0.3 m."""

from smalti.datasets.spec import DatasetSpec, SplitSpec
from smalti.raster.label_spec import LabelSpec

CLASSES = {
    "background": "#FFFFFF",
    "building": "#FF0000",
    "road": "#FFFF00",
    "water": "#0000FF",
    "barren": "#9F81B7",
    "forest": "#00FF00",
    "agriculture": "#FFC380",
}

LOVEDA = DatasetSpec(
    name="loveda",
    title="LoveDA, land cover for domain adaptation",
    classes=tuple(CLASSES),
    colors=tuple(CLASSES.values()),
    spec=LabelSpec(ids={0: "ignore", **dict(enumerate(CLASSES, 1))}),
    images={("red", "green", "blue"): ("{folder}/images_png/{stem}.png",)},
    labels=("{folder}/masks_png/{stem}.png",),
    splits={
        "train": SplitSpec("train", "Train, urban and rural", folders=("Train/Urban", "Train/Rural"), count=2522),
        "validation": SplitSpec("validation", "Val, urban and rural", folders=("Val/Urban", "Val/Rural"), count=1669),
        "train-urban": SplitSpec("train", "Train, urban", folders=("Train/Urban",), count=1156),
        "train-rural": SplitSpec("train", "Train, rural", folders=("Train/Rural",), count=1366),
        "validation-urban": SplitSpec("validation", "Val, urban", folders=("Val/Urban",), count=677),
        "validation-rural": SplitSpec("validation", "Val, rural", folders=("Val/Rural",), count=992),
        "test": SplitSpec(
            "test",
            "Test; scored by the authors' server only",
            folders=("Test/Urban", "Test/Rural"),
            count=1796,
            labelled=False,
        ),
    },
    pixel="0.3 m",
    size="1024x1024",
    licence="CC BY-NC-SA 4.0",
    citation="Wang et al., LoveDA: A Remote Sensing Land-Cover Dataset for Domain Adaptive Semantic Segmentation, "
    "NeurIPS Datasets and Benchmarks, 2021",
    url="https://github.com/Junjue-Wang/LoveDA",
    leave_out=("background",),
    beside=("*.zip", "*.txt", "*.md"),
    notes=("value 0 is no data; numbers on the validation part and from the test server must not be mixed",),
)
