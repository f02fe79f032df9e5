"""The table of derivatives, by the names of the ops; those of two operands give two rows."""

import math
from string import ascii_letters

import numpy as np

from tinytorch.autograd._tape import derivative
from tinytorch.tensor import Tensor, eye, from_numpy, ops


def wins(x, y):
    """1 where x is larger, 1/2 where both are equal."""
    return ops.logical_not(ops.less(x, y)) - 0.5 * ops.equal(x, y)


def slope_of_power(x, y):
    if not isinstance(y, Tensor):
        return y * x ** (y - 1) if y else 0.0
    flat = ops.logical_and(ops.equal(y, 0), ops.logical_or(ops.equal(x, 0), ops.isnan(x)))
    return y * ops.where(flat, 1, x) ** ops.where(flat, 1, y - 1)


def log_of_base(x, y):
    if isinstance(x, Tensor):
        stays = ops.logical_and(ops.equal(x, 0), ops.greater_equal(y, 0))
        return ops.log(ops.where(stays, 1, x))
    if x:
        return math.log(x) if x > 0 else math.nan
    return ops.where(ops.greater_equal(y, 0), 0, -math.inf)


def zeros_of(x):
    return from_numpy(np.zeros(x.shape, x.dtype))


def as_rows(x):
    return ops.reshape(x, shape=(-1, x.shape[-1]))


def left_of_matmul(g, x, y):
    """Vectors count as matrices of one row (x) or one column (y)."""
    if y.ndim == 1:
        return (ops.expand_dims(g, -1) if x.ndim > 1 else g) * y
    if x.ndim == 1:
        return ops.sum(ops.expand_dims(g, -2) * y, axis=-1)
    return g @ ops.swapaxes(y, -1, -2)


def right_of_matmul(g, x, y):
    if y.ndim == 1:
        return (ops.expand_dims(g, -1) if x.ndim > 1 else g) * x
    if x.ndim == 1:
        return ops.expand_dims(x, -1) * ops.expand_dims(g, -2)
    return ops.swapaxes(x, -1, -2) @ g


def restored(g, x, axis, keepdims):
    """The reduced axes of x again, of length 1."""
    if keepdims or g.ndim == x.ndim:
        return g
    named = range(x.ndim) if axis is None else np.atleast_1d(axis)
    axes = {int(a) % x.ndim for a in named}
    return ops.reshape(g, shape=tuple(1 if a in axes else n for a, n in enumerate(x.shape)))


def to_chosen(g, z, x, axis=None, keepdims=False):
    best = restored(z, x, axis, keepdims)
    chosen = ops.equal(x, best)
    if axis is None and np.isnan(z.data).all():
        chosen = ops.isnan(x)
    ties = ops.sum(chosen, axis=axis, keepdims=True)
    return restored(g, x, axis, keepdims) * chosen / ties


def summed_from_the_end(g, z, x, axis):
    return ops.flip(ops.cumsum(ops.flip(g, axis=axis), axis=axis), axis=axis)


def bend_of_normalized(h, g, x, last, eps):
    """By the scale 1 / sqrt(variance + eps) and by z, both of which move with x."""
    axes = tuple(range(-last, 0))

    def mean(y):
        return ops.mean(y, axes, keepdims=True)

    z, h, g = ops.normalize(x, last=last, eps=eps), h - mean(h), g - mean(g)
    p, q = mean(h * z), mean(g * z)
    moved = z * (3 * p * q - mean(h * g)) - q * h - p * g
    return moved / (ops.var(x, axes, keepdims=True) + eps)


def bend_of_softmax(h, g, z, axis):
    along = [ops.sum(y * z, axis=axis, keepdims=True) for y in (g, h)]
    return h * g - h * along[0] - g * along[1]


def bend_of_gated(x, curve, slope, bend):
    """The second derivative of x * sigmoid(curve)."""
    gate, rest = ops.sigmoid(curve), ops.sigmoid(-curve)
    return gate * rest * (2 * slope + x * (bend + slope * slope * (rest - gate)))


def bend_of_gelu(x, approximate="none"):
    if approximate == "none":
        return ops.exp(-x * x / 2) / math.sqrt(2 * math.pi) * (2 - x * x)
    scale, cubic = math.sqrt(8 / math.pi), 0.044715
    curve = scale * (x + cubic * x * x * x)
    return bend_of_gated(x, curve, scale * (1 + 3 * cubic * x * x), 6 * scale * cubic * x)


