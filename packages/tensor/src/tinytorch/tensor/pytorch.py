"""PyTorch's names, where somebody looks for them: what errors say, and where.

Each layer tells the way of this project in a table (`from_pytorch.md`). A name that a package does
not have is looked up in the tables of all installed layers (`unknown`); modules and classes point
from such names to what stands for them (`point_out`).
"""

import sys
from collections.abc import Callable
from opcode import opmap
from typing import Any, Self, TypeVar

from tinytorch.tensor._names import Row, find, given, rows
from tinytorch.tensor.errors import NameImportError, NamingError, refuse_foreign

__all__ = ["Guided", "Row", "find", "given", "point_out", "rows", "unknown"]


E = TypeVar("E", NamingError, NameImportError)


class Guided:
    """The base of classes that tell what PyTorch's keywords are called here.

    Example:
        >>> class Layer(Guided):
        ...     def __init__(self, axis=-1):
        ...         self.axis = axis
        >>> Layer(dim=1)
        Traceback (most recent call last):
        tinytorch.tensor.errors.UsageError: Layer: called otherwise here
          expected: Layer(axis)
          got:      dim=1
          way out:  x.sum(axis=1), for x.sum(dim=1)
    """

    __slots__ = ()

    def __new__(cls, *_: Any, **settings: Any) -> Self:
        """Make the object, unless a setting has another name here."""
        refuse_foreign(cls.__name__, cls.__init__, settings)
        return super().__new__(cls)

    def __init__(self) -> None:
        """Take nothing: classes with settings have an `__init__` of their own."""


def unknown(module: str, name: str, *places: str) -> AttributeError | ImportError:
    """Return the error for a name that a module does not have, for its `__getattr__` to raise.

    Args:
        module: The module's name: `__name__`.
        name: What was asked for.
        *places: Where PyTorch has its names: `"nn"`, `"F"`, `"torch"`, ...

    Returns:
        A `NamingError` if PyTorch has the name, in `from module import name` a `NameImportError`;
        else a plain `AttributeError`.

    Example:
        >>> print(unknown("tinytorch.tensor", "cat", "torch"))
        tinytorch.tensor.cat: called otherwise here
          expected: a name of this project
          got:      cat, which is PyTorch's
          way out:  concatenate([x, y], axis=1), for torch.cat([x, y], dim=1)
    """
    row = None if name.startswith("_") else find(*(f"{place}.{name}" for place in places))
    if row is None:
        told = f"module {module!r} has no attribute {name!r}"
        return AttributeError(told, name=name, obj=sys.modules[module])
    if _is_imported():
        return _called_otherwise(NameImportError, module, name, row)
    return _called_otherwise(NamingError, module, name, row)


def point_out(owner: type | str, *places: str) -> None:
    """Let a module, or objects of a class, answer to PyTorch's names, with the way out.

    To `hasattr` they still have none of them, and reading what they have takes no longer.

    Args:
        owner: The module's name, `__name__`, or the class.
        *places: What the names stand after in the tables: `"nn"`, `"F"`, `"Tensor"`, ...
    """
    if isinstance(owner, str):
        vars(sys.modules[owner])["__getattr__"] = _asked(owner, places)
        return
    for row in rows():
        place, _, name = row.name.rpartition(".")
        if place in places and not hasattr(owner, name):
            setattr(owner, name, _Elsewhere(name, row))
    owner.__dir__ = _names_of  # type: ignore[assignment] # a method of a class not known here


def _asked(module: str, places: tuple[str, ...]) -> Callable[[str], Any]:
    """The `__getattr__` of a module."""

    def asked(name: str) -> Any:
        raise unknown(module, name, *places)

    return asked


class _Elsewhere:
    """An attribute that PyTorch has: who reads it of an object learns what to use instead."""

    def __init__(self, name: str, row: Row) -> None:
        self.name = name
        self.row = row

    def __get__(self, owner: Any, kind: type) -> "_Elsewhere":
        if owner is None:
            return self
        raise _called_otherwise(NamingError, kind.__name__, self.name, self.row)


def _names_of(owner: Any) -> list[str]:
    """The names that an object has, without those that only point elsewhere."""
    kind, own = type(owner), getattr(owner, "__dict__", ())
    return [
        name
        for name in object.__dir__(owner)
        if name in own or not isinstance(getattr(kind, name, None), _Elsewhere)
    ]


def _is_imported() -> bool:
    """Whether a module is asked by an import, which would not show an AttributeError.

    A package is asked by a function of Python's import system, another module by the statement.
    """
    asking = sys._getframe(2).f_back  # noqa: SLF001 - beyond `unknown` and the `__getattr__`
    if asking is None or asking.f_code.co_name == "_handle_fromlist":
        return asking is not None
    return asking.f_code.co_code[asking.f_lasti] == opmap["IMPORT_FROM"]


def _called_otherwise(kind: type[E], owner: str, name: str, row: Row) -> E:
    return kind(
        f"{owner}.{name}",
        expected="a name of this project",
        got=f"{name}, which is PyTorch's",
        fix=row.way,
        row=row,
    )
