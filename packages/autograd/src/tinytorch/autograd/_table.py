"""The table of derivatives: for each op a function, a row, for each operand."""

from collections.abc import Callable, Sequence
from functools import cache
from inspect import Parameter, signature
from typing import Any

from tinytorch.tensor import ArgumentError, GradientError, Op

Row = Callable[..., Any] | None


def derivative(op: Op, *rows: Row, each: Callable[[int], Row] | None = None) -> None:
    """Write down the derivative of an op: one function for each operand.

    A row gets the gradient `g` that arrives at the result `z`, then `z`, all operands (those left
    out at their defaults), and the settings by keyword; it returns the gradient of its operand. It
    is written in ops, so that it can be differentiated again. For an op that broadcasts,
    broadcasting is undone afterward; for any other, the row must give the shape of its operand.

    An underscore before the name of `z` or of an operand says that the row reads no number of it,
    at most its shape and data type. Results whose numbers no row reads are not kept: in their place
    come NaN.

    Args:
        op: The op.
        *rows: One for each operand; None for an operand that has no gradient.
        each: For an op with any number of operands: returns the row of operand `i`.

    Raises:
        ArgumentError: The op has a derivative already, or is not differentiable.

    Example:
        >>> from tinytorch.tensor import op
        >>> @op
        ... def cube(x):
        ...     return x**3
        >>> derivative(cube, lambda g, _z, x: g * 3 * x * x)
    """
    if op in table or not op.differentiable:
        raise ArgumentError(
            "derivative",
            expected="a differentiable op that has no derivative yet",
            got=f"{op!r}, " + ("which has one" if op in table else "declared without"),
            fix="mend the rows where they stand, or make an op of another name",
            op=op,
        )
    defaults = getattr(op.reference, "__defaults__", None) or ()
    table[op] = (rows or each, defaults)


def rows_of(op: Op, operands: Sequence[Any]) -> tuple[tuple[Row, ...], Sequence[Any]]:
    """Return the rows of an op for these operands, and the operands with those left out."""
    rows, defaults = table.get(op, ((), ()))
    if callable(rows):
        return tuple(rows(i) for i in range(len(operands))), operands
    left_out = len(rows) - len(operands)
    if rows and left_out == 0:
        return rows, operands
    if 0 < left_out <= len(defaults):
        return rows, (*operands, *defaults[len(defaults) - left_out :])
    if not rows:
        raise GradientError(
            op.name,
            expected="a derivative for each op on the way back",
            got=f"{op!r}, which has none",
            fix=f"derivative({op.name}, ...), or @op(differentiable=False), or detach()",
        )
    raise GradientError(
        op.name,
        expected=f"{len(operands)} rows, one for each operand",
        got=f"{len(rows)} in its derivative",
        fix=f"give derivative({op.name}, ...) a row, or None, for each operand",
    )


def bits_read(op: Op, position: int) -> int:
    """Return whose numbers a row reads, as bits: the result's, then each operand's."""
    rows, _ = table.get(op, ((), ()))
    bits = _bits(rows)
    return bits[min(position, len(bits) - 1)] if bits else -1


@cache
def _bits(rows: Any) -> tuple[int, ...]:
    return tuple(map(_bits_of, (rows(0),) if callable(rows) else rows))


def _bits_of(row: Row) -> int:
    """Take what a row reads from the names of its parameters after g."""
    bits = 0
    for i, one in enumerate(list(signature(row).parameters.values())[1:] if row else ()):
        if one.kind is Parameter.KEYWORD_ONLY:
            break
        if not one.name.startswith("_"):
            bits |= -1 << i if one.kind is Parameter.VAR_POSITIONAL else 1 << i
    return bits


table: dict[Op, tuple[Any, tuple[Any, ...]]] = {}  # rows, and the defaults of operands
