#!/usr/bin/env python3
"""Prints the tables of docs/reference/recipes.md: every key with its type, default and meaning, from the settings."""

import ast
import inspect
import json
import textwrap
import types
import typing
from collections.abc import Iterator

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
    """The models that a type speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from models_in(argument)


def kind(annotation: object) -> str:
    """A type in the words of TOML."""
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
    """The default as TOML; nothing where the key may just be missing."""
    if field.is_required():
        return "**needed**"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel) or value in ((), {}, ""):
        return ""
    if isinstance(value, dict):
        return f"`{{ {', '.join(f'{key} = {part}' for key, part in value.items())} }}`"
    return f"`{value:.6g}`" if isinstance(value, float) else f"`{json.dumps(value)}`"


def tables(model: Model, key: str) -> Iterator[str]:
    """This model's table, then those of the models in it."""
    meaning = explanations(model)
    fields = sorted(model.model_fields.items(), key=lambda item: item[0] not in ("kind", "name"))
    plain = {n: f for n, f in fields if not any(models_in(f.annotation))}
    if plain:
        yield f"### `{key or 'recipe'}`\n{inspect.cleandoc(model.__doc__ or '')}\n"
        yield "| key | type | default | |\n|---|---|---|---|"
        yield from (
            f"| `{name}` | {kind(f.annotation)} | {default(f)} | {meaning.get(name, '')} |" for name, f in plain.items()
        )
        yield ""
    for name, field in model.model_fields.items():
        inner = list(models_in(field.annotation))
        for part in inner:
            choice = part.model_fields.get("kind")
            suffix = f' (kind = "{typing.get_args(choice.annotation)[0]}")' if choice and len(inner) > 1 else ""
            yield from tables(part, f"{key.partition(' (')[0]}.{name}".lstrip(".") + suffix)


def reference() -> str:
    """All tables of each kind of recipe as Markdown; a table that comes twice is printed once."""
    printed: dict[str, str] = {}
    for name, (settings, _) in WORKS.items():
        of = "" if len(printed) == 0 else f" of kind {name}"
        blocks = "\n".join(tables(settings, "")).split("### ")[1:]
        for block in blocks:
            head, _, body = block.partition("\n")
            printed.setdefault(body, head + of)
    return "".join(f"### {head}\n{body.rstrip()}\n\n" for body, head in printed.items()).rstrip() + "\n"


if __name__ == "__main__":
    print(reference(), end="")
