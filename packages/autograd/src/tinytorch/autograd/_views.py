"""Results that share memory with a leaf, which may change: as plain Tensors they are copies."""

from typing import Any

import numpy as np

from tinytorch.autograd._backward import Memory
from tinytorch.tensor import Op, Tensor


def plain_result(
    op: Op, operands: tuple[Any, ...], settings: dict[str, Any], array: np.ndarray
) -> Tensor:
    """Return what an op computed as a plain Tensor; a view of a leaf as one of a copy."""
    if array.base is not None:
        piece = owner(array)
        for x in operands:
            if isinstance(x, Memory) and owner(x.data) is piece and may_change(x):
                held = [Tensor(o.data) if isinstance(o, Memory) else o for o in operands]
                array = op.compute(tuple(held), settings)
                break
    plain: Tensor = _new(Tensor)
    plain.data = array
    return plain


def may_change(x: Memory) -> bool:
    """Return whether `assign` may change the memory of `x`: it is a leaf, or a view of one."""
    while x._op is not None and x.data.base is not None:
        if not x._operands:
            return True
        shared = (o for o in x._operands if isinstance(o, Memory))
        source = next((o for o in shared if owner(o.data) is owner(x.data)), None)
        if source is None:
            return False
        x = source
    return x._op is None


def owner(array: np.ndarray) -> Any:
    """Return whose memory an array sees: its own, or that of the array it is a view of."""
    base: Any = array
    while (further := getattr(base, "base", None)) is not None:
        base = further
    return base


_new = object.__new__
