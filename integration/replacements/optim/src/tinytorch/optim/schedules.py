"""Schedules: learning rates as functions of the step, from 0."""

import math
from bisect import bisect_right
from collections.abc import Callable

from tinytorch.tensor import ArgumentError, checks

Schedule = Callable[[int], float]


def constant(lr):
    """Return the same rate at every step."""
    lr = _number("constant", "lr", lr)
    return lambda _: lr


def step_decay(lr, every, factor=0.1):
    """Return the rate times `factor` after every so many steps, or after those that are listed."""
    lr, factor = _number("step_decay", "lr", lr), _number("step_decay", "factor", factor)
    if isinstance(every, list | tuple):
        drops = _ascending("step_decay", "every", every)
        return lambda step: lr * factor ** bisect_right(drops, step)
    every = checks.whole("step_decay", "every", every, least=1)
    return lambda step: lr * factor ** (step // every)


def exponential(lr, factor):
    """Return the rate times `factor` at every step."""
    lr, factor = _number("exponential", "lr", lr), _number("exponential", "factor", factor)
    return lambda step: lr * factor**step


def cosine(lr, steps, end=0):
    """Return half a wave from `lr` to `end`."""
    lr, end = _number("cosine", "lr", lr), _number("cosine", "end", end)
    steps = checks.whole("cosine", "steps", steps, least=1)
    return lambda step: _wave(lr, end, min(step, steps) / steps)


def linear_warmup(lr, steps, start_factor=1 / 3):
    """Return a straight way from `lr * start_factor` to `lr`."""
    lr = _number("linear_warmup", "lr", lr)
    start_factor = _number("linear_warmup", "start_factor", start_factor)
    steps = checks.whole("linear_warmup", "steps", steps, least=1)
    return lambda step: _line(lr * start_factor, lr, min(step, steps) / steps)


def one_cycle(
    lr, steps, pct_start=0.3, div_factor=25, final_div_factor=1e4, three_phase=False, anneal="cos"
):
    """Return the way up to `lr`, and the way down."""
    name = "one_cycle"
    lr, steps = _number(name, "lr", lr), checks.whole(name, "steps", steps, least=1)
    pct = checks.fraction(name, "pct_start", pct_start)
    if checks.flag(name, "three_phase", three_phase) and pct > 0.5:
        raise _wrong(name, "pct_start", pct_start, "at most 0.5 with three phases")
    for setting, value in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
        if not _number(name, setting, value):
            raise _wrong(name, setting, value, "above 0")
    way = _wave if checks.choice(name, "anneal", anneal, ("cos", "linear")) == "cos" else _line
    low, peak, last = lr / div_factor, pct * steps - 1, steps - 1
    points = [(0, low), (peak, lr), (last, low / final_div_factor)]
    if three_phase:
        points.insert(2, (2 * peak, low))

    def rate(step):
        at = min(step, last)
        reached = [i for i, (end, _) in enumerate(points[1:-1], 1) if at > end]
        i = reached[-1] if reached else 0
        (begin, one), (end, other) = points[i : i + 2]
        return way(one, other, (at - begin) / (end - begin) if end > begin else 1.0)

    return rate


def join(schedules, at):
    """Return one schedule after another, each counting from where it begins."""
    schedules, at = list(schedules), _ascending("join", "at", at)
    if len(at) != len(schedules) - 1:
        raise _wrong("join", "at", at, f"{len(schedules) - 1} steps, one less than schedules")

    def rate(step):
        i = bisect_right(at, step)
        return schedules[i](step - at[i - 1] if i else step)

    return rate


def _line(one, other, part):
    return one + (other - one) * part


def _wave(one, other, part):
    return other + (one - other) * (1 + math.cos(math.pi * part)) / 2


def _number(name, setting, value):
    return checks.number(name, setting, value, least=0)


def _ascending(name, setting, values):
    found = [checks.whole(name, setting, one, least=1) for one in values]
    if found != sorted(set(found)):
        raise _wrong(name, setting, values, "ascending steps")
    return found


def _wrong(name, setting, value, expected):
    return ArgumentError(
        name,
        expected=f"{setting}: {expected}",
        got=f"{setting}={value!r}",
        fix=f"choose {setting} in that range",
    )
