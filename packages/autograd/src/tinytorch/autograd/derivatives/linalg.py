"""Derivatives of the products: each operand receives the gradient times the other operands."""

from string import ascii_letters
from typing import Any

import numpy as np

from tinytorch.autograd._table import Row, derivative
from tinytorch.tensor import Tensor, eye, from_numpy, ops

derivative(
    ops.matmul,
    lambda g, _z, _x, y: _matmul_left(g, _x, y),
    lambda g, _z, x, _y: _matmul_right(g, x, _y),
)
derivative(
    ops.linear,
    lambda g, _z, _x, weight, _bias: ops.matmul(g, weight),
    lambda g, _z, x, _weight, _bias: ops.matmul(ops.transpose(_rows(g)), _rows(x)),
    lambda g, _z, _x, _weight, _bias: ops.sum(_rows(g), axis=0),
)
derivative(ops.einsum, each=lambda position: _einsum_row(position))


def _rows(x: Any) -> Any:
    """All axes but the last joined into one."""
    return x if x.ndim == 2 else ops.reshape(x, shape=(-1, x.shape[-1]))


def _matmul_left(g: Any, x: Any, y: Any) -> Any:
    """The gradient of x in x @ y."""
    if y.ndim == 1:
        return (ops.expand_dims(g, -1) if x.ndim > 1 else g) * y
    if x.ndim == 1:
        return ops.sum(ops.expand_dims(g, -2) * y, axis=-1)
    return ops.matmul(g, ops.swapaxes(y, -1, -2))


def _matmul_right(g: Any, x: Any, y: Any) -> Any:
    """The gradient of y in x @ y."""
    if y.ndim == 1:
        return (ops.expand_dims(g, -1) if x.ndim > 1 else g) * x
    if x.ndim == 1:
        return ops.expand_dims(x, -1) * ops.expand_dims(g, -2)
    if y.ndim == 2 and x.ndim > 2:
        # One product over all rows, instead of one for each matrix and their sum.
        x, g = _rows(x), _rows(g)
    return ops.matmul(ops.swapaxes(x, -1, -2), g)


def _einsum_row(position: int) -> Row:
    """The row of one operand of einsum: another einsum, of g and the other operands."""

    def row(g: Tensor, _z: Tensor, *xs: Tensor, subscripts: str) -> Any:
        inputs, output = _explicit(subscripts, [x.ndim for x in xs])
        others = [x for i, x in enumerate(xs) if i != position]
        names = [output, *(name for i, name in enumerate(inputs) if i != position)]
        wanted, lengths = inputs[position], xs[position].shape
        factors: list[Any] = [g, *others]
        # A letter that occurs twice reads a diagonal: the second gets its own name, tied by eye.
        distinct = ""
        for letter, n in zip(wanted, lengths, strict=True):
            name = letter
            if letter in distinct:
                used = "".join([*names, wanted, distinct])
                name = next(c for c in ascii_letters if c not in used)
                factors.append(eye(n, dtype=g.dtype))
                names.append(letter + name)
            distinct += name
        # A letter that occurs nowhere else was summed alone: its gradient is the same everywhere.
        alone = [(c, n) for c, n in zip(distinct, lengths, strict=True) if c not in "".join(names)]
        if alone:
            factors.append(from_numpy(np.ones([n for _, n in alone], g.dtype)))
            names.append("".join(c for c, _ in alone))
        share = ops.einsum(*factors, subscripts=f"{','.join(names)}->{distinct}")
        # An axis of length 1 that met a longer one was stretched, and one that met only such axes
        # has the same gradient all along.
        stretched = tuple(a for a, n in enumerate(lengths) if n == 1 and share.shape[a] != 1)
        share = ops.sum(share, axis=stretched, keepdims=True) if stretched else share
        return share if share.shape == lengths else ops.broadcast_to(share, shape=lengths)

    return row


def _explicit(subscripts: str, ndims: list[int]) -> tuple[list[str], str]:
    """Spell out the output, and a letter for each axis that an ellipsis stands for."""
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    inputs = left.split(",")
    free = [c for c in ascii_letters if c not in subscripts]
    widths = [n - len(name.replace("...", "")) for name, n in zip(inputs, ndims, strict=True)]
    longest = max((w for name, w in zip(inputs, widths, strict=True) if "..." in name), default=0)
    dots = "".join(free[:longest])
    inputs = [
        name.replace("...", dots[longest - w :] if w else "")
        for name, w in zip(inputs, widths, strict=True)
    ]
    if arrow:
        return inputs, output.replace("...", dots)
    letters = "".join(inputs)
    once = sorted(c for c in set(letters) - set(dots) if letters.count(c) == 1)
    return inputs, dots + "".join(once)
