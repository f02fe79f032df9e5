"""Activations, losses and the like: ordinary functions of ops, differentiable because ops are.

Losses are in nats (`cross_entropy`, ...) or in the squared or plain unit of their inputs, and take
`reduction`: `"mean"`, `"sum"` or `"none"`. No loss broadcasts: shapes must agree.
"""

from tinytorch.tensor import pytorch
from tinytorch.tensor.functional._activations import (
    gelu,
    leaky_relu,
    log_softmax,
    silu,
    softmax,
)
from tinytorch.tensor.functional._binary import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
)
from tinytorch.tensor.functional._classification import cross_entropy, nll_loss
from tinytorch.tensor.functional._divergence import kl_div
from tinytorch.tensor.functional._layers import dropout, layer_norm, linear
from tinytorch.tensor.functional._reduction import divisors, mean_over
from tinytorch.tensor.functional._regression import huber_loss, l1_loss, mse_loss
from tinytorch.tensor.ops import relu, sigmoid, tanh

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "divisors",
    "dropout",
    "gelu",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mean_over",
    "mse_loss",
    "nll_loss",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "tanh",
]

pytorch.point_out(__name__, "F", "nn", "torch")
