"""A tensor that passes through a model and writes down every op that it meets, for any batch size.

`Traced` overrides the one seam, `evaluate`, as autograd's Variable does, and so follows any model
that is made of our ops, whatever its `forward` looks like. Weights become constants, and what
depends on weights alone is computed here.

One trace knows one batch size, and cannot tell it from the other numbers that it meets. So there
are two, of different sizes and different numbers: what differs between them depends on the batch.
Where that is a length or a count, the file computes it from the input's shape; anything else is
refused.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, NamedTuple, NoReturn

import numpy as np

from tinytorch.autograd import no_grad
from tinytorch.autograd.nn import Module, evaluation
from tinytorch.tensor import Op, Tensor
from tinytorch.tensor.errors import ArgumentError
from tinytorch.training.files.onnx.graph import OPERATION, Call, Graph, Node, Operand
from tinytorch.training.files.onnx.nodes import NODES

BATCHES = (2, 5)
"""The sizes of the traces: their halves differ, too, and so do their last bits."""
INPUT, OUTPUT = "input", "output"


class Traced(Tensor):
    """A Tensor that stands for a value of a graph, and writes down what is done with it.

    It holds the numbers of one example, and refuses to show them: what a model decides or computes
    from them outside of our ops would be the same for every input of the file.
    """

    __slots__ = ("graph", "name", "weights")

    graph: Graph
    name: str
    weights: Mapping[int, str]

    @staticmethod
    def evaluate(op: Op, operands: tuple[Any, ...], settings: dict[str, Any]) -> Tensor:
        """Compute the op, and write it down."""
        array = op.compute(operands, settings)
        if op.name not in NODES:
            raise ArgumentError(
                OPERATION,
                expected=f"ops among {', '.join(sorted(NODES))}",
                got=op.name,
                fix="replace the layer that uses it, or add a row to NODES",
                op=op.name,
            )
        traced = next(x for x in operands if isinstance(x, Traced))
        named = [traced.operand(x) for x in operands if x is not None]
        name = NODES[op.name](Call(traced.graph, op.name, named, settings, array))
        return _traced(traced.graph, name, array, traced.weights)

    def operand(self, x: Any) -> Operand:
        """Return what stands for an operand beside this one."""
        if isinstance(x, Traced):
            return Operand(x.name, x.data)
        if isinstance(x, Tensor):
            return Operand(self.graph.constant(x.data, self.weights.get(id(x))), x.data)
        return Operand(None, x)

    def _refuse(self, *arguments: Any, **settings: Any) -> NoReturn:  # noqa: ARG002 - any look
        raise ArgumentError(
            OPERATION,
            expected="a model that computes by Tensor operations, the same for every input",
            got=f"a look at the numbers of a Tensor {self.shape} in forward",
            fix="use where(condition, x, y) in place of if, and Tensor operations for NumPy's",
        )

    numpy = item = tolist = __array__ = __dlpack__ = _refuse
    __bool__ = __float__ = __int__ = __index__ = __contains__ = _refuse

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> Any:
        """Refuse NumPy's functions, which leave no trace, but for those that ask of shape."""
        if function in (np.shape, np.ndim, np.size):
            return function(self.data, *args[1:], **kwargs)
        raise self._refuse()


class Trace(NamedTuple):
    """The graph of a model, the name of its result, and that result for each of `BATCHES`."""

    graph: Graph
    result: str
    outputs: list[np.ndarray]


def trace(model: Module, shape: Sequence[int], dtype: np.dtype[Any]) -> Trace:
    """Return the graph of a model in evaluation mode, for any batch size.

    The model is left as it was; `shape` is that of one example.
    """
    with evaluation(model), no_grad(), _constant_weights(model) as weights:
        small, large = (
            _result(model, random_example(batch, shape, dtype), weights) for batch in BATCHES
        )
    if small.ndim != large.ndim or small.name != large.name:
        raise _depends("the result", "shape", small.shape, large.shape)
    graph = _for_any_batch(small.graph, large.graph)
    return Trace(graph, small.name, [small.data, large.data])


def random_example(batch: int, shape: Sequence[int], dtype: np.dtype[Any]) -> np.ndarray:
    """Return `(batch, *shape)` normal numbers, others for each batch."""
    return np.random.default_rng(batch).normal(size=(batch, *shape)).astype(dtype)


def _result(model: Module, example: np.ndarray, weights: Mapping[int, str]) -> Traced:
    outputs = model(_traced(Graph(), INPUT, example, weights))
    if not isinstance(outputs, Traced):
        raise ArgumentError(
            OPERATION,
            expected="a model that computes one Tensor from its input, by Tensor operations",
            got=f"a {type(outputs).__name__}",
            fix="keep to Tensor operations in forward: NumPy functions leave no trace",
        )
    return outputs


