"""Muon: momentum whose matrices are made orthogonal, so that all directions learn alike."""

import math
from typing import Any, ClassVar, Literal

import numpy as np

from tinytorch.optim._optimizer import Optimizer
from tinytorch.optim.given.errors import ParameterError
from tinytorch.optim.given.parameters import Parameters, named
from tinytorch.optim.given.state import State
from tinytorch.tensor import Tensor
from tinytorch.tensor.checks import choice, number, whole
from tinytorch.tensor.errors import ArgumentError

ADJUSTMENTS = ("original", "match_rms_adamw", None)


class Muon(Optimizer):
    """Step along the momentum with its singular values brought near 1, for matrices and filters.

    With weights w, seen as a matrix (rows, columns) whose rows are the outputs, gradient g and
    momentum b (`momentum_buffer`)::

        b = momentum * b + (1 - momentum) * g
        d = momentum * b + (1 - momentum) * g  if nesterov else  b
        x = d / |d|, then ns_steps times: a = x x^T; x = (c0 + c1 * a + c2 * a a) x
        w = w - lr * weight_decay * w - lr * max(1, rows / columns)**0.5 * x

    Biases, norms and embeddings have no such directions and want another rule: a group's "rule", or
    `others` for all with fewer than two axes.

    Args:
        params: As in `Optimizer`, like `check_finite` and the errors; two axes or more, filters are
            (out, in, height, width).
        lr: Learning rate, per step: about the size of the step in every direction.
        weight_decay: Pull toward zero, as a factor of lr * w per step.
        momentum: How much of b is kept, per step.
        nesterov: Step along the momentum to come.
        ns_coefficients: The three factors c of the Newton-Schulz iteration.
        eps: The least length that d is divided by.
        ns_steps: How often the iteration is made.
        adjust_lr_fn: "match_rms_adamw" for a factor of 0.2 * max(rows, columns)**0.5 in place of
            the one above, with which AdamW's lr and weight_decay fit; "original" or None for that.
        others: An optimizer without parameters, such as `AdamW(lr=3e-4)`, that moves those with
            fewer than two axes when parameters come without groups.

    Source:
        K. Jordan and others: Muon: An optimizer for hidden layers in neural networks, 2024;
        torch.optim.Muon, which iterates in bfloat16, here float32.

    Example:
        >>> from tinytorch.autograd import nn
        >>> from tinytorch.optim import AdamW, Muon
        >>> from tinytorch.tensor import tensor
        >>> model = nn.Linear(3, 2, rng=0)
        >>> optimizer = Muon(model.parameters(), lr=0.02, others=AdamW(lr=0.001))
        >>> optimizer.step((model(tensor([[1.0, 2.0, 3.0]])) ** 2).sum().backward())
        >>> [len(group["params"]) for group in optimizer.param_groups]
        [1, 1]
    """

    keeps: ClassVar = {"momentum_buffer": None}

    def __init__(
        self,
        params: Parameters | None = None,
        lr: float = 0.001,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = None,
        *,
        others: Optimizer | None = None,
        check_finite: bool = False,
    ) -> None:
        self.others = others
        super().__init__(
            params,
            check_finite=check_finite,
            lr=lr,
            weight_decay=weight_decay,
            momentum=momentum,
            nesterov=nesterov,
            ns_coefficients=ns_coefficients,
            eps=eps,
            ns_steps=ns_steps,
            adjust_lr_fn=adjust_lr_fn,
        )

    def check(self, operation: str, settings: State) -> State:
        values = super().check(operation, settings)
        values["ns_steps"] = whole(operation, "ns_steps", values["ns_steps"], least=0)
        coefficients = values["ns_coefficients"]
        if not isinstance(coefficients, (tuple, list)) or len(coefficients) != 3:
            raise ArgumentError(
                operation,
                expected="ns_coefficients: three numbers",
                got=f"ns_coefficients={coefficients!r:.60}",
                fix="ns_coefficients=(3.4445, -4.775, 2.0315)",
            )
        values["ns_coefficients"] = tuple(
            number(operation, f"ns_coefficients[{i}]", c) for i, c in enumerate(coefficients)
        )
        choice(operation, "adjust_lr_fn", values["adjust_lr_fn"], ADJUSTMENTS)
        return values

    def divided(self, params: list[Any]) -> list[dict[str, Any]]:
        if self.others is None:
            return super().divided(params)
        groups: list[dict[str, Any]] = [{"params": []}, {"params": [], "rule": self.others}]
        for entry, (_, parameter) in zip(params, named(type(self).__name__, params), strict=True):
            groups[parameter.ndim < 2]["params"].append(entry)
        return [group for group in groups if group["params"]]

    def admit(self, operation: str, name: str, parameter: Tensor) -> None:
        if parameter.ndim < 2:
            raise ParameterError(
                operation,
                expected=f"a matrix or filters as {name}",
                got=f"shape {parameter.shape}",
                fix="others=AdamW(lr=3e-4) moves these, or a group with that as its rule",
                parameter=name,
            )

    def update(self, w: np.ndarray, g: np.ndarray, state: State, settings: State) -> None:
        (b,) = self.kept(state, w, settings)
        assert b is not None
        momentum, lr = settings["momentum"], settings["lr"]
        b += (1 - momentum) * (g - b)
        d = g + momentum * (b - g) if settings["nesterov"] else b
        rows, columns = len(w), w[0].size if len(w) else 0
        x = orthogonal(
            d.reshape(rows, columns),
            settings["ns_coefficients"],
            settings["ns_steps"],
            settings["eps"],
        )
        if settings["adjust_lr_fn"] == "match_rms_adamw":
            factor = 0.2 * math.sqrt(max(rows, columns))
        else:
            factor = math.sqrt(max(1, rows / max(columns, 1)))
        w *= 1 - lr * settings["weight_decay"]
        w -= (lr * factor) * x.reshape(w.shape)


def orthogonal(
    d: np.ndarray, coefficients: tuple[float, float, float], steps: int, eps: float
) -> np.ndarray:
    """Return a matrix with the directions of `d` and singular values near 1, in float32."""
    c0, c1, c2 = coefficients
    x: np.ndarray = (d.T if d.shape[0] > d.shape[1] else d).astype(np.float32)
    largest = np.max(np.abs(x), initial=0)
    if largest > 0:
        x /= largest  # a length may lie beyond float32 where no element does
        x /= max(float(np.linalg.norm(x)), eps / float(largest))
    for _ in range(steps):
        a = x @ x.T
        x = c0 * x + (c1 * a + c2 * (a @ a)) @ x
    return x.T if d.shape[0] > d.shape[1] else x
