"""Tensors: arrays that do not change, and ops that their operands evaluate.

The first layer of TinyTorch. It knows nothing of gradients; `tinytorch.autograd` adds them through
the seam that `Op` describes.
"""

from tinytorch.tensor import _threads  # noqa: F401  # isort: skip - before NumPy
from tinytorch.tensor import ops  # isort: skip - first: see _op
from tinytorch.tensor import _operators  # noqa: F401  # isort: skip - Tensors have them from here on
from tinytorch.tensor import checks, errors, functional, kernels, pytorch, random, testing, types
from tinytorch.tensor._creation import arange, eye, from_numpy, full, one_hot, ones, tensor, zeros
from tinytorch.tensor._functions import einsum, flip, pad, scatter_add, take_along_axis
from tinytorch.tensor._op import Op, op
from tinytorch.tensor._tensor import Tensor
from tinytorch.tensor._version import __version__
from tinytorch.tensor.errors import (
    ArgumentError,
    DTypeError,
    FileError,
    GradientError,
    ImmutableError,
    IndexRangeError,
    MissingExtraError,
    NameImportError,
    NamingError,
    ShapeError,
    StateError,
    TinyTorchError,
    UsageError,
)
from tinytorch.tensor.ops import (
    concatenate,
    logsumexp,
    maximum,
    minimum,
    norm,
    split,
    stack,
    topk,
    tril,
    triu,
    where,
)

__all__ = [
    "ArgumentError",
    "DTypeError",
    "FileError",
    "GradientError",
    "ImmutableError",
    "IndexRangeError",
    "MissingExtraError",
    "NameImportError",
    "NamingError",
    "Op",
    "ShapeError",
    "StateError",
    "Tensor",
    "TinyTorchError",
    "UsageError",
    "__version__",
    "arange",
    "checks",
    "concatenate",
    "einsum",
    "errors",
    "eye",
    "flip",
    "from_numpy",
    "full",
    "functional",
    "kernels",
    "logsumexp",
    "maximum",
    "minimum",
    "norm",
    "one_hot",
    "ones",
    "op",
    "ops",
    "pad",
    "pytorch",
    "random",
    "scatter_add",
    "split",
    "stack",
    "take_along_axis",
    "tensor",
    "testing",
    "topk",
    "tril",
    "triu",
    "types",
    "where",
    "zeros",
]

pytorch.point_out(Tensor, "Tensor")
pytorch.point_out(__name__, "torch", "Tensor", "F")
