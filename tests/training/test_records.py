"""The records: whole at any moment, and read again whatever has happened to them."""

from pathlib import Path

import pytest

from smalti.errors import OutputError
from smalti.training import records
from smalti.training.records import Records

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own


@pytest.fixture
def written(tmp_path: Path) -> Path:
    made = Records(tmp_path, 0)
    made.add(2, {"loss": 0.5})
    made.add(4, {"loss": 0.25, "validation/miou": 0.125})
    made.close()
    return tmp_path / "records.csv"


def test_lines_come_back_up_to_the_step_that_is_gone_on_from(written: Path) -> None:
    assert written.read_text().split() == ["step,loss,validation/miou", "2,0.5,", "4,0.25,0.125"]
    again = Records(written.parent, 3)
    again.add(4, {"loss": 0.125})
    again.close()
    assert written.read_text().split() == ["step,loss", "2,0.5", "4,0.125"]


def test_a_full_disk_leaves_the_file_as_it_was(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written.read_bytes()
    again = Records(written.parent, 4)

    def write(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:9])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(OutputError, match="no space left"):
        again.add(6, {"loss": 0.0625})
    again.close()
    assert written.read_bytes() == before
    assert [path.name for path in written.parent.iterdir() if path.is_file()] == ["records.csv"]


@pytest.mark.parametrize("cut", range(1, 52))
def test_a_file_that_was_cut_has_its_whole_lines(written: Path, cut: int) -> None:
    content = written.read_bytes()[:cut]
    written.write_bytes(content)
    rows = records._read(written)
    assert [row["step"] for row in rows] == ["2", "4"][: max(0, content.count(b"\r") - 1)]


@pytest.mark.parametrize("content", ["", "\n", "step,loss\nx,1\n2\n", "\x00\xff,\n1,2\n"])
def test_what_is_no_record_is_left_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "records.csv").write_text(content)
    assert records._read(tmp_path / "records.csv") == []
