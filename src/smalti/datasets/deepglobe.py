"""DeepGlobe land cover: 803 labelled satellite images of 2448 x 2448, 0.5 m."""

from smalti.datasets.deepglobe_split import TEST, TRAIN
from smalti.datasets.spec import DatasetSpec, SplitSpec, by_color

CLASSES = {
    "urban": "#00FFFF",
    "agriculture": "#FFFF00",
    "rangeland": "#FF00FF",
    "forest": "#00FF00",
    "water": "#0000FF",
    "barren": "#FFFFFF",
}
COMMUNITY = "the community's split 454/207/142 of the labelled images"

DEEPGLOBE = DatasetSpec(
    name="deepglobe",
    title="DeepGlobe land cover",
    classes=tuple(CLASSES),
    colors=tuple(CLASSES.values()),
    spec=by_color(CLASSES, ignore=("#000000",), threshold=128),
    images={("red", "green", "blue"): ("{folder}/{stem}_sat.jpg",)},
    labels=("{folder}/{stem}_mask.png",),
    splits={
        "train": SplitSpec("train", COMMUNITY, ids=TRAIN),
        "validation": SplitSpec("validation", COMMUNITY, folders=("train",), but=TRAIN + TEST, count=207),
        "test": SplitSpec("test", COMMUNITY, ids=TEST),
        "all": SplitSpec("train", "all labelled images", folders=("train",), count=803),
        "official-validation": SplitSpec(
            "validation", "valid; its labels were never published", folders=("valid",), count=171, labelled=False
        ),
        "official-test": SplitSpec(
            "test", "test; its labels were never published", folders=("test",), count=172, labelled=False
        ),
    },
    pixel="0.5 m",
    size="2448x2448",
    licence="for research and education, by the terms of the challenge",
    citation="Demir et al., DeepGlobe 2018: A Challenge to Parse the Earth through Satellite Images, CVPRW, 2018",
    url="https://competitions.codalab.org/competitions/18468",
    beside=("*.csv", "*.txt", "*.zip"),
    notes=(
        "unknown (black) counts nowhere; the masks' channels are parted at 128",
        "numbers on the 142 test images and on the official validation server must not be mixed",
    ),
)
