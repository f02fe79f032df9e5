"""A Variable is a Tensor that remembers where it came from.

It overrides the one seam, `evaluate`: compute as a Tensor would, then keep the op, its operands and
its settings. Nothing else is recorded; `_backward` reads this memory from the result to the leaves.
"""

import threading
from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Any, ParamSpec, Self, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.autograd._backward import Gradients, backward
from tinytorch.tensor import DTypeError, GradientError, Op, ShapeError, Tensor, from_numpy

__all__ = ["Variable", "new_value", "no_grad", "recording", "replace"]

P = ParamSpec("P")
R = TypeVar("R")


class Variable(Tensor):
    """A Tensor of floats that remembers the op and the operands that it came from.

    The result of an op is a Variable if an operand is one. A Variable that you make is a *leaf*:
    its gradient is kept in ``grad``.

    Args:
        data: As for `tinytorch.tensor.tensor`; always copied. Floating-point numbers.
        dtype: The data type to convert to.

    Attributes:
        data: The array. Read it; only `assign` changes it.
        grad: The gradient of this leaf after `backward`: a Tensor of the same shape, or None.

    Raises:
        DTypeError: The numbers are integers or booleans, which have no gradient.

    Example:
        >>> x = Variable(3.0)
        >>> y = x * x + x
        >>> gradients = y.backward()
        >>> x.grad
        tensor(7.)
    """

    __slots__ = ("_op", "_operands", "_order", "_settings", "grad")

    grad: Tensor | None
    _op: Op | None
    _operands: tuple[Any, ...] | None
    _settings: dict[str, Any]
    _order: int

    def __init__(self, data: Any, dtype: DTypeLike | None = None) -> None:
        super().__init__(data, dtype)
        if self.data.dtype.kind != "f":
            raise DTypeError(
                type(self).__name__,
                expected="floating-point numbers, which can change smoothly",
                got=f"dtype {self.data.dtype}",
                fix=f"{type(self).__name__}(data, dtype='float32'), or a plain Tensor",
            )
        self.grad = None
        self._op = None
        self._operands = None
        self._settings = {}
        self._order = next(_clock)

    @staticmethod
    def evaluate(op: Op, operands: tuple[Any, ...], settings: dict[str, Any]) -> Tensor:
        """Compute ``op``, then remember it, unless `no_grad` or a traitless op says otherwise."""
        array = op.compute(operands, settings)
        if not (op.differentiable and _mode.recording):
            plain: Tensor = _new(Tensor)
            plain.data = array
            return plain
        result: Variable = _new(Variable)
        result.data = array
        result.grad = None
        result._op = op
        result._operands = operands
        result._settings = settings
        result._order = next(_clock)
        return result

    @property
    def is_leaf(self) -> bool:
        """Whether this Variable was made by you, not by an op."""
        return self._op is None

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool = False,
        create_graph: bool = False,
    ) -> Gradients:
        """Compute the gradient of this Variable with respect to each leaf that it came from.

        Adds to each leaf's ``grad``, and forgets the graph.

        Args:
            gradient: The shape of this Variable: the gradient that arrives here. May be left out
                for a single element, where it is 1.
            retain_graph: Keep the graph, so that `backward` can run once more.
            create_graph: Make the gradients Variables, to differentiate again; keeps the graph.

        Returns:
            The gradients of this call, leaf by leaf: ``gradients[leaf]``.

        Raises:
            ShapeError: ``gradient`` is missing or of another shape.
            GradientError: The graph has been used up, or a leaf changed since.

        Example:
            >>> x = Variable([1.0, 2.0])
            >>> gradients = (x * x).sum().backward()
            >>> gradients[x]
            tensor([2., 4.])
        """
        if gradient is None:
            if self.data.size != 1:
                raise ShapeError(
                    "backward",
                    expected="a single element to differentiate, or the gradient that arrives",
                    got=f"shape {self.shape} and no gradient",
                    fix="reduce to one number (loss.mean()), or give gradient=",
                )
            gradient = _new(Tensor)
            gradient.data = np.ones(self.data.shape, self.data.dtype)
        elif not isinstance(gradient, Tensor):
            gradient = Tensor(gradient)
        if gradient.shape != self.shape:
            raise ShapeError(
                "backward",
                expected=f"a gradient of shape {self.shape}",
                got=f"shape {gradient.shape}",
                fix="give the gradient the shape of the Variable",
            )
        found = backward(
            self, gradient, retain=retain_graph or create_graph, create_graph=create_graph
        )
        for leaf, fresh in found:
            leaf.grad = fresh if leaf.grad is None else leaf.grad + fresh
        return Gradients(found)

    def detach(self) -> Tensor:
        """Give the value alone, as a plain Tensor; of a leaf, which may change, a copy."""
        plain: Tensor = _new(Tensor)
        plain.data = self.data.copy() if self._op is None else self.data
        return plain

    def assign(self, value: Any) -> Self:
        """Change the value of a leaf, in place: the one verb that changes anything.

        Graphs recorded before refuse to go backward through the changed leaf.

        Args:
            value: The shape of this Variable; converted to its data type.

        Returns:
            The Variable itself.

        Raises:
            GradientError: This Variable is the result of an op.
            ShapeError: The shapes differ.
            DTypeError: The value is no array of real numbers.

        Example:
            >>> x = Variable([1.0, 2.0])
            >>> x.assign([3.0, 4.0]).tolist()
            [3.0, 4.0]
        """
        if self._op is not None:
            raise GradientError(
                "assign",
                expected="a leaf: a Variable or Parameter that you made",
                got=f"the result of {self._op.name}, shape {self.shape}",
                fix="assign to a leaf, or use the new value in place of this one",
            )
        if value is not self.data:
            replace(self, value)
        self._order = next(_clock)
        return self

    def numpy(self) -> np.ndarray:
        """Refuse: a Variable's values leave it through `detach`, so that no history is lost."""
        raise self._no_array()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        raise self._no_array()

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> Any:
        """Refuse NumPy's functions, which would lose gradients, but for those that ask of shape."""
        if function in (np.shape, np.ndim, np.size):
            return function(self.data, *args[1:], **kwargs)
        raise self._no_array(f"np.{function.__name__}")

    def __dlpack__(self, **options: Any) -> Any:
        raise self._no_array("dlpack")

    def _no_array(self, operation: str = "numpy") -> GradientError:
        return GradientError(
            operation,
            expected="a plain Tensor: an array cannot remember where it came from",
            got=f"a {type(self).__name__} of shape {self.shape}",
            fix="x.detach().numpy() for the values; the ops of tinytorch.tensor keep gradients",
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        self._require_leaf("deepcopy")
        return type(self)(self.data)

    def __reduce__(self) -> tuple[Any, ...]:
        self._require_leaf("pickle")
        return super().__reduce__()

    def _require_leaf(self, operation: str) -> None:
        if self._op is not None:
            raise GradientError(
                operation,
                expected="a leaf, whose value is all there is",
                got=f"the result of {self._op.name}, with its history",
                fix="detach() first",
            )

    def __repr__(self) -> str:
        text = super().__repr__().replace("\n", "\n  ")
        head = f"{type(self).__name__}{text.removeprefix('tensor')}"
        return head if self._op is None else f"{head[:-1]}, op={self._op.name})"


def replace(target: Tensor, value: Any) -> None:
    """Copy a value of the same shape into a Tensor's own array."""
    array = new_value(target, value)
    if array.shape != target.data.shape:
        raise ShapeError(
            "assign",
            expected=f"shape {target.shape}",
            got=f"shape {array.shape}",
            fix="reshape the value; assign never broadcasts",
        )
    target.data[...] = array


def new_value(target: Tensor, value: Any) -> np.ndarray:
    """The array of real numbers that is to replace a Tensor's."""
    if isinstance(value, Tensor):
        return value.data
    if isinstance(value, np.ndarray):
        return from_numpy(value).data
    return Tensor(value, dtype=target.dtype).data


class _Mode(threading.local):
    """Whether this thread records."""

    recording = True


class no_grad:  # noqa: N801 - PyTorch's name
    """Let ops on Variables give plain Tensors: a context manager and a decorator.

    Example:
        >>> x = Variable(2.0)
        >>> with no_grad():
        ...     type(x * x).__name__
        'Tensor'
    """

    def __enter__(self) -> None:
        self._before = _mode.recording
        _mode.recording = False

    def __exit__(self, *exception: object) -> None:
        _mode.recording = self._before

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Run ``function`` without recording."""

        @wraps(function)
        def quiet(*args: P.args, **kwargs: P.kwargs) -> R:
            with no_grad():
                return function(*args, **kwargs)

        return quiet


class recording:  # noqa: N801 - beside `no_grad`
    """Let ops on Variables remember, in a `no_grad` block too; gives whether they did outside."""

    def __enter__(self) -> bool:
        self._before = _mode.recording
        _mode.recording = True
        return self._before

    def __exit__(self, *exception: object) -> None:
        _mode.recording = self._before


_new = object.__new__
_clock = count()  # results are younger than their operands: what `_backward` sorts by
_mode = _Mode()
