"""When a loss becomes NaN or infinite, the place where it began says more than the loss."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinytorch.autograd import no_grad
from tinytorch.autograd.nn import Module
from tinytorch.optim import NonFiniteError
from tinytorch.training._run import Run
from tinytorch.training.callbacks.callback import Callback
from tinytorch.training.parts.positions import generator_states, load_generator_states


class StopOnNonFinite(Callback):
    """Stop at the first loss or gradient that is NaN or infinite, before it reaches the weights.

    Raises:
        NonFiniteError: It names epoch, batch (both counted from 1) and the first layer with a
            value that is not finite.
    """

    order = -50

    def on_gradients(self, run: Run) -> None:
        if math.isfinite(run.mean_loss.sum):
            wrong = next(_non_finite_gradients(run.model), None)
            if wrong is None:
                return
            what, place = "a gradient", f"the gradient of {wrong}"
        else:
            what = f"loss {run.loss_value}"
            place = first_non_finite(run.model, run.inputs) or "the loss function"
        epoch, batch = run.epoch + 1, run.batch + 1
        raise NonFiniteError(
            "Trainer.fit",
            expected="finite losses and gradients",
            got=f"{what} in epoch {epoch}, batch {batch}; first seen in {place}",
            fix="lower the learning rate, set clip_norm=1.0, and look for log(0) and x/0 there",
            epoch=epoch,
            batch=batch,
            place=place,
        )


def first_non_finite(model: Module, inputs: Any) -> str | None:
    """Name the first place on the way from inputs to outputs with a NaN or infinite value.

    Args:
        model: The model; its buffers and random generators are left as they were.
        inputs: A batch `(batch, ...)`.

    Returns:
        `"the inputs"`, `"parameter 0.weight"`, `"layer 3 (ReLU)"`, or None if all is finite.
    """
    if not _is_finite(inputs):
        return "the inputs"
    for name, parameter in model.named_parameters():
        if not np.isfinite(parameter.data).all():
            return f"parameter {name}"
    before, generators = model.state_dict(), generator_states(model)
    seen: list[str] = []

    def look(name: str, module: Module, inputs: Any, outputs: Any) -> None:  # noqa: ARG001
        if not _is_finite(outputs):
            seen.append(
                f"layer {name} ({type(module).__name__})" if name else "the model's outputs"
            )

    try:
        with model.watching(after=look), no_grad(), np.errstate(all="ignore"):
            model(inputs)
    finally:
        model.load_state_dict(before)
        load_generator_states(model, generators)
    return seen[0] if seen else None


def _is_finite(values: Any) -> bool:
    """Whether a Tensor, or each of several in a tuple, list or dict, is finite."""
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, (tuple, list)):
        return all(map(_is_finite, values))
    array = np.asarray(values)
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


def _non_finite_gradients(model: Module) -> Iterator[str]:
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and not np.isfinite(parameter.grad.data).all():
            yield name
