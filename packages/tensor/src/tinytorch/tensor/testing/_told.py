"""PyTorch's names and keywords: whoever uses one is told the row of a layer's table."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from tinytorch.tensor._names import Row, find
from tinytorch.tensor.errors import NamingError, UsageError


def assert_told(row: Row, owners: Mapping[str, Sequence[Any]]) -> None:
    """Raise unless whoever asks for a name of PyTorch's is told ours, and `dir` lists it nowhere.

    Args:
        row: The name's row.
        owners: Who is asked, by what stands before the name.

    Raises:
        AssertionError: An owner has the name, or tells something else.

    Example:
        >>> from tinytorch import tensor
        >>> assert_told(tensor.pytorch.find("torch.cat"), {"torch": [tensor]})
    """
    place, _, name = row.name.rpartition(".")
    for owner in owners[place]:
        if name in dir(owner):
            raise AssertionError(f"{owner!r} has {name}")
        _check(partial(getattr, owner, name), row, name)


def assert_keyword_told(call: str, names: Mapping[str, Any]) -> None:
    """Raise unless a call whose last keyword is PyTorch's is told ours.

    Args:
        call: Such as `"x.sum(dim=1)"`.
        names: What it speaks of.

    Raises:
        AssertionError: The call passes, or the error tells something else.

    Example:
        >>> from tinytorch import tensor
        >>> assert_keyword_told("x.sum(dim=1)", {"x": tensor.ones(2, 3)})
    """
    *_, keyword = re.findall(r"(\w+)=", call)
    _check(partial(eval, call, dict(names)), find(f"{keyword}="), call)


def _check(use: Callable[[], object], row: Row | None, told: str) -> None:
    """Raise unless a use is refused with a row's way out, by an operation that is `told` of."""
    try:
        use()
    except (NamingError, UsageError) as error:
        operation = error.operation.rpartition(".")[2]
        if row is None or row.ours not in error.fix or operation not in told:
            raise AssertionError(f"{told} tells something else") from error
    else:
        raise AssertionError(f"{told} is no error")
