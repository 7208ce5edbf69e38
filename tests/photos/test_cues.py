import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from smalti.photos.cues import CUES, MEASURES, cues, measures, subject

Photo = NDArray[np.uint8]


def scene(height: int = 480, width: int = 640) -> Photo:
    """Boxes of many sizes, level and upright, sharp to the pixel."""
    rng = np.random.default_rng(5)
    photo = np.full((height, width, 3), 120, np.uint8)
    for _ in range(300):
        top, left = rng.integers(height), rng.integers(width)
        photo[top : top + rng.integers(4, 60), left : left + rng.integers(4, 60)] = rng.integers(20, 235, 3)
    return photo


def measured(photo: Photo) -> dict[str, float]:
    return dict(zip(CUES, cues(photo).tolist(), strict=True))


@pytest.fixture(scope="module")
def plain() -> dict[str, float]:
    return measured(scene())


def test_defocus_takes_the_fine_detail_and_leaves_the_coarse(plain: dict[str, float]) -> None:
    soft = measured(cv2.GaussianBlur(scene(), (0, 0), 2).astype(np.uint8))
    assert soft["detail_0_p90"] < plain["detail_0_p90"] - 1
    assert abs(soft["detail_4_p90"] - plain["detail_4_p90"]) < 0.3
    assert soft["fineness_0_p50"] < plain["fineness_0_p50"] - 0.3


@pytest.mark.parametrize("degrees", [0, 45, 90])
def test_motion_shows_in_its_direction_only(degrees: int) -> None:
    grain = np.random.default_rng(2).integers(0, 255, (120, 160, 3), np.uint8)
    photo = cv2.resize(grain, (640, 480), interpolation=cv2.INTER_CUBIC)
    line = np.zeros((15, 15), np.float32)
    x, y = round(7 * np.cos(np.radians(degrees))), round(7 * np.sin(np.radians(degrees)))
    cv2.line(line, (7 - x, 7 - y), (7 + x, 7 + y), 1)
    moved = measured(cv2.filter2D(photo, -1, line / line.sum()).astype(np.uint8))
    soft = measured(cv2.GaussianBlur(photo, (0, 0), 2).astype(np.uint8))
    assert moved["motion_0"] > 0.8 and soft["motion_0"] < 0.2


def test_noise_compression_and_exposure_have_their_own_numbers(plain: dict[str, float]) -> None:
    photo = scene().astype(float)
    noisy = measured((photo + np.random.default_rng(1).normal(0, 10, photo.shape)).clip(0, 255).astype(np.uint8))
    assert noisy["detail_0_p10"] > plain["detail_0_p10"] + 1 and noisy["fineness_0_p50"] > plain["fineness_0_p50"]
    done, file = cv2.imencode(".jpg", scene(), [cv2.IMWRITE_JPEG_QUALITY, 8])
    assert (
        done and measured(cv2.imdecode(file, cv2.IMREAD_COLOR).astype(np.uint8))["blocking"] > plain["blocking"] + 0.1
    )
    bright, dark = measured((photo * 3).clip(0, 255).astype(np.uint8)), measured((photo / 40).astype(np.uint8))
    assert bright["blown"] > plain["blown"] + 0.2 and bright["brightness"] > plain["brightness"]
    assert dark["dark"] > 0.9 > plain["dark"] and dark["contrast"] < plain["contrast"] / 10


@pytest.mark.parametrize("degrees", [-5.0, 3.0])
def test_a_leaning_photo_is_measured_in_degrees(plain: dict[str, float], degrees: float) -> None:
    turn = cv2.getRotationMatrix2D((320, 240), degrees, 1.2)
    leaning = measured(cv2.warpAffine(scene(), turn, (640, 480), flags=cv2.INTER_CUBIC).astype(np.uint8))
    assert plain["tilt"] < 1 and abs(leaning["tilt"] - abs(degrees)) < 1
    assert leaning["upright"] < plain["upright"] - 1


