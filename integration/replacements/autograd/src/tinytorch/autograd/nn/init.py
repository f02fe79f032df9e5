"""First values: one formula for the deviation, and two ways to draw."""

import math

import numpy as np

from tinytorch.tensor import ShapeError, checks, pytorch, random


def drawn(name, shape, deviation, evenly, rng):
    if np.ndim(shape) != 1 or len(shape) < 2 or 0 in shape:
        raise ShapeError(
            name, expected="(outputs, inputs, ...)", got=f"{shape}", fix="give a weight's shape"
        )
    kernel = math.prod(shape[2:])
    std = deviation(shape[1] * kernel, shape[0] * kernel)
    if evenly:
        return random.uniform(shape, -math.sqrt(3) * std, math.sqrt(3) * std, rng=rng).data
    return random.normal(shape, 0.0, std, rng=rng).data


def kaiming(name, evenly):
    def kaiming(shape, *, a=0, rng=None):
        slope = checks.number(name, "a", a)
        return drawn(name, shape, lambda ins, _: math.sqrt(2 / (1 + slope**2) / ins), evenly, rng)

    return kaiming


def xavier(name, evenly):
    def xavier(shape, *, gain=1, rng=None):
        return drawn(name, shape, lambda ins, outs: gain * math.sqrt(2 / (ins + outs)), evenly, rng)

    return xavier


kaiming_uniform, kaiming_normal = kaiming("kaiming_uniform", True), kaiming("kaiming_normal", False)
xavier_uniform, xavier_normal = xavier("xavier_uniform", True), xavier("xavier_normal", False)


def dirac_(weight, groups=1):
    """Assign 1 where a channel meets itself in the middle of the kernel, 0 elsewhere."""
    groups, shape = checks.whole("dirac_", "groups", groups, 1), weight.shape
    if not 3 <= len(shape) <= 5 or shape[0] % groups:
        raise ShapeError(
            "dirac_", expected="a convolution's weight", got=f"{shape}", fix="choose groups"
        )
    values, each = np.zeros(shape, weight.dtype), shape[0] // groups
    middle = tuple(n // 2 for n in shape[2:])
    for channel in range(shape[0]):
        if channel % each < shape[1]:
            values[(channel, channel % each, *middle)] = 1
    return weight.assign(values)


pytorch.point_out(__name__, "init")
