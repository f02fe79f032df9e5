"""Figures: what a trainer makes of the metrics that it was given, and of what they count."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinytorch.tensor.errors import ArgumentError
from tinytorch.training.metrics.accuracy import Accuracy, accuracy
from tinytorch.training.metrics.metric import Mean, Metric


def as_metrics(metrics: Iterable[Any]) -> list[Metric]:
    """Make a Trainer's own counters of its metrics, each with a column of its own."""
    if not isinstance(metrics, Iterable):
        raise _no_metric(metrics)
    counters = [as_metric(metric) for metric in metrics]
    names = ["loss", "lr", *(counter.name for counter in counters)]
    if len(set(names)) < len(names):
        raise ArgumentError(
            "Trainer",
            expected="metrics of different names, beside the columns loss and lr",
            got=", ".join(names[2:]),
            fix="use Mean(function, name=...), Accuracy(name=...)",
        )
    return counters


def as_metric(metric: Any) -> Metric:
    """Make a counter that has counted nothing of a metric, or of a function `(outputs, targets)`.

    A metric is copied, so that two counters never share counts.
    """
    if metric is accuracy:
        return Accuracy()
    if isinstance(metric, Metric):
        own = copy.deepcopy(metric)
        own.reset()
        return own
    if callable(metric) and not isinstance(metric, type):
        return Mean(metric)
    raise _no_metric(metric)


def figures_of(counters: Iterable[Metric]) -> dict[str, Any]:
    """Compute metrics: name to figure; a metric of several figures gives each its name."""
    figures: dict[str, Any] = {}
    for counter in counters:
        value = counter.compute()
        named = value if isinstance(value, dict) else {counter.name: value}
        if same := figures.keys() & named.keys():
            raise ArgumentError(
                "Trainer",
                expected="a name of its own for each figure",
                got=f"two of the name {min(same)!r}",
                fix=f"give {type(counter).__name__} another name=",
            )
        figures |= named
    return figures


def numbers_in(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return those figures that are single numbers, as a history holds them."""
    return {name: float(value) for name, value in figures.items() if np.ndim(value) == 0}


def _no_metric(got: Any) -> ArgumentError:
    name = got.__name__ if isinstance(got, type) else None
    return ArgumentError(
        "Trainer",
        expected="metrics: a list of metrics, or of functions (outputs, targets) -> number",
        got=repr(got),
        fix=f"give {name}(), not {name}" if name else "use metrics=(accuracy,)",
    )
