"""A learning rate that falls when training stops getting better."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from tinytorch.optim._optimizer import Optimizer
from tinytorch.tensor.checks import choice, fraction, number, whole
from tinytorch.tensor.errors import ArgumentError, StateError


class ReduceOnPlateau:
    """Cut every group's learning rate after `patience` epochs without a better metric.

    Args:
        optimizer: Whose rates to change.
        mode: "min" if less is better, "max" if more is.
        factor: What rates are multiplied by, in [0, 1).
        patience: How many epochs in a row may pass without a better metric.
        threshold: How much better counts as better.
        threshold_mode: "rel" if threshold is a part of the best metric's magnitude, "abs" if it is
            a difference.
        cooldown: How many epochs after a cut do not count.
        min_lr: Rates fall no lower.
        eps: Cuts smaller than this are not made.

    Raises:
        ArgumentError: An argument is out of its range.

    Source:
        torch.optim.lr_scheduler.ReduceLROnPlateau, whose "rel" takes a part of the best metric with
        its sign, so that a negative metric counts as better when it stays, or gets a little worse.

    Example:
        >>> from tinytorch.optim import SGD
        >>> optimizer = SGD(lr=0.1)
        >>> plateau = ReduceOnPlateau(optimizer, patience=1)
        >>> for loss in (1.0, 0.5, 0.5, 0.5):
        ...     plateau.step(loss)
        >>> round(optimizer.lr, 6)
        0.01
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        operation = type(self).__name__
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(
                operation,
                expected="an optimizer, whose rates are to fall",
                got=f"a {type(optimizer).__name__}",
                fix="ReduceOnPlateau(SGD(module.parameters()))",
            )
        self.optimizer = optimizer
        self.mode = choice(operation, "mode", mode, ("min", "max"))
        self.factor = fraction(operation, "factor", factor, below_one=True)
        self.patience = whole(operation, "patience", patience, least=0)
        self.threshold = number(operation, "threshold", threshold, least=0)
        self.threshold_mode = choice(operation, "threshold_mode", threshold_mode, ("rel", "abs"))
        self.cooldown = whole(operation, "cooldown", cooldown, least=0)
        self.min_lr = number(operation, "min_lr", min_lr, least=0)
        self.eps = number(operation, "eps", eps, least=0)
        self.best = math.inf if mode == "min" else -math.inf
        self.bad_epochs = 0
        self.cooling = 0

    def step(self, metric: float) -> None:
        """Take note of an epoch's metric, and cut the rates if it is time.

        Args:
            metric: The number watched, such as the validation loss; NaN is never better.

        Raises:
            ArgumentError: The metric is no single number.
        """
        try:
            metric = float(metric)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"{type(self).__name__}.step",
                expected="one number, such as the validation loss",
                got=f"{metric!r:.60}",
                fix="give the metric itself, not its name, its batch or its dict",
            ) from error
        if self._is_better(metric):
            self.best = metric
            self.bad_epochs = 0
        else:
            self.bad_epochs += 1
        if self.cooling > 0:
            self.cooling -= 1
            self.bad_epochs = 0
        if self.bad_epochs > self.patience:
            self._cut()
            self.cooling = self.cooldown
            self.bad_epochs = 0

    def __repr__(self) -> str:
        return (
            f"ReduceOnPlateau(mode={self.mode!r}, factor={self.factor}, patience={self.patience}; "
            f"best {self.best}, {self.bad_epochs} bad epochs)"
        )

    def _is_better(self, metric: float) -> bool:
        margin = self.threshold
        if self.threshold_mode == "rel" and math.isfinite(self.best):
            margin *= abs(self.best)
        if self.mode == "min":
            return metric < self.best - margin
        return metric > self.best + margin

    def _cut(self) -> None:
        for settings in self.optimizer.param_groups or [self.optimizer.defaults]:
            lr = max(settings["lr"] * self.factor, self.min_lr)
            if settings["lr"] - lr > self.eps:
                settings["lr"] = lr

    def state_dict(self) -> dict[str, float]:
        """Return what the next decisions depend on, besides the arguments and the rates."""
        return {"best": self.best, "bad_epochs": self.bad_epochs, "cooling": self.cooling}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave.

        Raises:
            StateError: It holds other names, or no numbers; nothing has changed then.
        """
        operation = f"{type(self).__name__}.load_state_dict"
        try:
            if state_dict.keys() != self.state_dict().keys():
                raise ValueError
            best = float(state_dict["best"])
            bad_epochs, cooling = (
                whole(operation, name, state_dict[name], least=0)
                for name in ("bad_epochs", "cooling")
            )
        except (AttributeError, TypeError, ValueError):
            raise StateError(
                operation,
                expected=f"numbers called {', '.join(self.state_dict())}",
                got=f"{state_dict!r:.80}",
                fix="load what state_dict() of a ReduceOnPlateau returned",
            ) from None
        self.best, self.bad_epochs, self.cooling = best, bad_epochs, cooling
