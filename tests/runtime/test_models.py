from pathlib import Path

import numpy as np
import onnx
import pytest

from smalti.errors import ModelError, OutputError
from smalti.files import write_whole
from smalti.runtime import models
from smalti.runtime.models import find_model, list_models, seal, verify
from smalti.runtime.open import open_model
from tests.tiny import tiny_card, tiny_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "tiny.onnx")


def test_a_sealed_file_is_a_valid_onnx_file_with_its_card(model: Path) -> None:
    proto = onnx.load(model)
    onnx.checker.check_model(proto, full_check=True)
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    assert metadata["smalti.card"] == tiny_card().dump()
    assert metadata["smalti.sha256"] == verify(model).sha256
    assert verify(model).card == tiny_card()


def test_hash_is_that_of_the_file_with_zeroed_digits(model: Path) -> None:
    import hashlib

    found = verify(model)
    zeroed = found.content.replace(found.sha256.encode(), b"0" * 64)
    assert hashlib.sha256(zeroed).hexdigest() == found.sha256


def test_sealing_again_takes_the_place_of_card_and_hash(model: Path) -> None:
    before = verify(model)
    assert seal(model) == before.sha256
    seal(model, tiny_card(name="other"))
    assert verify(model).card.name == "other"
    assert len(onnx.load(model).metadata_props) == 2


def test_every_flipped_bit_is_seen(model: Path) -> None:
    content = model.read_bytes()
    for at in range(0, len(content), 3):
        altered = bytearray(content)
        altered[at] ^= 1 << at % 8
        model.write_bytes(altered)
        with pytest.raises(ModelError, match=r"tiny\.onnx"):
            verify(model)


def test_keys_may_stand_in_the_card_itself(model: Path) -> None:
    card = tiny_card(name="smalti.card smalti.sha256")
    seal(model, card)
    assert verify(model).card == card


def test_every_truncation_is_seen(model: Path) -> None:
    content = model.read_bytes()
    for size in range(0, len(content), 3):
        model.write_bytes(content[:size])
        with pytest.raises(ModelError) as error:
            verify(model)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"hello world, this is no model", b"\x89PNG\r\n\x1a\n" + bytes(99), bytes(500)]
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "thing.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"thing\.onnx"):
        open_model(str(path))


def test_a_foreign_onnx_file_is_refused(model: Path) -> None:
    proto = onnx.load(model)
    del proto.metadata_props[:]
    onnx.save(proto, model)
    with pytest.raises(ModelError, match="without a Smalti card"):
        open_model(str(model))
    with pytest.raises(ModelError, match="without a Smalti card"):
        seal(model)


def test_a_missing_file_and_an_unknown_name_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="no such model file"):
        open_model("absent.onnx")
    with pytest.raises(ModelError, match="no model is named 'nowhere'"):
        open_model("nowhere")


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a folder; export a checkpoint first: smalti export"):
        open_model(str(tmp_path))
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(ModelError, match="cannot be read"):
        open_model(str(tmp_path / "folder.onnx"))


def test_local_models_are_found_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "data/smalti/models").mkdir(parents=True)
    (tmp_path / "models").mkdir()
    tiny_model(tmp_path / "models/here.onnx")
    tiny_model(tmp_path / "data/smalti/models/mine.onnx")
    assert {"here", "mine"} <= {entry.name for entry in list_models()}
    assert find_model("mine") == tmp_path / "data/smalti/models/mine.onnx"


def test_a_home_that_is_closed_to_the_user_hides_no_other_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    with monkeypatch.context() as patch:
        patch.setattr(models, "model_folders", lambda: (Path("closed"),))
        iterdir = Path.iterdir
        patch.setattr(Path, "iterdir", lambda path: refuse(path) if path.name == "closed" else iterdir(path))
        assert "town" in {entry.name for entry in list_models()}


def test_bundled_models_win_and_damaged_ones_are_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundled, local = tmp_path / "bundled", tmp_path / "local"
    bundled.mkdir()
    local.mkdir()
    monkeypatch.setattr(models, "BUNDLED", bundled)
    monkeypatch.setattr(models, "model_folders", lambda: (local,))
    tiny_model(bundled / "town.onnx")
    tiny_model(local / "town.onnx", tiny_card(name="other"))
    (local / "broken.onnx").write_bytes(b"\x08\x08")
    first, broken, second = list_models()
    assert (first.bundled, first.name, broken.name, second.bundled) == (True, "town", "broken", False)
    assert first.card == tiny_card() and first.size == (bundled / "town.onnx").stat().st_size
    assert broken.card is None and "card" in broken.error
    assert find_model("town") == bundled / "town.onnx"


def test_an_empty_folder_has_only_bundled_models(tmp_path: Path) -> None:
    assert all(entry.bundled for entry in list_models(tmp_path))
    assert all(entry.bundled for entry in list_models(tmp_path / "absent"))


def test_a_long_card_needs_a_length_of_several_bytes(tmp_path: Path) -> None:
    path = tiny_model(tmp_path / "long.onnx", tiny_card(name="n" * 40_000))
    assert open_model(str(path), threads=1)(np.zeros((1, 3, 4, 4)))["landcover"].shape == (1, 3, 4, 4)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="taken: cannot be written"):
        write_whole(tmp_path / "taken", b"content")
    with pytest.raises(OutputError, match="cannot be written"):
        write_whole(tmp_path / "absent" / "file", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
