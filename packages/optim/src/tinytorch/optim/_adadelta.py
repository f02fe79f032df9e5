"""Adadelta: steps of the size of recent steps, over the size of recent gradients."""

from typing import ClassVar

import numpy as np

from tinytorch.optim._optimizer import Optimizer
from tinytorch.optim._update import in_place
from tinytorch.optim.given.parameters import Parameters
from tinytorch.optim.given.state import State


class Adadelta(Optimizer):
    """Give each weight a rate in its own unit: the size of its recent steps over its gradients'.

    With weights w, gradient g, running means v of squared gradients (`square_avg`) and u of squared
    steps (`acc_delta`), both first 0::

        g = g + weight_decay * w
        v = rho * v + (1 - rho) * g * g
        d = sqrt(u + eps) / sqrt(v + eps) * g
        u = rho * u + (1 - rho) * d * d
        w = w - lr * d

    Args:
        params: As in `Optimizer`, like `check_finite` and the errors.
        lr: A factor of the step, which has a size of its own.
        rho: How much of the running means is kept, below 1.
        eps: Starts the first steps, and keeps the division finite.
        weight_decay: Pull toward zero, as a factor of w in the gradient.

    Source:
        M. Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012; lr as in torch.optim.Adadelta.

    Example:
        >>> from tinytorch.autograd import Variable
        >>> from tinytorch.optim import Adadelta
        >>> w = Variable(5.0)
        >>> optimizer = Adadelta([w], eps=0.01)
        >>> optimizer.step((w * w).backward())
        >>> round(w.item(), 3)
        4.684
    """

    keeps: ClassVar = {"square_avg": None, "acc_delta": None}

    def __init__(
        self,
        params: Parameters | None = None,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        check_finite: bool = False,
    ) -> None:
        super().__init__(
            params, check_finite=check_finite, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay
        )

    def update(self, w: np.ndarray, g: np.ndarray, state: State, settings: State) -> None:
        adadelta(self.workspace, w, g, *self.kept(state, w, settings), **settings)


@in_place(scratch=2)
def adadelta(
    w: np.ndarray,
    g: np.ndarray,
    v: np.ndarray,
    u: np.ndarray,
    d: np.ndarray,
    t: np.ndarray,
    *,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
) -> None:
    """One block of Adadelta."""
    if weight_decay:
        g = np.add(g, np.multiply(w, weight_decay, out=d), out=d)  # g = g + weight_decay * w
    np.multiply(v, rho, out=v)
    np.multiply(g, g, out=t)
    np.add(v, np.multiply(t, 1 - rho, out=t), out=v)  # v = rho * v + (1 - rho) * g * g
    np.divide(g, np.sqrt(np.add(v, eps, out=t), out=t), out=d)
    np.multiply(d, np.sqrt(np.add(u, eps, out=t), out=t), out=d)
    np.multiply(u, rho, out=u)
    np.multiply(d, d, out=t)
    np.add(u, np.multiply(t, 1 - rho, out=t), out=u)  # u = rho * u + (1 - rho) * d * d
    np.subtract(w, np.multiply(d, lr, out=d), out=w)  # w = w - lr * d
