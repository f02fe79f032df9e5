"""Another autograd: results keep a record each, and a walk is a tape of records, read backward."""

from tinytorch.autograd import _rows, graph, nn, testing
from tinytorch.autograd._functions import (
    GradcheckError,
    grad,
    gradcheck,
    hvp,
    jacobian,
    value_and_grad,
    vjp,
)
from tinytorch.autograd._tape import Gradients, derivative
from tinytorch.autograd._variable import Variable, no_grad
from tinytorch.tensor import pytorch

__all__ = [
    "GradcheckError",
    "Gradients",
    "Variable",
    "derivative",
    "grad",
    "gradcheck",
    "graph",
    "hvp",
    "jacobian",
    "nn",
    "no_grad",
    "testing",
    "value_and_grad",
    "vjp",
]

_rows.enter()
pytorch.point_out(__name__, "torch", "nn")