def test_detail_in_a_corner_is_off_centre(plain: dict[str, float]) -> None:
    corner = np.full((480, 640, 3), 120, np.uint8)
    corner[:160, :200] = scene()[:160, :200]
    assert measured(corner)["off_centre"] > 0.3 > plain["off_centre"]
    assert measured(corner)["border"] > plain["border"]


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (65, 64), (129, 2000)])
def test_any_size_gives_numbers(size: tuple[int, int]) -> None:
    found = cues(np.zeros((*size, 3), np.uint8))
    assert found.shape == (len(CUES),) and found.dtype == np.float32 and np.isfinite(found).all()


@pytest.mark.parametrize(
    "kept", [lambda p: p[:-1], lambda p: p[1:, :-1], lambda p: np.rot90(p), lambda p: p[::-1], lambda p: p[:, ::-1]]
)
@pytest.mark.parametrize("side", [640, 900])
def test_a_row_less_a_turn_and_a_mirror_change_no_number(kept, side: int) -> None:  # type: ignore[no-untyped-def]
    photo = cv2.GaussianBlur(scene(480, side), (0, 0), 1).astype(np.uint8)
    change = np.abs(cues(np.ascontiguousarray(kept(photo))) - cues(photo))
    flat = {name for name in CUES if name.endswith("_p10")}  # of blocks with nothing in them
    moved = {name for name, by in zip(CUES, change.tolist(), strict=True) if by > (0.4 if name in flat else 0.08)}
    assert not moved - {"tilt"} and change[CUES.index("tilt")] < 0.5


def test_a_resize_by_a_percent_leaves_all_but_the_finest_level() -> None:
    photo = cv2.GaussianBlur(scene(), (0, 0), 1).astype(np.uint8)
    change = np.abs(cues(cv2.resize(photo, None, fx=0.99, fy=0.99, interpolation=cv2.INTER_AREA)) - cues(photo))
    moved = dict(zip(CUES, change.tolist(), strict=True))
    others = [name for name in CUES if "_0" not in name and "_p10" not in name and name not in ("tilt", "blocking")]
    assert all(moved[name] < 0.12 for name in others)


def test_a_subject_is_the_middle_and_what_has_another_colour() -> None:
    photo = np.full((300, 400, 3), 90, np.uint8)
    photo[120:180, 240:300] = (220, 40, 40)
    weights = subject(photo)
    assert weights.sum() == pytest.approx(1) and np.unravel_index(weights.argmax(), weights.shape) == (9, 12)
    soft = cv2.GaussianBlur(photo, (0, 0), 6).astype(np.uint8)
    assert np.abs(subject(soft) - weights).sum() < 0.2  # the focus does not choose it


def test_a_soft_subject_shows_before_a_sharp_background() -> None:
    photo, soft = scene(), cv2.GaussianBlur(scene(), (0, 0), 3).astype(np.uint8)
    middle = np.zeros((480, 640, 1), bool)
    middle[140:340, 200:440] = True
    right, wrong = measured(np.where(middle, photo, soft)), measured(np.where(middle, soft, photo))
    assert right["subject_fineness_0"] > wrong["subject_fineness_0"] + 0.1
    assert right["around_fineness_0"] < wrong["around_fineness_0"] - 0.5


def test_measures_begin_with_the_cues_and_end_with_the_finest() -> None:
    photo = scene()
    found = dict(zip(MEASURES, measures(photo).tolist(), strict=True))
    assert list(found.values())[: len(CUES)] == cues(photo).tolist()
    laplacian = cv2.Laplacian(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
    assert found["sharpness"] == pytest.approx(np.log2(laplacian.std()), abs=0.1)


def test_sharpness_of_a_focus_series_has_its_peak_inside(shared_data) -> None:  # type: ignore[no-untyped-def]
    files = sorted((shared_data / "series-photos" / "focus-stack" / "depthmap").glob("*.JPG"))
    detail = [measured(cv2.imread(str(file))[:, :, ::-1])["detail_1_p90"] for file in files]
    best = int(np.argmax(detail))
    assert 0 < best < len(detail) - 1
    assert detail == [*sorted(detail[:best]), *sorted(detail[best:], reverse=True)]
