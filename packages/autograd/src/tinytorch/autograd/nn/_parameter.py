"""What a module holds: Parameters, which learn, and Buffers, which it keeps by itself."""

from typing import Any, Self

from tinytorch.autograd._variable import Variable, replace
from tinytorch.tensor import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Variable):
    """A Variable that a `Module` finds among its attributes and an optimizer changes.

    Args:
        data: The first value; copied. Floating-point numbers.
        dtype: The data type to convert to.

    Example:
        >>> weight = Parameter([[1.0, 2.0]])
        >>> weight.assign(weight.detach() * 2).tolist()
        [[2.0, 4.0]]
    """

    __slots__ = ()


class Buffer(Tensor):
    """A Tensor that belongs to a module's state but does not learn, such as a running mean.

    Args:
        data: The first value; copied. Any real numbers.
        dtype: The data type to convert to.

    Example:
        >>> steps = Buffer(0)
        >>> steps.assign(steps + 1).item()
        1
    """

    __slots__ = ()

    def assign(self, value: Any) -> Self:
        """Change the value in place.

        Args:
            value: The same shape; converted to the Buffer's data type.

        Returns:
            The Buffer itself.

        Raises:
            ShapeError: The shapes differ.
            DTypeError: The value is no array of real numbers.
        """
        replace(self, value)
        return self

    def __copy__(self) -> Self:
        return type(self)(self.data)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)(self.data)
