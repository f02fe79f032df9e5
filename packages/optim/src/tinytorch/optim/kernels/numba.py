"""Fused updates in numba: each value is read once, moved, and written once, on all threads.

The equations are those of the references, value by value, NaN and infinity included.
"""

from functools import wraps
from inspect import signature

import numpy as np

from tinytorch.optim import _adadelta, _adagrad, _adam, _rmsprop, _sgd
from tinytorch.optim.kernels import kernel
from tinytorch.tensor.kernels import parallel


def fused(update):
    """Compile the loop below for all threads and make it the kernel of `update`."""

    def compile_loop(loop):
        compiled = parallel(loop, error_model="numpy")
        known = signature(loop)
        _, _, *parameters = known.parameters.values()  # but for the part of the range
        names = [parameter.name for parameter in parameters]

        @kernel(update)
        @wraps(loop)
        def serve(*arrays, **settings):
            dtype = arrays[0].dtype
            if dtype not in (np.float32, np.float64):
                return NotImplemented
            # By position, as numba takes longer to bind keywords.
            numbers = [dtype.type(settings[name]) for name in names[len(arrays) :]]
            return compiled(arrays[0].size, arrays[0].size, *arrays, *numbers)

        serve.__signature__ = known.replace(parameters=parameters)
        return serve

    return compile_loop


@fused(_sgd.sgd)
def sgd(begin, end, w, g, b, lr, momentum, dampening, nesterov, weight_decay, first):
    """Make one pass of the update in `_sgd`."""
    one = w.dtype.type(1)
    for i in range(np.uint64(begin), np.uint64(end)):
        d = g[i] + weight_decay * w[i] if weight_decay else g[i]
        if b is not None:
            b[i] = d if first else momentum * b[i] + (one - dampening) * d
            d = d + momentum * b[i] if nesterov else b[i]
        w[i] -= lr * d


@fused(_adam.adam)
def adam(begin, end, w, g, m, v, s, lr, beta1, beta2, correction, eps, weight_decay, shrink):
    """Make one pass of the update in `_adam`."""
    one = w.dtype.type(1)
    for i in range(np.uint64(begin), np.uint64(end)):
        x = shrink * w[i]
        d = g[i] + weight_decay * x if weight_decay else g[i]
        m[i] = beta1 * m[i] + (one - beta1) * d
        v[i] = beta2 * v[i] + (one - beta2) * d * d
        square = v[i]
        if s is not None:
            if s[i] > square or np.isnan(s[i]):
                square = s[i]
            s[i] = square
        w[i] = x - lr * m[i] / (np.sqrt(square) / correction + eps)


@fused(_rmsprop.rmsprop)
def rmsprop(begin, end, w, g, v, a, b, lr, alpha, eps, weight_decay, momentum):
    """Make one pass of the update in `_rmsprop`."""
    one = w.dtype.type(1)
    for i in range(np.uint64(begin), np.uint64(end)):
        d = g[i] + weight_decay * w[i] if weight_decay else g[i]
        v[i] = alpha * v[i] + (one - alpha) * d * d
        square = v[i]
        if a is not None:
            a[i] = alpha * a[i] + (one - alpha) * d
            square -= a[i] * a[i]
            if square < 0:
                square = w.dtype.type(0)
        d /= np.sqrt(square) + eps
        if b is not None:
            d = b[i] = momentum * b[i] + d
        w[i] -= lr * d


@fused(_adagrad.adagrad)
def adagrad(begin, end, w, g, v, lr, eps, weight_decay):
    """Make one pass of the update in `_adagrad`."""
    for i in range(np.uint64(begin), np.uint64(end)):
        d = g[i] + weight_decay * w[i] if weight_decay else g[i]
        v[i] += d * d
        w[i] -= lr * d / (np.sqrt(v[i]) + eps)


@fused(_adadelta.adadelta)
def adadelta(begin, end, w, g, v, u, lr, rho, eps, weight_decay):
    """Make one pass of the update in `_adadelta`."""
    one = w.dtype.type(1)
    for i in range(np.uint64(begin), np.uint64(end)):
        d = g[i] + weight_decay * w[i] if weight_decay else g[i]
        v[i] = rho * v[i] + (one - rho) * d * d
        d *= np.sqrt(u[i] + eps) / np.sqrt(v[i] + eps)
        u[i] = rho * u[i] + (one - rho) * d * d
        w[i] -= lr * d
