"""Functions that make functions: what they differentiate is recorded with inputs of its own."""

from functools import partial, wraps

import numpy as np

from tinytorch.autograd._changeable import as_numbers
from tinytorch.autograd._tape import play, recorded
from tinytorch.autograd._variable import Variable, quiet
from tinytorch.tensor import (
    ArgumentError,
    DTypeError,
    GradientError,
    ShapeError,
    Tensor,
    from_numpy,
    ops,
    random,
    stack,
    tensor,
)


class GradcheckError(GradientError):
    """A gradient that is not the slope."""


def vjp(function, *inputs, operation="vjp"):
    """Return the value, and what makes the inputs' gradients of the value's."""
    outside = not quiet.get()
    token = quiet.set(0)
    try:
        own = [apart(x) if outside else Variable(plain(x)) for x in inputs]
        value = function(*own)
    finally:
        quiet.reset(token)
    if not isinstance(value, Tensor):
        raise DTypeError(
            operation,
            expected="a function that returns a Tensor",
            got=type(value).__name__,
            fix="compute with ops, and return the result",
        )

    def pullback(g):
        g = shaped(operation, g, value.shape)
        found = {}
        if isinstance(value, Variable):
            found = play(value, g, retain=True, remember=outside, ends=own)
        shares = [settled(found.get(x, zeros(x.shape, x.dtype)), own, outside) for x in own]
        return shares[0] if len(shares) == 1 else tuple(shares)

    return settled(value, own, outside), pullback


def apart(x):
    """An input of our own, told from other uses of the same Variable, whose history it keeps."""
    if isinstance(x, Variable) and x.requires_grad:
        return ops.reshape(x, shape=x.shape)
    return Variable(plain(x))


def plain(x):
    if isinstance(x, Variable):
        return x.detach()
    return x if isinstance(x, Tensor) else tensor(x)


def settled(x, own, outside):
    """What came from a Variable of somebody else remembers that, all else is a plain Tensor."""
    if not isinstance(x, Variable):
        return x
    ours = {id(one) for one in own if one.is_leaf}
    leaves = (one for one in recorded(x) if one.is_leaf)
    return x if outside and any(id(leaf) not in ours for leaf in leaves) else x.detach()


def shaped(operation, g, shape):
    g = g if isinstance(g, Tensor) else tensor(g)
    if g.shape != tuple(shape):
        raise ShapeError(
            operation,
            expected=f"a vector of shape {tuple(shape)}",
            got=f"{g.shape}",
            fix="give one number for each element",
        )
    return g


def zeros(shape, dtype):
    return from_numpy(np.zeros(shape, dtype))


def both(operation, function, *inputs):
    value, pullback = vjp(function, *inputs, operation=operation)
    if value.size != 1:
        raise ShapeError(
            operation,
            expected="a value of one element",
            got=f"{value.shape}",
            fix="reduce it, or use jacobian",
        )
    return value, pullback(zeros(value.shape, value.dtype) + 1)


def value_and_grad(function):
    """Return a function of the same arguments: the value and the gradient."""
    return wraps(function)(partial(both, "value_and_grad", function))


def grad(function):
    """Return a function of the same arguments: the gradient."""
    return wraps(function)(lambda *inputs: both("grad", function, *inputs)[1])


def jacobian(function):
    """Return a function of one Tensor: the derivatives of each output by each input."""

    @wraps(function)
    def matrix(x):
        value, pullback = vjp(function, x, operation="jacobian")
        shape = (*value.shape, *np.shape(x))
        units = np.eye(value.size, dtype=value.dtype).reshape(-1, *value.shape)
        rows = [pullback(Tensor(unit)) for unit in units]
        return ops.reshape(stack(rows), shape=shape) if rows else zeros(shape, value.dtype)

    return matrix


def hvp(function, x, vector):
    """Return the Hessian of a function at x, times a vector."""
    v = shaped("hvp", vector, np.shape(x))
    return grad(lambda at: ops.sum(grad(function)(at) * v))(x)


def gradcheck(function, *variables, order=1, eps=1e-6, atol=1e-6, rtol=1e-4, rng=0):
    """Compare gradients with differences in float64; True, or a GradcheckError."""
    __tracebackhide__ = True
    draw = random.generator(rng)
    points = [np.array(as_numbers("gradcheck", v), np.float64) for v in variables]
    value, pullback = vjp(function, *map(Tensor, points), operation="gradcheck")
    if not (points and np.isfinite(value.data).all()):
        raise ArgumentError(
            "gradcheck",
            expected="points where the function is finite",
            got=f"{value} at {len(points)} points",
            fix="give some, inside of its domain",
        )
    weights = draw.uniform(0.5, 1.5, value.shape)
    shares = as_tuple(pullback(Tensor(weights)))
    for i, (point, share) in enumerate(zip(points, shares, strict=True)):
        for at in np.ndindex(point.shape):
            ends, middle = [], point[at]
            for moved in (middle + eps, middle - eps):
                point[at] = moved
                ends.append(float(np.sum(function(*map(Tensor, points)).data * weights)))
            point[at] = middle
            wanted, got = (ends[0] - ends[1]) / (2 * eps), float(share.data[at])
            if not abs(got - wanted) <= atol + rtol * abs(wanted):
                raise GradcheckError(
                    getattr(function, "__name__", "function"),
                    expected=f"{wanted:.8g} by differences",
                    got=f"{got:.8g} for operand {i} at {at}",
                    fix=f"mend row {i} of the derivative; keep away from kinks",
                )
    if order > 1:
        factors = [Tensor(draw.uniform(0.5, 1.5, point.shape)) for point in points]

        def slope(*xs):
            _, pullback = vjp(function, *xs, operation="gradcheck")
            shares = as_tuple(pullback(Tensor(weights)))
            return sum((s * f).sum() for s, f in zip(shares, factors, strict=True))

        gradcheck(slope, *points, order=order - 1, eps=eps, atol=atol, rtol=rtol, rng=draw)
    return True


def as_tuple(shares):
    return shares if isinstance(shares, tuple) else (shares,)
