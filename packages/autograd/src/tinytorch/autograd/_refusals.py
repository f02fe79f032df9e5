"""What NumPy and others may not take from a Variable: an array has no history."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor import GradientError, Tensor


class KeepsHistory(Tensor):
    """A Tensor whose values leave it through `detach` alone."""

    __slots__ = ()

    def numpy(self) -> np.ndarray:
        """Refuse."""
        raise self._no_array()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        raise self._no_array()

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> Any:
        """Refuse NumPy's functions, which would lose gradients, but for those that ask of shape."""
        if function in (np.shape, np.ndim, np.size):
            return function(self.data, *args[1:], **kwargs)
        raise self._no_array(f"np.{function.__name__}")

    def __dlpack__(self, **options: Any) -> Any:
        raise self._no_array("dlpack")

    def _no_array(self, operation: str = "numpy") -> GradientError:
        return GradientError(
            operation,
            expected="a plain Tensor: an array cannot remember where it came from",
            got=f"a {type(self).__name__} of shape {self.shape}",
            fix="x.detach().numpy() for the values; the ops of tinytorch.tensor keep gradients",
        )
