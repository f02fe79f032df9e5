"""What may be optimized: leaf Variables, with a name each, in everything that callers hand over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from tinytorch.autograd import Variable, nn
from tinytorch.optim._errors import ParameterError
from tinytorch.tensor import Tensor

Parameters: TypeAlias = (
    Iterable[Variable] | Iterable[tuple[str, Variable]] | Iterable[Mapping[str, Any]]
)
"""Leaf Variables, (name, Variable) pairs, or groups: dicts of "params" (either) and settings."""


def entries(operation: str, params: Any) -> list[Any]:
    """`params` as a list of whatever it holds.

    Raises:
        ParameterError: `params` is no iterable, or one that is better not iterated.
    """
    match params:
        case Variable():
            got, fix = "one Variable", "put it in a list: [w]"
        case nn.Module():
            got, fix = f"a module, {type(params).__name__}", "pass module.parameters()"
        case Mapping() if "params" in params:
            got, fix = "one group", 'put it in a list: [{"params": ...}]'
        case Mapping():
            got, fix = "a mapping", "pass mapping.items(), or module.named_parameters()"
        case str() | Tensor():
            got, fix = f"a {type(params).__name__}", "pass a list of Variables"
        case Iterable():
            return list(params)
        case _:
            got, fix = f"{params!r}", "pass a list of Variables"
    raise ParameterError(
        operation,
        expected="an iterable of parameters, such as module.parameters() or [x, y]",
        got=got,
        fix=fix,
    )


def named(operation: str, params: Any, start: int = 0) -> Iterator[tuple[str, Variable]]:
    """Each of `params` with its name; one without is called by its position, from `start`.

    Args:
        operation: Who asks, for the message.
        params: An iterable of leaf Variables or (name, Variable) pairs.
        start: How many parameters came before.

    Raises:
        ParameterError: `params` is no such iterable, or an entry is no leaf Variable.
    """
    for index, entry in enumerate(entries(operation, params), start):
        match entry:
            case (str(name), parameter):
                pass
            case parameter:
                name = f"parameter {index}"
        yield name, _leaf(operation, name, parameter)


def _leaf(operation: str, name: str, entry: Any) -> Variable:
    match entry:
        case Variable() if entry.is_leaf:
            return entry
        case Variable():
            got = f"the result of an op, shape {entry.shape}"
            fix = "optimize the Variables that it was computed from, or Variable(result.detach())"
        case Tensor():
            got = f"a {type(entry).__name__}, shape {entry.shape}, which has no gradient"
            fix = "make it a Variable, or an nn.Parameter in a module"
        case Mapping():
            got, fix = "a group among parameters", "pass either groups only or parameters only"
        case _:
            got = f"{type(entry).__name__} {entry!r:.40}"
            fix = "make it a Variable; plain numbers and arrays go with sgd_step, adam_step, ..."
    raise ParameterError(
        operation, expected=f"a leaf Variable as {name}", got=got, fix=fix, parameter=name
    )
