"""A Tensor is one NumPy array that does not change, with the methods that users expect.

Each method is one call of an op; what evaluates the op is `Tensor.evaluate`, the seam that upper
layers override (see `_op`).
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor._convert import as_array, whole_numbers
from tinytorch.tensor.errors import ArgumentError, DTypeError, ImmutableError, ShapeError
from tinytorch.tensor.types import Axes

if TYPE_CHECKING:
    from tinytorch.tensor._op import Op

__all__ = ["Tensor", "as_operand", "from_numpy", "tensor"]


def _operator(x: "Tensor", y: Any) -> Any:
    """Evaluate the op of an operator; an array or a number may stand on either side."""


class Tensor:
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

    data: np.ndarray

    def __init__(self, data: Any, dtype: DTypeLike | None = None) -> None:
        self.data = as_array(type(self).__name__, data, dtype, copy=True)

    @staticmethod
    def evaluate(op: "Op", operands: tuple[Any, ...], settings: dict[str, Any]) -> "Tensor":
        """Compute ``op`` for ``operands``: the seam that a type of an upper layer overrides."""
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
        return self.data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy data type of the elements."""
        return self.data.dtype

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        """The transpose: all axes in reverse order."""
        return ops.transpose(self)

    def numpy(self) -> np.ndarray:
        """Give the values as an array: a read-only view, without a copy."""
        view = self.data.view()
        view.flags.writeable = False
        return view

    def item(self) -> Any:
        """Give the only element as a Python number.

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

    def tolist(self) -> Any:
        """Give the values as nested Python lists."""
        return self.data.tolist()

    # Operators: OPERATORS, at the foot of this file, names the op of each.

    if TYPE_CHECKING:
        __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = _operator
        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = (
            _operator
        )
        __matmul__ = __and__ = __or__ = __xor__ = __lshift__ = __rshift__ = _operator
        __rmatmul__ = __rand__ = __ror__ = __rxor__ = __rlshift__ = __rrshift__ = _operator
        __lt__ = __le__ = __gt__ = __ge__ = _operator

    def __neg__(self) -> Any:
        return ops.neg(self)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Any:
        return ops.abs(self)

    def __invert__(self) -> Any:
        return ops.bitwise_not(self)

    def __eq__(self, other: object) -> Any:
        return ops.equal(self, other) if _comparable(other) else NotImplemented

    def __ne__(self, other: object) -> Any:
        return ops.not_equal(self, other) if _comparable(other) else NotImplemented

    def __getitem__(self, index: Any) -> Any:
        return ops.getitem(self, index=plain_index(index))

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

    def __iter__(self) -> Iterator[Any]:
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

    # Movement.

    def reshape(self, *shape: Any) -> Any:
        """Give the same elements in another shape; one length may be -1."""
        return ops.reshape(self, shape=variadic("reshape", shape))

    def transpose(self, *axes: Any) -> Any:
        """Permute the axes; without arguments reverse them."""
        if not axes:
            return ops.transpose(self)
        order = variadic("transpose", axes)
        if self.ndim > 1 and order == tuple(range(self.ndim)):
            raise ArgumentError(
                "transpose",
                expected="an order of the axes that changes something",
                got=f"axes {order} of shape {self.shape}",
                fix="swapaxes(0, 1) swaps two axes; T, or transpose(), reverses all",
            )
        return ops.transpose(self, axes=order)

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """Swap two axes."""
        return ops.swapaxes(self, axis1, axis2)

    def flatten(self, start_axis: int = 0) -> Any:
        """Join all axes from ``start_axis`` on into one."""
        return ops.flatten(self, start_axis)

    def squeeze(self, axis: Axes = None) -> Any:
        """Drop axes of length 1: the given ones, or all."""
        return ops.squeeze(self, axis)

    def expand_dims(self, axis: int) -> Any:
        """Insert an axis of length 1 at ``axis``."""
        return ops.expand_dims(self, axis)

    def broadcast_to(self, shape: Sequence[int]) -> Any:
        """Repeat along new axes and axes of length 1 to fill ``shape``, without a copy."""
        return ops.broadcast_to(self, shape=tuple(shape))

    # Reductions. Without an axis all elements are reduced.

    def sum(self, axis: Axes = None, keepdims: bool = False) -> Any:
        """Add the elements along ``axis``."""
        return ops.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axes = None, keepdims: bool = False) -> Any:
        """Average the elements along ``axis``."""
        return ops.mean(self, axis, keepdims)

    def max(self, axis: Axes = None, keepdims: bool = False) -> Any:
        """Give the largest element along ``axis``; ties share the gradient."""
        return ops.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axes = None, keepdims: bool = False) -> Any:
        """Give the smallest element along ``axis``; ties share the gradient."""
        return ops.min(self, axis=axis, keepdims=keepdims)

    def var(self, axis: Axes = None, keepdims: bool = False, ddof: int = 0) -> Any:
        """Give the variance along ``axis``: divided by n - ``ddof``, NumPy's default."""
        return ops.var(self, axis, keepdims, ddof)

    def std(self, axis: Axes = None, keepdims: bool = False, ddof: int = 0) -> Any:
        """Give the standard deviation along ``axis``."""
        return ops.std(self, axis, keepdims, ddof)

    def argmax(self, axis: int | None = None) -> Any:
        """Give the position of the first largest element along ``axis``."""
        return ops.argmax(self, axis=axis)

    def argmin(self, axis: int | None = None) -> Any:
        """Give the position of the first smallest element along ``axis``."""
        return ops.argmin(self, axis=axis)

    def cumsum(self, axis: int) -> Any:
        """Give the running sum along ``axis``."""
        return ops.cumsum(self, axis=axis)

    # Elementwise functions.

    def exp(self) -> Any:
        """Give e to the power of each element."""
        return ops.exp(self)

    def log(self) -> Any:
        """Give the natural logarithm of each element."""
        return ops.log(self)

    def sqrt(self) -> Any:
        """Give the square root of each element."""
        return ops.sqrt(self)

    def tanh(self) -> Any:
        """Give the hyperbolic tangent of each element."""
        return ops.tanh(self)

    def abs(self) -> Any:
        """Give the magnitude of each element."""
        return ops.abs(self)

    def clip(self, low: Any = None, high: Any = None) -> Any:
        """Limit each element to the range from ``low`` to ``high``."""
        return ops.clip(self, low=low, high=high)

    def astype(self, dtype: DTypeLike) -> Any:
        """Convert the elements to ``dtype``."""
        return ops.astype(self, dtype)

    # Conversion.

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """Give NumPy the values: without a copy where ``dtype`` and ``copy`` allow it."""
        if copy:
            return np.array(self.data, dtype=dtype)
        if dtype is None or np.dtype(dtype) == self.data.dtype:
            return self.numpy()
        if copy is False:
            raise ValueError(f"a conversion from {self.dtype} to {np.dtype(dtype)} needs a copy")
        return self.data.astype(dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Evaluate the op of the same meaning, or refuse: a ufunc alone would drop gradients."""
        same = UFUNCS.get(ufunc)
        if same is None or method != "__call__" or options:
            came = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            raise DTypeError(
                f"np.{came}",
                expected="a ufunc that stands for an op, called without options",
                got=f"np.{came} on a {type(self).__name__}",
                fix="use the op of tinytorch.tensor, or np.asarray(x) for values alone",
            )
        return same(*inputs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> Any:
        """Let NumPy's other functions compute with the values: they give arrays, not Tensors."""
        if not all(issubclass(kind, (Tensor, np.ndarray)) for kind in types):
            return NotImplemented
        return function(*arrays_in(args), **arrays_in(kwargs))

    def __dlpack__(self, **options: Any) -> Any:
        """Share the memory with another library (read only, please: Tensors do not change).

        A reversed or a read-only array is copied where others could not take it as it is: PyTorch
        2.13 aborts at negative strides.
        """
        array = self.data
        read_only = not (array.flags.writeable or options.get("max_version"))
        if (read_only or min(array.strides, default=0) < 0) and options.get("copy") is not False:
            array = array.copy()
        return array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        """Say that the memory is the CPU's."""
        return self.data.__dlpack_device__()

    def __copy__(self) -> Self:
        """Give the Tensor itself: it does not change."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)(self.data)  # which `from_numpy` may share with an array that changes

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (np.ascontiguousarray(self.data).reshape(self.shape),)

    def __repr__(self) -> str:
        text = np.array2string(
            self.data, separator=", ", threshold=100, edgeitems=3, prefix="tensor("
        )
        if self.data.dtype in (np.float32, np.int64, np.bool_) and self.data.size:
            return f"tensor({text})"
        shape = "" if self.data.size else f", shape={self.shape}"
        return f"tensor({text}{shape}, dtype={self.data.dtype})"

    def __format__(self, spec: str) -> str:
        """Format a single element as a number, anything else as its repr."""
        return format(self.data.item(), spec) if self.data.size == 1 and spec else str(self)


def wrap(array: np.ndarray) -> Tensor:
    """Make a Tensor of an array without a copy or a check."""
    made: Tensor = _new(Tensor)
    made.data = array
    return made


def tensor(data: Any, dtype: DTypeLike | None = None) -> Tensor:
    """Make a Tensor of numbers, nested lists, an array or a Tensor; always copies.

    Args:
        data: Anything that NumPy reads as an array of real numbers. Python floats become
            float32, integers int64, booleans bool; an array keeps its data type.
        dtype: The data type to convert to.

    Returns:
        The Tensor.

    Raises:
        DTypeError: The data are not real numbers.
        ShapeError: The nested lists are ragged.

    Example:
        >>> tensor([1, 2]).dtype, tensor([1.0, 2.0]).dtype
        (dtype('int64'), dtype('float32'))
    """
    return wrap(as_array("tensor", data, dtype, copy=True))


def from_numpy(array: np.ndarray) -> Tensor:
    """Make a Tensor that shares the array's memory: writing to the array changes the Tensor.

    Args:
        array: Any shape; real numbers.

    Returns:
        The Tensor.

    Raises:
        DTypeError: ``array`` is no ndarray of real numbers.
    """
    if not isinstance(array, np.ndarray):
        raise DTypeError(
            "from_numpy",
            expected="a numpy.ndarray",
            got=f"{type(array).__name__}",
            fix="use tensor(data), which converts and copies",
        )
    return wrap(as_array("from_numpy", array, None, copy=False))


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


def _comparable(value: object) -> bool:
    """Whether ``==`` compares elements; with None, strings and the like it compares objects."""
    return isinstance(value, (Tensor, bool, int, float, np.ndarray, np.generic, list, tuple))


def variadic(operation: str, values: tuple[Any, ...]) -> tuple[int, ...]:
    """Read ``f(2, 3)`` and ``f((2, 3))`` alike."""
    if len(values) == 1 and not isinstance(values[0], (int, np.integer)):
        values = values[0]
    return whole_numbers(operation, values)


def arrays_in(x: Any) -> Any:
    """Replace Tensors, in lists and the like too, by their arrays."""
    if isinstance(x, Tensor):
        return x.numpy()
    if isinstance(x, dict):
        return {name: arrays_in(value) for name, value in x.items()}
    return type(x)(arrays_in(part) for part in x) if type(x) in (list, tuple) else x


def plain_index(index: Any) -> Any:
    """Replace Tensors in an index by their arrays; copy what may change once it is remembered."""
    if isinstance(index, Tensor):
        return index.data
    if isinstance(index, tuple):
        return tuple(plain_index(i) for i in index)
    return copy.deepcopy(index) if isinstance(index, (list, np.ndarray)) else index


def _both_ways(op: "Op") -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An operator with the Tensor on the left, and one with it on the right.

    Two operands of one type, or a number, need no search for the seam.
    """

    def left(x: Tensor, y: Any) -> Any:
        if type(x) is type(y) or type(y) in NUMBERS:
            return x.evaluate(op, (x, y), {})
        return op(x, y)

    def right(x: Tensor, y: Any) -> Any:
        return x.evaluate(op, (y, x), {}) if type(y) in NUMBERS else op(y, x)

    return left, right


NUMBERS = frozenset({bool, int, float})
_new = object.__new__

from tinytorch.tensor import ops  # noqa: E402 - methods call ops, and ops make Tensors
from tinytorch.tensor._op import UFUNCS  # noqa: E402

OPERATORS = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "floordiv": "floor_div",
    "mod": "mod",
    "pow": "pow",
    "matmul": "matmul",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "left_shift",
    "rshift": "right_shift",
}
COMPARISONS = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
for _name, _op in (OPERATORS | COMPARISONS).items():
    _left, _right = _both_ways(getattr(ops, _op))
    setattr(Tensor, f"__{_name}__", _left)
    if _name in OPERATORS:
        setattr(Tensor, f"__r{_name}__", _right)
