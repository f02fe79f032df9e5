"""Closeness of arrays: equal shapes, and elements that agree as far as their data type can."""

from typing import Any, overload

import numpy as np

from tinytorch.tensor._tensor import Tensor

# Data type -> relative and absolute tolerance: some units in the last place of a short computation.
TOLERANCES = {"float16": (1e-2, 1e-3), "float32": (1e-5, 1e-6), "float64": (1e-9, 1e-11)}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    message: str = "",
) -> None:
    """Raise unless two arrays have one shape and elements that agree within a tolerance.

    Nothing broadcasts, and NaN agrees with NaN alone. Integers and booleans must be equal.

    Args:
        actual: Any shape: a Tensor, an array or numbers.
        expected: The same shape.
        rtol: The tolerance relative to `expected`; by default what the data type of `actual`
            allows.
        atol: The absolute tolerance, likewise.
        message: Goes before the explanation.

    Raises:
        AssertionError: They differ; says where, and by how much.

    Example:
        >>> from tinytorch.tensor import tensor
        >>> assert_close(tensor([1.0, 2.0]) / 3, [1 / 3, 2 / 3])
        >>> assert_close(tensor([1.0, 2.0]), [1.0, 3.0])
        Traceback (most recent call last):
        AssertionError: 1 of 2 elements differ; the most at (1,): 2.0, not 3.0
    """
    got, wanted = np.asarray(values(actual)), np.asarray(values(expected))
    start = f"{message}: " if message else ""
    if got.shape != wanted.shape:
        raise AssertionError(f"{start}shape {got.shape}, not {wanted.shape}")
    relative, absolute = TOLERANCES.get(got.dtype.name, (0.0, 0.0))
    relative = relative if rtol is None else rtol
    absolute = absolute if atol is None else atol
    wide, aim = got.astype(np.float64), wanted.astype(np.float64)
    with np.errstate(invalid="ignore"):
        distance = np.abs(wide - aim)
        close = np.isfinite(aim) & (distance <= absolute + relative * np.abs(aim))
    wrong = ~(close | (wide == aim) | (np.isnan(wide) & np.isnan(aim)))
    if wrong.any():
        worst = np.unravel_index(np.argmax(np.where(wrong, distance, -1.0)), wrong.shape)
        place = tuple(int(i) for i in worst)
        raise AssertionError(
            f"{start}{wrong.sum()} of {wrong.size} elements differ; the most at {place}: "
            f"{got[place].item()!r}, not {wanted[place].item()!r}"
        )


@overload
def values(x: Tensor) -> np.ndarray: ...
@overload
def values(x: list[Any] | tuple[Any, ...]) -> list[Any]: ...
@overload
def values(x: Any) -> Any: ...


def values(x: Any) -> Any:
    """Return the numbers of a Tensor, a Variable, or a tensor of PyTorch.

    Args:
        x: One of these, or lists and tuples of them; anything else is returned as it is.

    Returns:
        An array, or a list of what each part is.

    Example:
        >>> from tinytorch.tensor import ones
        >>> values((ones(2), 3))
        [array([1., 1.], dtype=float32), 3]
    """
    if isinstance(x, (list, tuple)):
        return [values(part) for part in x]
    plain = x.detach() if hasattr(x, "detach") else x
    return plain.numpy() if hasattr(plain, "numpy") else plain
