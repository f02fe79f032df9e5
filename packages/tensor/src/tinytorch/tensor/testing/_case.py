"""An op's case: what it should compute, from which every property that ops have is checked.

The values of a case lie on a grid across its domain, all different and none of them 0 in a domain
around 0: no ties, and no kink near, so that gradients exist wherever the case looks.
"""

from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.tensor import kernels
from tinytorch.tensor._creation import from_numpy
from tinytorch.tensor._op import Op
from tinytorch.tensor._tensor import Tensor
from tinytorch.tensor.testing._close import assert_close

UNARY = [((),), ((5,),), ((2, 3),), ((2, 1, 3),), ((0,),), ((2, 0),)]
BINARY = [
    ((), ()),
    ((3,), (3,)),
    ((2, 3), ()),
    ((2, 3), (3,)),
    ((2, 1), (3,)),
    ((1, 2), (2, 1)),
    ((0,), (1,)),
    ((2, 0), ()),
]
SAME = [((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((0,), (0,))]
TERNARY = [((), (), ()), ((2, 3), (3,), ()), ((2, 1), (2, 3), (1, 3)), ((0,), (1,), ())]


class Sample:
    """Operands of a case by their shapes, and the settings that go with them.

    Attributes:
        operands: For each operand its shape, or an array, a number or None to be used as it is.
        settings: The settings.
    """

    __slots__ = ("operands", "settings")

    def __init__(self, operands: tuple[Any, ...], settings: dict[str, Any]) -> None:
        self.operands = operands
        self.settings = settings

    def __repr__(self) -> str:
        """Show the sample as the call that makes it."""
        parts = [str(x) if isinstance(x, tuple) else repr(x) for x in self.operands]
        return f"sample({', '.join([*parts, *(f'{k}={v!r}' for k, v in self.settings.items())])})"


def sample(*operands: Any, **settings: Any) -> Sample:
    """Describe one call of an op.

    Args:
        *operands: For each operand its shape (a tuple); or an array, a number or None, which is
            used as it is.
        **settings: The settings.

    Returns:
        The sample.

    Example:
        >>> sample((2, 3), axis=0)
        sample((2, 3), axis=0)
    """
    return Sample(operands, settings)


class OpCase:
    """What an op should compute; `check` tests every property that an op must have.

    - `values`: the op agrees with the oracle, in shape and elements, in float32 and float64;
    - `dtypes`: float32 gives float32 and float64 float64 (or always `dtype`), Python numbers
      and NumPy scalars do not change that;
    - `layouts`: operands that are not contiguous, or reversed in memory, give the same;
    - `purity`: operands are not written to, and read-only ones serve;
    - `kernels`: each backend that is installed agrees with the reference.

    An upper layer has more to check (autograd: gradients) and hands it to `check`.

    Args:
        op: The op.
        oracle: A function of arrays that computes the same in another way. It gets float64 arrays
            and the settings.
        samples: The calls to look at; by default shapes of all kinds, as many as the op has
            operands, that broadcast if the reference does.
        domain: The range (low, high) of the operands' values; `bool` or `int` for operands of
            that type; or a list of these, one for each operand.
        dtype: The data type of each result, if it does not follow the operands.
        rtol: The relative tolerance, if the data type's own is too narrow.
        atol: The absolute tolerance, likewise.

    Example:
        >>> from tinytorch.tensor import ops
        >>> OpCase(ops.log, np.log, domain=(0.1, 4.0)).check()
        >>> OpCase(ops.matmul, np.dot, [sample((2, 3), (3, 4)), sample((3,), (3,))]).check()
    """

    def __init__(
        self,
        op: Op,
        oracle: Callable[..., Any],
        samples: Sequence[Sample] | None = None,
        *,
        domain: Any = (-2.0, 2.0),
        dtype: DTypeLike | None = None,
        rtol: float | None = None,
        atol: float | None = None,
    ) -> None:
        self.op = op
        self.oracle = oracle
        self.takes_numbers = samples is None and op.broadcasts
        self.samples = list(_default_samples(op) if samples is None else samples)
        self.domain = domain
        self.dtype = None if dtype is None else np.dtype(dtype)
        self.rtol = rtol
        self.atol = atol

    def __repr__(self) -> str:
        """Name the case after its op."""
        return f"OpCase({self.op.name})"

    def operands(self, one: Sample, dtype: DTypeLike = np.float32) -> list[Any]:
        """Make the operands of a sample: arrays, numbers and None; always the same values.

        Args:
            one: The sample.
            dtype: The data type of those operands that are neither bool nor int.

        Returns:
            One for each operand.
        """
        shapes = [x for x in one.operands if isinstance(x, tuple)]
        total = sum(int(np.prod(shape)) for shape in shapes)
        total += total % 2
        steps = np.random.default_rng(total).permutation(max(total, 2))
        made, used = [], 0
        for i, x in enumerate(one.operands):
            if not isinstance(x, tuple):
                made.append(_converted(x, dtype))
                continue
            size = int(np.prod(x))
            own = steps[used : used + size]
            used += size
            domain = self.domain[i] if isinstance(self.domain, list) else self.domain
            if isinstance(domain, type):
                values = own % 2 if domain is bool else own % 3 + 1
                made.append(values.reshape(x).astype(domain))
            else:
                low, high = domain
                values = low + (own + 0.5) * (high - low) / max(total, 2)
                made.append(values.reshape(x).astype(dtype))
        return made

    def check(self, *more: Callable[["OpCase"], object]) -> None:
        """Check every property on every sample, then what upper layers add.

        Args:
            *more: Functions of the case that raise if something is wrong.

        Raises:
            AssertionError: A property does not hold; names the op, the property and the sample.
        """
        for one in self.samples:
            self.check_values(one)
            self.check_dtypes(one)
            self.check_layouts(one)
            self.check_purity(one)
            self.check_kernels(one)
        for function in more:
            function(self)

    def check_values(self, one: Sample) -> None:
        """Check shape and elements against the oracle, in float32 and float64."""
        for dtype in (np.float32, np.float64):
            operands = self.operands(one, dtype)
            wide = [x.astype(np.float64) if _is_float(x) else x for x in operands]
            expected = self.oracle(*wide, **one.settings)
            self._compare(self._result(operands, one), expected, f"values, {dtype.__name__}", one)

    def check_dtypes(self, one: Sample) -> None:
        """Check that the result's data type follows the operands' arrays alone."""
        for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
            operands = self.operands(one, dtype)
            if not any(_is_float(x) for x in operands) and self.dtype is None:
                continue
            expected = self.dtype or dtype
            self._same_dtype(self._result(operands, one), expected, f"{dtype}", one)
            if not self.takes_numbers:
                continue
            floats = [i for i, x in enumerate(operands) if _is_float(x)]
            for i in floats if len(floats) > 1 else ():
                for number in (0.5, np.float64(0.5)):
                    mixed = [number if i == j else x for j, x in enumerate(operands)]
                    self._same_dtype(self._result(mixed, one), expected, f"number {i}", one)

    def check_layouts(self, one: Sample) -> None:
        """Check that the order of the elements in memory makes no difference."""
        operands = self.operands(one)
        expected = self._result(operands, one)
        for layout in (_fortran, _every_second, _reversed):
            moved = [layout(x) if isinstance(x, np.ndarray) else x for x in operands]
            self._compare(self._result(moved, one), expected, f"layout {layout.__name__}", one)

    def check_purity(self, one: Sample) -> None:
        """Check that operands are read and not written."""
        operands = self.operands(one)
        before = [np.array(x) for x in operands]
        self._result(operands, one)
        for i, (x, old) in enumerate(zip(operands, before, strict=True)):
            if isinstance(x, np.ndarray) and x.tobytes() != old.tobytes():
                raise AssertionError(f"{self.op.name}: operand {i} was written to, {one!r}")
        for x in operands:
            if isinstance(x, np.ndarray):
                x.flags.writeable = False
        self._result(operands, one)

    def check_kernels(self, one: Sample) -> None:
        """Check each installed backend against the reference, in each precision and layout."""
        for backend in kernels.backends():
            for dtype in (np.float16, np.float32, np.float64):
                for layout in (np.copy, _fortran, _every_second):
                    operands = [
                        layout(x) if isinstance(x, np.ndarray) else x
                        for x in self.operands(one, dtype)
                    ]
                    with kernels.using("reference"):
                        expected = self._result(operands, one)
                    with kernels.using(backend):
                        got = self._result(operands, one)
                    self._compare(got, expected, f"kernel {backend}", one)
                    self._same_dtype(got, expected.dtype, f"kernel {backend}", one)

    def _result(self, operands: Sequence[Any], one: Sample) -> Tensor:
        tensors = [from_numpy(x) if isinstance(x, np.ndarray) else x for x in operands]
        result = self.op(*tensors, **one.settings)
        if type(result) is not Tensor:
            raise AssertionError(f"{self.op.name}: gives {type(result)}, not a Tensor; {one!r}")
        return result

    def _compare(self, got: Any, expected: Any, what: str, one: Sample) -> None:
        message = f"{self.op.name}, {what}, {one!r}"
        assert_close(got, expected, rtol=self.rtol, atol=self.atol, message=message)

    def _same_dtype(self, got: Tensor, expected: Any, what: str, one: Sample) -> None:
        if got.dtype != expected:
            raise AssertionError(
                f"{self.op.name}, dtype with {what}: {got.dtype}, not {expected}; {one!r}"
            )


def _default_samples(op: Op) -> list[Sample]:
    """Shapes of all kinds for an op of one to three operands, that broadcast if the op does."""
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    arity = sum(p.kind in kinds for p in signature(op).parameters.values())
    pairs: Sequence[Any] = BINARY if arity == 2 and _broadcasts(op) else SAME
    table: dict[int, Sequence[Any]] = {1: UNARY, 2: pairs, 3: TERNARY}
    return [Sample(shapes, {}) for shapes in table[arity]]


def _broadcasts(op: Op) -> bool:
    """Whether the reference stretches its operands, whatever the op declares."""
    try:
        return bool(np.shape(op.reference(np.ones((2, 1), int), np.ones(3, int))) == (2, 3))
    except (ValueError, TypeError):
        return False


def _converted(x: Any, dtype: DTypeLike) -> Any:
    return x.astype(dtype) if _is_float(x) else np.copy(x) if isinstance(x, np.ndarray) else x


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _fortran(x: np.ndarray) -> np.ndarray:
    return np.array(x, order="F")


def _every_second(x: np.ndarray) -> np.ndarray:
    if not x.ndim:
        return x
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def _reversed(x: np.ndarray) -> np.ndarray:
    back = (slice(None, None, -1),) * x.ndim
    return np.ascontiguousarray(x[back])[back] if x.ndim else x
