"""Every op, by kind: one file a kind, one function or line an op.

An op (`Op`) has its own array code; the other functions here are composites of ops, and are
differentiable because ops are.
"""

from inspect import isfunction as _isfunction

from tinytorch.tensor._op import Op, registry
from tinytorch.tensor.ops.activation import *  # noqa: F403 - a kind's public names are its ops
from tinytorch.tensor.ops.elementwise import *  # noqa: F403
from tinytorch.tensor.ops.indexing import *  # noqa: F403
from tinytorch.tensor.ops.linalg import *  # noqa: F403
from tinytorch.tensor.ops.movement import *  # noqa: F403
from tinytorch.tensor.ops.reduction import *  # noqa: F403
from tinytorch.tensor.pytorch import point_out as _point_out

__all__ = sorted(  # noqa: PLE0605 - an op is named once, where it is made
    name
    for name, x in globals().items()
    if not name.startswith("_")
    if isinstance(x, Op) or x is registry or (_isfunction(x) and __name__ in x.__module__)
)

_point_out(__name__, "torch", "Tensor", "F")
