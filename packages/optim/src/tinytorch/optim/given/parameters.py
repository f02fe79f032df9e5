"""What may be optimized: leaf Variables, with a name each, in everything that callers hand over."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from tinytorch.autograd import Variable, nn
from tinytorch.optim.given.errors import ParameterError
from tinytorch.tensor import Tensor
from tinytorch.tensor.errors import ArgumentError

Parameters: TypeAlias = (
    Iterable[Variable] | Iterable[tuple[str, Variable]] | Iterable[Mapping[str, Any]]
)
"""Leaf Variables, (name, Variable) pairs, or groups: dicts of "params" (either) and settings."""


def entries(operation: str, params: Any) -> list[Any]:
    """Return `params` as a list of whatever it holds, unless it is better not iterated."""
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
    """Yield each of `params` with its name; one without is called by its position, from `start`."""
    for index, entry in enumerate(entries(operation, params), start):
        match entry:
            case (str(name), parameter):
                pass
            case parameter:
                name = f"parameter {index}"
        yield name, _leaf(operation, name, parameter)


def read_group(
    operation: str,
    group: Any,
    index: int,
    known: Sequence[tuple[str, Variable]],
    defaults: Mapping[str, Any],
) -> tuple[list[tuple[str, Variable]], dict[str, Any]]:
    """Return the parameters of a group, with their names, and its settings, which nobody checked.

    A "rule" in it is left to the caller. `index` is the group's number, `known` are the parameters
    of the groups before it, and `defaults` what it has unless it says otherwise.
    """
    if not isinstance(group, Mapping) or "params" not in group:
        came = f"keys {list(group)}" if isinstance(group, Mapping) else f"a {type(group).__name__}"
        raise ParameterError(
            operation,
            expected='a group: {"params": [...], "lr": ...}',
            got=f"{came} as group {index}",
            fix='give the parameters under "params"; pass groups only, or parameters only',
        )
    settings = {name: value for name, value in group.items() if name not in ("params", "rule")}
    for name in settings.keys() - defaults.keys():
        close = difflib.get_close_matches(str(name), defaults, 1)
        raise ArgumentError(
            operation,
            expected=f"settings among {', '.join(defaults)}",
            got=f"{name!r} in group {index}",
            fix=f"did you mean {close[0]!r}?" if close else "leave it out",
            name=name,
        )
    names = {parameter: name for name, parameter in known}
    parameters = []
    for name, parameter in named(operation, group["params"], len(known)):
        if parameter in names:
            raise ParameterError(
                operation,
                expected="each parameter once",
                got=f"{names[parameter]} again, as {name}",
                fix="leave it out once; it would move twice per step",
                parameter=name,
            )
        names[parameter] = name
        parameters.append((name, parameter))
    if not parameters:
        raise ParameterError(
            operation,
            expected="at least one parameter",
            got="none: an empty list, or a generator that was used before",
            fix="call module.parameters() anew, or give the module some parameters",
        )
    return parameters, {**defaults, **settings}


def learns(parameter: Variable) -> bool:
    """Return whether a parameter is to be moved: False while it is frozen."""
    return not isinstance(parameter, nn.Parameter) or parameter.requires_grad


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
