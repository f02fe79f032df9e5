"""Adam, its AMSGrad variant, and AdamW, whose weight decay leaves the gradient alone."""

import math
from typing import ClassVar

import numpy as np

from tinytorch.optim._optimizer import Optimizer
from tinytorch.optim._update import in_place
from tinytorch.optim.given.parameters import Parameters
from tinytorch.optim.given.state import State


class Adam(Optimizer):
    """Steps of about lr in every coordinate: the mean gradient over its root mean square.

    With weights w, gradient g, its running mean m (`exp_avg`), the running mean of its square v
    (`exp_avg_sq`), the greatest v so far (`max_exp_avg_sq`, only with amsgrad) and the step's
    number t::

        g = g + weight_decay * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        s = max of all v  if amsgrad else  v
        w = w - lr / (1 - beta1**t) * m / (sqrt(s) / sqrt(1 - beta2**t) + eps)

    Args:
        params: As in `Optimizer`, like `check_finite` and the errors.
        lr: Learning rate, per step.
        betas: How much of m and of v is kept, per step.
        eps: Keeps the division finite where v is 0.
        weight_decay: Pull toward zero, as a factor of w in the gradient.
        amsgrad: Divide by the greatest v so far.

    Source:
        Kingma, Ba: Adam: A method for stochastic optimization, 2015, algorithm 1; amsgrad: Reddi,
        Kale, Kumar: On the convergence of Adam and beyond, 2018, with the bias corrected as in
        torch.optim.Adam.

    Example:
        >>> from tinytorch.autograd import Variable
        >>> from tinytorch.optim import Adam
        >>> w = Variable(5.0)
        >>> optimizer = Adam([w], lr=0.1)
        >>> loss = w * w
        >>> optimizer.step(loss.backward())
        >>> round(w.item(), 3)
        4.9
    """

    keeps: ClassVar = {"exp_avg": None, "exp_avg_sq": None, "max_exp_avg_sq": "amsgrad"}
    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        params: Parameters | None = None,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        check_finite: bool = False,
    ) -> None:
        super().__init__(
            params,
            check_finite=check_finite,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
        )

    def update(self, w: np.ndarray, g: np.ndarray, state: State, settings: State) -> None:
        beta1, beta2 = settings["betas"]
        lr, decay = settings["lr"], settings["weight_decay"]
        adam(
            self.workspace,
            w,
            g,
            *self.kept(state, w, settings),
            lr=lr / (1 - beta1 ** state["step"]),
            beta1=beta1,
            beta2=beta2,
            correction=math.sqrt(1 - beta2 ** state["step"]),
            eps=settings["eps"],
            weight_decay=0.0 if self.decoupled else decay,
            shrink=1 - lr * decay if self.decoupled else 1.0,
        )


class AdamW(Adam):
    """Adam with weight decay decoupled from the gradient, so that v does not shrink it.

    The equations are Adam's without `g = g + weight_decay * w`; before them stands::

        w = w - lr * weight_decay * w

    Args:
        params: As in `Adam`, like the settings that are not named here.
        weight_decay: Pull toward zero, as a factor of lr * w per step.

    Source:
        Loshchilov, Hutter: Decoupled weight decay regularization, 2019, algorithm 2, with lr as the
        schedule multiplier, as in torch.optim.AdamW.

    Example:
        >>> from tinytorch.autograd import Variable
        >>> from tinytorch.optim import AdamW
        >>> w = Variable(5.0)
        >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.1)
        >>> optimizer.step({w: 0.0})
        >>> round(w.item(), 3)
        4.95
    """

    decoupled = True

    def __init__(
        self,
        params: Parameters | None = None,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        check_finite: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, check_finite=check_finite)


@in_place(scratch=2)
def adam(
    w: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    s: np.ndarray | None,
    d: np.ndarray,
    t: np.ndarray,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    correction: float,
    eps: float,
    weight_decay: float,
    shrink: float,
) -> None:
    """One block of Adam; lr holds the correction of m, `correction` that of sqrt(v)."""
    if shrink != 1:
        np.multiply(w, shrink, out=w)  # w = w - lr * weight_decay * w
    if weight_decay:
        g = np.add(g, np.multiply(w, weight_decay, out=d), out=d)  # g = g + weight_decay * w
    np.multiply(m, beta1, out=m)
    np.add(m, np.multiply(g, 1 - beta1, out=t), out=m)  # m = beta1 * m + (1 - beta1) * g
    np.multiply(v, beta2, out=v)
    np.multiply(np.multiply(g, g, out=t), 1 - beta2, out=t)
    np.add(v, t, out=v)  # v = beta2 * v + (1 - beta2) * g * g
    if s is not None:
        v = np.maximum(s, v, out=s)  # s = max of all v
    np.divide(np.sqrt(v, out=t), correction, out=t)
    np.divide(m, np.add(t, eps, out=t), out=t)  # t = m / (sqrt(s) / correction + eps)
    np.subtract(w, np.multiply(t, lr, out=t), out=w)  # w = w - lr * t
