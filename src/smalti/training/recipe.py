"""Reads recipes: TOML, overrides, and errors that name the key."""

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from smalti.card import Card
from smalti.errors import RecipeError, reason
from smalti.extensions import ExtensibleTable, nobody_brings
from smalti.training.kinds.images.settings import ImagesRecipe
from smalti.training.kinds.images.work import ImagesWork
from smalti.training.kinds.pixels.multitask import MultitaskRecipe
from smalti.training.kinds.pixels.segmentation import SegmentationRecipe
from smalti.training.kinds.pixels.settings import PixelRecipe
from smalti.training.kinds.pixels.work import PixelWork
from smalti.training.kinds.ranking.settings import RankingRecipe
from smalti.training.kinds.ranking.work import RankingWork
from smalti.training.kinds.selfsupervised.settings import SelfSupervisedRecipe
from smalti.training.kinds.selfsupervised.work import SelfSupervisedWork
from smalti.training.settings import Recipe
from smalti.training.work import Work
from smalti.watch import Watch, unwatched

WORKS: dict[str, tuple[type[Recipe], Callable[[Any, Card, Watch], Work]]] = {
    # kind of a recipe: its settings, and the work made of these and the card
    "segmentation": (SegmentationRecipe, PixelWork),
    "multitask": (MultitaskRecipe, PixelWork),
    "ranking": (RankingRecipe, RankingWork),
    "images": (ImagesRecipe, ImagesWork),
    "selfsupervised": (SelfSupervisedRecipe, SelfSupervisedWork),
}
DEFAULT = "segmentation"
Kind = TypeVar("Kind", bound=Recipe)


def read_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Reads a recipe and applies `a.b=c` changes; RecipeError names the key that is wrong, or the nearest one."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some Windows editors write a BOM
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {reason(error)}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: is not valid TOML: {error}") from None
    for change in changes:
        _apply(raw, change)
    return validated(_settings(raw, path), raw, path)


def validated(settings: type[Kind], raw: Mapping[str, Any], path: Path) -> Kind:
    """A recipe of tables as in TOML; RecipeError names the file and the key that is wrong."""
    try:
        return settings.model_validate(raw)
    except ValidationError as error:
        raise RecipeError(f"{path}: {explain(error.errors()[0], error.error_count(), settings)}") from None


def read_pixels(path: Path, changes: Sequence[str] = ()) -> PixelRecipe:
    """Reads a recipe for tasks of each pixel; RecipeError also for any other kind."""
    recipe = read_recipe(path, changes)
    if not isinstance(recipe, PixelRecipe):
        raise RecipeError(f"{path}: is a recipe of kind {recipe.kind}; expected one of kind segmentation or multitask")
    return recipe


def open_work(recipe: Recipe, card: Card, watch: Watch = unwatched) -> Work:
    """The work of a recipe, with its data opened."""
    return WORKS[recipe.kind][1](recipe, card, watch)


def _settings(raw: dict[str, Any], path: Path) -> type[Recipe]:
    kind = raw.get("kind", DEFAULT)
    if not isinstance(kind, str) or kind not in WORKS:
        raise RecipeError(f"{path}: unknown recipe kind {kind!r}; expected one of {', '.join(WORKS)}")
    return WORKS[kind][0]


def _apply(raw: dict[str, Any], change: str) -> None:
    """Sets one value, given as `a.b=c`; c is TOML, or else text. Numbers index lists: `data.train.0.weight`."""
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise RecipeError(f"--set {change}: expected KEY=VALUE, for example train.steps=100")
    *way, last = key.strip().split(".")
    place: Any = raw
    try:
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        place[int(last) if isinstance(place, list) else last] = _value(text.strip())
    except (ValueError, IndexError, TypeError, AttributeError):
        raise RecipeError(f"--set {change}: the recipe has no such place") from None


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def explain(error: ErrorDetails, count: int, settings: type[Recipe]) -> str:
    """One line about the first of `count` errors in a recipe of these settings: its key, and what is wrong with it."""
    key = ".".join(str(part) for at, part in enumerate(error["loc"]) if not _is_choice(error["loc"], at, settings))
    more = f" (and {count - 1} more)" if count > 1 else ""
    if error["type"] == "extra_forbidden":
        return f"unknown key {key}{_hint(error['loc'], settings)}{more}"
    message = error["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list").replace("Tuple", "List")
    if error["type"] == "missing":
        return f"{key} is missing{more}"
    if error["type"] in ("union_tag_not_found", "union_tag_invalid"):
        kinds = ", ".join(filter(None, map(_kind, _beside((*error["loc"], "kind"), settings))))
        came = f"{error['ctx']['tag']!r} is unknown" if error["type"] == "union_tag_invalid" else "it is missing"
        return f"{key}.kind: {came}; expected one of {kinds}{more}"
    got = error["input"]
    came = f", not {got!r}" if isinstance(got, str | int | float | bool) and error["type"] != "value_error" else ""
    return f"{key + ': ' if key else ''}{message[:1].lower()}{message[1:]}{came}{more}"


def _hint(loc: tuple[int | str, ...], settings: type[Recipe]) -> str:
    """What an unknown key may have meant: the nearest one, and that of a package that is not installed."""
    beside = _beside(loc, settings)
    near = get_close_matches(str(loc[-1]), [name for model in beside for name in model.model_fields], 1, 0)
    hint = f"; did you mean {near[0]}?" if near else ""
    groups = [model.group for model in beside if issubclass(model, ExtensibleTable)]
    return f"{hint} N{nobody_brings(groups[0])[1:]}" if groups else hint


def _is_choice(loc: tuple[int | str, ...], at: int, settings: type[Recipe]) -> bool:
    """Whether a part of an error's location is not a key, but one of the types, sources or tasks of a union."""
    part = str(loc[at])
    listed = at > 0 and isinstance(loc[at - 1], int)  # elsewhere a key may have the name of a kind
    chosen = listed and part in map(_kind, _beside(loc[: at + 1], settings))
    return chosen or part == "constrained-int" or part.startswith("literal[")


def _beside(loc: tuple[int | str, ...], settings: type[Recipe]) -> list[type[BaseModel]]:
    """The models whose keys are valid at the last part of `loc`."""
    models: list[type[BaseModel]] = [settings]
    for part in loc[:-1]:
        inner = [model for m in models for model in _inside(m, str(part))]
        models = inner or [m for m in models if _kind(m) == part] or models
    return models


def _inside(model: type[BaseModel], key: str) -> Iterable[type[BaseModel]]:
    """The models that a key of this one may hold."""
    if key in model.model_fields:
        return _models(model.model_fields[key].annotation)
    found = model.find(key) if issubclass(model, ExtensibleTable) else None
    return [found] if found else []


def _models(annotation: Any) -> Iterable[type[BaseModel]]:
    """The models in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _kind(model: type[BaseModel]) -> str:
    """The value of `kind` of a model."""
    field = model.model_fields.get("kind")
    return str(get_args(field.annotation)[0]) if field else ""
