"""ISPRS Potsdam: red, green, blue and near infrared at 5 cm, 38 squares of 6000 x 6000."""

from smalti.datasets.isprs import CITATION, CLASSES, LICENCE, SPEC
from smalti.datasets.spec import DatasetSpec, SplitSpec, ValueRasters, listed

TRAIN = listed(
    "2_10 2_11 2_12 3_10 3_11 3_12 4_10 4_11 4_12 5_10 5_11 5_12 6_7 6_8 6_9 6_10 6_11 6_12 7_7 7_8 7_9 7_10 7_11 7_12"
)
TEST = listed("2_13 2_14 3_13 3_14 4_13 4_14 4_15 5_13 5_14 5_15 6_13 6_14 6_15 7_13")
FAULTY = "7_10"
WITHOUT_FAULTY = tuple(image for image in TRAIN if image != FAULTY)

POTSDAM = DatasetSpec(
    name="potsdam",
    title="ISPRS 2D semantic labelling, Potsdam",
    classes=tuple(CLASSES),
    colors=tuple(CLASSES.values()),
    spec=SPEC,
    images={
        ("red", "green", "blue"): ("2_Ortho_RGB/top_potsdam_{id}_RGB.tif",),
        ("nir", "red", "green"): ("3_Ortho_IRRG/top_potsdam_{id}_IRRG.tif",),
        ("red", "green", "blue", "nir"): ("4_Ortho_RGBIR/top_potsdam_{id}_RGBIR.tif",),
    },
    labels=("5_Labels_all/top_potsdam_{id}_label.tif", "5_Labels_for_participants/top_potsdam_{id}_label.tif"),
    eroded=("5_Labels_*no*Boundary/top_potsdam_{id}_label_noBoundary.tif",),
    values={
        "ndsm": ValueRasters(
            ("1_DSM_normalisation/dsm_potsdam_{padded}_normalized_lastools.jpg",),
            "height",
            None,
            "height above the ground in bytes; unit not stated: LAStools' lasheight stores decimetres by default",
            short=1,
        ),
        "dsm": ValueRasters(
            ("1_DSM/dsm_potsdam_{padded}.tif",), "", 1.0, "height of the surface above sea level, in metres", short=1
        ),
    },
    splits={
        "train": SplitSpec("train", "the 24 squares of the contest whose labels came first", TRAIN),
        "train-23": SplitSpec("train", f"the 24 training squares without {FAULTY}", WITHOUT_FAULTY),
        "test": SplitSpec("test", "the 14 squares of the contest's hidden labels, public since", TEST),
    },
    pixel="0.05 m",
    size="6000x6000",
    licence=LICENCE,
    citation=CITATION,
    url="https://www.isprs.org/education/benchmarks/UrbanSemLab/2d-sem-label-potsdam.aspx",
    leave_out=("clutter",),
    beside=("*.tfw", "*.txt", "*.pdf", "*.zip", "*_ownapproach.jpg"),
    notes=(
        f"the labels of {FAULTY} have errors, and it is often dropped: train-23",
        "the labels of 4_12 and 6_7 have off colours: each channel counts as 0 or 255, parted at 128",
        "full and eroded labels give scores several points apart",
        "the heights of 3_13 lack their last column: nothing is known there",
    ),
)
