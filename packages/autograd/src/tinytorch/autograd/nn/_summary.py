"""A table of a module's layers: output shapes, parameters, operations and bytes.

A module counts its floating-point operations by a method `flops(input_shape, output_shape)`, a
multiplication and an addition being two. Without one the table shows a dash.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from tinytorch.autograd.nn._parameter import Buffer, Parameter
from tinytorch.tensor import display

HEAD = ["layer", "output shape", "parameters", "FLOPs", "weights", "output"]


class LayerSummary(NamedTuple):
    """One row of a `Summary`.

    Attributes:
        name: The module's dotted name.
        kind: Its class.
        output_shape: The shape of its output.
        parameters: How many numbers its own Parameters hold.
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

    @classmethod
    def of(
        cls,
        name: str,
        kind: str,
        weights: Sequence[Parameter | Buffer],
        flops: Callable[..., int] | None,
        inputs: tuple[Any, ...],
        output: Any,
    ) -> Self:
        """Return the row of a layer that made an output of inputs by weights of its own."""
        shapes = [np.shape(x) for x in inputs if x is not None]
        return cls(
            name,
            kind,
            output.shape,
            sum(x.size for x in weights if isinstance(x, Parameter)),
            int(flops(*shapes, output.shape)) if flops else None,
            sum(x.data.nbytes for x in weights),
            output.data.nbytes,
        )


class Summary:
    """The layers of a module in the order of computation; its text is a table.

    Attributes:
        layers: A row for each call of a layer.
        parameters: How many numbers its Parameters hold; shared ones count once.
        trainable: How many of those learn: all that are not frozen.
        flops: The operations of all layers that count them.
        weight_bytes: The size of all Parameters and Buffers; shared ones count once.
        output_bytes: The size of all outputs.
    """

    def __init__(self, layers: list[LayerSummary], weights: Sequence[Parameter | Buffer]) -> None:
        parameters = [x for x in weights if isinstance(x, Parameter)]
        self.layers = layers
        self.parameters = sum(p.size for p in parameters)
        self.trainable = sum(p.size for p in parameters if p.requires_grad)
        self.weight_bytes = sum(x.data.nbytes for x in weights)
        self.flops = sum(layer.flops or 0 for layer in layers)
        self.output_bytes = sum(layer.output_bytes for layer in layers)

    def __str__(self) -> str:
        """Draw the table."""
        rows = [HEAD, *self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        rule = "-" * (sum(widths) + 2 * len(widths) - 2)
        lines = [_line(row, widths) for row in rows]
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], *self._notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return display.table(HEAD, self._rows(), note="; ".join(self._notes()))

    def _rows(self) -> list[list[str]]:
        """The cells: a row for each layer, and the total."""
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
        return [*rows, total]

    def _notes(self) -> list[str]:
        frozen = self.parameters - self.trainable
        return [f"{frozen:,} of {self.parameters:,} parameters are frozen"] if frozen else []


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
