"""The gradients of an op's case."""

import numpy as np

from tinytorch.autograd._functions import gradcheck
from tinytorch.autograd._tape import ROWS
from tinytorch.autograd._variable import Variable
from tinytorch.tensor import Tensor

__all__ = ["check_gradients", "has_derivative"]


def has_derivative(op):
    """Return whether an op has rows."""
    return op in ROWS


def check_gradients(case, order=2):
    """Check the derivative of an op on every sample of its case."""
    for one in case.samples:
        given = case.operands(one, np.float64)
        floats = [i for i, x in enumerate(given) if is_float(x)]
        narrow = [Variable(x) if is_float(x) else x for x in case.operands(one)]
        result = case.op(*narrow, **one.settings)
        if not case.op.differentiable:
            assert type(result) is Tensor, f"{case.op.name} has no derivative, and remembers"
        elif floats:
            gradients = result.backward(np.ones(result.shape, result.dtype))
            for x, g in gradients.items():
                assert (g.shape, g.dtype) == (x.shape, x.dtype), case.op.name
            function = only(case.op, given, floats, one.settings)
            gradcheck(function, *[given[i] for i in floats], order=order)


def only(op, given, places, settings):
    """The op as a function of the operands in those places."""

    def function(*xs):
        operands = list(given)
        for i, x in zip(places, xs, strict=True):
            operands[i] = x
        return op(*operands, **settings)

    function.__name__ = op.name
    return function


def is_float(x):
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"
