#!/usr/bin/env python3
"""Tables of public Python names for the pages of docs/reference/, from the source without importing it.

A page has directives of mkdocstrings in a comment, and after it the table that a reader of the plain Markdown sees:

    <!-- entries
    ::: smalti.raster.reader.Reader
    -->
    (table)
    <!-- end of entries -->

The site shows the directives instead, see `site_hooks.py`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from smalti import _HOMES

ROOT = Path(__file__).resolve().parent.parent
ENTRIES = re.compile(r"(<!-- entries\n(.*?)\n-->\n).*?(<!-- end of entries -->)", re.DOTALL)
"""A block of directives with its table."""
DIRECTIVE = re.compile(r"^::: (\S+)((?:\n    .*)*)", re.MULTILINE)
MEMBERS = re.compile(r"members: \[(.*)\]")
PUBLIC = "names of smalti"
"""Stands for the names of `smalti` itself."""
HEAD = "| name | what | members |\n|---|---|---|\n"


def expanded(directives: str) -> str:
    """The directives, with those of `smalti` itself written out."""
    return directives.replace(PUBLIC, "\n\n".join(f"::: smalti.{home}.{name}" for name, home in _HOMES.items()))


def filled(page: str) -> str:
    """A page with its tables of names as they should be."""
    return ENTRIES.sub(lambda found: f"{found[1]}{HEAD}{table(found[2])}{found[3]}", page)


def table(directives: str) -> str:
    """The rows of all names that some directives show."""
    return "".join(f"{line}\n" for found in DIRECTIVE.finditer(expanded(directives)) for line in rows(found))


def rows(directive: re.Match[str]) -> Iterator[str]:
    """The rows of one directive: of a module's public names, or of one name."""
    module, said = directive[1], MEMBERS.search(directive[2])
    if source(module):
        names = said[1].split(", ") if said else [name for name, (_, text) in documented(parsed(module)) if text]
    else:
        module, _, name = directive[1].rpartition(".")
        names = [name]
    for name in names:
        home, node, text = found_in(module, name)
        file = source(home)
        assert file
        place = f"../../{file.relative_to(ROOT).as_posix()}"
        yield f"| [`{called(name, node)}`]({place}) | {summary(text)} | {members(node)} |"


def parsed(module: str) -> ast.Module:
    """The tree of a module's source."""
    file = source(module)
    assert file, module
    return ast.parse(file.read_text(encoding="utf-8"))


def found_in(module: str, name: str) -> tuple[str, ast.stmt, str]:
    """The module that defines a name which another one has, its definition and its docstring."""
    tree = parsed(module)
    if name in (known := dict(documented(tree))):
        return module, *known[name]
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
    home = next(str(node.module) for node in imports if name in [each.name for each in node.names])
    return found_in(home, name)


def source(module: str) -> Path | None:
    """The file of a module; None if there is no such module."""
    path = ROOT / "src" / module.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def documented(tree: ast.Module | ast.ClassDef) -> Iterator[tuple[str, tuple[ast.stmt, str]]]:
    """The public names of a module or class in the order of the source, with their docstrings, which may be empty."""
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            name, text = node.name, ast.get_docstring(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            name, text = ast.unparse(target), attribute(after)
        else:
            continue
        if not name.startswith("_"):
            yield name, (node, text or "")


def attribute(after: ast.stmt | None) -> str | None:
    """The docstring after an attribute."""
    said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str)
    return str(after.value.value) if said else None  # type: ignore[union-attr]


def called(name: str, node: ast.stmt) -> str:
    """A name; of a function with its arguments, without their types."""
    if not isinstance(node, ast.FunctionDef):
        return name
    arguments = node.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    for argument in (arguments.vararg, arguments.kwarg):
        if argument:
            argument.annotation = None
    return f"{name}({ast.unparse(arguments)})"


def summary(text: str) -> str:
    """The first paragraph of a docstring as a cell of a table."""
    return " ".join(text.strip().partition("\n\n")[0].split()).replace("|", "\\|")


def members(node: ast.stmt) -> str:
    """The public attributes and methods of a class."""
    if not isinstance(node, ast.ClassDef):
        return ""
    return ", ".join(f"`.{name}`" for name, _ in documented(node) if name != "model_config")


def pages() -> dict[Path, str]:
    """Each page that has such tables, with the text that it should have."""
    texts = {page: page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs" / "reference").glob("*.md"))}
    return {page: filled(text) for page, text in texts.items() if ENTRIES.search(text)}
