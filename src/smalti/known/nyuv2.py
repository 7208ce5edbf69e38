"""NYU Depth v2: indoor scenes with depth; 40 or 13 classes. In folders, as ESANet's script lays it out."""

from smalti.known.layout import Height, Known, Split, listed
from smalti.raster.label_spec import LabelSpec
from smalti.raster.palette import to_hex

FORTY = listed(
    "wall, floor, cabinet, bed, chair, sofa, table, door, window, bookshelf, picture, counter, blinds, desk, shelves, "
    "curtain, dresser, pillow, mirror, floor mat, clothes, ceiling, books, refrigerator, television, paper, towel, "
    "shower curtain, box, whiteboard, person, night stand, toilet, sink, lamp, bathtub, bag, other structure, "
    "other furniture, other prop",
    ", ",
)
THIRTEEN = listed("bed, books, ceiling, chair, floor, furniture, objects, picture, sofa, table, tv, wall, window", ", ")


def _bits(number: int) -> str:
    """The usual colour of a class number: its bits, three at a time, from the highest bit of each channel down."""
    channels = [0, 0, 0]
    for step in range(8):
        for band in range(3):
            channels[band] |= (number >> (3 * step + band) & 1) << (7 - step)
    return to_hex((channels[0], channels[1], channels[2]))


def _set(name: str, classes: tuple[str, ...], note: str) -> Known:
    return Known(
        name=name,
        title=f"NYU Depth v2, {len(classes)} classes",
        classes=classes,
        colors=tuple(_bits(number) for number in range(1, len(classes) + 1)),
        spec=LabelSpec(ids={0: "ignore", **dict(enumerate(classes, 1))}),
        images={("red", "green", "blue"): ("{folder}/rgb/{stem}.png",)},
        labels=(f"{{folder}}/labels_{len(classes)}/{{stem}}.png",),
        heights={
            "depth": Height(
                ("{folder}/depth/{stem}.png",), 0.001, "depth with holes filled, in millimetres, 0 is none"
            ),
            "depth_raw": Height(("{folder}/depth_raw/{stem}.png",), 0.001, "depth as seen, in millimetres, 0 is none"),
        },
        splits={
            "train": Split("train", "the official 795 images", folders=("train",), count=795),
            "test": Split("test", "the official 654 images", folders=("test",), count=654),
        },
        pixel="indoors: no size on the ground",
        size="640x480",
        licence="not stated; for research",
        citation="Silberman et al., Indoor Segmentation and Support Inference from RGBD Images, ECCV, 2012",
        url="https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html",
        beside=("*.mat", "*.txt", "labels_*/*.png", "labels_*_colored/*.png"),
        notes=(
            "the file nyu_depth_v2_labeled.mat itself is not read: it has 894 names, and the map from them to these "
            "classes is another download; lay it out in folders first",
            note,
        ),
    )


NYUV2 = _set("nyuv2", FORTY, "40 classes at full size is one protocol, 13 classes at 288x384 another: never mixed")
NYUV2_13 = _set("nyuv2-13", THIRTEEN, "published numbers with 13 classes are mostly at 288x384 with another split")
