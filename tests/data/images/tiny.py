"""Small photos that a net can tell apart: the colour of a patch says the class."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

COLOURS = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}


def write_photo(path: Path, colour: str, seed: int, size: tuple[int, int] = (40, 48)) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 60, (*size, 3)) + np.array(COLOURS[colour]) * 3 // 4
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg(image.astype(np.uint8)))


def jpeg(image: np.ndarray) -> bytes:
    """RGB H,W,3 as a JPEG file."""
    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def write_class_folders(folder: Path, each: int, classes: Sequence[str] = tuple(COLOURS), seed: int = 0) -> None:
    for name in classes:
        for number in range(each):
            write_photo(folder / name / f"{number}.jpg", name, seed + number)


def write_adience(folder: Path, each: int = 2) -> None:
    """Five folds; red faces are women, green ones men; the age is told by fold and number."""
    ages = ["(0, 2)", "(25, 32)", "35", "None", "(60, 100)"]
    head = ["user_id", "original_image", "face_id", "age", "gender", "x", "y", "dx", "dy", "tilt_ang"]
    for fold in range(5):
        rows = [head]
        for number in range(each):
            user, original, face = f"{fold}@N0", f"{number}.jpg", str(100 + number)
            gender, colour = (("f", "red"), ("m", "green"), ("u", "blue"))[number % 3]
            rows.append([user, original, face, ages[(fold + number) % 5], gender, "0", "0", "40", "40", "0"])
            name = f"aligned/{user}/landmark_aligned_face.{face}.{original}"
            write_photo(folder / name, colour, fold * each + number)
        (folder / f"fold_{fold}_data.txt").write_text("".join("\t".join(row) + "\n" for row in rows))
