"""A model in any form: by name, a file, or the folder of a checkpoint, which runs in torch."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from smalti.arguments import checked, fits, said
from smalti.card import Card
from smalti.errors import ArrayError, ModelError, ModelWarning, OptionError, about, warn
from smalti.runtime.models import BUNDLED, ModelFile, find_model, verify
from smalti.runtime.open import Engine, start_engine
from smalti.scene import Coarse, Predictor, coarse_of
from smalti.workflows.card_lines import card_lines
from smalti.workflows.extras import of_training

_WIDE = 120
"""Characters per line of the repr, at most."""


@dataclass(frozen=True, eq=False)
class OpenModel:
    """A model that is ready to run; a `Predictor` that is safe to call from several threads at once."""

    source: str
    """The name, the file, or the folder of a checkpoint that it was opened from."""
    card: Card
    """Its inputs, its tasks and its origin."""
    engine: Engine
    threads: int | None
    sha256: str
    """SHA-256 of the file, or of the weights of the checkpoint."""
    files: tuple[Path, ...] = field(repr=False)
    """The files that it was read from."""
    predictor: Predictor | None = field(repr=False)
    """None for a ranker of photos, which takes more than pixels."""
    _start: Callable[[Engine], Predictor] | None = field(default=None, repr=False)
    """Starts its file with another engine, on as many threads; None for a checkpoint."""

    @property
    def name(self) -> str:
        """The name on its card."""
        return self.card.name

    @property
    def checkpoint(self) -> Path | None:
        """The folder of the checkpoint; None for a model file."""
        return checkpoint_folder(self.source)

    def on(self, engine: Engine) -> Predictor:
        """The same file on another engine, on as many threads; for maps whose engine is chosen while they are made.

        Raises the errors of `open_model`, and ModelError for a checkpoint, and if the file has changed meanwhile.
        """
        if self._start is None:
            raise ModelError(_only_torch(self.source, engine), value=self.source)
        return self._start(engine)

    def __call__(self, batch: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Raw pixels (N, C, H, W) of any dtype -> per task float32 (N, K, H, W), or (N, K) for the whole image.

        Classes are probabilities, values in their unit. Raises ModelError for other shapes, and for a model that ranks
        photos; ArrayError for what is no array of numbers.
        """
        if not isinstance(batch, np.ndarray) or batch.dtype.kind not in "buif":
            came = str(batch.dtype) if isinstance(batch, np.ndarray) else type(batch).__name__
            raise ArrayError(f"the batch is {came}; expected a numpy array N,C,H,W of numbers", value=came)
        if self.predictor is None:
            raise ModelError(f"model {self.name} ranks photos; give their folder to rank_photos", value=self.source)
        return self.predictor(batch)

    @property
    def coarse(self) -> Coarse | None:
        """The predictor without its last upsampling, where it has one."""
        return coarse_of(self.predictor)

    def __reduce__(self) -> tuple[Callable[[], "OpenModel"], tuple[()]]:
        """Another process opens the model again."""
        return partial(open_model, self.source, self.engine, threads=self.threads), ()

    def __repr__(self) -> str:
        head = f"OpenModel {self.name} ({self.source}, sha256 {self.sha256[:8]})"
        lines = (line if len(line) <= _WIDE else f"{line[: _WIDE - 4]} ..." for line in card_lines(self.card))
        return "\n".join([head, *lines])


AnyModel = Annotated[str | Path | OpenModel, "a name, a path, or the result of open_model"]
"""An open model, or its name or path."""


