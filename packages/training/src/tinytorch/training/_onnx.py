"""ONNX export: a tensor that passes through the model and writes down every op that it meets.

The seam of the tensor layer does the work: `_Traced` overrides `evaluate`, as autograd's Variable
does, and so follows any model that is made of our ops, whatever its `forward` looks like. Each op
is one row of the table in `_onnx_nodes`. Weights become constants, and what depends on weights
alone is computed here.

Source: https://onnx.ai/onnx/repo-docs/IR.html and the operators of opset 20.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinytorch.autograd import no_grad
from tinytorch.autograd.nn import Module, Parameter
from tinytorch.tensor import Op, Tensor
from tinytorch.tensor.errors import ArgumentError
from tinytorch.training._onnx_nodes import NODES, Call
from tinytorch.training._protobuf import message
from tinytorch.training._session import evaluation_mode
from tinytorch.training._version import __version__
from tinytorch.training.files.atomic import PathLike, write_atomically

__all__ = ["export_onnx"]

IR_VERSION, OPSET = 10, 20
DATA_TYPES = {"float32": 1, "int32": 6, "int64": 7, "bool": 9, "float64": 11}
INT, INTS = 2, 7


def export_onnx(model: Module, path: PathLike, input_shape: Sequence[int]) -> None:
    """Write a model, as it computes in evaluation mode, to a file that ONNX runtimes read.

    Args:
        model: Any module of our ops on one input; it is left as it was.
        path: The file to write.
        input_shape: The shape of one example, such as `(3, 32, 32)`; the batch may have any size.

    Raises:
        ArgumentError: The model uses an op that has no row for ONNX.

    Example:
        >>> import tempfile
        >>> from tinytorch.autograd import nn
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        >>> export_onnx(model, tempfile.mkdtemp() + "/model.onnx", (1, 8, 8))
    """
    graph = _Graph()
    example = np.zeros((2, *input_shape), next((p.dtype for p in model.parameters()), np.float32))
    with evaluation_mode(model), no_grad(), _constant_weights(model) as names:
        graph.names = names
        outputs = model(graph.traced("input", example))
    if not isinstance(outputs, _Traced):
        raise ArgumentError(
            "export_onnx",
            expected="a model that computes one Tensor from its input, by Tensor operations",
            got=f"a {type(outputs).__name__}",
            fix="keep to Tensor operations in forward: NumPy functions leave no trace",
        )
    content = message(
        (1, IR_VERSION),
        (2, "tinytorch"),
        (3, __version__),
        (7, graph.message(example, outputs)),
        (8, message((2, OPSET))),
    )
    write_atomically("export_onnx", path, [content])


class _Graph:
    """The nodes and constants written down so far."""

    def __init__(self) -> None:
        self.nodes: list[bytes] = []
        self.constants: dict[str, np.ndarray] = {}
        self.names: dict[int, str] = {}
        self.results = 0

    def traced(self, name: str, array: np.ndarray) -> "_Traced":
        """Give a tensor that stands for a value of the graph."""
        result = _Traced.__new__(_Traced)
        result.data, result.graph, result.name = array, self, name
        return result

    def constant(self, array: np.ndarray, name: str | None = None) -> str:
        """Keep an array in the file; give its name."""
        if name is None:
            name = f"constant_{len(self.constants)}"
        self.constants[name] = array
        return name

    def add(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Write down a node; give the name of its result."""
        self.results += 1
        name = f"{kind.lower()}_{self.results}"
        fields = [(5, _attribute(key, value)) for key, value in attributes.items()]
        self.nodes.append(message((1, list(inputs)), (2, name), (3, name), (4, kind), *fields))
        return name

    def message(self, example: np.ndarray, outputs: "_Traced") -> bytes:
        """Give the graph's message."""
        self.nodes.append(message((1, outputs.name), (2, "output"), (4, "Identity")))
        return message(
            (1, self.nodes),
            (2, "model"),
            (5, [_tensor(name, array) for name, array in self.constants.items()]),
            (11, _value("input", example)),
            (12, _value("output", outputs.data)),
        )


class _Traced(Tensor):
    """A Tensor that stands for a value of a graph, and writes down what is done with it."""

    __slots__ = ("graph", "name")

    graph: _Graph
    name: str

    @staticmethod
    def evaluate(op: Op, operands: tuple[Any, ...], settings: dict[str, Any]) -> Tensor:
        """Compute the op, and write it down."""
        result = op.compute(operands, settings)
        if op.name not in NODES:
            raise ArgumentError(
                "export_onnx",
                expected=f"ops among {', '.join(sorted(NODES))}",
                got=op.name,
                fix="replace the layer that uses it, or add a row to NODES",
            )
        traced = [x for x in operands if isinstance(x, _Traced)]
        graph = traced[0].graph
        dtype = next((x.dtype for x in traced if x.dtype.kind == "f"), traced[0].dtype)
        names = []
        for x in operands:
            if isinstance(x, _Traced):
                names.append(x.name)
            elif isinstance(x, Tensor):
                names.append(graph.constant(x.data, graph.names.get(id(x))))
            elif x is not None:
                names.append(graph.constant(np.asarray(x, dtype)))
        return graph.traced(NODES[op.name](Call(graph, names, settings, result)), result)


@contextmanager
def _constant_weights(model: Module) -> Iterator[dict[int, str]]:
    """Let the model hold plain Tensors in place of Parameters; give their names by identity."""
    held = [
        (name, vars(module), key, value)
        for name, module in model.named_modules()
        for key, value in vars(module).items()
        if isinstance(value, Parameter)
    ]
    names: dict[int, str] = {}
    try:
        for name, attributes, key, value in held:
            attributes[key] = value.detach()
            names[id(attributes[key])] = f"{name}.{key}" if name else key
        yield names
    finally:
        for _, attributes, key, value in held:
            attributes[key] = value


def _attribute(name: str, value: int | list[int]) -> bytes:
    if isinstance(value, list):
        return message((1, name), (8, value), (20, INTS))
    return message((1, name), (3, value), (20, INT))


def _tensor(name: str, array: np.ndarray) -> bytes:
    data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return message((1, list(array.shape)), (2, _data_type(array)), (8, name), (9, data))


def _value(name: str, array: np.ndarray) -> bytes:
    lengths = [message((1, length)) for length in array.shape[1:]]
    shape = message((1, [message((2, "batch")), *lengths]))
    return message((1, name), (2, message((1, message((1, _data_type(array)), (2, shape))))))


def _data_type(array: np.ndarray) -> int:
    assert array.dtype.name in DATA_TYPES, array.dtype
    return DATA_TYPES[array.dtype.name]
