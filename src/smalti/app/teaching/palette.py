"""The classes of a lesson: the model's, perhaps with other names and colours, and new ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from unicodedata import normalize

from smalti.app.problems import ProblemError
from smalti.app.teaching.schemas import ClassOf, PaletteClass
from smalti.card import RGB, Task
from smalti.lessons.classes import ClassPlan, plan_classes
from smalti.lessons.project import Project
from smalti.raster.palette import parse_color, task_colors, to_hex


def plan_of(parent: Task, project: Project) -> ClassPlan:
    """The classes of a project that have strokes or are the model's; OptionError where they contradict the model's."""
    return plan_classes(parent, project.classes).colored(project.colors)


def palette_of(parent: Task, project: Project, counts: Mapping[str, int]) -> list[ClassOf]:
    """All classes, those without strokes, too; `counts` are the strokes of each."""
    plan = plan_of(parent, project)
    colors: dict[str, RGB] = dict(zip(plan.task.labels, task_colors(plan.task), strict=True))
    kept = {label for label, share in zip(plan.task.labels, plan.shares, strict=True) if share.any()}
    colors |= {label: color for label, color in project.colors.items() if label not in colors}
    return [
        ClassOf(name=label, color=to_hex(color), new=label not in kept, strokes=counts.get(label, 0))
        for label, color in colors.items()
    ]


def changed(project: Project, parent: Task, wanted: Sequence[PaletteClass], counts: Counter[str]) -> Project:
    """The project with other classes; ProblemError where they contradict each other, or strokes would be lost."""
    before = {each.name: each for each in palette_of(parent, project, counts)}
    _check(before, wanted)
    classes = {}
    for each in wanted:
        if each.was is not None and not before[each.was].new:
            taken = project.classes.get(each.was, [each.was])
            if taken != [each.name]:
                classes[each.name] = taken
    new = [each.name for each in wanted if each.was in project.classes and before[str(each.was)].new]
    colors = {each.name: parse_color(each.color) for each in wanted}
    return replace(project, classes={**classes, **{name: [] for name in new}}, colors=colors)


def _check(before: Mapping[str, ClassOf], wanted: Sequence[PaletteClass]) -> None:
    names, colors = [normalize("NFC", each.name) for each in wanted], [each.color.upper() for each in wanted]
    for what, values in (("name", names), ("colour", colors)):
        if twice := [value for value, count in Counter(values).items() if count > 1]:
            raise ProblemError(422, f"two classes have the {what} {twice[0]}; give each its own")
    if odd := [name for name in names if name == "ignore" or name != name.strip() or not name.isprintable()]:
        raise ProblemError(422, f"{odd[0]!r} cannot be the name of a class; choose another one")
    kept = [each.was for each in wanted if each.was is not None]
    if unknown := [name for name in kept if name not in before or kept.count(name) > 1]:
        raise ProblemError(409, f"the class {unknown[0]} is not there any more; load the lesson again")
    for name, each in before.items():
        if name not in kept and not each.new:
            raise ProblemError(422, f"{name} is a class of the model and stays; rename it instead")
        if name not in kept and each.strokes:
            raise ProblemError(409, f"{name} has {each.strokes} strokes; erase them first")
