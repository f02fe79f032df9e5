"""RMSprop: gradients divided by their recent size, plain, centered, or with momentum."""

from typing import ClassVar

import numpy as np

from tinytorch.optim._optimizer import Optimizer
from tinytorch.optim._update import in_place
from tinytorch.optim.given.parameters import Parameters
from tinytorch.optim.given.state import State


class RMSprop(Optimizer):
    """Divide the gradient by its root mean square over the last 1 / (1 - alpha) steps or so.

    With weights w, gradient g, the running mean of its square v (`square_avg`), its running mean a
    (`grad_avg`, only if centered) and velocity b (`momentum_buffer`, only if momentum is not 0)::

        g = g + weight_decay * w
        v = alpha * v + (1 - alpha) * g * g
        a = alpha * a + (1 - alpha) * g
        s = max(v - a * a, 0)  if centered else  v
        d = g / (sqrt(s) + eps)
        b = momentum * b + d                            (without momentum b = d)
        w = w - lr * b

    Args:
        params: As in `Optimizer`, like `check_finite` and the errors.
        lr: Learning rate, per step.
        alpha: How much of v and of a is kept, per step.
        eps: Keeps the division finite where v is 0.
        weight_decay: Pull toward zero, as a factor of w in the gradient.
        momentum: How much of the velocity is kept, per step.
        centered: Divide by the standard deviation in place of the root mean square.

    Source:
        Tieleman, Hinton: Lecture 6.5 of Neural networks for machine learning, 2012; centered:
        Graves: Generating sequences with recurrent neural networks, 2013; eps outside the root, as
        in torch.optim.RMSprop, and the variance kept from falling below 0 by rounding, which there
        gives NaN.

    Example:
        >>> from tinytorch.autograd import Variable
        >>> from tinytorch.optim import RMSprop
        >>> w = Variable(5.0)
        >>> optimizer = RMSprop([w], lr=0.1, alpha=0.75)
        >>> loss = w * w
        >>> optimizer.step(loss.backward())
        >>> round(w.item(), 3)
        4.8
    """

    keeps: ClassVar = {"square_avg": None, "grad_avg": "centered", "momentum_buffer": "momentum"}

    def __init__(
        self,
        params: Parameters | None = None,
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        check_finite: bool = False,
    ) -> None:
        super().__init__(
            params,
            check_finite=check_finite,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
        )

    def update(self, w: np.ndarray, g: np.ndarray, state: State, settings: State) -> None:
        rmsprop(
            self.workspace,
            w,
            g,
            *self.kept(state, w, settings),
            **{name: settings[name] for name in ("lr", "alpha", "eps", "weight_decay", "momentum")},
        )


@in_place(scratch=2)
def rmsprop(
    w: np.ndarray,
    g: np.ndarray,
    v: np.ndarray,
    a: np.ndarray | None,
    b: np.ndarray | None,
    d: np.ndarray,
    t: np.ndarray,
    *,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
) -> None:
    """One block of RMSprop."""
    if weight_decay:
        g = np.add(g, np.multiply(w, weight_decay, out=d), out=d)  # g = g + weight_decay * w
    np.multiply(v, alpha, out=v)
    np.multiply(np.multiply(g, g, out=t), 1 - alpha, out=t)
    np.add(v, t, out=v)  # v = alpha * v + (1 - alpha) * g * g
    if a is not None:
        np.multiply(a, alpha, out=a)
        np.add(a, np.multiply(g, 1 - alpha, out=t), out=a)  # a = alpha * a + (1 - alpha) * g
        np.subtract(v, np.multiply(a, a, out=t), out=t)
        v = np.maximum(t, 0, out=t)  # s = max(v - a * a, 0)
    np.add(np.sqrt(v, out=t), eps, out=t)
    np.divide(g, t, out=d)  # d = g / (sqrt(s) + eps)
    if b is not None:
        np.multiply(b, momentum, out=b)
        d = np.add(b, d, out=b)  # b = momentum * b + d
    np.subtract(w, np.multiply(d, lr, out=t), out=w)  # w = w - lr * b
