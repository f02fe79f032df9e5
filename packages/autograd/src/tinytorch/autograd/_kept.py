"""What a graph keeps: the operands that a row reads, and of a result that none reads an outline.

An outline is the same result, of the same shape and data type, without its numbers. So what a ReLU
was given can go as soon as nobody else holds it: its row reads the result alone.
"""

from functools import cache
from typing import Any

import numpy as np

from tinytorch.autograd._backward import Memory
from tinytorch.autograd._table import bits_read
from tinytorch.autograd._views import owner
from tinytorch.tensor import Op

WORTH = 2**16
"""Numbers: smaller results stay, for to ask costs as much as to compute one."""


def without_unread(op: Op, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the operands, in place of those whose numbers the way back does without outlines."""
    unread = [i for i, x in enumerate(operands) if _is_unread(x)]
    if not unread:
        return operands
    bits, held = read(op, operands), list(operands)
    for i in unread:
        if not bits >> i + 1 & 1:
            held[i] = outline(held[i])
    return tuple(held)


def read(op: Op, operands: Any) -> int:
    """Whose numbers the rows of these operands read, as bits: the result, then each operand."""
    bits = 0
    for i, x in enumerate(operands):
        if isinstance(x, Memory):
            bits |= bits_read(op, i)
    return bits


def outline(x: Memory) -> Memory:
    """Return the same place in the graph with NaN for numbers, all of them one in memory."""
    if isinstance(x._operands, tuple):
        x._operands = [*x._operands]  # shared from here on: both are used up together
    twin: Memory = _new(type(x))
    twin.data = np.ndarray(x.data.shape, x.data.dtype, _nan(x.data.dtype), 0, (0,) * x.data.ndim)
    twin._op, twin._operands, twin._settings = x._op, x._operands, x._settings
    twin._order = x._order
    return twin


def _is_unread(x: Any) -> bool:
    """Whether it is a large result that its own row does not read; a view would free nothing."""
    if not isinstance(x, Memory) or x._op is None or x.data.size < WORTH:
        return False
    if read(x._op, x._operands) & 1:
        return False
    return x.data.base is None or not any(
        isinstance(o, Memory) and owner(o.data) is owner(x.data) for o in x._operands
    )


@cache
def _nan(dtype: np.dtype[Any]) -> np.ndarray:
    return np.full((), np.nan, dtype)


_new = object.__new__
