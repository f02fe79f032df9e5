"""Clipping: all gradients together to a norm, or each value to an interval."""

import math

import numpy as np

from tinytorch.autograd import Variable
from tinytorch.optim._errors import NonFiniteError, ParameterError
from tinytorch.optim._numbers import precise
from tinytorch.tensor import ArgumentError, checks, from_numpy


def clip_grad_norm(params, max_norm, norm_type=2.0, check_finite=False):
    """Scale all gradients so that their norm together is at most `max_norm`; return the old one."""
    name = "clip_grad_norm"
    limit = bound(name, "max_norm", max_norm)
    p = bound(name, "norm_type", norm_type)
    if p == 0:
        raise out_of_range(name, "norm_type", norm_type)
    checks.flag(name, "check_finite", check_finite)
    found, names = moving(name, params)
    most = [np.max(np.abs(w.grad.data), initial=0).astype(float) for w in found]
    norm = top = float(np.max(most, initial=0))
    if check_finite and not math.isfinite(top):
        first = next(n for n, one in zip(names, most, strict=True) if not math.isfinite(one))
        raise NonFiniteError(
            name,
            expected="finite gradients",
            got=f"NaN or infinity in that of {first}",
            fix="lower the learning rate",
            parameter=first,
        )
    if 0 < top < math.inf and p != math.inf:
        parts = (np.sum(np.abs(w.grad.data.astype(float) / top) ** p) for w in found)
        norm = float(top * sum(parts) ** (1 / p))
    scale = limit / (norm + 1e-6)
    if scale < 1:
        for w in found:
            kind = precise(w.grad.data.dtype)
            with np.errstate(invalid="ignore"):
                scaled = w.grad.data.astype(kind) * scale
            w.grad = from_numpy(np.asarray(scaled, w.grad.data.dtype))
    return norm


def clip_grad_value(params, clip_value):
    """Move each value of each gradient into [-clip_value, clip_value]."""
    limit = bound("clip_grad_value", "clip_value", clip_value)
    for w in moving("clip_grad_value", params)[0]:
        w.grad = from_numpy(np.asarray(np.clip(w.grad.data, -limit, limit), w.grad.data.dtype))


def moving(name, params):
    """The parameters that have a gradient and are not frozen, each once, and their names."""
    found = {}
    for place, one in enumerate([params] if isinstance(params, Variable) else params):
        known, w = one if isinstance(one, tuple) else (f"params[{place}]", one)
        if not isinstance(w, Variable):
            raise ParameterError(
                name, expected="Variables", got=type(w).__name__, fix="give model.parameters()"
            )
        if w.grad is not None and w.requires_grad:
            found[w] = known
    return list(found), list(found.values())


def bound(name, setting, value):
    """Return a number of at least 0, or infinity."""
    if isinstance(value, float) and value == math.inf:
        return value
    return checks.number(name, setting, value, least=0)


def out_of_range(name, setting, value):
    return ArgumentError(
        name, expected=f"{setting} above 0", got=f"{setting}={value!r}", fix=f"{setting}=2"
    )
