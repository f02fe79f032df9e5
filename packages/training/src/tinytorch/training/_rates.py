"""Where the learning rate comes from: the step, the epoch, or the figures of the last epoch."""

from collections.abc import Callable
from typing import Any

from tinytorch.tensor.errors import ArgumentError
from tinytorch.training.parts.settings import made_with


class per_epoch:  # noqa: N801 - it reads as the words that it stands for
    """Mark a schedule as a function of the epoch, counted from 0, instead of the optimizer step.

    Args:
        schedule: `epoch -> learning rate`.

    Example:
        >>> halving = per_epoch(lambda epoch: 0.1 * 0.5**epoch)
        >>> halving(2)
        0.025
    """

    def __init__(self, schedule: Callable[[int], float]) -> None:
        self.schedule = schedule

    def __call__(self, epoch: int) -> float:
        """Return the learning rate of an epoch."""
        return self.schedule(epoch)

    def __repr__(self) -> str:
        return made_with(self)


class LearningRate:
    """Sets the optimizer's learning rate when its time has come.

    The schedule gives the rate of the optimizer's first group; another group keeps the ratio to it
    that the two had when the run began. It is a function of the step, a `per_epoch`, an object with
    `step(figure)` that changes the rate by itself (`ReduceOnPlateau`), or None.
    """

    def __init__(self, optimizer: Any, schedule: Any) -> None:
        self.optimizer = optimizer
        self.schedule = schedule
        self.reacts = hasattr(schedule, "step")
        self._ratios: list[float] | None = None
        if schedule is not None and not self.reacts and not callable(schedule):
            raise ArgumentError(
                "Trainer",
                expected="schedule: step -> learning rate, per_epoch(...), or a ReduceOnPlateau",
                got=repr(schedule),
                fix="use schedule=lambda step: 0.01, or one of tinytorch.optim.schedules",
            )

    def bind(self) -> None:
        """Note the groups' ratios, once: before the first step, and before a state is loaded."""
        if self._ratios is not None or self.schedule is None or self.reacts:
            return
        rates = [group["lr"] for group in self.optimizer.param_groups]
        if any(rate != rates[0] for rate in rates) and not rates[0]:
            raise ArgumentError(
                "Trainer",
                expected="a rate above 0 in the first group, to which the others keep their ratio",
                got=f"groups with the rates {rates}, and a schedule",
                fix="put a group that learns first, or use no schedule",
                rates=rates,
            )
        self._ratios = [rate / rates[0] if rate != rates[0] else 1.0 for rate in rates]

    def before_epoch(self, epoch: int) -> None:
        """Set the rate of an epoch."""
        if isinstance(self.schedule, per_epoch):
            self._set(self.schedule(epoch))

    def before_step(self, step: int) -> None:
        """Set the rate of an optimizer step."""
        if self.schedule is not None and not (self.reacts or isinstance(self.schedule, per_epoch)):
            self._set(self.schedule(step))

    def _set(self, rate: float) -> None:
        """Set the first group's rate, and the others' by their ratios."""
        self.optimizer.lr = rate
        groups = self.optimizer.param_groups
        for group, ratio in zip(groups, self._ratios or (), strict=False):
            if ratio != 1:
                group["lr"] = rate * ratio

    def after_epoch(self, figures: dict[str, float]) -> None:
        """Show the schedule the validation loss, or the training loss where there is none."""
        if self.reacts:
            self.schedule.step(figures.get("val_loss", figures["loss"]))

    def state_dict(self) -> dict[str, Any]:
        """Return what the next rates depend on; nothing, where it is the step alone."""
        return dict(self.schedule.state_dict()) if hasattr(self.schedule, "state_dict") else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        if hasattr(self.schedule, "load_state_dict"):
            self.schedule.load_state_dict(state)