@checked("name_or_path")
def open_model(name_or_path: str | Path, engine: Engine = "auto", *, threads: int | None = None) -> OpenModel:
    """Opens a bundled or local model by name, an `.onnx` file, or the folder of a checkpoint, which needs torch.

    `engine` is `onnx`, `openvino`, one that an installed package registers, or `auto`: ONNX Runtime, except that `map`,
    `map_many` and `mosaic` make large maps with the engine that a short measurement has found to be the fastest. A
    checkpoint takes only `auto`. `threads` defaults to the cores that this process may use. Raises ModelError where
    there is no such model, or it is truncated, altered or made for another version; MissingExtraError without the
    engine, or without torch for a checkpoint; OptionError for an engine that nobody has.
    """
    if not fits(name_or_path, str | Path):
        raise OptionError(f"model is {said(name_or_path)}; expected a name, a file, or a folder", value=name_or_path)
    if threads is not None and threads < 1:
        raise OptionError(f"threads is {threads}; expected a whole number from 1", value=threads)
    source = str(name_or_path)
    with about(name_or_path):
        folder = checkpoint_folder(source)
        if folder is not None:
            return _open_checkpoint(source, folder, engine, threads)
        model = verify(find_model(source))
        predictor = None if is_ranker(model.card) else start_engine(model, engine, threads)
        return _of_file(source, model, predictor, engine, threads)


def opened(model: AnyModel | Callable[[], OpenModel]) -> OpenModel:
    """The model itself if it is open, else opened by name, path or function; OptionError for other types."""
    if isinstance(model, OpenModel):
        return model
    if isinstance(model, str | Path):
        return open_model(model)
    if callable(model) and isinstance(found := model(), OpenModel):
        return found
    raise OptionError(f"model is {said(model)}; expected a name, a path, or the result of open_model", value=model)


def is_ranker(card: Card) -> bool:
    """Whether a model ranks photos."""
    return card.tasks[0].kind == "score"


def checkpoint_folder(model: str) -> Path | None:
    """The folder of a checkpoint that `model` names, directly or by its training's folder; None if it is not one.

    A bundled model of the same name has precedence.
    """
    if (BUNDLED / f"{model}.onnx").is_file():
        return None
    folders = (Path(model), Path(model) / "best")
    return next((folder for folder in folders if (folder / "model.safetensors").is_file()), None)


def _of_file(
    source: str, model: ModelFile, predictor: Predictor | None, engine: Engine, threads: int | None
) -> OpenModel:
    start = partial(_start_file, model.path, model.sha256, threads=threads)
    return OpenModel(source, model.card, engine, threads, model.sha256, (model.path,), predictor, start)


def _start_file(path: Path, sha256: str, engine: Engine, *, threads: int | None) -> Predictor:
    model = verify(path)  # read again: its bytes are not kept in memory
    if model.sha256 != sha256:
        raise ModelError(f"{path}: has changed since it was opened; run again", value=str(path))
    return start_engine(model, engine, threads)


def _only_torch(source: str, engine: Engine) -> str:
    return f"{source}: a checkpoint runs in torch, not in {engine}; export it with smalti export"


def _open_checkpoint(source: str, folder: Path, engine: Engine, threads: int | None) -> OpenModel:
    if engine != "auto":
        raise ModelError(_only_torch(source, engine))
    with of_training():
        from smalti.training.checkpoint import load_card  # torch is imported for checkpoints only
        from smalti.training.predict import TorchPredictor, load_model

    card = load_card(folder)
    predictor = None if is_ranker(card) else TorchPredictor(load_model(folder), threads)
    with (folder / "model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    files = tuple(file for file in folder.iterdir() if file.is_file())
    return OpenModel(source, card, engine, threads, digest, files, predictor)


def open_inside(model: OpenModel) -> Predictor:
    """The model with the inner maps of its net, if it has any: body, edge and fusion; needs a checkpoint.

    For a model file, issues a ModelWarning and returns the model itself.
    """
    folder = model.checkpoint
    if folder is None:
        text = f"{model.source} gives class maps only: body, edge and fusion maps need a checkpoint"
        warn(ModelWarning(text))
        return model
    from smalti.training.inspect import look_inside  # torch is imported for checkpoints only
    from smalti.training.predict import load_model

    return look_inside(load_model(folder))
