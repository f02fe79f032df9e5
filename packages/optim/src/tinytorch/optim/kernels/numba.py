"""Fused updates in numba: each value is read once, moved, and written once, on all threads.

The equations are those of the references, value by value; a weight decay of 0 is added like any
other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numba
import numpy as np

FUSED: dict[str, Callable[..., Any]] = {}


def fused(loop):
    """Compile `loop` for all threads and give it the signature of its reference."""
    compiled = numba.njit(loop, parallel=True, cache=True, error_model="numpy")

    @wraps(loop)
    def kernel(*arrays, **settings):
        dtype = arrays[0].dtype
        if dtype not in (np.float32, np.float64):
            return NotImplemented
        return compiled(*arrays, **{name: dtype.type(value) for name, value in settings.items()})

    FUSED[loop.__name__] = kernel
    return kernel


@fused
def sgd(w, g, b, lr, momentum, dampening, nesterov, weight_decay, first):
    """One pass of `tinytorch.optim._sgd.sgd`."""
    one = w.dtype.type(1)
    for i in numba.prange(w.size):
        d = g[i] + weight_decay * w[i]
        if b is not None:
            b[i] = d if first else momentum * b[i] + (one - dampening) * d
            d = d + momentum * b[i] if nesterov else b[i]
        w[i] -= lr * d


@fused
def adam(w, g, m, v, s, lr, beta1, beta2, correction, eps, weight_decay, shrink):
    """One pass of `tinytorch.optim._adam.adam`."""
    one = w.dtype.type(1)
    for i in numba.prange(w.size):
        x = shrink * w[i]
        d = g[i] + weight_decay * x
        m[i] = beta1 * m[i] + (one - beta1) * d
        v[i] = beta2 * v[i] + (one - beta2) * d * d
        square = v[i]
        if s is not None:
            square = s[i] = max(s[i], square)
        w[i] = x - lr * m[i] / (np.sqrt(square) / correction + eps)


@fused
def rmsprop(w, g, v, a, b, lr, alpha, eps, weight_decay, momentum):
    """One pass of `tinytorch.optim._rmsprop.rmsprop`."""
    one = w.dtype.type(1)
    for i in numba.prange(w.size):
        d = g[i] + weight_decay * w[i]
        v[i] = alpha * v[i] + (one - alpha) * d * d
        square = v[i]
        if a is not None:
            a[i] = alpha * a[i] + (one - alpha) * d
            square = max(square - a[i] * a[i], w.dtype.type(0))
        d /= np.sqrt(square) + eps
        if b is not None:
            d = b[i] = momentum * b[i] + d
        w[i] -= lr * d


@fused
def adagrad(w, g, v, lr, eps, weight_decay):
    """One pass of `tinytorch.optim._adagrad.adagrad`."""
    for i in numba.prange(w.size):
        d = g[i] + weight_decay * w[i]
        v[i] += d * d
        w[i] -= lr * d / (np.sqrt(v[i]) + eps)
