"""Adience as it is distributed: fold_0_data.txt to fold_4_data.txt beside `aligned/` and `faces/`.

Eidinger, Enbar and Hassner, "Age and Gender Estimation of Unfiltered Faces", 2014. Its five folds share no subject.
Some rows have a single age, or a range other than the eight groups. These are assigned to the group that contains
them, or else to the nearest one; if two groups are equally near, or the range overlaps two, the age is unknown:

    13 is (8, 12); 22 is (15, 20); 23, 29, 32, 34 and (27, 32) are (25, 32); 36, 42, 45 and (38, 42) are (38, 43);
    46, 55 and 56 are (48, 53); 57 and 58 are (60, 100); 3, 35, (8, 23), (38, 48) and None are unknown
"""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from smalti.data.images.listing import Listing
from smalti.errors import DataError

GROUPS = ((0, 2), (4, 6), (8, 12), (15, 20), (25, 32), (38, 43), (48, 53), (60, 100))
"""Years, both ends included."""
LABELS = {"age": tuple(str(group) for group in GROUPS), "gender": ("m", "f")}
"""The annotated tasks and the names of their classes."""
FOLDS = 5
NAMES = {"aligned": "landmark_aligned_face", "faces": "coarse_tilt_aligned_face"}
"""The prefix of the file names of each kind of crop."""
_COLUMNS = ("user_id", "original_image", "face_id", "age", "gender")

Crops = Literal["aligned", "faces"]


def read_adience(folder: Path, folds: Sequence[int], crops: Crops) -> Listing:
    """The faces of some folds; DataError if a fold's file is missing or invalid."""
    rows = [row for fold in folds for row in _fold(folder / f"fold_{fold}_data.txt")]
    files = [
        f"{crops}/{row['user_id']}/{NAMES[crops]}.{row['face_id']}.{row['original_image']}" for row in rows
    ]  # fmt: skip
    genders = [row["gender"] if row["gender"] in LABELS["gender"] else "" for row in rows]
    columns = {"age": [age_group(row["age"]) for row in rows], "gender": genders}
    return Listing(folder, files, columns, [row["user_id"] for row in rows])


def age_group(text: str) -> str:
    """The label of the age group for an entry of the column `age`; "" if unknown."""
    years = [int(number) for number in re.findall(r"\d+", text)]
    if not years:
        return ""
    low, high = years[0], years[-1]
    away = [max(group[0] - low, high - group[1], 0) for group in GROUPS]  # years by which it exceeds each group
    touched = [group for group in GROUPS if group[0] <= high and low <= group[1]]
    if away.count(min(away)) > 1 or (min(away) and touched):
        return ""
    return str(GROUPS[away.index(min(away))])


def _fold(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, delimiter="\t")
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{path}: has no column {missing[0]!r}; expected a fold file of Adience")
            return [{name: (row[name] or "").strip() for name in _COLUMNS} for row in reader]
    except FileNotFoundError:
        raise DataError(f"{path}: is missing; Adience comes with fold_0_data.txt to fold_4_data.txt") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
