"""Adagrad: gradients divided by the size of all gradients so far."""

from typing import ClassVar

import numpy as np

from tinytorch.optim._optimizer import Optimizer
from tinytorch.optim._update import in_place
from tinytorch.optim.given.parameters import Parameters
from tinytorch.optim.given.state import State


class Adagrad(Optimizer):
    """Give each weight a rate of its own, which falls with every gradient that it gets.

    With weights w, gradient g, the sum of its squares v (`sum`) and the step's number t::

        g = g + weight_decay * w
        v = v + g * g                                   (from initial_accumulator_value)
        w = w - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(v) + eps)

    Args:
        params: As in `Optimizer`, like `check_finite` and the errors.
        lr: Learning rate, per step.
        lr_decay: How fast lr falls besides, per step.
        weight_decay: Pull toward zero, as a factor of w in the gradient.
        initial_accumulator_value: Where v begins.
        eps: Keeps the division finite where v is 0.

    Source:
        Duchi, Hazan, Singer: Adaptive subgradient methods for online learning and stochastic
        optimization, 2011, in the diagonal form; lr_decay as in torch.optim.Adagrad.

    Example:
        >>> from tinytorch.autograd import Variable
        >>> from tinytorch.optim import Adagrad
        >>> w = Variable(5.0)
        >>> optimizer = Adagrad([w], lr=0.1)
        >>> loss = w * w
        >>> optimizer.step(loss.backward())
        >>> round(w.item(), 3)
        4.9
    """

    keeps: ClassVar = {"sum": None}

    def __init__(
        self,
        params: Parameters | None = None,
        lr: float = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        check_finite: bool = False,
    ) -> None:
        super().__init__(
            params,
            check_finite=check_finite,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )

    def update(self, w: np.ndarray, g: np.ndarray, state: State, settings: State) -> None:
        adagrad(
            self.workspace,
            w,
            g,
            *self.kept(state, w, settings, fill=settings["initial_accumulator_value"]),
            lr=settings["lr"] / (1 + (state["step"] - 1) * settings["lr_decay"]),
            eps=settings["eps"],
            weight_decay=settings["weight_decay"],
        )


@in_place(scratch=2)
def adagrad(
    w: np.ndarray,
    g: np.ndarray,
    v: np.ndarray,
    d: np.ndarray,
    t: np.ndarray,
    *,
    lr: float,
    eps: float,
    weight_decay: float,
) -> None:
    """One block of Adagrad; lr has fallen by lr_decay already."""
    if weight_decay:
        g = np.add(g, np.multiply(w, weight_decay, out=d), out=d)  # g = g + weight_decay * w
    np.add(v, np.multiply(g, g, out=t), out=v)  # v = v + g * g
    np.add(np.sqrt(v, out=t), eps, out=t)
    np.divide(g, t, out=t)
    np.subtract(w, np.multiply(t, lr, out=t), out=w)  # w = w - lr * g / (sqrt(v) + eps)
