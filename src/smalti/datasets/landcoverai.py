"""LandCover.ai: rural Poland, 0.25 and 0.5 m, 41 large scenes."""

from smalti.datasets.spec import DatasetSpec, SplitSpec
from smalti.raster.label_spec import LabelSpec

CLASSES = {
    "other": "#FFFFFF",
    "building": "#E74C3C",
    "woodland": "#27AE60",
    "water": "#3498DB",
    "road": "#7F8C8D",
}
MIXES = "chips of 512; chips of one scene lie in all three parts, so that neighbours of what is scored were seen"

LANDCOVERAI = DatasetSpec(
    name="landcoverai",
    title="LandCover.ai, version 1",
    classes=tuple(CLASSES),
    colors=tuple(CLASSES.values()),
    spec=LabelSpec(ids=dict(enumerate(CLASSES))),
    images={("red", "green", "blue"): ("images/{stem}.tif",)},
    labels=("masks/{stem}.tif",),
    splits={
        "train": SplitSpec("train", f"the authors' train.txt: {MIXES}", listed="train.txt", count=7470),
        "validation": SplitSpec("validation", f"the authors' val.txt: {MIXES}", listed="val.txt", count=1602),
        "test": SplitSpec("test", f"the authors' test.txt: {MIXES}", listed="test.txt", count=1602),
        "all": SplitSpec("train", "all 41 scenes, whole", folders=("",), count=41),
    },
    pixel="0.25 m (33 scenes) and 0.5 m (8 scenes)",
    size="about 9000x9500 and 4200x4700",
    licence="CC BY-NC-SA 4.0",
    citation="Boguszewski et al., LandCover.ai: Dataset for Automatic Mapping of Buildings, Woodlands, Water and Roads "
    "from Aerial Imagery, CVPR Workshops, 2021",
    url="https://landcover.ai.linuxpolska.com/",
    beside=("*.txt", "split.py", "output/*", "*.zip"),
    chip=512,
    notes=("the authors' split mixes places: its scores say little about a place that was never seen",),
)