def _traced(graph: Graph, name: str, array: np.ndarray, weights: Mapping[int, str]) -> Traced:
    result = Traced.__new__(Traced)
    result.data, result.graph, result.name, result.weights = array, graph, name, weights
    return result


@contextmanager
def _constant_weights(model: Module) -> Iterator[dict[int, str]]:
    """Let Parameters evaluate as plain Tensors; give the names of all weights by identity."""
    weights = [*model.named_parameters(), *model.named_buffers()]
    kinds = [(parameter, type(parameter)) for parameter in model.parameters()]
    try:
        for parameter, kind in kinds:
            plain = {"__slots__": (), "evaluate": staticmethod(Tensor.evaluate)}
            parameter.__class__ = type(kind.__name__, (kind,), plain)
        yield {id(x): f"{name}/0" if name in (INPUT, OUTPUT) else name for name, x in weights}
    finally:
        for parameter, kind in kinds:
            parameter.__class__ = kind


def _for_any_batch(small: Graph, large: Graph) -> Graph:
    """The nodes of the first graph, with what differs in the second computed from the input."""
    merged = Graph("batch/")
    known = {INPUT: INPUT, "": ""}
    for node, other in zip_longest(small.nodes, large.nodes):
        if node is None or other is None:
            raise _depends((node or other).op, "calls", len(small.nodes), len(large.nodes))
        if (node.op, node.kind, node.inputs) != (other.op, other.kind, other.inputs):
            raise _depends(node.op, "place", f"node {node.output}", f"that of {other.op}")
        for key, value in node.attributes.items():
            if value != other.attributes[key]:
                raise _depends(node.op, key, value, other.attributes[key])
        for name in node.inputs:
            if name not in known:
                values = small.constants[name], large.constants[name]
                known[name] = _constant(merged, node, name, *values)
        merged.nodes.append(node._replace(inputs=tuple(known[name] for name in node.inputs)))
        known[node.output] = node.output
    return merged


def _constant(merged: Graph, node: Node, name: str, small: np.ndarray, large: np.ndarray) -> str:
    """The name of a constant that two traces know, or of what takes its place."""
    if small is large or _same(small, large):
        return merged.constant(small, name)
    if small.shape != large.shape:
        return _repeated(merged, node, small, large)
    slope = (large.astype(np.float64) - small) / (BATCHES[1] - BATCHES[0])
    offset = small - BATCHES[0] * slope
    if not (np.array_equal(slope, np.rint(slope)) and np.array_equal(offset, np.rint(offset))):
        raise _depends(node.op, "constant operand", f"{small!r:.60}", f"{large!r:.60}")
    if node.kind == "Reshape" and np.count_nonzero(slope) == 1:
        return merged.constant(np.where(slope == 0, small, -1), name)
    return _computed(merged, node, slope.astype(small.dtype), offset.astype(small.dtype))


def _repeated(merged: Graph, node: Node, small: np.ndarray, large: np.ndarray) -> str:
    """What takes the place of a constant that is the same for each example, as zeros may be."""
    lengths = [*zip(small.shape, large.shape, strict=False)]
    one = small[tuple(slice(1) if pair == BATCHES else slice(None) for pair in lengths)]
    fits = small.ndim == large.ndim and all(a == b or (a, b) == BATCHES for a, b in lengths)
    if not (fits and all(_same(x, np.broadcast_to(one, x.shape)) for x in (small, large))):
        shapes = f"of shape {small.shape}", f"of {large.shape}"
        raise _depends(node.op, "constant operand", *shapes)
    slope = np.array([int(a != b) for a, b in lengths])
    shape = _computed(merged, node, slope, np.where(slope == 1, 0, small.shape))
    return merged.add(node.op, "Expand", [merged.constant(one), shape])


def _computed(merged: Graph, node: Node, slope: np.ndarray, offset: np.ndarray) -> str:
    """The name of slope * (size of the batch) + offset."""
    size = merged.add(node.op, "Shape", [INPUT], start=0, end=1)
    if slope.ndim == 0:
        size = merged.add(node.op, "Squeeze", [size])
    if slope.dtype != np.int64:
        size = merged.add(node.op, "Cast", [size], to=slope.dtype)
    scaled = merged.add(node.op, "Mul", [size, merged.constant(slope)])
    return merged.add(node.op, "Add", [scaled, merged.constant(offset)])


def _same(x: np.ndarray, y: np.ndarray) -> bool:
    return np.array_equal(x, y, equal_nan=x.dtype.kind == "f")


def _depends(op: str, what: str, small: object, large: object) -> ArgumentError:
    return ArgumentError(
        OPERATION,
        expected="a model that does the same for any batch size",
        got=f"{op}, whose {what} is {small} for a batch of {BATCHES[0]}, {large} for {BATCHES[1]}",
        fix="take lengths from x.shape, and compute by Tensor operations, which leave a trace",
        op=op,
    )
