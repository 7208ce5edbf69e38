"""Initial weights of a new training: of an encoder, of a whole model, or of one task's branch."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from smalti.card import Card, Task
from smalti.errors import ModelError, RecipeError
from smalti.nets.build import Model
from smalti.nets.filling import fill_fitting
from smalti.nets.multitask.net import MultiTask
from smalti.nets.naming import Weights
from smalti.nets.weights import load_encoder
from smalti.runtime.models import find_model, list_models, verify
from smalti.training.checkpoint import load_card, load_checkpoint
from smalti.training.encoder import encoder_of
from smalti.training.home import expand_home
from smalti.training.model_file import ModelWeights
from smalti.training.settings import EncoderSettings


def check_source(settings: EncoderSettings, root: Path) -> None:
    """RecipeError, before any data are read, if the file of a recipe's encoder weights does not exist."""
    path = _source(settings, root)
    if isinstance(path, Path) and not path.is_file():
        raise RecipeError(
            f"net.encoder_weights: no such file {path}; expected a .safetensors or .pth file, relative to data.root, "
            "or hub:OWNER/NAME"
        )


def _source(settings: EncoderSettings, root: Path) -> str | Path | None:
    """The weights file, the name on the hub, or None for random weights."""
    source = settings.encoder_weights
    return root / expand_home(source) if source and not source.startswith("hub:") else source


def start_encoder(model: Model, settings: EncoderSettings, root: Path, images: Callable[[], Tensor]) -> None:
    """Loads the encoder weights of a recipe, if it has any, into the encoder of its model.

    Args:
        model: filled in place.
        settings: of the recipe's net.
        root: the folder that a file's name is relative to.
        images: makes the first images N,bands,H,W, normalised; they initialise batch norms that the weights lack.

    Raises RecipeError for a net without an encoder, and what `load_encoder` raises.
    """
    source = _source(settings, root)
    if source:
        load_encoder(encoder_of(model, "net.encoder_weights"), source, settings.encoder_sha256, images())


def open_start(start: str, key: str = "train.start") -> Path | ModelWeights:
    """What a key of a recipe names: a checkpoint's folder, or the weights of a model file.

    RecipeError that names the key if there is no such thing; ModelError for a model file whose weights cannot be used.
    """
    path = expand_home(start)
    if path.is_dir():
        return path
    if path.suffix != ".onnx" and start not in {model.name for model in list_models()}:
        raise RecipeError(
            f"{key}: {start} is neither a folder nor the name of a model; expected a checkpoint's folder "
            "(runs/NAME/best), an exported .onnx file, or a name of smalti models"
        )
    return ModelWeights(verify(find_model(str(path))))


def take_shape(card: Card, start: str | None, folder: Path | None) -> Card:
    """A card with the layers of the pruned net that a training resumes, or starts from, if that is the same net.

    Args:
        card: of a recipe.
        start: what `train.start` names.
        folder: of the checkpoint to resume; None to start anew.

    Raises what `open_start` and `load_card` raise.
    """
    found = folder or (open_start(start) if start else None)  # an empty text takes back the recipe's
    if found is None:
        return card
    before = load_card(found) if isinstance(found, Path) else found.card
    same = (before.net, before.options) == (card.net, card.options)
    return card.model_copy(update={"narrowed": before.narrowed}) if same and before.narrowed else card


def fill(model: nn.Module, start: str, images: Callable[[], Tensor]) -> list[str]:
    """Fills a model, in place, with weights of the same names and shapes.

    Args:
        model: has its starting weights.
        start: a checkpoint's folder, an exported model file, or the name of a model.
        images: makes the first images N,C,H,W of the training, raw; they initialise the batch norms that a model file
            lacks.

    Returns messages about what was filled and what was not; ModelError if nothing matches, or if the checkpoint has
    several tasks other than the model's: heads have numbers, not names. So have classes: other ones in the place of the
    checkpoint's are reported.
    """
    card, weights = _read_start(open_start(start), images)
    theirs = [task.name for task in card.tasks]
    if isinstance(model, Model) and len(theirs) > 1 and theirs != (ours := [task.name for task in model.card.tasks]):
        raise ModelError(
            f"{start}: its tasks are {', '.join(theirs)}, but the recipe's tasks are {', '.join(ours)}; give the same "
            "in the same order, or a checkpoint of one task as the task's `init`"
        )
    notes = fill_fitting(model.state_dict(), weights, start)
    if isinstance(model, Model):
        pairs = zip(card.tasks, model.card.tasks, strict=False)
        notes += [_other_classes(start, old, new) for old, new in pairs if _relabelled(old, new)]
    return notes


def _read_start(found: Path | ModelWeights, images: Callable[[], Tensor]) -> tuple[Card, Weights]:
    """The card and weights of what `open_start` found."""
    return load_checkpoint(found) if isinstance(found, Path) else (found.card, found.unfolded(images()))


def _relabelled(old: Task, new: Task) -> bool:
    return len(old.labels) == len(new.labels) and old.labels != new.labels


def _other_classes(start: str, old: Task, new: Task) -> str:
    place = next(k for k, (theirs, ours) in enumerate(zip(old.labels, new.labels, strict=True)) if theirs != ours)
    return (
        f"{start}: its class {place} of task {old.name} is {old.labels[place]}, here it is {new.labels[place]}; the "
        "last layer is copied by number, so it begins as the other class's"
    )


def fill_branch(model: Model, name: str, init: str | None, images: Callable[[], Tensor]) -> list[str]:
    """Fills the branch of a task with the weights of a model of this task alone.

    Args:
        model: has its starting weights.
        name: of the task.
        init: a checkpoint's folder, an exported model file, or the name of a model; None fills nothing.
        images: as in `fill`.

    Returns messages about what was filled and what was not; RecipeError for a model with other tasks, and for a net
    without branches.
    """
    if init is None:
        return []
    card, weights = _read_start(open_start(init, f"card.tasks: init of {name}"), images)
    task = model.card.task(name)
    if not isinstance(model.net, MultiTask):
        raise RecipeError(f"card.tasks: init of {name}: net {model.card.net} has no branches; use train.start")
    if [signature(theirs) for theirs in card.tasks] != [signature(task)]:
        raise RecipeError(
            f"card.tasks: init of {task.name}: {init} has the tasks "
            f"{' and '.join(map(_described, card.tasks))}, expected only {_described(task)}"
        )
    return model.net.fill_branch(name, weights)


def signature(task: Task) -> tuple[object, ...]:
    """What must be equal for one net's head to be used in another."""
    return task.kind, task.labels, task.unit, task.quantity


def _described(task: Task) -> str:
    what = f"{len(task.labels)} classes" if task.has_classes else task.quantity or "values"
    return f"{task.name} ({what}{f' in {task.unit}' if task.unit else ''})"
