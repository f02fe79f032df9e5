"""What mutation testing changes: one place of a Python file at a time.

Comparisons, arithmetic (the operator, or one side left out), `and` and `or`, negations, numbers and
booleans, conditions, results, `raise` and lone calls. Annotations, assertions and the arguments of
errors stay as they are.
"""

import ast
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

SWAPS: dict[type[ast.AST], type[Any]] = {
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
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Break: ast.Continue,
    ast.Continue: ast.Break,
}


class Mutant(NamedTuple):
    """One change of a file.

    Attributes:
        line: Where it was made.
        before: What stood there; the first line of it.
        after: What stands there.
        code: The whole file with the change made.
    """

    line: int
    before: str
    after: str
    code: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every change of a file.

    Example:
        >>> [mutant.after for mutant in mutants("x = a + 1")]
        ['a - 1', 'a', '2']
    """
    tree = ast.parse(source)
    left_out = {id(part) for node in ast.walk(tree) for part in promises_nothing(node)}
    for parent in list(ast.walk(tree)):
        for field, value in list(ast.iter_fields(parent)):
            children = value if isinstance(value, list) else [value]
            for i, child in enumerate(children):
                if not isinstance(child, (ast.expr, ast.stmt)) or id(child) in left_out:
                    continue
                for new in (*changed_expression(child), *changed_statement(child)):
                    whole = [*children[:i], new, *children[i + 1 :]]
                    setattr(parent, field, whole if isinstance(value, list) else new)
                    yield Mutant(child.lineno, first_line(child), first_line(new), unparse(tree))
                setattr(parent, field, value)


def changed_expression(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of an expression."""
    match node:
        case ast.Compare(left, operators, right):
            for i, operator in enumerate(operators):
                others = [*operators[:i], swapped(operator), *operators[i + 1 :]]
                yield ast.Compare(left, others, right)
        case ast.BinOp(left, operator, right) if type(operator) in SWAPS:
            yield ast.BinOp(left, swapped(operator), right)
            yield left
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(swapped(operator), values)
        case ast.UnaryOp(ast.Not() | ast.USub() | ast.Invert(), operand):
            yield operand
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.IfExp(test, yes, no):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), yes, no)


def changed_statement(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of a statement."""
    match node:
        case ast.If(test, body, orelse):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.While(test, body, orelse):
            yield ast.While(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Return(ast.expr() as value) if unparse(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.Raise() | ast.Expr(ast.Call()):
            yield ast.Pass()
        case ast.Break() | ast.Continue():
            yield swapped(node)


def swapped(node: ast.AST) -> Any:
    """The counterpart of an operator, or of a statement."""
    return SWAPS[type(node)]()


def promises_nothing(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that no user can rely on: annotations, assertions, texts of errors."""
    parts: Sequence[ast.AST | None] = []
    match node:
        case ast.AnnAssign(annotation=annotation) | ast.arg(annotation=annotation):
            parts = [annotation]
        case ast.FunctionDef(returns=returned):
            parts = [returned]
        case ast.Call(function) if unparse(function).lower().endswith("error"):
            parts = [*node.args, *node.keywords]
        case ast.Assert() | ast.If(ast.Name("TYPE_CHECKING")):
            parts = [node]
    for part in parts:
        if part is not None:
            yield from ast.walk(part)


def unparse(node: ast.AST) -> str:
    """The code of a node, whether or not it knows its place in a file."""
    return ast.unparse(ast.fix_missing_locations(node))


def first_line(node: ast.AST) -> str:
    """The first line of a node's code."""
    return unparse(node).split("\n")[0]
