"""Every op, by kind: one file a kind, one function or line an op.

An op (`Op`) has its own array code; the other functions here are composites of ops, and are
differentiable because ops are.
"""

from tinytorch.tensor._op import own_names
from tinytorch.tensor._op import registry as registry
from tinytorch.tensor.ops.elementwise import *  # noqa: F403 - a kind's public names are its ops
from tinytorch.tensor.ops.indexing import *  # noqa: F403
from tinytorch.tensor.ops.linalg import *  # noqa: F403
from tinytorch.tensor.ops.movement import *  # noqa: F403
from tinytorch.tensor.ops.reduction import *  # noqa: F403

__all__ = sorted([*own_names(__name__, globals()), "registry"])  # noqa: PLE0605 - generated
