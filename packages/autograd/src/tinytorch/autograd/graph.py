"""What a Variable remembers, made visible: as text, as a picture, or for Graphviz."""

from collections.abc import Mapping
from typing import Any

from tinytorch.autograd._drawing import Drawing, Node, drawing
from tinytorch.autograd._variable import Variable
from tinytorch.tensor import DTypeError

__all__ = ["draw", "to_dot", "to_text"]


def to_text(variable: Variable, names: Mapping[str, Variable] | None = None) -> str:
    """Write down how a Variable came about: a line for each leaf and each op, oldest first.

    Args:
        variable: Any shape.
        names: Names for some of the Variables, such as `dict(model.named_parameters())`.

    Returns:
        The lines.

    Raises:
        DTypeError: `variable` is a plain Tensor, which remembers nothing.

    Example:
        >>> x, w = Variable([1.0, 2.0]), Variable(3.0)
        >>> print(to_text((x * w).sum(), names={"w": w}))
        %0 = Variable (2,)
        %1 = Variable () w
        %2 = mul(%0, %1) (2,)
        %3 = sum(%2, axis=None, keepdims=False) ()
    """
    known = _by_order(names)
    lines, numbers = [], {}
    for number, x in enumerate(_history("to_text", variable)):
        numbers[x._order] = number
        name = f" {known[x._order]}" if x._order in known else ""
        lines.append(f"%{number} = {_call(x, numbers)} {x.shape}{name}")
    return "\n".join(lines)


def draw(variable: Variable, names: Mapping[str, Variable] | None = None) -> Drawing:
    """Draw how a Variable came about, as `to_text` tells it; a notebook shows the picture.

    Leaves are blue boxes, ops are round ones, both with the shape of their value.

    Args:
        variable: Any shape.
        names: As in `to_text`.

    Returns:
        The drawing; `drawing.save("graph.svg")` keeps it.

    Raises:
        DTypeError: `variable` is a plain Tensor, which remembers nothing.

    Example:
        >>> x = Variable([1.0, 2.0])
        >>> draw((x * x).sum(), names={"x": x})
        Drawing(3 nodes; .svg is the picture, save(path) writes it)
    """
    known = _by_order(names)
    nodes: list[Node] = []
    numbers: dict[int, int] = {}
    for number, x in enumerate(_history("draw", variable)):
        numbers[x._order] = number
        name = known.get(x._order, type(x).__name__) if x._op is None else x._op.name
        sources = (numbers[o] for o in map(_order, x._operands) if o in numbers)
        nodes.append(Node(name, str(x.shape), x._op is None, tuple(sources)))
    return drawing(nodes)


def to_dot(variable: Variable, names: Mapping[str, Variable] | None = None) -> str:
    r"""Write down how a Variable came about, as `to_text` does, in the language of Graphviz.

    Leaves are boxes, ops are ellipses, and each arrow has the shape of what flows along it. Make a
    picture with `dot -Tsvg graph.dot -o graph.svg`.

    Example:
        >>> x = Variable([1.0, 2.0])
        >>> print(to_dot(x.exp(), names={"x": x}))
        digraph {
          rankdir=LR
          n0 [shape=box, style=filled, fillcolor="#dbe9f6", label="x\n(2,)"]
          n1 [label="exp"]
          n0 -> n1 [label="(2,)"]
        }
    """
    known = _by_order(names)
    lines, numbers = ["digraph {", "  rankdir=LR"], {}
    for number, x in enumerate(_history("to_dot", variable)):
        numbers[x._order] = number
        if x._op is None:
            label = f"{known.get(x._order, type(x).__name__)}\\n{x.shape}"
            style = 'shape=box, style=filled, fillcolor="#dbe9f6", '
            lines.append(f'  n{number} [{style}label="{label}"]')
            continue
        lines.append(f'  n{number} [label="{x._op.name}"]')
        for operand in x._operands:
            if _order(operand) in numbers:
                source = numbers[_order(operand)]
                lines.append(f'  n{source} -> n{number} [label="{operand.shape}"]')
    return "\n".join([*lines, "}"])


def _history(operation: str, variable: Variable) -> list[Variable]:
    """The Variables that had a part in one, and itself; oldest first."""
    if not isinstance(variable, Variable):
        raise DTypeError(
            operation,
            expected="a Variable, which remembers where it came from",
            got=type(variable).__name__,
            fix="compute with Variables, outside of no_grad",
        )
    found = {variable._order: variable}
    stack = [variable]
    while stack:
        for operand in stack.pop()._operands:
            if isinstance(operand, Variable) and operand._order not in found:
                found[operand._order] = operand
                stack.append(operand)
    return sorted(found.values(), key=lambda x: x._order)


def _call(x: Variable, numbers: Mapping[int, int]) -> str:
    """How one Variable was made: its type if by hand, else the call."""
    if x._op is None:
        return type(x).__name__
    if not x._operands:
        return f"{x._op.name}(used up)"
    operands = [
        f"%{numbers[_order(o)]}" if _order(o) in numbers else _short(o) for o in x._operands
    ]
    settings = [f"{name}={_short(value)}" for name, value in x._settings.items()]
    return f"{x._op.name}({', '.join([*operands, *settings])})"


def _short(value: Any) -> str:
    """A number as itself, an array or a Tensor by its type and shape."""
    shape = getattr(value, "shape", None)
    return repr(value) if shape is None else f"{type(value).__name__}{shape}"


def _by_order(names: Mapping[str, Variable] | None) -> dict[int, str]:
    return {_order(x): name for name, x in (names or {}).items()}


def _order(x: Any) -> int:
    return getattr(x, "_order", -1)
