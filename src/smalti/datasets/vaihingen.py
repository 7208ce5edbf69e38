"""ISPRS Vaihingen: near infrared, red, green at 9 cm, 33 areas of a small town."""

from smalti.datasets.isprs import CITATION, CLASSES, LICENCE, SPEC
from smalti.datasets.spec import DatasetSpec, SplitSpec, ValueRasters, listed

TRAIN = listed("1 3 5 7 11 13 15 17 21 23 26 28 30 32 34 37")
TEST = listed("2 4 6 8 10 12 14 16 20 22 24 27 29 31 33 35 38")
LIGHT = listed("11 15 28 30 34")

VAIHINGEN = DatasetSpec(
    name="vaihingen",
    title="ISPRS 2D semantic labelling, Vaihingen",
    classes=tuple(CLASSES),
    colors=tuple(CLASSES.values()),
    spec=SPEC,
    images={("nir", "red", "green"): ("top/top_mosaic_09cm_area{id}.tif",)},
    labels=(
        "gts*/top_mosaic_09cm_area{id}.tif",
        "*ground_truth_COMPLETE*/top_mosaic_09cm_area{id}.tif",
    ),
    eroded=("top_mosaic_09cm_area{id}_noBoundary.tif",),
    values={
        "ndsm": ValueRasters(
            ("dsm_09cm_matching_area{id}_normalized.jpg", "*ndsm*/dsm_09cm_matching_area{id}.jpg"),
            "height",
            0.1,
            "height above the ground, in decimetres; by M. Gerke, who states the unit; a download of its own",
        ),
        "dsm": ValueRasters(
            ("dsm/dsm_09cm_matching_area{id}.tif",), "", 1.0, "height of the surface above sea level, in metres"
        ),
    },
    splits={
        "train": SplitSpec("train", "the 16 areas of the contest whose labels came first", TRAIN),
        "test": SplitSpec("test", "the 17 areas of the contest's hidden labels, public since", TEST),
        "train-12": SplitSpec("train", "12 of the 16 training areas", listed("1 3 23 26 7 11 13 28 17 32 34 37")),
        "test-4": SplitSpec("test", "the other 4 training areas, used as a test", listed("5 21 15 30")),
        "train-11": SplitSpec(
            "train", "the 16 training areas without the 5 of validation-5", tuple(i for i in TRAIN if i not in LIGHT)
        ),
        "validation-5": SplitSpec("validation", "5 of the 16 training areas", LIGHT),
    },
    pixel="0.09 m",
    size="1281x1783 to 3816x2550",
    licence=LICENCE,
    citation=CITATION,
    url="https://www.isprs.org/education/benchmarks/UrbanSemLab/2d-sem-label-vaihingen.aspx",
    leave_out=("clutter",),
    beside=("*.tfw", "*.txt", "*.pdf", "*.zip", "*.jpg"),
    notes=(
        "full and eroded labels give scores 4 to 5 points apart",
        "clutter is rare: with it in the mean the same maps score several points less",
    ),
)
