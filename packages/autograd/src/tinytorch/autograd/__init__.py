"""Gradients: Variables that remember, a table of derivatives, the reverse walk, and modules.

The second layer of TinyTorch, on `tinytorch.tensor`.
"""

from tinytorch.autograd import derivatives, graph, nn
from tinytorch.autograd import testing as testing
from tinytorch.autograd._gradcheck import GradcheckError, gradcheck
from tinytorch.autograd._gradients import Gradients
from tinytorch.autograd._mode import no_grad
from tinytorch.autograd._table import derivative
from tinytorch.autograd._transforms import grad, hvp, jacobian, value_and_grad, vjp
from tinytorch.autograd._variable import Variable
from tinytorch.autograd._version import __version__
from tinytorch.tensor import pytorch

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
    "value_and_grad",
    "vjp",
]

pytorch.point_out(__name__, "torch", "nn")
