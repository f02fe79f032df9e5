"""Variables: Tensors of floats with a record of how they came about."""

import copy
from contextlib import ContextDecorator
from contextvars import ContextVar
from functools import partial, wraps
from inspect import isgeneratorfunction

import numpy as np

from tinytorch.autograd._changeable import Changeable, clock
from tinytorch.autograd._tape import Gradients, play
from tinytorch.tensor import DTypeError, GradientError, ShapeError, Tensor, from_numpy, tensor


class Record:
    """How a result came about: an op of operands, which are None once a walk used them up."""

    __slots__ = ("op", "operands", "settings")

    def __init__(self, op, operands, settings):
        self.op, self.operands, self.settings = op, operands, settings


class Variable(Changeable):
    """A Tensor whose results are remembered."""

    __slots__ = ("grad", "record")

    def __init__(self, data, dtype=None):
        super().__init__(data, dtype)
        if self.dtype.kind != "f":
            raise DTypeError(
                type(self).__name__,
                expected="floats",
                got=f"{self.dtype}",
                fix='give dtype="float32", or use a plain Tensor',
            )
        self.grad = self.record = None

    @staticmethod
    def evaluate(op, operands, settings):
        """Compute, and remember unless all that could learn is frozen or nobody asks."""
        array = op.compute(operands, settings)
        learns = any(isinstance(x, Variable) and x.requires_grad for x in operands)
        if not (learns and op.differentiable) or quiet.get():
            return from_numpy(own(array, operands))
        if any(isinstance(value, list | dict | np.ndarray) for value in settings.values()):
            settings = copy.deepcopy(settings)  # which the caller may change
        result = Variable.__new__(Variable)
        result.data, result.when, result.grad = array, next(clock), None
        result.record = Record(op, operands, settings)
        return result

    @property
    def is_leaf(self):
        return self.record is None

    is_kept = is_leaf.fget

    @property
    def requires_grad(self):
        return True

    @requires_grad.setter
    def requires_grad(self, value):
        if value is not True:
            raise GradientError(
                "requires_grad",
                expected="a Parameter to be frozen",
                got=f"a {type(self).__name__}",
                fix="use detach(), or a plain Tensor",
            )

    def backward(self, gradient=None, retain_graph=False, create_graph=False):
        """Play the tape backward, and add what arrives at leaves to their `grad`."""
        if gradient is None and self.size == 1:
            gradient = np.ones(self.shape, self.dtype)
        if not isinstance(gradient, Tensor):
            gradient = tensor([] if gradient is None else gradient)
        if not create_graph and isinstance(gradient, Variable):
            gradient = gradient.detach()
        if gradient.shape != self.shape:
            raise ShapeError(
                "backward",
                expected=f"a gradient of shape {self.shape}",
                got=f"{gradient.shape}",
                fix="reduce to one number, or give gradient=",
            )
        found = play(self, gradient, retain=retain_graph or create_graph, remember=create_graph)
        for leaf, fresh in found.items():
            leaf.grad = fresh if leaf.grad is None else leaf.grad + fresh
        return Gradients(found)

    def detach(self):
        """Return the value alone."""
        return from_numpy(own(self.data, None if self.is_leaf else self.record.operands))

    def assign(self, value):
        """Replace a leaf's numbers, in its own array."""
        if not self.is_leaf:
            raise GradientError(
                "assign",
                expected="a leaf",
                got=f"a result of {self.record.op.name}",
                fix="assign to what you made",
            )
        return super().assign(value)

    def write(self, array):
        self.data[...] = array

    def __copy__(self):
        if self.is_leaf:
            return super().__copy__()
        raise GradientError(
            "copy",
            expected="a leaf",
            got=f"a result of {self.record.op.name}",
            fix="detach() first",
        )

    def numpy(self):
        """Refuse: an array has no record."""
        raise GradientError(
            "numpy",
            expected="a plain Tensor",
            got=f"a {type(self).__name__}",
            fix="x.detach().numpy()",
        )

    def __array__(self, dtype=None, copy=None):
        return self.numpy()

    def __array_function__(self, function, types, args, kwargs):
        if function in (np.shape, np.ndim, np.size):
            return function(self.data)
        return self.numpy()

    def __dlpack__(self, **options):
        return self.numpy()


def own(array, operands):
    """The array, or a copy where it shares the memory of an operand, which may be assigned to."""
    shares = array.base is not None and any(
        isinstance(x, Variable) and np.may_share_memory(array, x.data) for x in operands or ()
    )
    return array.copy(order="K") if shares or operands is None else array


quiet = ContextVar("how many blocks of no_grad there are around", default=0)


class no_grad(ContextDecorator):  # noqa: N801 - PyTorch's name
    """A block in which nothing is remembered, and a decorator of functions and generators."""

    def __enter__(self):
        quiet.set(quiet.get() + 1)

    def __exit__(self, *exception):
        quiet.set(max(quiet.get() - 1, 0))

    def __call__(self, function):
        if not isgeneratorfunction(function):
            return super().__call__(function)

        @wraps(function)
        def steps(*args, **kwargs):
            generator = function(*args, **kwargs)
            go_on = partial(next, generator)
            while True:
                with self:
                    try:
                        item = go_on()
                    except StopIteration as end:
                        return end.value
                try:
                    go_on = partial(generator.send, (yield item))
                except BaseException as error:  # noqa: BLE001 - the generator's to handle
                    go_on = partial(generator.throw, error)

        return steps
