"""Layers: those with weights, and functions with a place in a list, which a table makes classes."""

import math

import numpy as np

from tinytorch.autograd.nn._held import Parameter
from tinytorch.autograd.nn._module import Module
from tinytorch.tensor import DTypeError, IndexRangeError, Tensor, checks, ops, random
from tinytorch.tensor import functional as F


class Linear(Module):
    """x @ weight.T + bias."""

    def __init__(self, in_features, out_features, bias=True, *, rng=None):
        inputs = checks.whole("Linear", "in_features", in_features, 1)
        outputs = checks.whole("Linear", "out_features", out_features, 1)
        rng, bound = random.generator(rng), 1 / math.sqrt(inputs)
        self.weight = Parameter(random.uniform((outputs, inputs), -bound, bound, rng=rng))
        self.bias = Parameter(random.uniform(outputs, -bound, bound, rng=rng)) if bias else None

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)

    def flops(self, input_shape, output_shape):
        return (2 * input_shape[-1] + (self.bias is not None)) * math.prod(output_shape)

    def extra_repr(self):
        outputs, inputs = self.weight.shape
        return f"{inputs}, {outputs}" + ("" if self.bias is not None else ", bias=False")


class Embedding(Module):
    """Rows of the weight, by number."""

    def __init__(self, num_embeddings, embedding_dim, *, rng=None):
        rows = checks.whole("Embedding", "num_embeddings", num_embeddings, 1)
        length = checks.whole("Embedding", "embedding_dim", embedding_dim, 1)
        self.weight = Parameter(random.normal((rows, length), rng=rng))

    def forward(self, numbers):
        index, rows = Tensor(numbers).data, len(self.weight)
        if index.dtype.kind not in "iu":
            raise DTypeError(
                "Embedding", expected="integers", got=f"{index.dtype}", fix='astype("int64")'
            )
        if ((index < 0) | (index >= rows)).any():
            raise IndexRangeError(
                "Embedding", expected=f"0 to {rows - 1}", got="another number", fix="check them"
            )
        return self.weight[index]


class Dropout(Module):
    """Zeros with probability p, while training."""

    def __init__(self, p=0.5, *, rng=None):
        self.p, self.rng = checks.fraction("Dropout", "p", p), random.generator(rng)

    def forward(self, x):
        return F.dropout(x, self.p, training=self.training, rng=self.rng)


class LayerNorm(Module):
    """The last axes with mean 0 and variance 1, times a weight, plus a bias."""

    def __init__(self, normalized_shape, eps=1e-5, bias=True):
        lengths = np.atleast_1d(np.asarray(normalized_shape)).tolist()
        self.shape = tuple(checks.whole("LayerNorm", "normalized_shape", n, 1) for n in lengths)
        self.eps = checks.number("LayerNorm", "eps", eps, least=0)
        self.weight = Parameter(np.ones(self.shape, np.float32))
        self.bias = Parameter(np.zeros(self.shape, np.float32)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.shape, self.weight, self.bias, self.eps)


def layer(name, function, **defaults):
    """The class of a function: its settings are its arguments, in their order."""

    def __init__(self, *args, **kwargs):  # noqa: N807 - a method of the class that is made
        given = dict(zip(defaults, args, strict=False)) | kwargs
        if len(args) > len(defaults) or not given.keys() <= defaults.keys():
            raise TypeError(f"{name} takes {', '.join(defaults) or 'no arguments'}")
        vars(self).update(defaults | given)

    def forward(self, x):
        return function(x, *[getattr(self, setting) for setting in defaults])

    def flops(self, input_shape, output_shape):
        return math.prod(output_shape)

    methods = {"__init__": __init__, "forward": forward, "__module__": __name__}
    return type(name, (Module,), methods | ({"flops": flops} if name == "ReLU" else {}))


ReLU, SiLU = layer("ReLU", F.relu), layer("SiLU", F.silu)
Sigmoid, Tanh = layer("Sigmoid", F.sigmoid), layer("Tanh", F.tanh)
LeakyReLU = layer("LeakyReLU", F.leaky_relu, negative_slope=0.01)
GELU = layer("GELU", F.gelu, approximate="none")
Softmax = layer("Softmax", F.softmax, axis=-1)
LogSoftmax = layer("LogSoftmax", F.log_softmax, axis=-1)
Flatten = layer("Flatten", ops.flatten, start_axis=1)
Identity = layer("Identity", lambda x: x)
