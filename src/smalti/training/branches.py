"""The old way to several tasks: train each alone, then join them; its checkpoint fills a task's branch and head."""

from pathlib import Path

from smalti.card import Task
from smalti.errors import RecipeError
from smalti.nets.build import Model
from smalti.nets.multitask.net import MultiTask
from smalti.training.checkpoint import load_checkpoint


def fill_branch(model: Model, name: str, init: str | None) -> list[str]:
    """Fills the branch of a task from a checkpoint's folder; lines that say what was filled and what was not.

    RecipeError for a checkpoint of other tasks, and for a net without branches to fill.
    """
    if init is None:
        return []
    card, weights = load_checkpoint(Path(init).expanduser())
    task = model.card.task(name)
    if not isinstance(model.net, MultiTask):
        raise RecipeError(f"card.tasks: init of {name}: net {model.card.net} has no branches; take train.start")
    if [_answer(theirs) for theirs in card.tasks] != [_answer(task)]:
        raise RecipeError(
            f"card.tasks: init of {task.name}: {init} answers "
            f"{' and '.join(map(_described, card.tasks))}, expected {_described(task)} alone"
        )
    return model.net.fill_branch(name, weights)


def _answer(task: Task) -> tuple[object, ...]:
    """What must be alike for one net's head to serve another."""
    return task.kind, task.labels, task.unit, task.quantity


def _described(task: Task) -> str:
    what = f"{len(task.labels)} classes" if task.has_classes else task.quantity or "values"
    return f"{task.name} ({what}{f' in {task.unit}' if task.unit else ''})"
