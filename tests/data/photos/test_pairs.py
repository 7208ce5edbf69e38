from pathlib import Path

import pytest

from smalti.data.photos.pairs import read_pairs
from smalti.errors import DataError
from tests.data.photos.tiny import scene, write


def table(folder: Path, text: str) -> Path:
    for name in "vwxyz":
        write(folder / f"{name}.png", scene())
    path = folder / "pairs.csv"
    path.write_text(text)
    return path


def test_photos_that_pairs_connect_are_a_series(tmp_path: Path) -> None:
    found = read_pairs(table(tmp_path, "a,b,p\nz.png,y.png,0.25\nw.png,x.png,0.8\ny.png,v.png,1\n"))
    assert len(found) == 2
    first, second = (found.truth(k) for k in range(2))
    assert first.photos == 3 and first.preferences == ((0, 1, 0.25), (1, 2, 1.0)) and first.best == 1
    assert second.photos == 2 and second.preferences == ((0, 1, 0.8),) and second.best == 0


def test_winners_and_series_may_be_named(tmp_path: Path) -> None:
    text = "\ufeffseries, a, b, winner\nbeach,x.png,y.png,y.png\nhill,v.png,w.png,a\nbeach,x.png,z.png,b\n"
    found = read_pairs(table(tmp_path, text))
    assert [found.truth(k).name for k in range(len(found))] == ["beach", "hill"]
    assert found.truth(0).preferences == ((0, 1, 0.0), (0, 2, 0.0)) and found.truth(1).preferences == ((0, 1, 1.0),)
    assert any(key.startswith("series beach") for key in found.keys)


def test_spaces_around_the_name_of_a_series_do_not_count(tmp_path: Path) -> None:
    found = read_pairs(table(tmp_path, "series,a,b,p\nbeach,x.png,y.png,1\nbeach ,x.png,z.png,1\n"))
    assert [found.truth(k).name for k in range(len(found))] == ["beach"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b,ratio\nx.png,y.png,1\n", "its columns are a, b, ratio; expected a, b and p"),
        ("a,b\nx.png,y.png\n", "its columns are a, b; expected"),
        ("a,b,p,winner\nx.png,y.png,1,a\n", "expected a, b and p, or a, b and winner"),
        ("", "its columns are none"),
        ("a,b,p\n", "has no pairs"),
        ("a,b,p\nx.png,y.png,1.5\n", "line 2: p is '1.5'; expected the probability that a is better, from 0 to 1"),
        ("a,b,p\nx.png,y.png,nan\n", "line 2: p is 'nan'"),
        ("a,b,p\nx.png,y.png\n", "line 2: p is None"),
        ("a,b,winner\nx.png,y.png,z.png\n", "line 2: winner is 'z.png'; expected a, b"),
        ("a,b,p\nx.png,,1\n", "line 2: no photo in column b"),
        ("a,b,p,series\nx.png,y.png,1\n", "line 2: no series in column series"),
        ("a,b,p,series\nx.png,y.png,1, \n", "line 2: no series in column series"),
        ("a,b,p\nx.png,x.png,1\n", "line 2: compares 'x.png' with itself"),
        ("a,b,p\nx.png,absent.png,1\n", "absent.png: no such photo .1 of 2 are missing"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DataError, match=says) as error:
        read_pairs(table(tmp_path, text))
    assert "\n" not in str(error.value)
