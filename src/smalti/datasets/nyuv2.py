"""NYU Depth v2: indoor scenes with depth; 40 or 13 classes. As the authors' one file, or in folders of two kinds."""

from dataclasses import replace

from smalti.datasets.nyuv2_file import NAME, Nyuv2File
from smalti.datasets.nyuv2_split import TEST, TRAIN
from smalti.datasets.spec import DatasetSpec, SplitSpec, ValueRasters, listed
from smalti.raster.label_spec import LabelSpec
from smalti.raster.palette import to_hex
from smalti.tiling import Window

FORTY = listed(
    "wall, floor, cabinet, bed, chair, sofa, table, door, window, bookshelf, picture, counter, blinds, desk, shelves, "
    "curtain, dresser, pillow, mirror, floor mat, clothes, ceiling, books, refrigerator, television, paper, towel, "
    "shower curtain, box, whiteboard, person, night stand, toilet, sink, lamp, bathtub, bag, other structure, "
    "other furniture, other prop",
    ", ",
)
THIRTEEN = listed("bed, books, ceiling, chair, floor, furniture, objects, picture, sofa, table, tv, wall, window", ", ")
TO_THIRTEEN = (
    12, 5, 6, 1, 4, 9, 10, 12, 13, 6, 8, 6, 13, 10, 6, 13, 6, 7, 7, 5,
    7, 3, 2, 6, 11, 7, 7, 7, 7, 7, 7, 6, 7, 7, 7, 7, 7, 7, 6, 7,
)  # fmt: skip
"""For each of the forty classes its number among the thirteen, from 1 (Couprie et al., 2013)."""
EIGEN_CROP = Window(45, 41, 426, 560)
"""The part of the 480 x 640 images that depths are scored on since Eigen et al. (NeurIPS 2014): rows 45 to 470,
columns 41 to 600, where the projected depth has values."""
PROTOCOLS = {
    40: "40 classes at full size is one protocol, 13 classes at 288x384 another: never mixed",
    13: "published numbers with 13 classes are mostly at 288x384 with another split",
}


def _bits(number: int) -> str:
    """The usual colour of a class number: its bits, three at a time, from the highest bit of each channel down."""
    channels = [0, 0, 0]
    for step in range(8):
        for band in range(3):
            channels[band] |= (number >> (3 * step + band) & 1) << (7 - step)
    return to_hex((channels[0], channels[1], channels[2]))


def _depth(path: str, metres: float, words: str) -> ValueRasters:
    return ValueRasters((path,), "depth", metres, f"{words}, 0 is none")


def _folders(name: str, classes: tuple[str, ...]) -> DatasetSpec:
    """In the folders of ESANet's script."""
    return DatasetSpec(
        name=name,
        title=f"NYU Depth v2, {len(classes)} classes",
        classes=classes,
        colors=tuple(_bits(number) for number in range(1, len(classes) + 1)),
        spec=LabelSpec(ids={0: "ignore", **dict(enumerate(classes, 1))}),
        images={("red", "green", "blue"): ("{folder}/rgb/{stem}.png",)},
        labels=(f"{{folder}}/labels_{len(classes)}/{{stem}}.png",),
        values={
            "depth": _depth("{folder}/depth/{stem}.png", 0.001, "depth with holes filled, in millimetres"),
            "depth_raw": _depth("{folder}/depth_raw/{stem}.png", 0.001, "depth as seen, in millimetres"),
        },
        splits={
            "train": SplitSpec("train", "the official 795 images", folders=("train",), count=795),
            "test": SplitSpec("test", "the official 654 images", folders=("test",), count=654),
        },
        pixel="indoors: no size on the ground",
        size="640x480",
        licence="not stated; for research",
        citation="Silberman et al., Indoor Segmentation and Support Inference from RGBD Images, ECCV, 2012",
        url="https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html",
        beside=("*.mat", "*.txt", "labels_*/*.png", "labels_*_colored/*.png"),
        notes=("in the folders that ESANet's script writes", PROTOCOLS[len(classes)]),
    )


def _numbered(pattern: str) -> dict[str, SplitSpec]:
    """The official split of images that go by their numbers."""
    return {
        "train": SplitSpec("train", "the official 795 images", tuple(map(pattern.format, TRAIN))),
        "test": SplitSpec("test", "the official 654 images", tuple(map(pattern.format, TEST))),
    }


def _one_file(folders: DatasetSpec) -> DatasetSpec:
    """In the authors' own file."""
    count = len(folders.classes)
    return replace(
        folders,
        name=folders.name.replace("nyuv2", "nyuv2-file"),
        title=f"{folders.title}, the authors' file",
        images={("red", "green", "blue"): (NAME,)},
        labels=("classMapping40.mat",),
        values={
            "depth": _depth(NAME, 1.0, "depth with holes filled, in metres"),
            "depth_raw": _depth(NAME, 1.0, "depth as seen, in metres"),
        },
        splits=_numbered("{:04}"),
        beside=("*.mat", "*.txt"),
        notes=(
            f"{NAME} is read in place, by h5py: pip install 'smalti[nyuv2]'",
            "its labels have 894 names; classMapping40.mat (Gupta et al., CVPR 2013), which joins them to 40 classes, "
            "is another download and must lie in the folder too",
            PROTOCOLS[count],
        ),
        store=Nyuv2File(TO_THIRTEEN if count == len(THIRTEEN) else ()),
    )


NYUV2 = _folders("nyuv2", FORTY)
NYUV2_13 = _folders("nyuv2-13", THIRTEEN)
NYUV2_FILE = _one_file(NYUV2)
NYUV2_FILE_13 = _one_file(NYUV2_13)
NYUV2_REFINENET = replace(
    NYUV2,
    name="nyuv2-refinenet",
    title="NYU Depth v2, 40 classes, as multi-task-refinenet has it",
    spec=LabelSpec(ids={255: "ignore", **dict(enumerate(FORTY))}),
    images={("red", "green", "blue"): ("rgb/{id}.png",)},
    labels=("masks/{id}.png",),
    values={"depth": _depth("depth/{id}.png", 1 / 5000, "depth as seen, in fifths of a millimetre")},
    splits=_numbered("{:06}"),
    beside=("*.mat", "*.txt", "normals/*.png"),
    notes=("in the folders that multi-task-refinenet reads; classes count from 0 there", PROTOCOLS[40]),
)
