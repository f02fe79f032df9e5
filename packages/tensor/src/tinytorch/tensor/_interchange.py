"""What others see in a Tensor: an array, a DLPack capsule, a value to copy and to print."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor._op import UFUNCS
from tinytorch.tensor.errors import DTypeError


class Interchange:
    """The values of a Tensor on their way out."""

    __slots__ = ()

    data: np.ndarray

    def numpy(self) -> np.ndarray:
        """Return the values as an array: a read-only view, without a copy."""
        view = self.data.view()
        view.flags.writeable = False
        return view

    def tolist(self) -> Any:
        """Return the values as nested Python lists."""
        return self.data.tolist()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """Return NumPy the values: without a copy where `dtype` and `copy` allow it."""
        if copy:
            return np.array(self.data, dtype=dtype)
        if dtype is None or np.dtype(dtype) == self.data.dtype:
            return self.numpy()
        if copy is False:
            raise ValueError(
                f"a conversion from {self.data.dtype} to {np.dtype(dtype)} needs a copy"
            )
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
        if not all(issubclass(kind, (Interchange, np.ndarray)) for kind in types):
            return NotImplemented
        return function(*_arrays_in(args), **_arrays_in(kwargs))

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
        """Return the Tensor itself: it does not change."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        made: Any = type(self)
        return made(self.data)  # which `from_numpy` may share with an array that changes

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (np.ascontiguousarray(self.data).reshape(self.data.shape),)

    def __repr__(self) -> str:
        text = np.array2string(
            self.data, separator=", ", threshold=100, edgeitems=3, prefix="tensor("
        )
        if self.data.dtype in (np.float32, np.int64, np.bool_) and self.data.size:
            return f"tensor({text})"
        shape = "" if self.data.size else f", shape={self.data.shape}"
        return f"tensor({text}{shape}, dtype={self.data.dtype})"

    def __format__(self, spec: str) -> str:
        """Format a single element as a number, anything else as its repr."""
        return format(self.data.item(), spec) if self.data.size == 1 and spec else str(self)


def _arrays_in(x: Any) -> Any:
    """Replace Tensors, in lists and the like too, by their arrays."""
    if isinstance(x, Interchange):
        return x.numpy()
    if isinstance(x, dict):
        return {name: _arrays_in(value) for name, value in x.items()}
    return type(x)(_arrays_in(part) for part in x) if type(x) in (list, tuple) else x
