"""Figures: what a trainer makes of the metrics that it was given, and of what they count."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinytorch.tensor.errors import ArgumentError
from tinytorch.training.metrics.accuracy import Accuracy, accuracy
from tinytorch.training.metrics.metric import Mean, Metric

__all__ = ["as_metric", "figures_of", "numbers_in"]


def as_metric(metric: Any) -> Metric:
    """Make the Trainer's own counter of a metric, or of a function `(outputs, targets)`.

    Args:
        metric: A `Metric` (copied, so that two counters never share counts) or a function.

    Returns:
        A metric that has counted nothing.

    Raises:
        ArgumentError: It is neither.
    """
    if metric is accuracy:
        return Accuracy()
    if isinstance(metric, Metric):
        own = copy.deepcopy(metric)
        own.reset()
        return own
    if callable(metric) and not isinstance(metric, type):
        return Mean(metric)
    raise ArgumentError(
        "metrics",
        expected="metrics, or functions (outputs, targets) -> number",
        got=repr(metric),
        fix="give Accuracy(), not Accuracy"
        if isinstance(metric, type)
        else "use metrics=(accuracy,)",
    )


def figures_of(counters: Iterable[Metric]) -> dict[str, Any]:
    """Compute metrics: name to figure; a metric of several figures gives each its name."""
    figures: dict[str, Any] = {}
    for counter in counters:
        value = counter.compute()
        figures |= value if isinstance(value, dict) else {counter.name: value}
    return figures


def numbers_in(figures: Mapping[str, Any]) -> dict[str, float]:
    """Give those figures that are single numbers, as a history holds them."""
    return {name: float(value) for name, value in figures.items() if np.ndim(value) == 0}
