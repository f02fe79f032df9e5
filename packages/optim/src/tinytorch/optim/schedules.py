"""Learning rates as plain functions of the step: `schedule(0)` is the rate of the first step.

A schedule is any function from a step's number to a rate. Those made here keep their last rate once
their steps are over. Set `optimizer.lr = schedule(step)` before each step, or give the schedule to
a `Trainer`:

    >>> schedule = join([linear_warmup(0.1, 5), cosine(0.1, 95)], at=[5])
    >>> [round(schedule(step), 4) for step in (0, 5, 52, 99)]
    [0.0333, 0.1, 0.0508, 0.0]
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal, TypeAlias

from tinytorch.optim._rules import checked
from tinytorch.tensor.errors import ArgumentError

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "join",
    "linear_warmup",
    "one_cycle",
    "step_decay",
]

Schedule: TypeAlias = Callable[[int], float]
"""Step (from 0) to learning rate."""


def constant(lr: float) -> Schedule:
    """The same rate at every step.

    Args:
        lr: Learning rate, per step.

    Raises:
        ArgumentError: `lr` is out of its range.
    """
    checked("constant", {"lr": lr})
    return lambda _: lr


def step_decay(lr: float, every: int | Sequence[int], factor: float = 0.1) -> Schedule:
    """Multiply the rate by `factor` every so many steps, or at the steps given.

    Args:
        lr: The first rate, per step.
        every: A number of steps, or an ascending list of steps.
        factor: What the rate is multiplied by.

    Raises:
        ArgumentError: `lr`, `every` or `factor` is out of its range.

    Source:
        torch.optim.lr_scheduler.StepLR and MultiStepLR.

    Example:
        >>> [round(step_decay(1.0, every=10)(step), 3) for step in (9, 10, 20)]
        [1.0, 0.1, 0.01]
        >>> [round(step_decay(1.0, every=[3, 5])(step), 3) for step in (2, 3, 5)]
        [1.0, 0.1, 0.01]
    """
    checked("step_decay", {"lr": lr})
    _at_least_zero("step_decay", "factor", factor)
    if isinstance(every, Sequence):
        milestones = _ascending("step_decay", "every", every)
        return lambda step: lr * factor ** bisect_right(milestones, step)
    interval = _count("step_decay", "every", every)
    return lambda step: lr * factor ** (step // interval)


def exponential(lr: float, factor: float) -> Schedule:
    """Multiply the rate by `factor` at every step.

    Args:
        lr: The first rate, per step.
        factor: What the rate is multiplied by.

    Raises:
        ArgumentError: `lr` or `factor` is out of its range.

    Source:
        torch.optim.lr_scheduler.ExponentialLR.
    """
    checked("exponential", {"lr": lr})
    _at_least_zero("exponential", "factor", factor)
    return lambda step: lr * factor**step


def cosine(lr: float, steps: int, end: float = 0.0) -> Schedule:
    """Fall from `lr` to `end` along half a cosine wave: slowly, fast, slowly.

    Args:
        lr: The first rate, per step.
        steps: The number of steps down.
        end: The rate at step `steps` and after.

    Raises:
        ArgumentError: `lr`, `steps` or `end` is out of its range.

    Source:
        Loshchilov, Hutter: SGDR: Stochastic gradient descent with warm restarts, 2017, equation 5,
        without restarts; torch.optim.lr_scheduler.CosineAnnealingLR.
    """
    checked("cosine", {"lr": lr})
    _at_least_zero("cosine", "end", end)
    steps = _count("cosine", "steps", steps)
    return lambda step: _cos(lr, end, min(step / steps, 1.0))


def linear_warmup(lr: float, steps: int, start_factor: float = 1 / 3) -> Schedule:
    """Rise in a straight line from `start_factor * lr` to `lr`.

    Args:
        lr: The rate at step `steps` and after, per step.
        steps: The number of steps up.
        start_factor: The first rate, as a factor of lr.

    Raises:
        ArgumentError: `lr`, `steps` or `start_factor` is out of its range.

    Source:
        torch.optim.lr_scheduler.LinearLR.
    """
    checked("linear_warmup", {"lr": lr})
    _at_least_zero("linear_warmup", "start_factor", start_factor)
    steps = _count("linear_warmup", "steps", steps)
    return lambda step: lr * _linear(start_factor, 1.0, min(step / steps, 1.0))


def one_cycle(
    lr: float,
    steps: int,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
    anneal: Literal["cos", "linear"] = "cos",
) -> Schedule:
    """Rise from `lr / div_factor` to `lr`, then fall far below where it began.

    Args:
        lr: The greatest rate, per step.
        steps: The number of steps in all; the last is step `steps - 1`.
        pct_start: The part of the steps that rise, in [0, 1].
        div_factor: The first rate is lr / div_factor.
        final_div_factor: The last rate is the first / final_div_factor.
        three_phase: Fall as steeply as it rose, back to the first rate, and then on to the last.
        anneal: "cos" or "linear" between those rates.

    Raises:
        ArgumentError: An argument is out of its range.

    Source:
        Smith, Topin: Super-convergence: very fast training of neural networks using large learning
        rates, 2019; torch.optim.lr_scheduler.OneCycleLR.

    Example:
        >>> schedule = one_cycle(0.2, steps=101)
        >>> [round(schedule(step), 3) for step in (0, 15, 29, 65, 100)]
        [0.008, 0.108, 0.2, 0.098, 0.0]
    """
    checked("one_cycle", {"lr": lr})
    steps = _count("one_cycle", "steps", steps)
    if not 0 <= pct_start <= 1 or (three_phase and pct_start > 0.5):
        most = 0.5 if three_phase else 1
        raise _error("one_cycle", f"pct_start in [0, {most}]", f"pct_start={pct_start}")
    for name, value in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
        if not 0 < value < math.inf:
            raise _error("one_cycle", f"{name} > 0", f"{name}={value}")
    if anneal not in ("cos", "linear"):
        raise _error("one_cycle", 'anneal "cos" or "linear"', f"anneal={anneal!r}")
    between = _cos if anneal == "cos" else _linear
    first, rise = lr / div_factor, pct_start * steps - 1
    points = [(0.0, first), (rise, lr), (steps - 1.0, first / final_div_factor)]
    if three_phase:
        points.insert(2, (2 * rise, first))

    def schedule(step: int) -> float:
        for (start, before), (stop, after) in pairwise(points):
            if step <= stop:
                part = (step - start) / (stop - start) if stop > start else 1.0
                return between(before, after, part)
        return points[-1][1]

    return schedule


def join(schedules: Sequence[Schedule], at: Sequence[int]) -> Schedule:
    """One schedule after another, each counting from its own beginning.

    Args:
        schedules: The schedules, in order.
        at: Ascending; the steps at which the second, third, ... begin.

    Raises:
        ArgumentError: `at` is not ascending, or not one shorter than `schedules`.

    Source:
        torch.optim.lr_scheduler.SequentialLR.
    """
    starts = [0, *_ascending("join", "at", at)]
    if len(starts) != len(schedules):
        raise _error(
            "join",
            "one beginning in `at` for each schedule but the first",
            f"{len(schedules)} schedules and {len(at)} beginnings",
        )

    def schedule(step: int) -> float:
        index = max(bisect_right(starts, step) - 1, 0)
        return schedules[index](step - starts[index])

    return schedule


def _cos(before: float, after: float, part: float) -> float:
    return after + (before - after) * (1 + math.cos(math.pi * part)) / 2


def _linear(before: float, after: float, part: float) -> float:
    return before + (after - before) * part


def _error(operation: str, expected: str, got: str) -> ArgumentError:
    return ArgumentError(operation, expected=expected, got=got, fix="choose it in that range")


def _at_least_zero(operation: str, name: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise _error(operation, f"{name} >= 0", f"{name}={value}")


def _count(operation: str, name: str, value: int) -> int:
    if isinstance(value, bool) or value != int(value) or value < 1:
        raise _error(operation, f"{name}: a whole number >= 1", f"{name}={value}")
    return int(value)


def _ascending(operation: str, name: str, values: Sequence[int]) -> list[int]:
    if any(later <= earlier for earlier, later in pairwise([0, *values])):
        raise _error(operation, f"{name}: ascending steps > 0", f"{name}={list(values)}")
    return list(values)
