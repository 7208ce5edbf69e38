"""Small changes to a module's code, each of which a test should detect.

A site is a node of the syntax tree and its possible replacements. Not changed are docstrings, texts, annotations,
decorators and error messages, which no test should pin exactly; nor assertions and `strict`, which have no effect as
long as nothing is wrong.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum"}
SKIPPED_CALLS = {"TypeVar", "namedtuple", "Field", "cast"}


@dataclass(frozen=True)
class Mutant:
    """A changed module."""

    line: int
    column: int
    change: str
    """`old code -> new code`."""
    code: str


def mutants(source: str) -> Iterator[Mutant]:
    """All changes, in the order of the lines."""
    tree = ast.parse(source)
    sites = [(node, new) for node in _nodes(tree) for new in _replacements(node)]
    for node, new in sorted(sites, key=lambda site: (site[0].lineno, site[0].col_offset)):
        changed = _Replace(node, new).visit(copy.deepcopy(_marked(tree, node)))
        text = f"{_short(node)} -> {_short(new)}"
        yield Mutant(node.lineno, node.col_offset, text, ast.unparse(ast.fix_missing_locations(changed)))


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that may be changed; no text, annotation or decorator."""
    if isinstance(node, ast.stmt | ast.expr):
        yield node
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in field if isinstance(field, list) else [field]:
            if isinstance(child, ast.AST) and not _left_alone(child):
                yield from _nodes(child)


def _left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr | ast.Raise | ast.Assert | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # docstring
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in SKIPPED_CALLS


def _replacements(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901, PLR0912 (a table of cases)
    """The possible replacements of a node."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            yield _with(node, ops=[COMPARISONS[type(op)]()])
        case ast.Compare(ops=[_, _]):
            for at, op in enumerate(node.ops):
                if type(op) in COMPARISONS:
                    yield _with(node, ops=[*node.ops[:at], COMPARISONS[type(op)](), *node.ops[at + 1 :]])
        case ast.BinOp(op=op) if type(op) in OPERATORS and not _is_text(node):
            yield _with(node, op=OPERATORS[type(op)]())
        case ast.AugAssign(op=op) if type(op) in OPERATORS:
            yield _with(node, op=OPERATORS[type(op)]())
        case ast.BoolOp():
            yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(value=float(value)):
            yield ast.Constant(value * 2 + 1)
        case ast.Call(func=ast.Name(id=name)) if name in NAMES:
            yield _with(node, func=ast.Name(NAMES[name]))
        case ast.Call(func=ast.Attribute(attr=name)) if name in NAMES:
            yield _with(node, func=_with(node.func, attr=NAMES[name]))
        case ast.If() | ast.While() | ast.IfExp():
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))


def _is_text(node: ast.BinOp) -> bool:
    return any(isinstance(side, ast.JoinedStr) or _is_string(side) for side in (node.left, node.right))


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _with(node: ast.AST, **changed: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in changed.items():
        setattr(new, name, value)
    return new


def _marked(tree: ast.Module, node: ast.AST) -> ast.Module:
    """The tree, with a mark on the node that a copy keeps."""
    for each in ast.walk(tree):
        each.chosen = each is node  # type: ignore[attr-defined]
    return tree


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._new = copy.deepcopy(new)
        for each in ast.walk(self._new):
            each.chosen = False  # type: ignore[attr-defined]

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if getattr(node, "chosen", False) else self.generic_visit(node)


def _short(node: ast.AST) -> str:
    if isinstance(node, ast.If | ast.While):
        node = node.test
    text = " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())
    return text if len(text) <= 100 else f"{text[:97]}..."
