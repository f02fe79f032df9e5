"""Exponentials of float32 numbers as polynomials, which the compiler computes for a vector at once.

A call of the C library's `exp` or `erfc` inside a loop goes number by number, ten times as slow.
"""

import numpy as np

from tinytorch.tensor.kernels import njit

LEAST = np.float32(-105)
"""The exponential of anything below is 0 in float32."""
FAR = np.float32(14.5)
"""Beyond this distance from 0 the normal distribution has nothing left in float32."""
f = np.float32
_PER_LN2, _LN2, _LN2_REST = f(1.44269504), f(0.693359375), f(-2.12194440e-4)  # Cephes' expf
_COMPILED = {"inline": "always", "error_model": "numpy", "fastmath": {"contract"}}


@njit(**_COMPILED)
def exponential(x, rest):
    """Return e to the power x + rest, for x up to 0 and a rest that is small."""
    x = LEAST if x < LEAST else x  # noqa: FURB136 - NaN passes
    n = np.floor(x * _PER_LN2 + f(0.5))
    r = x - n * _LN2 - n * _LN2_REST + rest
    p = f(1 / 5040) * r + f(1 / 720)
    p = p * r + f(1 / 120)
    p = p * r + f(1 / 24)
    p = p * r + f(1 / 6)
    p = p * r + f(1 / 2)
    p = p * r + f(1)
    p = p * r + f(1)
    # 2 to the power n by its bits, in two factors, of which neither is subnormal.
    half = np.int32(np.int32(n) >> 1)
    first = np.int32((half + 127) << 23).view(f)
    second = np.int32((np.int32(n) - half + 127) << 23).view(f)
    return p * first * second


@njit(**_COMPILED)
def bell(x):
    """Return exp(-x^2 / 2) with all digits: x^2 is split, as float32 has too few digits for it."""
    a = min(abs(x), FAR)
    wide = a * f(4097)
    high = wide - (wide - a)  # the first 12 bits, whose square is exact
    return exponential(f(-0.5) * high * high, f(-0.5) * (a - high) * (a + high))


@njit(**_COMPILED)
def normal(x, density):
    """Return the standard normal distribution function of x, by its density `bell(x)`.

    What lies beyond |x| is the density times a smooth function, here a polynomial of t that is off
    by 3e-8 of it at most.
    """
    t = f(1) / (f(1) + f(0.35) * min(abs(x), FAR))
    p = f(-0.029156646329550822) * t + f(0.1440253852161822)
    p = p * t + f(-0.25582853001497896)
    p = p * t + f(0.15930874444274673)
    p = p * t + f(-0.023205449044566204)
    p = p * t + f(0.10554982007811713)
    p = p * t + f(0.11982191293258382)
    p = p * t + f(0.1398634357883545)
    p = p * t + f(0.13962131106142364)
    beyond = density * p * t
    return f(1) - beyond if x > f(0) else beyond


@njit(**_COMPILED)
def logistic(x):
    """Return 1 / (1 + exp(-x)) and 1 / (1 + exp(x)), both with all digits."""
    power = exponential(-abs(x), f(0))
    larger, smaller = f(1) / (f(1) + power), power / (f(1) + power)
    return (larger, smaller) if x > f(0) else (smaller, larger)
