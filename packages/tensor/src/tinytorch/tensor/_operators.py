"""The operators of a Tensor: a table that names the op of each.

Arrays and numbers may stand on either side. Comparisons other than of order are in `_tensor`, as
`==` also compares with what is no number.
"""

from collections.abc import Callable
from typing import Any

from tinytorch.tensor import ops
from tinytorch.tensor._op import Op
from tinytorch.tensor._tensor import Tensor

ARITHMETIC = {
    "add": ops.add,
    "sub": ops.sub,
    "mul": ops.mul,
    "truediv": ops.div,
    "floordiv": ops.floor_div,
    "mod": ops.mod,
    "pow": ops.pow,
    "matmul": ops.matmul,
    "and": ops.bitwise_and,
    "or": ops.bitwise_or,
    "xor": ops.bitwise_xor,
    "lshift": ops.left_shift,
    "rshift": ops.right_shift,
}
ORDER = {"lt": ops.less, "le": ops.less_equal, "gt": ops.greater, "ge": ops.greater_equal}
NUMBERS = frozenset({bool, int, float})


def both_ways(op: Op) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An operator with the Tensor on the left, and one with it on the right.

    Two operands of one type, or a number, need no search for the seam.
    """

    def left(x: Tensor, y: Any) -> Any:
        if type(x) is type(y) or type(y) in NUMBERS:
            return x.evaluate(op, (x, y), {})
        return op(x, y)

    def right(x: Tensor, y: Any) -> Any:
        return x.evaluate(op, (y, x), {}) if type(y) in NUMBERS else op(y, x)

    return left, right


for name, meaning in (ARITHMETIC | ORDER).items():
    here, reflected = both_ways(meaning)
    setattr(Tensor, f"__{name}__", here)
    if name in ARITHMETIC:
        setattr(Tensor, f"__r{name}__", reflected)
