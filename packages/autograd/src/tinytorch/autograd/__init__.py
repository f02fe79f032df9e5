"""Gradients: Variables that remember, a table of derivatives, the reverse walk, and modules.

The second layer of TinyTorch, on `tinytorch.tensor`.
"""

from tinytorch.autograd import derivatives, graph, nn, testing
from tinytorch.autograd._backward import Gradients, derivative
from tinytorch.autograd._gradcheck import GradcheckError, gradcheck
from tinytorch.autograd._transforms import grad, hvp, jacobian, value_and_grad, vjp
from tinytorch.autograd._variable import Variable, no_grad
from tinytorch.autograd._version import __version__

__all__ = [
    "GradcheckError",
    "Gradients",
    "Variable",
    "__version__",
    "derivative",
    "derivatives",
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
