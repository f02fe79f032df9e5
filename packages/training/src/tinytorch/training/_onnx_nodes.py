"""The table from our ops to ONNX's: one row for each op, most of them a name.

A row gets the `Call` that it is to write down, and gives the name of the result.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

__all__ = ["NODES", "Call"]


class Graph(Protocol):
    """Where nodes and constants are written."""

    def add(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Write down a node; give the name of its result."""

    def constant(self, array: np.ndarray, name: str | None = None) -> str:
        """Keep an array; give its name."""


class Call(NamedTuple):
    """A call of an op: its operands' names, its settings, and the array that it gave."""

    graph: Graph
    names: list[str]
    settings: dict[str, Any]
    result: np.ndarray

    def add(self, kind: str, *more: str, **attributes: Any) -> str:
        """Write a node of the operands, and more inputs if there are any."""
        return self.graph.add(kind, [*self.names, *more], **attributes)

    def integers(self, *values: int) -> str:
        """Keep integers as a constant."""
        return self.graph.constant(np.array(values, np.int64))

    @property
    def pads(self) -> list[int]:
        """The padding as ONNX wants it: all beginnings, then all ends."""
        (top, bottom), (left, right) = self.settings.get("padding", ((0, 0), (0, 0)))
        return [top, left, bottom, right]


Row = Callable[[Call], str]


def _same(kind: str) -> Row:
    """A row for an op that ONNX has just so."""
    return lambda call: call.add(kind)


def _reduction(kind: str) -> Row:
    def row(call: Call) -> str:
        axis, keepdims = call.settings.get("axis"), int(call.settings.get("keepdims", False))
        axes = [] if axis is None else [axis] if isinstance(axis, int) else list(axis)
        return call.add(kind, *([call.integers(*axes)] if axes else []), keepdims=keepdims)

    return row


def _reshape(call: Call) -> str:
    """The first length is the batch's, and stays open."""
    return call.add("Reshape", call.integers(*[-1, *call.result.shape[1:]][: call.result.ndim]))


def _transpose(call: Call) -> str:
    axes, ndim = call.settings.get("axes"), call.result.ndim
    order = list(range(ndim))[::-1] if axes is None else [axis % ndim for axis in axes]
    return call.add("Transpose", perm=order)


def _linear(call: Call) -> str:
    """Weights lie as `(out, in)`; Gemm takes them so, but rows `(batch, in)` alone."""
    if call.result.ndim == 2:
        return call.add("Gemm", transB=1)
    x, weight, *bias = call.names
    turned = call.graph.add("Transpose", [weight], perm=[1, 0])
    product = call.graph.add("MatMul", [x, turned])
    return call.graph.add("Add", [product, *bias]) if bias else product


def _convolution(call: Call) -> str:
    return call.add(
        "Conv",
        strides=list(call.settings.get("stride", (1, 1))),
        pads=call.pads,
        dilations=list(call.settings.get("dilation", (1, 1))),
        group=call.settings.get("groups", 1),
    )


def _pooling(kind: str, **attributes: int) -> Row:
    return lambda call: call.add(
        kind,
        kernel_shape=list(call.settings["kernel_size"]),
        strides=list(call.settings["stride"]),
        pads=call.pads,
        **attributes,
    )


def _channel_affine(call: Call) -> str:
    """One scale, and maybe one shift, for each channel of `(batch, channels, height, width)`."""
    name, *vectors = call.names
    shape = call.integers(-1, 1, 1)
    for kind, vector in zip(("Mul", "Add"), vectors, strict=False):
        name = call.graph.add(kind, [name, call.graph.add("Reshape", [vector, shape])])
    return name


def _normalize(call: Call) -> str:
    """Spelled out, as LayerNormalization would want a scale."""
    (x,), last, dtype = call.names, call.settings["last"], call.result.dtype
    axes = call.integers(*range(-last, 0))
    count = call.graph.constant(np.array(np.prod(call.result.shape[-last:]), dtype))

    def mean(name: str) -> str:
        total = call.graph.add("ReduceSum", [name, axes], keepdims=1)
        return call.graph.add("Div", [total, count])

    centered = call.graph.add("Sub", [x, mean(x)])
    variance = mean(call.graph.add("Mul", [centered, centered]))
    eps = call.graph.constant(np.array(call.settings["eps"], dtype))
    root = call.graph.add("Sqrt", [call.graph.add("Add", [variance, eps])])
    return call.graph.add("Div", [centered, root])


def _clip(call: Call) -> str:
    bounds = [call.settings.get("low"), call.settings.get("high")]
    dtype = call.result.dtype
    kept = ["" if b is None else call.graph.constant(np.asarray(b, dtype)) for b in bounds]
    return call.add("Clip", *kept)


SAME_IN_ONNX = {
    "abs": "Abs",
    "add": "Add",
    "ceil": "Ceil",
    "cos": "Cos",
    "div": "Div",
    "equal": "Equal",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "log": "Log",
    "logical_and": "And",
    "logical_not": "Not",
    "logical_or": "Or",
    "matmul": "MatMul",
    "maximum": "Max",
    "minimum": "Min",
    "mul": "Mul",
    "neg": "Neg",
    "pow": "Pow",
    "relu": "Relu",
    "round": "Round",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "sub": "Sub",
    "tanh": "Tanh",
    "where": "Where",
}
NODES: dict[str, Row] = {
    **{name: _same(kind) for name, kind in SAME_IN_ONNX.items()},
    "avg_pool2d": _pooling("AveragePool", count_include_pad=1),
    "channel_affine": _channel_affine,
    "clip": _clip,
    "conv2d": _convolution,
    "join": lambda call: call.add("Concat", axis=call.settings.get("axis", 0)),
    "linear": _linear,
    "log_softmax": lambda call: call.add("LogSoftmax", axis=call.settings["axis"]),
    "max": _reduction("ReduceMax"),
    "max_pool2d": _pooling("MaxPool"),
    "min": _reduction("ReduceMin"),
    "normalize": _normalize,
    "reshape": _reshape,
    "sum": _reduction("ReduceSum"),
    "transpose": _transpose,
}
