"""A table of a module's layers: output shapes, parameters, operations and bytes.

A module counts its floating-point operations by a method ``flops(input_shape, output_shape)``, a
multiplication and an addition being two. Without one the table shows a dash.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinytorch.autograd._variable import no_grad
from tinytorch.autograd.nn._parameter import Buffer, Parameter
from tinytorch.tensor import Tensor, zeros

if TYPE_CHECKING:
    from tinytorch.autograd.nn._module import Module

__all__ = ["LayerSummary", "Summary", "summarize"]


class LayerSummary(NamedTuple):
    """One row of a `Summary`.

    Attributes:
        name: The module's dotted name.
        kind: Its class.
        output_shape: The shape of its output.
        parameters: How many numbers it learns, itself.
        flops: Floating-point operations of one call, or None where the module does not count them.
        weight_bytes: The size of its Parameters and Buffers.
        output_bytes: The size of its output.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    flops: int | None
    weight_bytes: int
    output_bytes: int


class Summary:
    """The layers of a module in the order of computation; its text is a table.

    Attributes:
        layers: A row for each call of a layer.
        parameters: How many numbers the module learns; shared ones count once.
        flops: The operations of all layers that count them.
        weight_bytes: The size of all Parameters and Buffers; shared ones count once.
        output_bytes: The size of all outputs.
    """

    def __init__(self, layers: list[LayerSummary], parameters: int, weight_bytes: int) -> None:
        self.layers = layers
        self.parameters = parameters
        self.weight_bytes = weight_bytes
        self.flops = sum(layer.flops or 0 for layer in layers)
        self.output_bytes = sum(layer.output_bytes for layer in layers)

    def __str__(self) -> str:
        """Draw the table."""
        head = ["layer", "output shape", "parameters", "FLOPs", "weights", "output"]
        rows = [
            [
                f"{layer.name} ({layer.kind})" if layer.name else layer.kind,
                str(layer.output_shape),
                f"{layer.parameters:,}",
                "-" if layer.flops is None else f"{layer.flops:,}",
                _bytes(layer.weight_bytes),
                _bytes(layer.output_bytes),
            ]
            for layer in self.layers
        ]
        total = [
            "total",
            "",
            f"{self.parameters:,}",
            f"{self.flops:,}",
            _bytes(self.weight_bytes),
            _bytes(self.output_bytes),
        ]
        widths = [max(map(len, column)) for column in zip(head, *rows, total, strict=True)]
        rule = "-" * (sum(widths) + 2 * len(widths) - 2)
        lines = [_line(row, widths) for row in (head, *rows, total)]
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    __repr__ = __str__


def summarize(module: "Module", example: Any) -> Summary:
    """Call a module once, in evaluation mode, and note what each layer gives.

    Args:
        module: The module.
        example: The shape of an input, batch axis included; or an input.

    Returns:
        The summary.
    """
    inputs = example if isinstance(example, Tensor) else zeros(example)
    layers: list[LayerSummary] = []
    with evaluating(module), watching(module, layers.append), no_grad():
        module(inputs)
    held = {id(x): x for _, x in (*module.named_parameters(), *module.named_buffers())}
    weights = sum(x.data.nbytes for x in held.values())
    return Summary(layers, sum(p.size for p in module.parameters()), weights)


@contextmanager
def evaluating(module: "Module") -> Iterator[None]:
    """Put all modules into evaluation mode for the time of a block."""
    before = [(one, one.training) for one in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for one, training in before:
            one.training = training


@contextmanager
def watching(module: "Module", note: Callable[[LayerSummary], None]) -> Iterator[None]:
    """Note every call of a module that has weights of its own, or nothing below it."""
    watched = [
        (name, one)
        for name, one in module.named_modules()
        if list(_own_weights(one)) or not list(one.children())
    ]
    for name, one in watched:
        vars(one)["forward"] = _noting(name, one, one.forward, note)
    try:
        yield
    finally:
        for _, one in watched:
            del vars(one)["forward"]


def _noting(
    name: str, module: "Module", forward: Callable[..., Any], note: Callable[[LayerSummary], None]
) -> Callable[..., Any]:
    def noted(*inputs: Any, **settings: Any) -> Any:
        output = forward(*inputs, **settings)
        count = getattr(module, "flops", None)
        shapes = [np.shape(x) for x in inputs if x is not None]
        weights = list(_own_weights(module))
        note(
            LayerSummary(
                name,
                type(module).__name__,
                output.shape,
                sum(x.size for x in weights if isinstance(x, Parameter)),
                int(count(*shapes, output.shape)) if count else None,
                sum(x.data.nbytes for x in weights),
                output.data.nbytes,
            )
        )
        return output

    return noted


def _own_weights(module: "Module") -> Iterator[Parameter | Buffer]:
    return (x for _, x in module._members() if isinstance(x, (Parameter, Buffer)))


def _bytes(n: float) -> str:
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.3g} {unit}"
        n /= 1000
    return f"{n:.3g} GB"


def _line(cells: list[str], widths: list[int]) -> str:
    """Text to the left, numbers to the right."""
    parts = [
        cell.ljust(width) if i < 2 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(parts).rstrip()
