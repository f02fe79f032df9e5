"""What a module holds: Parameters, which learn unless frozen, and Buffers, which never do."""

from functools import cache
from typing import Any, NoReturn

from numpy.typing import DTypeLike

from tinytorch.autograd._assign import Assignable
from tinytorch.autograd._variable import Variable
from tinytorch.tensor import GradientError, Tensor, checks


class Parameter(Variable):
    """A Variable that a `Module` finds among its attributes and an optimizer changes.

    A Parameter is frozen by `requires_grad = False`, and learns again by `requires_grad = True`.
    Frozen, it is a constant: ops do not remember it, no walk goes there, it has no gradient, so no
    optimizer moves it and no norm counts it. It stays among the module's parameters and in its
    state. Freezing forgets the gradient that was there.

    Args:
        data: The first value; copied. Floating-point numbers.
        dtype: The data type to convert to.
        requires_grad: Whether it learns.

    Raises:
        DTypeError: The numbers are integers or booleans.
        GradientError: The data are Variables, whose history would be lost.
        ArgumentError: `requires_grad` is neither True nor False.

    Example:
        >>> weight = Parameter([[1.0, 2.0]])
        >>> weight.assign(weight.detach() * 2).tolist()
        [[2.0, 4.0]]
        >>> weight.requires_grad = False
        >>> weight * 3
        tensor([[ 6., 12.]])
    """

    __slots__ = ()

    def __init__(
        self, data: Any, dtype: DTypeLike | None = None, *, requires_grad: bool = True
    ) -> None:
        super().__init__(data, dtype)
        self.requires_grad = requires_grad

    @property
    def requires_grad(self) -> bool:
        """Whether it learns; see the class."""
        return not isinstance(self, Frozen)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        learns = checks.flag(type(self).__name__, "requires_grad", value)
        if learns == self.requires_grad:
            return
        if learns:
            # Graphs recorded while it was frozen do not lead here; they refuse to go backward.
            self.assign(self.data)
            self.__class__ = type(self).__bases__[-1]
        else:
            self.grad = None
            self.__class__ = frozen(type(self))  # type: ignore[arg-type] # a class is hashable


class Frozen(Parameter):
    """A Parameter while it does not learn: it evaluates as a plain Tensor does."""

    __slots__ = ()

    evaluate = staticmethod(Tensor.evaluate)

    # As a Buffer's: a new array each time, for plain results may be views of the old one.
    assign = Assignable.assign

    def backward(
        self,
        gradient: Any = None,  # noqa: ARG002 - as for every Variable
        retain_graph: bool = False,  # noqa: ARG002
        create_graph: bool = False,  # noqa: ARG002
    ) -> NoReturn:
        """Refuse: there is nothing to compute a gradient for."""
        raise GradientError(
            "backward",
            expected="something that was computed from what learns",
            got=f"a frozen Parameter of shape {self.shape}",
            fix="set requires_grad = True before computing with it",
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).__bases__[-1], (self.data,), (None, {"requires_grad": False})

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, requires_grad=False)"


@cache
def frozen(kind: type[Parameter]) -> type[Frozen]:
    """Return the class that a Parameter has while it is frozen; it differs by its `evaluate`."""
    return type(kind.__name__, (Frozen, kind), {"__slots__": (), "__module__": kind.__module__})


class Buffer(Assignable):
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


HELD = (Parameter, Buffer)