def gradient_rows(name, bend=None):
    """The rows of an op that sends g back at x, of which g is one operand and x another."""

    def again(h, y, g, x, **s):
        return getattr(ops, name)(h, x, **s)

    return again, (lambda h, y, g, x, **s: bend(h, g, x, **s)) if bend else None


def back(axes):
    return None if axes is None else np.argsort([a % len(axes) for a in axes]).tolist()


def inside(x, widths):
    before = np.broadcast_to(widths, (x.ndim, 2))[:, 0].tolist()
    return tuple(slice(first, first + n) for first, n in zip(before, x.shape, strict=True))


def part_of_join(i):
    def row(g, z, *xs, axis=0):
        first = sum(x.shape[axis] for x in xs[:i])
        index = [slice(None)] * g.ndim
        index[axis] = slice(first, first + xs[i].shape[axis])
        return ops.getitem(g, index=tuple(index))

    return row


def part_of_einsum(i):
    """Another einsum: of g and the others; of a repeated letter with the unit matrix."""

    def row(g, z, *xs, subscripts):
        inputs, output = spelled_out(subscripts, xs)
        letters, parts = [output, *inputs[:i], *inputs[i + 1 :]], [g, *xs[:i], *xs[i + 1 :]]
        wanted, free = "", [c for c in ascii_letters if c not in "".join(inputs)]
        for letter, n in zip(inputs[i], xs[i].shape, strict=True):
            name = free.pop() if letter in wanted else letter
            if name != letter:
                letters.append(letter + name)
                parts.append(eye(n, dtype=g.dtype))
            elif letter not in "".join(letters):  # summed by itself: g for each of its elements
                letters.append(letter)
                parts.append(from_numpy(np.ones(n, g.dtype)))
            wanted += name
        share = ops.einsum(*parts, subscripts=f"{','.join(letters)}->{wanted}")
        longer = tuple(a for a, n in enumerate(xs[i].shape) if n == 1 < share.shape[a])
        share = ops.sum(share, axis=longer, keepdims=True) if longer else share
        return ops.broadcast_to(share, shape=xs[i].shape)

    return row


def spelled_out(subscripts, xs):
    """The letters of each operand and of the result, those of an ellipsis among them."""
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    free = "".join(c for c in ascii_letters if c not in subscripts)
    rest = [x.ndim - len(p.replace("...", "")) for p, x in zip(left.split(","), xs, strict=True)]
    most = max([n for n, p in zip(rest, left.split(","), strict=True) if "." in p], default=0)
    inputs = [
        part.replace("...", free[most - n : most])
        for part, n in zip(left.split(","), rest, strict=True)
    ]
    if not arrow:
        letters = left.replace(",", "").replace(".", "")
        output = "..." + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return inputs, output.replace("...", free[:most])


