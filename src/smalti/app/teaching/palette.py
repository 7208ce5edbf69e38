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
from smalti.text import count


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
    """The project with other classes; ProblemError or OptionError where they contradict or would lose strokes."""
    before = {each.name: each for each in palette_of(parent, project, counts)}
    _check(before, wanted)
    taken = {each.name: _taken(project, before, each) for each in wanted}
    shared = Counter(old for own in taken.values() for old in own)
    classes = {name: own for name, own in taken.items() if own and (own != [name] or shared[name] > 1)}
    colors = {each.name: parse_color(each.color) for each in wanted}
    found = replace(project, classes=classes, colors=colors)
    plan_of(parent, found)  # refused before it is written
    return found


def origins(each: PaletteClass) -> list[str]:
    """The names so far of the classes that become one."""
    return [*([] if each.was is None else [each.was]), *each.merged]


def renamed(wanted: Sequence[PaletteClass]) -> dict[str, str]:
    """What becomes of the strokes of each class: by its name so far; those of one that is split get the first name."""
    names: dict[str, str] = {}
    for each in wanted:
        for was in origins(each):
            names.setdefault(was, each.name)
    return names


def _taken(project: Project, before: Mapping[str, ClassOf], each: PaletteClass) -> list[str]:
    """The model's classes that become a class."""
    own = [old for was in origins(each) if not before[was].new for old in project.classes.get(was, [was])]
    return list(dict.fromkeys(own))


def _check(before: Mapping[str, ClassOf], wanted: Sequence[PaletteClass]) -> None:
    names, colors = [normalize("NFC", each.name) for each in wanted], [each.color.upper() for each in wanted]
    for what, values in (("name", names), ("colour", colors)):
        if twice := [value for value, count in Counter(values).items() if count > 1]:
            raise ProblemError(422, f"two classes have the {what} {twice[0]}; choose another one")
    if odd := [name for name in names if name == "ignore" or name != name.strip() or not name.isprintable()]:
        raise ProblemError(422, f"{odd[0]!r} cannot be the name of a class; choose another one")
    kept = [name for each in wanted for name in origins(each)]
    if unknown := [name for name in kept if name not in before]:
        raise ProblemError(409, f"the class {unknown[0]} is not there any more; load the lesson again")
    merged = {name for each in wanted for name in each.merged}
    if twice := [name for name in merged if kept.count(name) > 1]:
        raise ProblemError(422, f"{twice[0]} is merged into another class and stays, too; leave one of them out")
    if split := [name for name in kept if kept.count(name) > 1 and before[name].new]:
        raise ProblemError(422, f"{split[0]} is new, so there is nothing of the model's to split; add a class instead")
    for name, each in before.items():
        if name not in kept and not each.new:
            raise ProblemError(422, f"{name} is a class of the model and stays; rename or merge it instead")
        if name not in kept and each.strokes:
            raise ProblemError(409, f"{name} has {count(each.strokes, 'stroke')}; erase them first")
