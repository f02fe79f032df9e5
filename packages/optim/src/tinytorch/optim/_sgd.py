"""Stochastic gradient descent, with momentum, Nesterov's variant and weight decay."""

from typing import ClassVar

import numpy as np

from tinytorch.optim._optimizer import Optimizer
from tinytorch.optim._update import in_place
from tinytorch.optim.given.parameters import Parameters
from tinytorch.optim.given.state import State
from tinytorch.tensor.errors import ArgumentError


class SGD(Optimizer):
    """Walk against the gradient.

    With weights w, gradient g and velocity b (`momentum_buffer`, only if momentum is not 0)::

        g = g + weight_decay * w
        b = momentum * b + (1 - dampening) * g          (the first time b = g)
        d = g + momentum * b  if nesterov else  b       (without momentum d = g)
        w = w - lr * d

    Args:
        params: As in `Optimizer`, like `check_finite` and the errors.
        lr: Learning rate, per step.
        momentum: How much of the velocity is kept, per step.
        dampening: How much of the gradient is left out of the velocity.
        nesterov: Step along the gradient plus the velocity to come; needs momentum and no
            dampening.
        weight_decay: Pull toward zero, as a factor of w in the gradient.

    Source:
        Sutskever, Martens, Dahl, Hinton: On the importance of initialization and momentum in deep
        learning, 2013; with the velocity free of lr, as in torch.optim.SGD.

    Example:
        >>> from tinytorch.autograd import Variable
        >>> from tinytorch.optim import SGD
        >>> w = Variable(5.0)
        >>> optimizer = SGD([w], lr=0.1)
        >>> for _ in range(100):
        ...     loss = w * w
        ...     optimizer.step(loss.backward())
        >>> abs(w.item()) < 1e-6
        True
    """

    keeps: ClassVar = {"momentum_buffer": "momentum"}

    def __init__(
        self,
        params: Parameters | None = None,
        lr: float = 0.01,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        *,
        check_finite: bool = False,
    ) -> None:
        super().__init__(
            params,
            check_finite=check_finite,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            nesterov=nesterov,
            weight_decay=weight_decay,
        )

    def check(self, operation: str, settings: State) -> State:
        values = super().check(operation, settings)
        if values["nesterov"] and (values["momentum"] == 0 or values["dampening"] != 0):
            raise ArgumentError(
                operation,
                expected="momentum > 0 and dampening 0 with nesterov=True",
                got=f"momentum={values['momentum']}, dampening={values['dampening']}",
                fix="pass momentum=0.9, dampening=0, or nesterov=False",
            )
        return values

    def update(self, w: np.ndarray, g: np.ndarray, state: State, settings: State) -> None:
        first = "momentum_buffer" not in state
        sgd(self.workspace, w, g, *self.kept(state, w, settings), first=first, **settings)


@in_place(scratch=2)
def sgd(
    w: np.ndarray,
    g: np.ndarray,
    b: np.ndarray | None,
    d: np.ndarray,
    t: np.ndarray,
    *,
    lr: float,
    momentum: float,
    dampening: float,
    nesterov: bool,
    weight_decay: float,
    first: bool,
) -> None:
    """One block of SGD."""
    if weight_decay:
        g = np.add(g, np.multiply(w, weight_decay, out=t), out=d)  # g = g + weight_decay * w
    if b is not None:
        if first:
            np.copyto(b, g)  # b = g
        else:
            np.multiply(b, momentum, out=b)  # b = momentum * b + (1 - dampening) * g
            np.add(b, np.multiply(g, 1 - dampening, out=t), out=b)
        if nesterov:
            g = np.add(g, np.multiply(b, momentum, out=t), out=d)  # d = g + momentum * b
        else:
            g = b  # d = b
    np.subtract(w, np.multiply(g, lr, out=t), out=w)  # w = w - lr * d
