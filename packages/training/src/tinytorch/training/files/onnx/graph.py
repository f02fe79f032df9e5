"""What an export writes down: nodes, constants, and the call of an op that makes them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinytorch.tensor.errors import ArgumentError

OPERATION = "export_onnx"


class Node(NamedTuple):
    """One operator of ONNX with one result, and the op of ours that it is written for."""

    kind: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any]
    op: str


class Graph:
    """The nodes and constants written down so far, and what all names made here begin with."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.nodes: list[Node] = []
        self.constants: dict[str, np.ndarray] = {}

    def constant(self, array: np.ndarray, name: str | None = None) -> str:
        """Keep an array in the file; return its name."""
        if name is None:
            name = f"{self.prefix}constant/{len(self.constants)}"
        self.constants[name] = array
        return name

    def add(self, op: str, kind: str, inputs: Iterable[str], **attributes: Any) -> str:
        """Write down a node for an op of ours; return the name of its result."""
        name = f"{self.prefix}{kind.lower()}/{len(self.nodes)}"
        self.nodes.append(Node(kind, tuple(inputs), name, attributes, op))
        return name


class Operand(NamedTuple):
    """A value of the graph with an example of it, or a number, which has no name yet."""

    name: str | None
    value: Any


@dataclass(frozen=True)
class Call:
    """A call of an op of ours, of which a row of `NODES` makes nodes.

    Attributes:
        graph: Where they go.
        op: The op's name.
        operands: Those that were not left out.
        settings: The op's settings.
        result: The array that the op gave.
    """

    graph: Graph
    op: str
    operands: list[Operand]
    settings: dict[str, Any]
    result: np.ndarray

    def inputs(self, dtype: np.dtype[Any]) -> list[str]:
        """Return the operands' names, converted to one data type."""
        return [
            self.number(value, dtype) if name is None else self._cast(name, value.dtype, dtype)
            for name, value in self.operands
        ]

    def common_dtype(self) -> np.dtype[Any]:
        """Return the data type in which NumPy would compare the operands."""
        return np.result_type(
            *(x.value if x.name is None else x.value.dtype for x in self.operands)
        )

    def add(self, kind: str, inputs: Iterable[str], **attributes: Any) -> str:
        """Write down a node; return the name of its result."""
        return self.graph.add(self.op, kind, inputs, **attributes)

    def give(self, name: str, dtype: np.dtype[Any]) -> str:
        """Return a result that was computed in `dtype`, in the data type that the op gave."""
        return self._cast(name, dtype, self.result.dtype)

    def integers(self, *values: int) -> str:
        """Keep integers as a constant; return its name."""
        return self.graph.constant(np.array(values, np.int64))

    def number(self, value: float, dtype: np.dtype[Any]) -> str:
        """Keep a number as a constant; return its name."""
        return self.graph.constant(np.asarray(value, dtype))

    def refusal(self, expected: str, got: str) -> ArgumentError:
        """Return the error for what has no counterpart in ONNX."""
        return ArgumentError(
            OPERATION,
            expected=expected,
            got=f"{self.op} with {got}",
            fix="compute it by ops that ONNX has, or outside of the model",
            op=self.op,
        )

    def _cast(self, name: str, dtype: np.dtype[Any], wanted: np.dtype[Any]) -> str:
        return name if dtype == wanted else self.add("Cast", [name], to=wanted)
