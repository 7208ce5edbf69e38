"""Model files: the card and the hash inside an `.onnx`, and the folders of models.

An ONNX file is one protobuf message, and further fields may be appended to it. Card and hash are metadata entries, so
that reading, checking and sealing a file need neither an engine nor the `onnx` package. The hash is the SHA-256 of
the whole file with its own 64 digits replaced by zeros.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smalti.card import Card
from smalti.errors import ModelError, reason
from smalti.files import user_data, write_whole
from smalti.runtime.packed import unpacked
from smalti.runtime.protobuf import build, read_number

CARD_KEY = b"smalti.card"
HASH_KEY = b"smalti.sha256"
BUNDLED = Path(__file__).parents[1] / "models"
_ZEROS = b"0" * 64
_METADATA_FIELD = 14  # ModelProto.metadata_props
_LAST_FIELD = 26  # the highest field number of a ModelProto so far; above it, the bytes are something else


@dataclass(frozen=True)
class ModelFile:
    """A model file with a valid hash: its bytes and its card."""

    path: Path
    content: bytes
    """Its bytes; packed weights are floats here (see `smalti.runtime.packed`), under a hash of their own."""
    card: Card
    sha256: str
    """Of the file as it is on the disk."""
    stored: int = 0
    """Its bytes on the disk, if it was read from there."""

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.stored or len(self.content)


@dataclass(frozen=True)
class ModelEntry:
    """A line of the list of models; a damaged file has no card but an `error`."""

    name: str
    path: Path
    size: int
    """Size in bytes."""
    bundled: bool
    card: Card | None = None
    sha256: str = ""
    error: str = ""


def verify(path: str | Path) -> ModelFile:
    """Reads a model file; ModelError if it is missing, truncated, altered or not a Smalti model."""
    path = Path(path)
    content = _read(path)
    found = _metadata(content, path)
    if CARD_KEY not in found or HASH_KEY not in found:
        missing = "card" if CARD_KEY not in found else "hash"
        raise ModelError(f"{path}: an ONNX file without a Smalti {missing}; write model files with smalti export")
    start, end = found[HASH_KEY]
    claimed = content[start:end].decode("ascii", "replace")
    if _digest(content, start, end) != claimed:
        raise ModelError(f"{path}: the file was altered or damaged (its hash is wrong); fetch or export it again")
    start, end = found[CARD_KEY]
    text = content[start:end].decode("utf-8", "replace")
    return ModelFile(path, _unpacked(content, path), Card.load(text, str(path)), claimed, len(content))


def _unpacked(content: bytes, path: Path) -> bytes:
    try:
        floats = unpacked(content)
        return content if floats is content else sealed(floats, path)[0]
    except ValueError as error:
        raise ModelError(f"{path}: its packed weights cannot be read ({error}); fetch or export it again") from None


def seal(path: str | Path, card: Card | None = None) -> str:
    """Writes the hash into a model file, and first its card if one is given; returns the 64 hex digits.

    Replaces an earlier card and hash. ModelError if the file is not an ONNX file, or has no card and none is given.
    """
    path = Path(path)
    content, digest = sealed(_read(path), path, card)
    write_whole(path, content)
    return digest


def sealed(content: bytes, path: Path, card: Card | None = None) -> tuple[bytes, str]:
    """The bytes of an ONNX file with card and hash at their end, and the hash; `path` names it in errors."""
    found = _metadata(content, path)
    if card is None and CARD_KEY not in found:
        raise ModelError(f"{path}: an ONNX file without a Smalti card; seal it with a card")
    text = content[slice(*found[CARD_KEY])] if card is None else card.dump().encode()
    bare = b"".join(content[start:end] for start, end, key in _fields(content, path) if key not in found)
    body = bare + _entry(CARD_KEY, text) + _entry(HASH_KEY, _ZEROS)
    digest = hashlib.sha256(body).hexdigest()
    return body[: -len(_ZEROS)] + digest.encode(), digest


def model_folders() -> tuple[Path, ...]:
    """Folders with local models: `models` in the current folder, and the user's own, if this user has a home."""
    own = user_data()
    return (Path("models"), own / "models") if own else (Path("models"),)


