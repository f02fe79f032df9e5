"""What a walk begins with, the gradient at its result, and what it returns: gradients by leaf."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from tinytorch.tensor import DTypeError, GradientError, ShapeError, Tensor, checks, from_numpy

V = TypeVar("V", bound=Tensor)


class Gradients(Mapping[V, Tensor]):
    """The gradients of one walk, by leaf.

    Example:
        >>> from tinytorch.autograd import Variable
        >>> x = Variable(2.0)
        >>> gradients = (x * x).backward()
        >>> gradients[x], len(gradients), x in gradients
        (tensor(4.), 1, True)
    """

    __slots__ = ("_found",)

    def __init__(self, found: Iterable[tuple[V, Tensor]]) -> None:
        self._found = {id(leaf): (leaf, gradient) for leaf, gradient in found}

    def __getitem__(self, leaf: V) -> Tensor:
        try:
            return self._found[id(leaf)][1]
        except KeyError:
            raise MissingGradientError(
                "gradients[...]",
                expected="a leaf that the result came from",
                got=f"{type(leaf).__name__} of shape {getattr(leaf, 'shape', None)}",
                fix="use the same object that went into the computation, or gradients.get(leaf)",
            ) from None

    def __contains__(self, leaf: object) -> bool:
        return id(leaf) in self._found

    def __iter__(self) -> Iterator[V]:
        return (leaf for leaf, _ in self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        shapes = ", ".join(str(gradient.shape) for _, gradient in self._found.values())
        return f"Gradients({len(self)}: {shapes})"


class Graded(Tensor):
    """A Tensor that has a gradient, which is a Tensor as well."""

    __slots__ = ()

    _grad: Tensor | None

    @property
    def grad(self) -> Tensor | None:
        """The gradient, or None."""
        return self._grad

    @grad.setter
    def grad(self, gradient: Tensor | None) -> None:
        if not isinstance(gradient, Tensor | None):
            raise DTypeError(
                f"{type(self).__name__}.grad = ...",
                expected=f"a Tensor of shape {self.shape}, or None",
                got=f"{type(gradient).__name__}",
                fix="from_numpy(array), for an array",
            )
        self._grad = gradient  # type: ignore[misc] # the slot is a Variable's


class MissingGradientError(GradientError, KeyError):
    """A leaf that had no part in the result."""

    def __str__(self) -> str:
        return str(self.args[0])


def seed(output: Tensor, gradient: Any) -> Tensor:
    """Return the gradient that arrives at a result: 1 for a single element, unless it is given."""
    if gradient is None:
        if output.data.size != 1:
            raise ShapeError(
                "backward",
                expected="a single element to differentiate, or the gradient that arrives",
                got=f"shape {output.shape} and no gradient",
                fix="reduce to one number (loss.mean()), or give gradient=",
            )
        return from_numpy(np.ones(output.data.shape, output.data.dtype))
    if not isinstance(gradient, Tensor):
        gradient = from_numpy(checks.as_array("backward", gradient, None, copy=True))
    if gradient.shape != output.shape:
        raise ShapeError(
            "backward",
            expected=f"a gradient of shape {output.shape}",
            got=f"shape {gradient.shape}",
            fix="give the gradient the shape of the Variable",
        )
    given: Tensor = gradient
    return given
