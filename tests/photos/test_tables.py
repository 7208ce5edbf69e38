import csv
import os
from pathlib import Path

import pytest

from smalti.errors import OutputError
from smalti.photos.tables import COLUMNS, is_table, write_csv
from tests.photos.results import photo, ranked, result


def read(path):
    return list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))


def test_one_line_per_photo_best_first(tmp_path):
    first = ranked(photo(Path("a/1.jpg"), taken=1_700_000_000.25, camera="Canon, EOS"))
    second = ranked(photo(Path("a/2.jpg")), "reject", ("soft", 'says "no"'), 0.123456, True)
    write_csv(result((first, second)), tmp_path / "new" / "out.csv")
    one, two = read(tmp_path / "new" / "out.csv")
    assert tuple(one) == COLUMNS
    assert list(one.values())[:5] == ["series 1", "1", "a/1.jpg", "pick", "0.5000"]
    assert one["taken"] == "2023-11-14T22:13:20.250" and one["camera"] == "Canon, EOS" and one["megapixels"] == "24.0"
    assert (two["order"], two["verdict"], two["probability"], two["close"]) == ("2", "reject", "0.1235", "yes")
    assert two["reasons"] == 'soft; says "no"' and two["score"] == "-1.2500" and two["taken"] == ""


def test_lines_end_as_rfc_4180_has_it(tmp_path):
    write_csv(result((ranked(photo(Path("1.jpg"))),)), tmp_path / "out.csv")
    content = (tmp_path / "out.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfseries,")  # without it Excel takes the text for another encoding
    assert content.count(b"\r\n") == content.count(b"\n") == 2


def test_a_table_of_ours_is_known(tmp_path):
    write_csv(result((ranked(photo(Path("1.jpg"))),)), tmp_path / "out.csv")
    (tmp_path / "older.csv").write_bytes((tmp_path / "out.csv").read_bytes()[3:])
    (tmp_path / "other.csv").write_text("name,price")
    assert [is_table(tmp_path / name) for name in ("out.csv", "older.csv", "other.csv")] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=HYPERLINK(1).jpg", "'=HYPERLINK(1).jpg"),
        ("-1+2.jpg", "'-1+2.jpg"),
        ("@sum.jpg", "'@sum.jpg"),
        ("+1.jpg", "'+1.jpg"),
        ("a=b.jpg", "a=b.jpg"),
        ("two\nlines.jpg", "two\\nlines.jpg"),
        (os.fsdecode(b"\xff.jpg"), "\\xff.jpg"),
    ],
)
def test_odd_names_do_no_harm(tmp_path, name, cell):
    write_csv(result((ranked(photo(Path(name))),)), tmp_path / "out.csv")
    assert read(tmp_path / "out.csv")[0]["file"] == cell


def test_times_beyond_the_calendar_are_left_out(tmp_path):
    write_csv(result((ranked(photo(Path("1.jpg"), taken=1e15)),)), tmp_path / "out.csv")
    assert read(tmp_path / "out.csv")[0]["taken"] == ""


def test_what_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"out\.csv: cannot be written"):
        write_csv(result(), tmp_path / "file" / "out.csv")
