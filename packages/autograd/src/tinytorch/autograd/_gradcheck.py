"""Check derivatives against differences: the definition of a derivative, computed."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinytorch.autograd._assign import numbers
from tinytorch.autograd._transforms import pulled_back
from tinytorch.tensor import ArgumentError, GradientError, Tensor
from tinytorch.tensor import random as tensor_random


class GradcheckError(GradientError):
    """A derivative that differs from the differences."""

    problem = "the gradient is wrong"


def gradcheck(
    function: Callable[..., Any],
    *variables: Any,
    order: int = 1,
    eps: float = 1e-6,
    atol: float = 1e-6,
    rtol: float = 1e-4,
    rng: Any = 0,
) -> bool:
    """Compare gradients with central differences in float64, along a random projection.

    Keep away from kinks (0 for relu, ties for max): there is no derivative to find there.

    Args:
        function: Of as many Tensors as there are variables; returns one Tensor.
        *variables: Where to check; converted to float64. Any shapes.
        order: 2 also checks the gradient of the gradient.
        eps: The step of the differences.
        atol: The absolute tolerance.
        rtol: The relative tolerance.
        rng: The seed of the projection.

    Returns:
        True.

    Raises:
        GradcheckError: A gradient is wrong; names the operand and the element.
        GradientError: A row of a derivative gives a wrong shape.
        ArgumentError: There is nothing to check, or the function is not finite there.
        DTypeError: The function returns no Tensor.

    Example:
        >>> gradcheck(lambda x, y: x * y, [1.0, 2.0], [3.0, 4.0])
        True
    """
    __tracebackhide__ = True
    if not variables:
        raise ArgumentError(
            "gradcheck",
            expected="at least one variable",
            got="none",
            fix="gradcheck(f, x, ...): the values where to check",
        )
    random = tensor_random.generator(rng)
    points = [np.array(numbers("gradcheck", v), np.float64) for v in variables]
    value, pullback = pulled_back("gradcheck", function, tuple(map(Tensor, points)))
    if not np.isfinite(value.data).all():
        raise ArgumentError(
            "gradcheck",
            expected="finite values of the function",
            got=f"{value}",
            fix="check at points inside the function's domain",
        )
    projection = random.uniform(0.5, 1.5, value.shape)
    shares = pullback(Tensor(projection))
    shares = shares if isinstance(shares, tuple) else (shares,)

    def projected(*arrays: np.ndarray) -> float:
        return float(np.sum(function(*[Tensor(a) for a in arrays]).data * projection))

    for position, (point, share) in enumerate(zip(points, shares, strict=True)):
        for element in np.ndindex(point.shape):
            ends = []
            for step in (eps, -eps):
                moved = [p.copy() for p in points]
                moved[position][element] += step
                ends.append(projected(*moved))
            expected, got = (ends[0] - ends[1]) / (2 * eps), float(share.data[element])
            if not abs(got - expected) <= atol + rtol * abs(expected):
                raise GradcheckError(
                    getattr(function, "__name__", "function"),
                    expected=f"{expected:.8g} by differences",
                    got=f"{got:.8g} for operand {position} at {element}",
                    fix=f"mend row {position} of the derivative; keep away from kinks",
                    position=position,
                    element=element,
                )
    if order > 1:
        weights = [random.uniform(0.5, 1.5, p.shape) for p in points]

        def slope(*inputs: Any) -> Any:
            _, pullback = pulled_back("gradcheck", function, inputs)
            shares = pullback(Tensor(projection))
            shares = shares if isinstance(shares, tuple) else (shares,)
            return sum((s * Tensor(w)).sum() for s, w in zip(shares, weights, strict=True))

        gradcheck(slope, *points, order=order - 1, eps=eps, atol=atol, rtol=rtol, rng=random)
    return True
