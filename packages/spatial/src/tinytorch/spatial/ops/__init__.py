"""The primitives of this layer: array functions, each with its derivatives directly under it."""

from tinytorch.spatial.ops.convolution import *  # noqa: F403
from tinytorch.spatial.ops.folding import *  # noqa: F403
from tinytorch.spatial.ops.fusion import *  # noqa: F403
from tinytorch.spatial.ops.normalization import *  # noqa: F403
from tinytorch.spatial.ops.pooling import *  # noqa: F403
from tinytorch.spatial.ops.sums import *  # noqa: F403
from tinytorch.tensor import Op

__all__ = sorted(name for name, x in globals().items() if isinstance(x, Op))  # noqa: PLE0605
