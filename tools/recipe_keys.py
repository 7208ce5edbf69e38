#!/usr/bin/env python3
"""Prints the tables of docs/reference/recipes.md: every key with its type, default and meaning, from the settings."""

import ast
import inspect
import json
import re
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from smalti.training.recipe import WORKS

Model = type[BaseModel]


def explanations(model: Model) -> dict[str, str]:
    """The line under each field, those of parent classes included."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if owner in (BaseModel, object):
            continue
        [body] = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        for field, text in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                found[field.target.id] = " ".join(inspect.cleandoc(text.value.value).split())
    return found


def models_in(annotation: object) -> Iterator[Model]:
    """The models that a type contains."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from models_in(argument)


def kind(annotation: object) -> str:
    """A type in TOML's terms."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return kind(arguments[0])
    if origin is typing.Literal:
        return " or ".join(f'`"{value}"`' for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(kind(a) for a in arguments if a is not type(None)))
    if origin is tuple:
        return f"list of {kind(arguments[0])}" if ... in arguments else f"{len(arguments)} x {kind(arguments[0])}"
    if origin is dict:
        return f"table of {kind(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    return {str: "text", float: "number", int: "whole number", bool: "true or false"}[annotation]


def default(field: FieldInfo) -> str:
    """The default as TOML; empty if the key is optional and has none."""
    if field.is_required():
        return "**needed**"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel) or value in ((), {}, ""):
        return ""
    if isinstance(value, dict):
        return f"`{{ {', '.join(f'{key} = {part}' for key, part in value.items())} }}`"
    return f"`{value:.6g}`" if isinstance(value, float) else f"`{json.dumps(value)}`"


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one key."""

    type: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """The keys of one table of one kind of recipe."""

    about: str
    rows: dict[str, Row]


def tables(model: Model, place: str) -> Iterator[tuple[str, Table]]:
    """This model's table and those of the models in it, each with its place in the recipe."""
    meaning = explanations(model)
    fields = sorted(model.model_fields.items(), key=lambda item: item[0] not in ("kind", "name"))
    rows = {
        name: Row(kind(f.annotation), default(f), meaning.get(name, ""))
        for name, f in fields
        if not any(models_in(f.annotation))
    }
    if rows:
        yield place or "recipe", Table(inspect.cleandoc(model.__doc__ or ""), rows)
    for name, field in model.model_fields.items():
        for part in (inner := list(models_in(field.annotation))):
            choice = part.model_fields.get("kind")
            suffix = f' (kind = "{typing.get_args(choice.annotation)[0]}")' if choice and len(inner) > 1 else ""
            yield from tables(part, f"{place}.{name}".lstrip(".") + suffix)


def shortened(place: str) -> str:
    """The place under which a table is printed: all parts of the data share their keys, and so do all losses."""
    place = re.sub(r"^data\.(validation|test)", "data.train", place)
    place = re.sub(r"^data\.train.*\.(labels|values)$", r"data.train.\1", place)
    place = re.sub(r"^data\.train.*\.weak$", "data.train.weak", place)
    place = re.sub(r"^data\.train.*\.weak\.\w+$", "data.train.weak.ndvi", place)
    return re.sub(r"^card\.tasks.*\.loss\.", "loss.", place)


def collected() -> dict[str, dict[str, Table]]:
    """Each place with its table for each kind of recipe that has it."""
    found: dict[str, dict[str, Table]] = {}
    for name, (settings, _) in WORKS.items():
        for place, table in tables(settings, ""):
            of = found.setdefault(shortened(place), {})
            of[name] = Table(table.about, of[name].rows | table.rows) if name in of else table
    return found


def cell(values: dict[str, str]) -> str:
    """One text, or each text with its kinds if kinds of recipes differ."""
    kinds: dict[str, list[str]] = {}
    for name, value in values.items():
        kinds.setdefault(value, []).append(name)
    if len(kinds) == 1:
        return next(iter(kinds))
    return "; ".join(f"{value} (*{', '.join(names)}*)" for value, names in kinds.items() if value)


def line(key: str, rows: dict[str, Row], kinds: Iterable[str]) -> str:
    """The row of a key; its kinds are named if not all kinds with the table have the key."""
    only = f" *Only {', '.join(rows)}.*" if set(rows) != set(kinds) else ""
    parts = [cell({name: getattr(row, part) for name, row in rows.items()}) for part in ("type", "default", "meaning")]
    return f"| `{key}` | {parts[0]} | {parts[1]} | {(parts[2] + only).strip()} |"


def section(place: str, of: dict[str, Table]) -> str:
    """A table under its heading."""
    keys = dict.fromkeys(key for table in of.values() for key in table.rows)
    lines = [f"## `{place}`"]
    if place == "recipe":
        lines += ["A training.", ""]
    else:
        lines += [next(iter(of.values())).about, ""]
    if set(of) != set(WORKS):
        lines += [f"In recipes of kind {', '.join(f'`{name}`' for name in of)}.", ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    lines += [line(key, {n: t.rows[key] for n, t in of.items() if key in t.rows}, of) for key in keys]
    return "\n".join(lines)


def reference() -> str:
    """All tables as Markdown; a table of several kinds of recipes comes once."""
    text = "\n\n".join(section(place, of) for place, of in collected().items()) + "\n"
    return re.sub(r"\bdocs/(\S+?)\.md", r"[\1](../\1.md)", text)


if __name__ == "__main__":
    print(reference(), end="")
