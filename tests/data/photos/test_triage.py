import math
from pathlib import Path

import pytest

from smalti.data.photos.triage import read_triage
from smalti.errors import DataError
from tests.data.photos.tiny import scene, write

# Strengths 0, 1 and 2.5 of photos 2, 3 and 1: their differences are the logits of the ratios.
LIST = "1 1 2 {:.6f} 1 3\n1 2 3 {:.6f} 3 2\n1 1 3 {:.6f} 1 2\n\n12 1 2 0.5 1 1\n"


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def lay(folder: Path, text: str) -> Path:
    for name in ("000001-01", "000001-02", "000001-03", "000012-01", "000012-02"):
        write(folder / f"{name}.JPG", scene())
    (folder / "list.txt").write_text(text)
    return folder / "list.txt"


def test_the_last_two_columns_are_ranks(tmp_path: Path) -> None:
    found = read_triage(lay(tmp_path, LIST.format(sigmoid(2.5), sigmoid(-1), sigmoid(1.5))), tmp_path)
    truth = found.truth(0)
    assert truth.name == "000001" and truth.photos == 3
    assert truth.order == (0, 2, 1) and truth.best == 0
    logits = {(a, b): math.log(chance / (1 - chance)) for a, b, chance in truth.preferences}
    assert logits[0, 1] == pytest.approx(logits[0, 2] - logits[1, 2], abs=1e-4)
    assert [path.shape for path in found.pixels(0)] == [(96, 128, 3)] * 3
    assert found.truth(1).order == () and found.truth(1).best is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 1 2 0.7 1", "line 1: is '1 1 2 0.7 1'; expected six numbers: series, photo A"),
        ("1 1 2 0.7 1 2\n1 a 2 0.7 1 2", "line 2: is '1 a 2 0.7 1 2'"),
        ("1 1 2 1.7 1 2", "a ratio from 0 to 1"),
        ("1 0.7 2 1 1 2", "whole numbers from 1 on"),
        ("1 2 2 0.5 1 1", "line 1"),
        ("nan 1 2 0.5 1 2", "line 1: is 'nan 1 2 0.5 1 2'; expected .* whole numbers from 1 on"),
        ("1 inf 2 0.5 1 2", "line 1: is '1 inf 2 0.5 1 2'; expected"),
        ("1 1 2 nan 1 2", "a ratio from 0 to 1"),
        ("1 1 2 0.7 1 2\n1 1 3 0.7 2 3", "photo 1 of series 1 has the ranks 1 and 2"),
        ("\n", "is empty"),
        ("1 1 4 0.7 1 2", "000001-04.JPG: no such photo"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DataError, match=says) as error:
        read_triage(lay(tmp_path, text), tmp_path)
    assert "\n" not in str(error.value)
