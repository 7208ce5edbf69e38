"""Habits of the code that no linter holds: modules without circles, and a docstring for every public name."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

SOURCE = Path(__file__).resolve().parent.parent / "src" / "smalti"
Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = grimp.build_graph("smalti", cache_dir=None, exclude_type_checking_imports=True)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle of imports: {' <- '.join(error.args[1])}") from None


def public(nodes: list[ast.stmt], above: str) -> Iterator[tuple[str, Named]]:
    """Public classes, functions and methods with their names; a setter is told by its property."""
    for node in nodes:
        if isinstance(node, Named) and not node.name.startswith("_"):
            name = f"{above}.{node.name}"
            if not any(isinstance(each, ast.Attribute) and each.attr == "setter" for each in node.decorator_list):
                yield name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, name)


def test_every_public_name_has_a_docstring() -> None:
    without = []
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        name = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        without += [each for each, node in [(name, tree), *public(tree.body, name)] if not ast.get_docstring(node)]
    assert without == []