ROWS = {
    "add": (lambda g, z, x, y: g, lambda g, z, x, y: g),
    "sub": (lambda g, z, x, y: g, lambda g, z, x, y: -g),
    "mul": (lambda g, z, x, y: g * y, lambda g, z, x, y: g * x),
    "div": (lambda g, z, x, y: g / y, lambda g, z, x, y: -g * z / y),
    "pow": (
        lambda g, z, x, y: g * slope_of_power(x, y),
        lambda g, z, x, y: g * z * log_of_base(x, y),
    ),
    "mod": (lambda g, z, x, y: g, lambda g, z, x, y: -g * ops.floor_div(x, y)),
    "neg": (lambda g, z, x: -g,),
    "abs": (lambda g, z, x: g * ops.where(ops.isnan(x), 0, ops.sign(x)),),
    "exp": (lambda g, z, x: g * z,),
    "expm1": (lambda g, z, x: g * (z + 1),),
    "log": (lambda g, z, x: g / x,),
    "log1p": (lambda g, z, x: g / (x + 1),),
    "sqrt": (lambda g, z, x: g * 0.5 / z,),
    "sin": (lambda g, z, x: g * ops.cos(x),),
    "cos": (lambda g, z, x: -g * ops.sin(x),),
    "tanh": (lambda g, z, x: g * (1 - z * z),),
    "sigmoid": (lambda g, z, x: g * z * ops.sigmoid(-x),),
    "softplus": (lambda g, z, x: g * ops.sigmoid(x),),
    "erf": (lambda g, z, x: g * (2 / math.sqrt(math.pi)) * ops.exp(-x * x),),
    "erfc": (lambda g, z, x: g * (-2 / math.sqrt(math.pi)) * ops.exp(-x * x),),
    "relu": (lambda g, z, x: ops.relu_gradient(g, z),),
    "relu_gradient": (lambda h, y, g, z: ops.relu_gradient(h, z), None),
    "binary_cross_entropy": (
        lambda g, z, p, t: g * (p - t) / ops.maximum(p * (1 - p), 1e-12),
        lambda g, z, p, t: g * (ops.binary_cross_entropy(p, 1) - ops.binary_cross_entropy(p, 0)),
    ),
    "maximum": (lambda g, z, x, y: g * wins(x, y), lambda g, z, x, y: g * wins(y, x)),
    "minimum": (lambda g, z, x, y: g * wins(y, x), lambda g, z, x, y: g * wins(x, y)),
    "clip": (lambda g, z, x, low=None, high=None: g * ops.equal(x, z),),
    "where": (
        None,
        lambda g, z, condition, x, y: ops.where(condition, g, 0),
        lambda g, z, condition, x, y: ops.where(condition, 0, g),
    ),
    "to_float": (lambda g, z, x, dtype: ops.to_float(g, dtype=x.dtype),),
    "reshape": (lambda g, z, x, shape: ops.reshape(g, shape=x.shape),),
    "transpose": (lambda g, z, x, axes=None: ops.transpose(g, axes=back(axes)),),
    "broadcast_to": (lambda g, z, x, shape: g,),
    "pad": (lambda g, z, x, widths, value=0: ops.getitem(g, index=inside(x, widths)),),
    "flip": (lambda g, z, x, axis: ops.flip(g, axis=axis),),
    "getitem": (lambda g, z, x, index: ops.put_into_zeros(g, index=index, shape=x.shape),),
    "put_into_zeros": (lambda g, z, x, index, shape: ops.getitem(g, index=index),),
    "take_along_axis": (
        lambda g, z, x, indices, axis: ops.scatter_add(zeros_of(x), g, indices=indices, axis=axis),
    ),
    "scatter_add": (
        lambda g, z, x, values, indices, axis: g,
        lambda g, z, x, values, indices, axis: ops.take_along_axis(g, indices=indices, axis=axis),
    ),
    "sum": (
        lambda g, z, x, axis=None, keepdims=False: ops.broadcast_to(
            restored(g, x, axis, keepdims), shape=x.shape
        ),
    ),
    "max": (to_chosen,),
    "min": (to_chosen,),
    "cumsum": (summed_from_the_end,),
    "softmax": (lambda g, z, x, axis: ops.softmax_gradient(g, z, axis=axis),),
    "softmax_gradient": gradient_rows("softmax_gradient", bend_of_softmax),
    "log_softmax": (lambda g, z, x, axis: ops.log_softmax_gradient(g, z, axis=axis),),
    "log_softmax_gradient": (
        lambda h, y, g, z, axis: h - ops.sum(h * ops.exp(z), axis=axis, keepdims=True),
        lambda h, y, g, z, axis: -h * ops.exp(z) * ops.sum(g, axis=axis, keepdims=True),
    ),
    "normalize": (lambda g, z, x, last, eps: ops.normalize_gradient(g, x, last=last, eps=eps),),
    "normalize_gradient": gradient_rows("normalize_gradient", bend_of_normalized),
    "gelu": (lambda g, z, x, **s: ops.gelu_gradient(g, x, **s),),
    "gelu_gradient": gradient_rows(
        "gelu_gradient", lambda h, g, x, **s: h * g * bend_of_gelu(x, **s)
    ),
    "silu": (lambda g, z, x: ops.silu_gradient(g, x),),
    "silu_gradient": gradient_rows(
        "silu_gradient", lambda h, g, x: h * g * bend_of_gated(x, x, 1, 0)
    ),
    "leaky_relu": (lambda g, z, x, **s: ops.leaky_relu_gradient(g, x, **s),),
    "leaky_relu_gradient": gradient_rows("leaky_relu_gradient"),
    "matmul": (
        lambda g, z, x, y: left_of_matmul(g, x, y),
        lambda g, z, x, y: right_of_matmul(g, x, y),
    ),
    "linear": (
        lambda g, z, x, weight, bias: g @ weight,
        lambda g, z, x, weight, bias: as_rows(g).T @ as_rows(x),
        lambda g, z, x, weight, bias: ops.sum(as_rows(g), axis=0),
    ),
}


def enter():
    """Enter all of them."""
    for name, rows in ROWS.items():
        derivative(getattr(ops, name), *rows)
    derivative(ops.join, each=part_of_join)
    derivative(ops.einsum, each=part_of_einsum)
