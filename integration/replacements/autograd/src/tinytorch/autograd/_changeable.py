"""Tensors that change: by `assign` alone, and at a time that is written down."""

import operator
from itertools import count

import numpy as np

from tinytorch.tensor import DTypeError, ImmutableError, ShapeError, Tensor, checks

clock = count()


class Changeable(Tensor):
    """A Tensor that may be assigned to; `when` is the time of its making or last change."""

    __slots__ = ("when",)

    def __init__(self, data, dtype=None):
        super().__init__(data, dtype)
        self.when = next(clock)

    def assign(self, value):
        """Replace the numbers; return the Tensor itself."""
        self.write(fitting("assign", self, value))
        self.when = next(clock)
        return self

    def write(self, array):
        self.data = np.array(array)  # what shares the memory of the old one stays as it is

    def is_kept(self):
        """Whether a name keeps it, so that `x += y` would seem to change what it does not."""
        return True

    def __copy__(self):
        return type(self)(self.data)

    def __deepcopy__(self, memo):
        return self.__copy__()


def fitting(operation, target, value):
    """What replaces the numbers of a Tensor, in its data type."""
    array = as_numbers(operation, value)
    if array.shape != target.shape:
        raise ShapeError(
            operation,
            expected=f"shape {target.shape}",
            got=f"shape {array.shape}",
            fix="give one number for each element: nothing is broadcast",
        )
    held = converted(array, target.dtype)
    if held is None:
        raise DTypeError(
            operation,
            expected=f"numbers that {target.dtype} can hold",
            got=f"others, of {array.dtype}",
            fix="round or clip them first",
        )
    return held


def as_numbers(operation, value):
    if isinstance(value, Tensor):
        return value.data
    array = checks.as_array(operation, value, None, copy=False)
    return array if isinstance(value, np.ndarray) else np.asarray(value)  # with all their digits


def converted(array, dtype):
    """The same numbers in another data type, or None where they would become others."""
    with np.errstate(all="ignore"):
        held = array.astype(dtype)
        same = np.isfinite(held) == np.isfinite(array) if dtype.kind == "f" else held == array
    return held if same.all() else None


def refusing(symbol, compute):
    def change(self, other):
        if self.is_kept():
            raise ImmutableError(
                symbol,
                expected="assign, which changes a leaf",
                got=f"x {symbol} ... of a {type(self).__name__}",
                fix="x.assign(the new value)",
            )
        return compute(self, other)

    return change


for name, symbol in zip(
    ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor"],
    ["+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^"],
    strict=True,
):
    compute = refusing(f"{symbol}=", getattr(operator, name))
    setattr(Changeable, f"__i{name.rstrip('_')}__", compute)
