"""Checkpoints: a folder with model.safetensors and card.json, and state.pt to resume from.

Each file gets its name only when it is complete on the disk. The weights carry their own SHA-256 and are refused if it
does not match. state.pt alone holds all that is needed to resume, so that a training never depends on two files.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from smalti.card import Card
from smalti.errors import ModelError
from smalti.files import guarded, sweep, write_whole
from smalti.nets.naming import Weights

WEIGHTS, CARD, STATE = "model.safetensors", "card.json", "state.pt"
HASH = "smalti.sha256"
NEEDED = {"recipe", "progress", "model", "mean", "optimizer", "random"}
"""The keys that a state must have to be resumed."""


def save_checkpoint(folder: Path, card: Card, weights: Weights) -> None:
    """Writes the weights and the card; OutputError if the folder cannot be written."""
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
        plain = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
        write_whole(folder / WEIGHTS, save(plain, {HASH: digest(plain)}))
        write_whole(folder / CARD, json.dumps(json.loads(card.dump()), indent=2, ensure_ascii=False).encode())


def sweep_checkpoint(folder: Path) -> None:
    """Removes temporary files that killed processes left in a checkpoint's folder."""
    for name in (WEIGHTS, CARD, STATE):
        sweep(folder / name)


def load_checkpoint(folder: str | Path) -> tuple[Card, Weights]:
    """The card and the weights of a checkpoint; ModelError if it is missing, damaged or altered."""
    folder = Path(folder)
    card = load_card(folder)
    with _reading(folder), safe_open(folder / WEIGHTS, "pt") as file:
        sealed = (file.metadata() or {}).get(HASH)
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if sealed != digest(weights):
        raise ModelError(f"{folder / WEIGHTS}: the weights do not match their SHA-256, altered or damaged; train again")
    return card, weights


def load_card(folder: Path) -> Card:
    """The card of a checkpoint; ModelError if it is missing or damaged."""
    with _reading(folder):
        return Card.load((folder / CARD).read_text(encoding="utf-8"), str(folder / CARD))


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        missing = Path(error.filename or folder / WEIGHTS).name
        raise ModelError(f"{folder}: is not a checkpoint: {missing} is missing; give a folder with {WEIGHTS}") from None
    except (OSError, SafetensorError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder}: the checkpoint cannot be read, truncated or damaged: {error}") from None


def digest(weights: Weights) -> str:
    """SHA-256 over the names, types, shapes and bytes of all tensors, sorted by name."""
    total = hashlib.sha256()
    for name, value in sorted(weights.items()):
        total.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        total.update(value.numpy().tobytes())
    return total.hexdigest()


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Writes the state to resume from: tensors, numbers and text only."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / STATE, buffer.getvalue())


def load_state(folder: Path) -> dict[str, Any] | None:
    """What `save_state` wrote, or None if there is none; ModelError if it is damaged or not a state."""
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        _check_sums(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # with a damaged file, the reader may raise nearly anything
        why = f" ({error})" if isinstance(error, BadZipFile) else ""
        raise ModelError(f"{path}: is damaged or truncated{why}; remove {folder} to train from scratch") from None
    if not isinstance(state, dict) or not state.keys() >= NEEDED or not isinstance(state["progress"], dict):
        raise ModelError(f"{path}: is not the state of a training; remove {folder} to train from scratch")
    return state


def _check_sums(path: Path) -> None:
    """BadZipFile where bytes have changed since they were written; torch itself does not check the checksums."""
    with ZipFile(path) as file:
        if wrong := file.testzip():
            raise BadZipFile(f"the checksum of {wrong} is wrong")
