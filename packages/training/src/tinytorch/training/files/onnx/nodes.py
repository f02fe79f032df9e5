"""The table from our ops to ONNX's: one row for each op, most of them a name.

A row gets the `Call` that it is to write down, and returns the name of the result. ONNX's operators
take operands of one data type where ours take several, so each row says in which it computes: most
in that of the result, comparisons in the one that NumPy would choose for the operands.

Source: https://onnx.ai/onnx/operators, opset 20.
"""

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

import numpy as np

from tinytorch.training.files.onnx.graph import Call

Row = Callable[[Call], str]

BOOL, INT64, FLOAT64 = np.dtype(np.bool_), np.dtype(np.int64), np.dtype(np.float64)
FIRST, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def _arithmetic(kind: str, **attributes: Any) -> Row:
    """A row for an op that computes in its result's type; small integers and truth in int64."""

    def row(call: Call) -> str:
        dtype = _computable(call.result.dtype)
        return call.give(call.add(kind, call.inputs(dtype), **attributes), dtype)

    return row


def _plain(kind: str, **settings: str) -> Row:
    """A row for an op that has an operator of the same settings, by ONNX's names."""

    def row(call: Call) -> str:
        attributes = {name: call.settings[own] for name, own in settings.items()}
        return call.add(kind, call.inputs(call.result.dtype), **attributes)

    return row


def _comparison(kind: str, then: str | None = None) -> Row:
    def row(call: Call) -> str:
        name = call.add(kind, call.inputs(_computable(call.common_dtype())))
        return name if then is None else call.add(then, [name])

    return row


def _logical(kind: str) -> Row:
    return lambda call: call.add(kind, call.inputs(BOOL))


def _bitwise(kind: str) -> Row:
    """A row for an op that is logic for truth values, and goes by bits for integers."""

    def row(call: Call) -> str:
        dtype = call.result.dtype
        return call.add(kind if dtype == BOOL else f"Bitwise{kind}", call.inputs(dtype))

    return row


