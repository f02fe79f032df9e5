"""Which parameters a step moves, and by which gradients: all is checked before any is moved."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from tinytorch.autograd import Variable
from tinytorch.optim.given.errors import NonFiniteError
from tinytorch.optim.given.parameters import learns
from tinytorch.optim.given.state import State, working_dtype
from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import ArgumentError, GradientError, ShapeError

Update: TypeAlias = Callable[[np.ndarray, np.ndarray, State, State], None]


Move: TypeAlias = tuple[Variable, np.ndarray, State, Update]
"""A parameter that is to move, its gradient in the type that it is moved in, settings, update."""


def moves(
    operation: str,
    groups: Iterable[tuple[list[Variable], State, Update]],
    gradients: Mapping[Variable, Tensor] | None,
    names: Mapping[Variable, str],
    finite_at: int | None,
) -> list[Move]:
    """Return a move for each parameter that learns and has a gradient; that of none is an error.

    Groups are parameters with settings and their rule's update, gradients what `backward` returned,
    or None for the parameters' own. With the number of the step, `finite_at`, they must be finite.
    """
    if gradients is not None and not isinstance(gradients, Mapping):
        raise ArgumentError(
            operation,
            expected="the gradients that backward returned, or nothing",
            got=type(gradients).__name__,
            fix="optimizer.step(loss.backward()), or loss.backward() and then optimizer.step()",
        )
    found: list[Move] = []
    seen: list[Variable] = []
    for parameters, settings, update in groups:
        seen += parameters
        for parameter in parameters:
            gradient: Any = parameter.grad if gradients is None else gradients.get(parameter)
            if gradient is None or not learns(parameter):
                continue
            own, name = parameter.data, names.get(parameter, "a parameter")
            g = gradient.data if isinstance(gradient, Tensor) else np.asarray(gradient)
            if g.shape != own.shape:
                raise ShapeError(
                    operation,
                    expected=f"the gradient of {name} as {own.shape}",
                    got=f"{g.shape}",
                    fix="give the gradient the shape of its parameter",
                    parameter=name,
                )
            if g.dtype is not own.dtype or own.dtype.itemsize < 4 or not g.flags.c_contiguous:
                g = np.asarray(g, working_dtype(parameter), order="C")
            if finite_at is not None:
                _check_finite(operation, name, g, finite_at)
            found.append((parameter, g, settings, update))
    if not found:
        raise _no_gradient(operation, seen, gradients)
    return found


def _check_finite(operation: str, name: str, g: np.ndarray, step: int) -> None:
    bad = ~np.isfinite(g)
    if not bad.any():
        return
    position = tuple(int(i) for i in np.argwhere(bad)[0])
    raise NonFiniteError(
        operation,
        expected=f"a finite gradient for {name} at step {step}",
        got=f"{g[position]} at {position}, {int(bad.sum())} of {g.size} values not finite",
        fix="lower lr, clip with clip_grad_norm, or look for log or division of 0 in the loss",
        parameter=name,
        step=step,
    )


def _no_gradient(operation: str, parameters: list[Variable], gradients: object) -> GradientError:
    frozen = sum(not learns(parameter) for parameter in parameters)
    if frozen == len(parameters):
        fix = "set requires_grad = True for those that shall learn"
    else:
        fix = "check that the loss is computed from these parameters"
        fix = f"call loss.backward() before; {fix}" if gradients is None else fix
    return GradientError(
        operation,
        expected="a gradient for at least one parameter",
        got=f"none for any of {len(parameters)}" + (f", {frozen} frozen" if frozen else ""),
        fix=fix,
    )