def find_model(name: str) -> Path:
    """The file of a model by name, bundled or local, or by path; ModelError if there is none."""
    path = Path(name)
    if path.suffix.lower() == ".onnx" or os.path.isfile(path):  # noqa: PTH113 - also of a name that is too long
        return path
    known = {file.stem: file for file in reversed(_files(None))}  # reversed: bundled models win
    if name in known:
        return known[name]
    if name and os.path.isdir(path):  # noqa: PTH112
        raise ModelError(f"{name}: is a folder; export a checkpoint first: smalti export {name} OUT.onnx")
    choice = f"known: {', '.join(sorted(known))}" if known else "none is installed"
    mend = "give a name from smalti models, or an .onnx file"
    raise ModelError(f"no model is named {name!r} ({choice}); {mend}", value=name)


def list_models(folder: str | Path | None = None) -> list[ModelEntry]:
    """Bundled models, then those in `folder`, or in the local model folders if none is given."""
    return [look(path) for path in _files(folder)]


def look(path: Path) -> ModelEntry:
    """One model file as a line of the list; if it is invalid, `error` says why."""
    size, bundled = path.stat().st_size if path.exists() else 0, path.parent == BUNDLED
    try:
        model = verify(path)
    except ModelError as error:
        return ModelEntry(path.stem, path, size, bundled, error=str(error))
    return ModelEntry(path.stem, path, size, bundled, model.card, model.sha256)


def _files(folder: str | Path | None) -> list[Path]:
    folders = model_folders() if folder is None else (Path(folder),)
    return [path for place in (BUNDLED, *folders) for path in _models_in(place)]


def _models_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.match("*.onnx"))
    except OSError:  # no such folder, or no permission to read it
        return []


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such model file; smalti models lists the available ones") from None
    except OSError as error:
        raise ModelError(f"{path}: the model file cannot be read: {reason(error)}") from None
    if not content:
        raise ModelError(f"{path}: the model file is empty; fetch or export it again")
    return content


def _digest(content: bytes, start: int, end: int) -> str:
    view = memoryview(content)
    digest = hashlib.sha256(view[:start])
    digest.update(_ZEROS)
    digest.update(view[end:])
    return digest.hexdigest()


def _metadata(content: bytes, path: Path) -> dict[bytes, tuple[int, int]]:
    """Positions of the values of Smalti's own metadata entries: key -> (start, end)."""
    found = {}
    try:
        for start, end, key in _fields(content, path):
            if key in (CARD_KEY, HASH_KEY):
                behind = content.index(key, start) + len(key) + 1  # the value's tag lies between
                _, first = read_number(content, behind)
                found[key] = (first, end)
    except ValueError:
        raise ModelError(f"{path}: no model file, or a truncated one ({len(content)} bytes); fetch it again") from None
    return found


def _fields(content: bytes, path: Path) -> Iterator[tuple[int, int, bytes]]:
    """The top-level fields of a protobuf message: start, end, and the key if it is a metadata entry, else b"".

    ValueError for a message that ends too early.
    """
    at = 0
    while at < len(content):
        start = at
        tag, at = read_number(content, at)
        kind, number = tag & 7, tag >> 3
        if kind not in (0, 2) or not 1 <= number <= _LAST_FIELD:  # a ModelProto holds integers and messages only
            raise ModelError(f"{path}: not an ONNX model file")
        value, at = read_number(content, at)
        body, at = at, at + (value if kind == 2 else 0)
        if at > len(content):
            raise ValueError("a truncated message")
        yield start, at, _key(content[body:at]) if kind == 2 and number == _METADATA_FIELD else b""


def _key(entry: bytes) -> bytes:
    """The key of a StringStringEntryProto: tag, length, bytes; ours are shorter than 128, so one byte of length."""
    return entry[2 : 2 + entry[1]] if len(entry) > 2 and entry[0] == 0x0A else b""


def _entry(key: bytes, value: bytes) -> bytes:
    return build([(_METADATA_FIELD, build([(1, key), (2, value)]))])
