"""What a module's state is made of."""

from tinytorch.autograd._changeable import Changeable, clock
from tinytorch.autograd._variable import Variable
from tinytorch.tensor import checks


class Parameter(Variable):
    """A Variable that learns, or is a constant while it is frozen."""

    __slots__ = ("learns",)

    def __init__(self, data, dtype=None, *, requires_grad=True):
        super().__init__(data, dtype)
        self.learns = checks.flag("Parameter", "requires_grad", requires_grad)

    @property
    def requires_grad(self):
        return self.learns

    @requires_grad.setter
    def requires_grad(self, value):
        self.learns = checks.flag("Parameter", "requires_grad", value)
        self.grad = self.grad if value else None
        self.when = next(clock)  # what was computed in the other state does not lead here

    def __copy__(self):
        return type(self)(self.data, requires_grad=self.learns)

    def __reduce__(self):
        return thawed_or_frozen, (type(self), self.data, self.learns)


class Buffer(Changeable):
    """A Tensor that belongs to the state, and has no gradient."""

    __slots__ = ()


def thawed_or_frozen(kind, data, learns):
    return kind(data, requires_grad=learns)
