"""The order within a series, and why."""

from dataclasses import replace

import numpy as np
import pytest

from smalti.photos.photo import Look, Ranked, Series
from smalti.photos.rank import ALTERNATE, CLOSE, faults, rank
from tests.photos.shots import look, photo


def ranked(*looks: Look) -> Series:
    return rank("a series", [photo(str(k)) for k in range(len(looks))], looks)


def names(series: Series) -> list[str]:
    return [one.photo.path.name for one in series.ranked]


def test_best_first_and_equal_scores_keep_their_order() -> None:
    assert names(ranked(look(0, score=1), look(0, score=3), look(0, score=1), look(0, score=2))) == ["1", "3", "0", "2"]


def test_the_probability_is_that_of_beating_the_pick() -> None:
    found = ranked(look(0, score=5), look(0, score=4), look(0, score=2)).ranked
    assert [round(one.probability, 4) for one in found] == [0.5, 0.2689, 0.0474]
    assert [one.verdict for one in found] == ["pick", "alternate", "reject"]


def test_scores_far_apart_do_not_overflow() -> None:
    assert ranked(look(0, score=1000), look(0, score=-1000)).ranked[1].probability == 0


def second(score: float) -> tuple[Ranked, Ranked]:
    pick, other = ranked(look(0, score=0), look(0, score=score)).ranked
    return pick, other


def test_too_close_to_call_is_said_of_both() -> None:
    for score, close in ((-0.40, True), (-0.41, False)):  # sigmoid(-0.405) is 0.4
        pick, other = second(score)
        assert (other.probability >= CLOSE) == pick.close == other.close == close
    assert second(-0.1)[1].reasons == ()


def test_a_reject_loses_four_times_of_five() -> None:
    assert second(-1.38)[1].verdict == "alternate" and second(-1.39)[1].verdict == "reject"
    assert second(-1.38)[1].probability >= ALTERNATE


def test_a_photo_that_stands_alone_is_not_rated() -> None:
    found = ranked(look(0, score=-9))
    [only] = found.ranked
    assert (found.kind, only.verdict, only.reasons, only.close) == ("single", "unrated", (), False)


FINE = {f"fineness_{level}_p90": -1.0 for level in range(3)} | {f"subject_fineness_{level}": -1.0 for level in range(3)}
BLURRED = {name: value - 0.5 for name, value in FINE.items()} | {"sharpness": -1.0}
OUT_OF_FOCUS = {f"detail_{level}_p90": -0.4 for level in range(3)}


def seen(score: float = 0, *light: float, **cues: float) -> Look:
    """A look at a photo whose blocks are so bright in turn."""
    blocks = np.zeros((2, 12, 12), np.float32)
    blocks[1] = 255 * np.resize(light or (0.5,), 144).reshape(12, 12)
    return replace(look(0, score=score, **({"brightness": float(blocks[1].mean() / 255)} | cues)), blocks=blocks)


@pytest.mark.parametrize(
    ("light", "cues", "words"),
    [
        (0.5, BLURRED, ("soft",)),
        (0.5, BLURRED | {"motion_1": 0.6}, ("motion",)),
        (0.5, FINE | OUT_OF_FOCUS | {"sharpness": -0.2}, ("soft",)),
        (0.5, FINE | {f"detail_{level}_p90": -0.4 for level in range(5)}, ()),  # less light is no blur
        (0.3, FINE, ("dark",)),
        (0.6, FINE | {"blown": 0.06}, ("blown highlights",)),
        (0.5, FINE | {"tilt": 3.0}, ("crooked horizon",)),
        (0.2, BLURRED, ("soft", "dark")),
        (0.5, FINE, ()),
    ],
)
def test_reasons_in_words(light: float, cues: dict[str, float], words: tuple[str, ...]) -> None:
    found = ranked(seen(9, **FINE), seen(1, light, **cues)).ranked[1].reasons
    assert found == (words or ("the model prefers the pick",))


@pytest.mark.parametrize("cues", [BLURRED, FINE | OUT_OF_FOCUS, BLURRED | {"motion_1": 0.6}])
def test_a_photo_that_the_finest_measure_calls_sharper_is_not_soft(cues: dict[str, float]) -> None:
    assert not {"soft", "motion"} & set(faults(seen(**(cues | {"sharpness": 0.3})), seen(**FINE)))


def test_a_sharp_background_before_a_soft_subject_is_called_so() -> None:
    soft = {f"subject_fineness_{level}": -1.5 for level in range(3)} | {"sharpness": 0.5}
    assert faults(seen(**(FINE | soft)), seen(**FINE)) == ("focus elsewhere",)


def test_things_that_are_dark_are_no_lack_of_light() -> None:
    assert faults(seen(0, 0.1, 0.1, 0.5), seen()) == ()  # two of three blocks show something black


def test_the_same_window_is_blown_in_all() -> None:
    pick = seen(blown=0.10)
    assert faults(seen(0, 0.53, blown=0.13), pick) == ()  # a little more of it
    assert faults(seen(0, 0.5, 0.5, 0.9, blown=0.3), pick) == ()  # more of it came into the frame
    assert faults(seen(0, 0.6, blown=0.16), pick) == ("blown highlights",)


def test_reasons_are_relative_to_the_pick() -> None:
    night = seen(0, 0.05, **(BLURRED | {"dark": 0.8, "blown": 0.1, "tilt": 5.0, "motion_0": 1.0}))
    assert faults(night, night) == ()
