"""A model of any form: by name, a file, or the folder of a checkpoint, which torch runs."""

import hashlib
from pathlib import Path

import click

from smalti.card import Card
from smalti.errors import ModelError
from smalti.runtime.models import BUNDLED, find_model, verify
from smalti.runtime.open import Engine, open_model
from smalti.scene import Predictor


def checkpoint_folder(model: str) -> Path | None:
    """The folder of a checkpoint that `model` names, itself or by its training's folder; None if it names none.

    A bundled model of that name wins.
    """
    if (BUNDLED / f"{model}.onnx").is_file():
        return None
    folders = (Path(model), Path(model) / "best")
    return next((folder for folder in folders if (folder / "model.safetensors").is_file()), None)


def card_of(model: str) -> Card:
    """The card of a model by name, file, or folder of a checkpoint; ModelError where it is none."""
    folder = checkpoint_folder(model)
    if folder is None:
        return verify(find_model(model)).card
    from smalti.training.checkpoint import load_card  # torch is imported for checkpoints only

    return load_card(folder)


def open_any(model: str, inside: bool = False, engine: Engine = "auto", threads: int | None = None) -> Predictor:
    """A model by name, file, or folder of a checkpoint; ModelError where it is none.

    `inside` asks for the further maps of a net that has some, which only a checkpoint can give. An engine other than
    `auto` is for files only.
    """
    folder = checkpoint_folder(model)
    if folder is None:
        if inside:
            click.echo(f"{model} gives class maps only: body, edge and fusion maps need a checkpoint", err=True)
        return open_model(model, engine, threads)
    if engine != "auto":
        raise ModelError(f"{model}: a checkpoint runs in torch, not in {engine}; smalti export makes a file of it")
    from smalti.training.predict import TorchPredictor, load_model  # torch is imported for checkpoints only

    if threads:
        import torch

        torch.set_num_threads(threads)
    if inside:
        from smalti.training.inspect import look_inside

        return look_inside(load_model(folder))
    return TorchPredictor(load_model(folder))


def digest_of(model: str) -> str:
    """SHA-256 of all that a model answers by: its file, or the weights of its checkpoint."""
    folder = checkpoint_folder(model)
    if folder is None:
        return verify(find_model(model)).sha256
    with (folder / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_files(model: str) -> list[Path]:
    """The files that a model is read from."""
    folder = checkpoint_folder(model)
    return [find_model(model)] if folder is None else [file for file in folder.iterdir() if file.is_file()]
