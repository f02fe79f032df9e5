"""Every error says four things: the operation, what was expected, what came, and the way out.

    TinyTorchError
    ├── ShapeError          (ValueError)    shapes that do not fit together
    ├── DTypeError          (TypeError)     a data type that the operation cannot use
    ├── ArgumentError       (ValueError)    a setting out of its range
    ├── IndexRangeError     (IndexError)    an index or class label out of its range
    ├── ImmutableError      (TypeError)     an attempt to change a Tensor
    ├── GradientError       (RuntimeError)  a gradient that cannot be computed, or is wrong
    ├── StateError          (ValueError)    a state that does not fit the object that loads it
    ├── FileError           (OSError)       a file that is missing, damaged or foreign
    ├── NamingError         (AttributeError) a name of PyTorch's, which has another here
    ├── NameImportError     (ImportError)   ... that somebody imports
    ├── UsageError          (TypeError)     an argument or a call in PyTorch's manner
    └── MissingExtraError   (ImportError)   an optional dependency that is not installed

Each also is the built-in error in parentheses, so `except ValueError` works as it does elsewhere.
Upper layers subclass these where they have more to say.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Any, TypeVar

from tinytorch.tensor._names import find

__all__ = [
    "ArgumentError",
    "DTypeError",
    "FileError",
    "GradientError",
    "ImmutableError",
    "IndexRangeError",
    "MissingExtraError",
    "NameImportError",
    "NamingError",
    "ShapeError",
    "StateError",
    "TinyTorchError",
    "UsageError",
    "named",
    "refuse_foreign",
]

Function = TypeVar("Function", bound=Callable[..., Any])


class TinyTorchError(Exception):
    """The root of all errors that TinyTorch raises on purpose.

    Args:
        operation: The name of what was asked for, such as `"conv2d"`.
        expected: What the operation needs.
        got: What came instead.
        fix: The way out.
        **values: Anything worth inspecting; kept as attributes of the exception.

    Example:
        >>> error = ShapeError("add", expected="(2, 3)", got="(4,)", fix="reshape", shapes=[(4,)])
        >>> print(error)
        add: shapes do not fit
          expected: (2, 3)
          got:      (4,)
          way out:  reshape
        >>> error.shapes
        [(4,)]
    """

    problem = "cannot go on"

    def __init__(self, operation: str, *, expected: str, got: str, fix: str, **values: Any) -> None:
        self.expected = expected
        self.got = got
        self.fix = fix
        self.values = values
        for name, value in values.items():
            setattr(self, name, value)
        super().__init__()
        self.rename(operation)

    def rename(self, operation: str) -> None:
        """Blame another operation: what the user called is made of what went wrong."""
        self.operation = operation
        text = (
            f"{operation}: {self.problem}\n"
            f"  expected: {self.expected}\n"
            f"  got:      {self.got}\n"
            f"  way out:  {self.fix}"
        )
        self.args = (text,)

    def __str__(self) -> str:
        """Return the four parts, where the built-in error would print a form of its own."""
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the way back from a worker process, with the notes that were added."""
        parts = {"expected": self.expected, "got": self.got, "fix": self.fix, **self.values}
        notes = {"__notes__": self.__notes__} if hasattr(self, "__notes__") else None
        return _rebuild, (type(self), self.operation, parts), notes

    def __getattr__(self, name: str) -> Any:
        """Tell type checkers that values may be attributes."""
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def _rebuild(kind: type[TinyTorchError], operation: str, parts: dict[str, Any]) -> TinyTorchError:
    return kind(operation, **parts)


class ShapeError(TinyTorchError, ValueError):
    """Shapes that do not fit together."""

    problem = "shapes do not fit"


class DTypeError(TinyTorchError, TypeError):
    """A data type that the operation cannot use."""

    problem = "data type does not fit"


class ArgumentError(TinyTorchError, ValueError):
    """A setting out of its range."""

    problem = "argument out of range"


class IndexRangeError(TinyTorchError, IndexError):
    """An index or class label out of its range."""

    problem = "index out of range"


class ImmutableError(TinyTorchError, TypeError):
    """An attempt to change a Tensor."""

    problem = "Tensors do not change"


class GradientError(TinyTorchError, RuntimeError):
    """A gradient that cannot be computed, or is wrong."""

    problem = "no gradient"


class StateError(TinyTorchError, ValueError):
    """A state that does not fit the object that loads it."""

    problem = "state does not fit"


class FileError(TinyTorchError, OSError):
    """A file that is missing, damaged or foreign."""

    problem = "file cannot be used"


class MissingExtraError(TinyTorchError, ImportError):
    """An optional dependency that is not installed."""

    problem = "an optional dependency is missing"


class NamingError(TinyTorchError, AttributeError):
    """A name of PyTorch's, which has another here."""

    problem = "called otherwise here"


class NameImportError(TinyTorchError, ImportError):
    """An import of a name of PyTorch's, which has another here, or stands elsewhere."""

    problem = "called otherwise here"


class UsageError(TinyTorchError, TypeError):
    """An argument or a call in PyTorch's manner."""

    problem = "called otherwise here"


def named(function: Function) -> Function:
    """Let the errors of a public function name it, whatever it is made of.

    A keyword that the function lacks and PyTorch has is an error that tells ours.

    Example:
        >>> from tinytorch.tensor import ones
        >>> @named
        ... def total(x):
        ...     return x.sum(axis=3)
        >>> total(ones(2))
        Traceback (most recent call last):
        tinytorch.tensor._explaining.AxisRangeError: total: argument out of range
          expected: axes from -1 to 0
          got:      float32 (2,) with axis=3, keepdims=False
          way out:  count axes from 0, or from -1 backward
    """

    @wraps(function)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TinyTorchError as error:
            error.rename(function.__name__)
            raise
        except TypeError:
            refuse_foreign(function.__name__, function, kwargs)
            raise

    return told  # type: ignore[return-value]


def refuse_foreign(
    operation: str, function: Callable[..., Any], keywords: Mapping[str, Any]
) -> None:
    """Raise if one of the keywords is PyTorch's and the function does not take it.

    Args:
        operation: Who asks, for the error.
        function: What the keywords are for.
        keywords: Those that came.

    Raises:
        UsageError: Tells the way here.
    """
    for name, value in keywords.items():
        if row := find(f"{name}="):
            parameters = signature(function).parameters
            if name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                continue
            known = ", ".join(one for one in parameters if one != "self")
            raise UsageError(
                operation, expected=f"{operation}({known})", got=f"{name}={value!r}", fix=row.way
            )
