"""A learning rate that falls when training stops getting better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from tinytorch.optim._optimizer import Optimizer
from tinytorch.tensor.errors import ArgumentError, StateError


class ReduceOnPlateau:
    """Cut every group's learning rate after `patience` epochs without a better metric.

    Args:
        optimizer: Whose rates to change.
        mode: "min" if less is better, "max" if more is.
        factor: What rates are multiplied by, in [0, 1).
        patience: How many epochs in a row may pass without a better metric.
        threshold: How much better counts as better.
        threshold_mode: "rel" if threshold is a part of the best metric, "abs" if it is a
            difference.
        cooldown: How many epochs after a cut do not count.
        min_lr: Rates fall no lower.
        eps: Cuts smaller than this are not made.

    Raises:
        ArgumentError: An argument is out of its range.

    Source:
        torch.optim.lr_scheduler.ReduceLROnPlateau.

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
        _require(mode in ("min", "max"), 'mode "min" or "max"', f"mode={mode!r}")
        _require(0 <= factor < 1, "factor in [0, 1)", f"factor={factor}")
        _require(
            threshold_mode in ("rel", "abs"),
            'threshold_mode "rel" or "abs"',
            f"threshold_mode={threshold_mode!r}",
        )
        for name, value in {
            "patience": patience,
            "threshold": threshold,
            "cooldown": cooldown,
            "min_lr": min_lr,
            "eps": eps,
        }.items():
            _require(0 <= value < math.inf, f"{name} >= 0", f"{name}={value}")
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.bad_epochs = 0
        self.cooling = 0

    def step(self, metric: float) -> None:
        """Take note of an epoch's metric, and cut the rates if it is time.

        Args:
            metric: The number watched, such as the validation loss; NaN is never better.
        """
        metric = float(metric)
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

    def _is_better(self, metric: float) -> bool:
        best, margin = self.best, self.threshold
        if self.threshold_mode == "rel":
            low, high = best * (1 - margin), best * (1 + margin)
        else:
            low, high = best - margin, best + margin
        return metric < low if self.mode == "min" else metric > high

    def _cut(self) -> None:
        for settings in self.optimizer.param_groups or [self.optimizer.defaults]:
            lr = max(settings["lr"] * self.factor, self.min_lr)
            if settings["lr"] - lr > self.eps:
                settings["lr"] = lr

    def state_dict(self) -> dict[str, float]:
        """What the next decisions depend on, besides the arguments and the optimizer's rates."""
        return {"best": self.best, "bad_epochs": self.bad_epochs, "cooling": self.cooling}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave.

        Raises:
            StateError: Its names are not those of `state_dict`.
        """
        if state_dict.keys() != self.state_dict().keys():
            raise StateError(
                "ReduceOnPlateau.load_state_dict",
                expected=", ".join(self.state_dict()),
                got=", ".join(map(str, state_dict)),
                fix="load what ReduceOnPlateau.state_dict() gave",
            )
        self.best = float(state_dict["best"])
        self.bad_epochs = int(state_dict["bad_epochs"])
        self.cooling = int(state_dict["cooling"])


def _require(condition: bool, expected: str, got: str) -> None:
    if not condition:
        raise ArgumentError(
            "ReduceOnPlateau", expected=expected, got=got, fix="choose it in that range"
        )
