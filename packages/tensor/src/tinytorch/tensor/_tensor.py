"""A Tensor is one NumPy array that does not change.

What evaluates an op is `Tensor.evaluate`, the seam that upper layers override (see `_op`). Methods
that are one call of an op stand in `_methods`, operators in `_operators`, and what other libraries
see in `_interchange`.
"""

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor import ops
from tinytorch.tensor._convert import as_array
from tinytorch.tensor._explaining import Count
from tinytorch.tensor._interchange import Interchange
from tinytorch.tensor._methods import Methods
from tinytorch.tensor._op import Op
from tinytorch.tensor.errors import DTypeError, ImmutableError, ShapeError


def _operator(x: "Tensor", y: Any) -> "Tensor":  # noqa: ARG001 - for its type
    """Stand for an operator, where types are checked: `_operators` holds the table."""
    return x


class Tensor(Methods["Tensor"], Interchange):
    """An array of numbers that does not change.

    Args:
        data: Numbers, nested lists, an array or a Tensor; always copied. Python floats become
            float32, integers int64, booleans bool; an array keeps its data type.
        dtype: The data type to convert to.

    Attributes:
        data: The array itself. Read it; never write to it.

    Raises:
        DTypeError: The data are not real numbers.
        ShapeError: The nested lists are ragged.

    Example:
        >>> x = Tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x @ x.T
        tensor([[ 5., 11.],
                [11., 25.]])
    """

    __slots__ = ("__weakref__", "data")
    __hash__ = object.__hash__

    if TYPE_CHECKING:
        __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = _operator
        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = _operator
        __rpow__ = __matmul__ = __and__ = __or__ = __xor__ = __lshift__ = __rshift__ = _operator
        __rmatmul__ = __rand__ = __ror__ = __rxor__ = __rlshift__ = __rrshift__ = _operator
        __lt__ = __le__ = __gt__ = __ge__ = _operator

        def _gives(self, result: "Tensor", /) -> None: ...

    def __init__(self, data: Any, dtype: DTypeLike | None = None) -> None:
        self.data = as_array(type(self).__name__, data, dtype, copy=True)

    @staticmethod
    def evaluate(op: Op, operands: tuple[Any, ...], settings: dict[str, Any]) -> "Tensor":
        """Compute `op` for `operands`: the seam that a type of an upper layer overrides."""
        result: Tensor = _new(Tensor)
        result.data = op.compute(operands, settings)
        return result

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return Count(self.data.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy data type of the elements."""
        return self.data.dtype

    def item(self) -> Any:
        """Return the only element as a Python number.

        Raises:
            ShapeError: There is not exactly one element.
        """
        if self.data.size != 1:
            raise ShapeError(
                "item",
                expected="one element",
                got=f"shape {self.shape}",
                fix="reduce first (mean, sum), index one element, or use tolist()",
            )
        return self.data.item()

    def __eq__(self, other: object) -> Any:
        return ops.equal(self, other) if _is_comparable(other) else NotImplemented

    def __ne__(self, other: object) -> Any:
        return ops.not_equal(self, other) if _is_comparable(other) else NotImplemented

    def __getitem__(self, index: Any) -> Self:
        return ops.getitem(self, index=_plain_index(index))  # type: ignore[return-value] # a Self

    def __setitem__(self, index: Any, value: Any) -> None:
        raise ImmutableError(
            "setitem",
            expected="a new Tensor in place of a change",
            got=f"x[{index!r}] = ... on shape {self.shape}",
            fix="use where(mask, value, x) or scatter_add, or change an array and call tensor()",
        )

    def __len__(self) -> int:
        if not self.data.ndim:
            raise DTypeError(
                "len", expected="at least one axis", got="a 0-d Tensor", fix="use item()"
            )
        return len(self.data)

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).data.any())

    def __bool__(self) -> bool:
        if self.data.size != 1:
            raise ShapeError(
                "bool",
                expected="one element",
                got=f"shape {self.shape}",
                fix="say what is meant: (x == y).all() on x.numpy(), or compare sums",
            )
        return bool(self.data)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.data.dtype.kind not in "iu" or self.data.ndim:
            raise DTypeError(
                "index",
                expected="a 0-d integer Tensor",
                got=f"{self.dtype} {self.shape}",
                fix="use int(x.item())",
            )
        return int(self.data)


def wrap(array: np.ndarray) -> Tensor:
    """Make a Tensor of an array without a copy or a check."""
    made: Tensor = _new(Tensor)
    made.data = array
    return made


def as_operand(operation: str, value: Any) -> Any:
    """Make an operand of what a user gave: numbers stay weak, arrays become Tensors."""
    if value is None or isinstance(value, (Tensor, bool)):
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return value.item()
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    return wrap(as_array(operation, value, None, copy=True))


def as_tensor(operation: str, value: Any) -> Any:
    """Make a Tensor of what a user gave, if it is none."""
    return value if isinstance(value, Tensor) else wrap(as_array(operation, value, None, copy=True))


def _plain_index(index: Any) -> Any:
    """Replace Tensors in an index by their arrays; copy what may change once it is remembered."""
    if type(index) is int or type(index) is slice:
        return index
    if isinstance(index, Tensor):
        return index.data
    if isinstance(index, tuple):
        return tuple(_plain_index(i) for i in index)
    return copy.deepcopy(index) if isinstance(index, (list, np.ndarray)) else index


def _is_comparable(value: object) -> bool:
    """Whether `==` compares elements; with None, strings and the like it compares objects."""
    return isinstance(value, (Tensor, bool, int, float, np.ndarray, np.generic, list, tuple))


_new = object.__new__
