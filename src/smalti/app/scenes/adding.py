"""Several files become scenes: the good ones are taken, and all others are named with the reason."""

from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import TypeVar

from smalti.app.problems import ProblemError, problem_of, to_dict
from smalti.app.schemas import Added, Refused, Scene
from smalti.errors import SmaltiError

One = TypeVar("One", str, PurePath)
_NO_MORE = 429


def add_each(ones: Iterable[One], add: Callable[[One], Scene], hide: Callable[[str], str]) -> Added:
    """The scenes of all that can be added; ProblemError where that is none of them.

    The first one beyond a quota ends it: all after it are refused alike. `hide` is as of `problem_of`.
    """
    scenes, problems, full = [], [], None
    for one in ones:
        try:
            if full is not None:
                raise full
            scenes.append(add(one))
        except (ProblemError, SmaltiError) as error:
            problem = problem_of(error, hide)
            full = problem if problem.status == _NO_MORE else None
            problems.append((PurePath(one).name, problem))
    if not scenes:
        raise _none(problems)
    return Added(scenes=scenes, refused=[_refused(name, problem) for name, problem in problems])


def _none(problems: list[tuple[str, ProblemError]]) -> ProblemError:
    """The problem of one file itself; for several that of the first one, with the others."""
    first = problems[0][1]
    if len(problems) == 1:
        return first
    text = f"none of {len(problems)} files can be used; the first one: {first.detail}"
    refused = [_refused(name, problem).model_dump() for name, problem in problems]
    return ProblemError(first.status, text, code=first.code, wait=first.wait, refused=refused)


def _refused(name: str, problem: ProblemError) -> Refused:
    return Refused(name=name, **{key: value for key, value in to_dict(problem).items() if key in Refused.model_fields})