def _computable(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype if dtype.kind == "f" or dtype.itemsize >= 4 else INT64


def _reduction(kind: str) -> Row:
    def row(call: Call) -> str:
        dtype, axis = _computable(call.result.dtype), call.settings.get("axis")
        inputs, axes = call.inputs(dtype), _list(axis)
        if axis is not None and not axes:
            return call.give(call.add("Identity", inputs), dtype)
        if axes:
            inputs.append(call.integers(*axes))
        keepdims = int(call.settings.get("keepdims", False))
        return call.give(call.add(kind, inputs, keepdims=keepdims), dtype)

    return row


def _position(kind: str) -> Row:
    def row(call: Call) -> str:
        axis, keepdims = call.settings.get("axis"), call.settings.get("keepdims", False)
        (name,) = call.inputs(_computable(call.common_dtype()))
        if axis is not None:
            return call.add(kind, [name], axis=axis, keepdims=int(keepdims))
        flat = call.add("Reshape", [name, call.integers(-1)])
        name = call.add(kind, [flat], axis=0, keepdims=0)
        ones = call.integers(*call.result.shape)
        return call.add("Reshape", [name, ones]) if keepdims else name

    return row


def _list(axis: Any) -> list[int]:
    if axis is None:
        return []
    return [int(axis)] if isinstance(axis, (int, np.integer)) else [int(a) for a in axis]


def _reshape(call: Call) -> str:
    return call.add("Reshape", [*call.inputs(call.result.dtype), call.integers(*call.result.shape)])


def _broadcast_to(call: Call) -> str:
    return call.add("Expand", [*call.inputs(call.result.dtype), call.integers(*call.result.shape)])


def _transpose(call: Call) -> str:
    axes, ndim = call.settings.get("axes"), call.result.ndim
    if ndim < 2:
        return call.add("Identity", call.inputs(call.result.dtype))
    order = list(range(ndim))[::-1] if axes is None else [int(axis) % ndim for axis in axes]
    return call.add("Transpose", call.inputs(call.result.dtype), perm=order)


def _pad(call: Call) -> str:
    before, after = np.broadcast_to(call.settings["widths"], (call.result.ndim, 2)).T
    value = call.number(call.settings.get("value", 0), call.result.dtype)
    widths = call.integers(*before, *after)
    return call.add("Pad", [*call.inputs(call.result.dtype), widths, value])


def _flip(call: Call) -> str:
    axis = call.settings["axis"]
    axes = _list(range(call.result.ndim) if axis is None else axis)
    (name,) = call.inputs(call.result.dtype)
    return _slices(call, name, {a: slice(None, None, -1) for a in axes})


def _getitem(call: Call) -> str:
    """An index of integers, slices, None and Ellipsis: slices, then axes dropped and made."""
    index = call.settings["index"]
    parts = list(index) if isinstance(index, tuple) else [index]
    kinds = (int, np.integer, slice, type(None), type(Ellipsis))
    if not all(isinstance(part, kinds) and not isinstance(part, bool) for part in parts):
        raise call.refusal("an index of integers, slices, None and Ellipsis", f"{index!r:.60}")
    (name,), ndim = call.inputs(call.result.dtype), call.operands[0].value.ndim
    named = sum(part is not None and part is not Ellipsis for part in parts)
    rest = [slice(None)] * (ndim - named)
    where = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[where : where + 1] = rest
    taken = [part for part in parts if part is not None]
    cuts = {
        axis: part if isinstance(part, slice) else slice(part, None if part == -1 else part + 1)
        for axis, part in enumerate(taken)
        if part != slice(None)
    }
    name = _slices(call, name, cuts)
    dropped = [axis for axis, part in enumerate(taken) if not isinstance(part, slice)]
    if dropped:
        name = call.add("Squeeze", [name, call.integers(*dropped)])
    left = [part for part in parts if part is None or isinstance(part, slice)]
    made = [axis for axis, part in enumerate(left) if part is None]
    return call.add("Unsqueeze", [name, call.integers(*made)]) if made else name


def _slices(call: Call, name: str, cuts: dict[int, slice]) -> str:
    if not cuts:
        return call.add("Identity", [name])
    steps = [1 if cut.step is None else int(cut.step) for cut in cuts.values()]
    starts, stops = [], []
    for cut, step in zip(cuts.values(), steps, strict=True):
        begin, end = (0, LAST) if step > 0 else (LAST, FIRST)
        starts.append(begin if cut.start is None else int(cut.start))
        stops.append(end if cut.stop is None else int(cut.stop))
    return call.add("Slice", [name, *(call.integers(*x) for x in (starts, stops, cuts, steps))])


def _where(call: Call) -> str:
    dtype = _computable(call.result.dtype)
    (condition, *_), (_, *choices) = call.inputs(BOOL), call.inputs(dtype)
    return call.give(call.add("Where", [condition, *choices]), dtype)


def _relu_gradient(call: Call) -> str:
    dtype = _computable(call.result.dtype)
    (_, condition), (g, _) = call.inputs(BOOL), call.inputs(dtype)
    return call.give(call.add("Where", [condition, g, call.number(0, dtype)]), dtype)


def _gelu(call: Call) -> str:
    """Spelled out, as older readers have no Gelu: by Erf, or as x times the sigmoid of a curve."""
    dtype = call.result.dtype
    (x,) = call.inputs(dtype)

    def times(name: str, factor: float) -> str:
        return call.add("Mul", [name, call.number(factor, dtype)])

    if call.settings.get("approximate", "none") == "tanh":
        squares = times(call.add("Mul", [x, x]), 0.044715)
        curve = call.add("Mul", [x, call.add("Add", [squares, call.number(1, dtype)])])
        return call.add("Mul", [x, call.add("Sigmoid", [times(curve, sqrt(8 / pi))])])
    beyond = call.add("Erf", [times(x, sqrt(0.5))])
    return call.add("Mul", [times(x, 0.5), call.add("Add", [beyond, call.number(1, dtype)])])


def _silu(call: Call) -> str:
    names = call.inputs(call.result.dtype)
    return call.add("Mul", [*names, call.add("Sigmoid", names)])


def _leaky_relu(call: Call) -> str:
    slope = float(call.settings["negative_slope"])
    return call.add("LeakyRelu", call.inputs(call.result.dtype), alpha=slope)


def _linear(call: Call) -> str:
    """Weights lie as `(out, in)`; Gemm takes them so, but rows `(batch, in)` alone."""
    x, weight, *bias = call.inputs(call.result.dtype)
    if call.result.ndim == 2:
        return call.add("Gemm", [x, weight, *bias], transB=1)
    product = call.add("MatMul", [x, call.add("Transpose", [weight], perm=[1, 0])])
    return call.add("Add", [product, *bias]) if bias else product


def _convolution(call: Call) -> str:
    return call.add(
        "Conv",
        call.inputs(call.result.dtype),
        strides=list(call.settings.get("stride", (1, 1))),
        pads=_pads(call),
        dilations=list(call.settings.get("dilation", (1, 1))),
        group=call.settings.get("groups", 1),
    )


def _transposed_convolution(call: Call) -> str:
    """The gradient of a convolution; what its windows leave over is padding of the output."""
    settings, pads = call.settings, _pads(call)
    stride, dilation = (list(settings.get(key, (1, 1))) for key in ("stride", "dilation"))
    pixels, kernel = (operand.value.shape[2:] for operand in call.operands)
    reached = [
        (pixels[i] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 - pads[i] - pads[i + 2]
        for i in range(2)
    ]
    return call.add(
        "ConvTranspose",
        call.inputs(call.result.dtype),
        strides=stride,
        pads=pads,
        dilations=dilation,
        group=settings.get("groups", 1),
        output_padding=[size - end for size, end in zip(settings["size"], reached, strict=True)],
    )


def _pooling(kind: str, **attributes: int) -> Row:
    return lambda call: call.add(
        kind,
        call.inputs(call.result.dtype),
        kernel_shape=list(call.settings["kernel_size"]),
        strides=list(call.settings["stride"]),
        pads=_pads(call),
        **attributes,
    )


def _pads(call: Call) -> list[int]:
    """The padding as ONNX wants it: all beginnings, then all ends."""
    (top, bottom), (left, right) = call.settings.get("padding", ((0, 0), (0, 0)))
    return [top, left, bottom, right]


def _channel_affine(call: Call) -> str:
    """One scale, and maybe one shift, for each channel of `(batch, channels, height, width)`."""
    name, *vectors = call.inputs(call.result.dtype)
    shape = call.integers(-1, 1, 1)
    for kind, vector in zip(("Mul", "Add"), vectors, strict=False):
        name = call.add(kind, [name, call.add("Reshape", [vector, shape])])
    return name


def _normalize(call: Call) -> str:
    """Spelled out, as LayerNormalization would want a scale."""
    (x,), last, dtype = call.inputs(call.result.dtype), call.settings["last"], call.result.dtype
    axes = call.integers(*range(-last, 0))

    def mean(name: str) -> str:
        return call.add("ReduceMean", [name, axes], keepdims=1)

    centered = call.add("Sub", [x, mean(x)])
    variance = mean(call.add("Mul", [centered, centered]))
    eps = call.number(call.settings["eps"], dtype)
    return call.add("Div", [centered, call.add("Sqrt", [call.add("Add", [variance, eps])])])


def _floor_division(call: Call) -> str:
    """By floats, for ONNX cuts integers toward zero."""
    dtype = call.result.dtype if call.result.dtype.kind == "f" else FLOAT64
    return call.give(call.add("Floor", [call.add("Div", call.inputs(dtype))]), dtype)


def _remainder(call: Call) -> str:
    dtype = _computable(call.result.dtype)
    x, y = call.inputs(dtype)
    if dtype.kind != "f":
        return call.give(call.add("Mod", [x, y]), dtype)
    whole = call.add("Floor", [call.add("Div", [x, y])])
    return call.add("Sub", [x, call.add("Mul", [whole, y])])


def _erfc(call: Call) -> str:
    dtype = call.result.dtype
    return call.add("Sub", [call.number(1, dtype), call.add("Erf", call.inputs(dtype))])


def _odd(call: Call) -> list[str]:
    names = call.inputs(call.common_dtype())
    return [call.add(kind, names) for kind in ("IsNaN", "IsInf")]


def _clip(call: Call) -> str:
    dtype = _computable(call.result.dtype)
    bounds = [call.settings.get("low"), call.settings.get("high")]
    kept = ["" if bound is None else call.number(bound, dtype) for bound in bounds]
    return call.give(call.add("Clip", [*call.inputs(dtype), *kept]), dtype)


NODES: dict[str, Row] = {
    "abs": _arithmetic("Abs"),
    "add": _arithmetic("Add"),
    "argmax": _position("ArgMax"),
    "argmin": _position("ArgMin"),
    "avg_pool2d": _pooling("AveragePool", count_include_pad=1),
    "bitwise_and": _bitwise("And"),
    "bitwise_not": _bitwise("Not"),
    "bitwise_or": _bitwise("Or"),
    "bitwise_xor": _bitwise("Xor"),
    "broadcast_to": _broadcast_to,
    "ceil": _arithmetic("Ceil"),
    "channel_affine": _channel_affine,
    "clip": _clip,
    "conv2d": _convolution,
    "conv2d_input_gradient": _transposed_convolution,
    "cos": _arithmetic("Cos"),
    "cumsum": lambda call: call.add(
        "CumSum", [*call.inputs(call.result.dtype), call.number(call.settings["axis"], INT64)]
    ),
    "div": _arithmetic("Div"),
    "einsum": _plain("Einsum", equation="subscripts"),
    "equal": _comparison("Equal"),
    "erf": _arithmetic("Erf"),
    "erfc": _erfc,
    "exp": _arithmetic("Exp"),
    "flip": _flip,
    "floor": _arithmetic("Floor"),
    "floor_div": _floor_division,
    "gelu": _gelu,
    "getitem": _getitem,
    "greater": _comparison("Greater"),
    "greater_equal": _comparison("GreaterOrEqual"),
    "isfinite": lambda call: call.add("Not", [call.add("Or", _odd(call))]),
    "isnan": lambda call: call.add("IsNaN", call.inputs(call.common_dtype())),
    "join": lambda call: call.add(
        "Concat", call.inputs(call.result.dtype), axis=int(call.settings.get("axis", 0))
    ),
    "leaky_relu": _leaky_relu,
    "less": _comparison("Less"),
    "less_equal": _comparison("LessOrEqual"),
    "linear": _linear,
    "log": _arithmetic("Log"),
    "log_softmax": _plain("LogSoftmax", axis="axis"),
    "logical_and": _logical("And"),
    "logical_not": _logical("Not"),
    "logical_or": _logical("Or"),
    "matmul": _arithmetic("MatMul"),
    "max": _reduction("ReduceMax"),
    "max_pool2d": _pooling("MaxPool"),
    "maximum": _arithmetic("Max"),
    "min": _reduction("ReduceMin"),
    "minimum": _arithmetic("Min"),
    "mod": _remainder,
    "mul": _arithmetic("Mul"),
    "neg": _arithmetic("Neg"),
    "normalize": _normalize,
    "not_equal": _comparison("Equal", then="Not"),
    "pad": _pad,
    "pow": _arithmetic("Pow"),
    "relu": _arithmetic("Relu"),
    "relu_gradient": _relu_gradient,
    "reshape": _reshape,
    "round": _arithmetic("Round"),
    "sigmoid": _arithmetic("Sigmoid"),
    "sign": _arithmetic("Sign"),
    "silu": _silu,
    "sin": _arithmetic("Sin"),
    "softmax": _plain("Softmax", axis="axis"),
    "softplus": _arithmetic("Softplus"),
    "sqrt": _arithmetic("Sqrt"),
    "sub": _arithmetic("Sub"),
    "sum": _reduction("ReduceSum"),
    "tanh": _arithmetic("Tanh"),
    "to_discrete": _plain("Identity"),
    "to_float": _plain("Identity"),
    "transpose": _transpose,
    "where": _where,
}
