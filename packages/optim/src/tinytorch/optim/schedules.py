"""Learning rates as plain functions of the step: `schedule(0)` is the rate of the first step.

A schedule is any function from a step's number to a rate. Those made here keep their last rate once
their steps are over. Set `optimizer.lr = schedule(step)` before each step, or give the schedule to
a `Trainer`:

    >>> schedule = join([linear_warmup(0.1, 5), cosine(0.1, 95)], at=[5])
    >>> [round(schedule(step), 4) for step in (0, 5, 52, 99)]
    [0.0333, 0.1, 0.0508, 0.0]
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal, TypeAlias, TypeGuard

import numpy as np

from tinytorch.tensor import pytorch
from tinytorch.tensor.checks import choice, flag, fraction, number, whole
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

pytorch.point_out(__name__, "lr_scheduler")

Schedule: TypeAlias = Callable[[int], float]
"""Step (from 0) to learning rate."""


def constant(lr: float) -> Schedule:
    """The same rate at every step.

    Args:
        lr: Learning rate, per step.

    Raises:
        ArgumentError: `lr` is out of its range.
    """
    rate = _rate("constant", lr)
    return lambda _: rate


def step_decay(lr: float, every: int | Sequence[int], factor: float = 0.1) -> Schedule:
    """Multiply the rate by `factor` every so many steps, or at the steps given.

    Args:
        lr: The first rate, per step.
        every: A number of steps, or a list of steps, ascending from 1.
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
    rate = _rate("step_decay", lr)
    factor = number("step_decay", "factor", factor, least=0)
    if _is_list(every):
        milestones = _ascending("step_decay", "every", every)
        return lambda step: rate * factor ** bisect_right(milestones, step)
    interval = whole("step_decay", "every", every, least=1)
    return lambda step: rate * factor ** (step // interval)


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
    rate = _rate("exponential", lr)
    factor = number("exponential", "factor", factor, least=0)
    return lambda step: rate * factor**step


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
    rate = _rate("cosine", lr)
    steps = whole("cosine", "steps", steps, least=1)
    end = number("cosine", "end", end, least=0)
    return lambda step: _cos(rate, end, min(step / steps, 1.0))


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
    rate = _rate("linear_warmup", lr)
    steps = whole("linear_warmup", "steps", steps, least=1)
    start_factor = number("linear_warmup", "start_factor", start_factor, least=0)
    return lambda step: rate * _linear(start_factor, 1.0, min(step / steps, 1.0))


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
    rate = _rate("one_cycle", lr)
    steps = whole("one_cycle", "steps", steps, least=1)
    pct_start = fraction("one_cycle", "pct_start", pct_start)
    if flag("one_cycle", "three_phase", three_phase) and pct_start > 0.5:
        raise _error(
            "one_cycle", "pct_start: at most 0.5 in three phases", f"pct_start={pct_start}"
        )
    div_factor, final_div_factor = (
        _divisor("one_cycle", name, value)
        for name, value in (("div_factor", div_factor), ("final_div_factor", final_div_factor))
    )
    waves = choice("one_cycle", "anneal", anneal, ("cos", "linear")) == "cos"
    between = _cos if waves else _linear
    first, rise = rate / div_factor, pct_start * steps - 1
    points = [(0.0, first), (rise, rate), (steps - 1.0, first / final_div_factor)]
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
    if not _is_list(schedules) or not all(map(callable, schedules)):
        raise _error(
            "join",
            "schedules: a list of functions of the step",
            f"{schedules!r:.60}",
            "constant(0.1) is the schedule of one rate",
        )
    if not _is_list(at):
        raise _error("join", "at: a list of steps", f"at={at!r:.60}", "for instance at=[100]")
    starts = [0, *_ascending("join", "at", at)]
    if len(starts) != len(schedules):
        raise _error(
            "join",
            "one beginning in `at` for each schedule but the first",
            f"{len(schedules)} schedules and {len(starts) - 1} beginnings",
            "leave out what is too many, or give what is missing",
        )

    def joined(step: int) -> float:
        index = max(bisect_right(starts, step) - 1, 0)
        rate: float = schedules[index](step - starts[index])
        return rate

    return joined


def _cos(before: float, after: float, part: float) -> float:
    return after + (before - after) * (1 + math.cos(math.pi * part)) / 2


def _linear(before: float, after: float, part: float) -> float:
    return before + (after - before) * part


def _rate(operation: str, lr: float) -> float:
    return number(operation, "lr", lr, least=0)


def _divisor(operation: str, name: str, value: float) -> float:
    found = number(operation, name, value, least=0)
    if found == 0:
        raise _error(operation, f"{name} > 0", f"{name}={value!r}")
    return found


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str)


def _ascending(operation: str, name: str, values: Sequence[int]) -> list[int]:
    steps = [whole(operation, f"{name}[{i}]", value, least=1) for i, value in enumerate(values)]
    if any(later <= earlier for earlier, later in pairwise(steps)):
        raise _error(operation, f"{name}: ascending steps", f"{name}={steps}", "sort them")
    return steps


def _error(
    operation: str, expected: str, got: str, fix: str = "choose it in that range"
) -> ArgumentError:
    return ArgumentError(operation, expected=expected, got=got, fix=fix)
