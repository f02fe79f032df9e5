"""A Variable is a Tensor that remembers where it came from.

It overrides the one seam, `evaluate`: compute as a Tensor would, then keep the op, its operands and
its settings. Nothing else is recorded; `_backward` reads this memory from the result to the leaves.
"""

import copy
import threading
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.autograd._assign import clock, new_value
from tinytorch.autograd._backward import Memory, backward
from tinytorch.autograd._gradients import Graded, Gradients, seed
from tinytorch.autograd._kept import WORTH, without_unread
from tinytorch.autograd._mode import blocks
from tinytorch.autograd._refusals import KeepsHistory
from tinytorch.autograd._views import may_change, plain_result
from tinytorch.tensor import DTypeError, GradientError, Op, Tensor


def _operator(x: "Variable", y: Any) -> "Variable":  # noqa: ARG001 - for its type
    """Stand for an operator, where types are checked: a Variable on either side makes one."""
    return x


class Variable(KeepsHistory, Graded, Memory):
    """A Tensor of floats that remembers the op and the operands that it came from.

    The result of an op is a Variable if an operand is one. A Variable that you make is a *leaf*:
    its gradient is kept in `grad`.

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

    __slots__ = ("_grad",)

    if TYPE_CHECKING:
        __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = _operator
        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = _operator
        __rpow__ = __matmul__ = __and__ = __or__ = __xor__ = __lshift__ = __rshift__ = _operator
        __rmatmul__ = __rand__ = __ror__ = __rxor__ = __rlshift__ = __rrshift__ = _operator

        def _gives(self, result: "Variable", /) -> None: ...  # type: ignore[override]

    def __init__(self, data: Any, dtype: DTypeLike | None = None) -> None:
        super().__init__(data, dtype)
        if self.data.dtype.kind != "f":
            raise DTypeError(
                type(self).__name__,
                expected="floating-point numbers, which can change smoothly",
                got=f"dtype {self.data.dtype}",
                fix=f"{type(self).__name__}(data, dtype='float32'), or a plain Tensor",
            )
        self._grad = None
        self._op = None
        self._operands = ()
        self._settings = {}

    @staticmethod
    def evaluate(op: Op, operands: tuple[Any, ...], settings: dict[str, Any]) -> Tensor:
        """Compute `op`, then remember it, unless `no_grad` or a traitless op says otherwise."""
        array = op.compute(operands, settings)
        if blocks.get() or not op.differentiable:
            return plain_result(op, operands, settings, array)
        if settings:
            for setting in settings.values():
                if type(setting) in _CHANGEABLE:
                    settings = copy.deepcopy(settings)
                    break
        result: Variable = _new(Variable)
        result.data = array
        result._grad = None
        result._op = op
        # Where an op makes less of its operands, it has settings, and the first is the largest.
        large = (
            array if array.size >= WORTH or not settings else getattr(operands[0], "data", array)
        )
        result._operands = without_unread(op, operands) if large.size >= WORTH else operands
        result._settings = settings
        result._order = next(clock)
        return result

    @property
    def is_leaf(self) -> bool:
        """Whether this Variable was made by you, not by an op."""
        return self._op is None

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for it: True; a `Parameter` can be frozen."""
        return True

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value is not True:
            raise GradientError(
                "requires_grad",
                expected="a Parameter, which can be frozen",
                got=f"requires_grad={value!r} for a {type(self).__name__} of shape {self.shape}",
                fix="x.detach() where no gradient shall pass, or a plain Tensor from the start",
            )

    def requires_grad_(self, mode: bool = True) -> Self:
        """Set `requires_grad`; return the Variable itself."""
        self.requires_grad = mode
        return self

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool = False,
        create_graph: bool = False,
    ) -> Gradients["Variable"]:
        """Compute the gradient of this Variable with respect to each leaf that it came from.

        Adds to each leaf's `grad`, and forgets the graph.

        Args:
            gradient: The shape of this Variable: the gradient that arrives here. May be left out
                for a single element, where it is 1.
            retain_graph: Keep the graph, so that `backward` can run once more.
            create_graph: Make the gradients Variables, to differentiate again; keeps the graph.

        Returns:
            The gradients of this call, leaf by leaf: `gradients[leaf]`.

        Raises:
            ShapeError: `gradient` is missing or of another shape.
            GradientError: The graph has been used up, or a leaf changed since.

        Example:
            >>> x = Variable([1.0, 2.0])
            >>> gradients = (x * x).sum().backward()
            >>> gradients[x]
            tensor([2., 4.])
        """
        g = seed(self, gradient)
        if not create_graph and type(g) is not Tensor:
            g = Tensor(g.detach() if isinstance(g, Variable) else g)
        retain = retain_graph or create_graph
        found = backward(self, g, retain=retain, create_graph=create_graph)
        with _adding:
            for leaf, fresh in found:
                leaf.grad = fresh if leaf.grad is None else leaf.grad + fresh
        return Gradients(found)

    def detach(self) -> Tensor:
        """Return the value alone, as a plain Tensor; of a leaf, or a view of one, a copy."""
        plain: Tensor = _new(Tensor)
        plain.data = self.data.copy() if may_change(self) else self.data
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
            DTypeError: The value is no array of real numbers, or the data type cannot hold them:
                1e6 is no float16.

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
            self.data[...] = new_value(self, value)
        self._order = next(clock)
        return self

    def __copy__(self) -> Self:
        return self if self._op is not None else super().__copy__()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._op is not None:
            raise GradientError(
                "copy",
                expected="a leaf, whose value is all there is",
                got=f"the result of {self._op.name}, with its history",
                fix="detach() first",
            )
        return super().__reduce__()

    def __repr__(self) -> str:
        name = type(self).__name__
        rows = super().__repr__().removeprefix("tensor").splitlines()
        further = " " * (len(name) - len("tensor"))
        head = "\n".join([f"{name}{rows[0]}", *(row and further + row for row in rows[1:])])
        return head if self._op is None else f"{head[:-1]}, op={self._op.name})"


_new = object.__new__
_adding = threading.Lock()  # gradients, to a leaf's: several threads may go backward at once
_CHANGEABLE = frozenset({list, dict, np.ndarray})
