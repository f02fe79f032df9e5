"""NumPy's ufuncs by name, and the op of the same meaning for each."""

from tinytorch.tensor._op import Op
from tinytorch.tensor.ops import elementwise, linalg

__all__ = ["UFUNCS"]

UFUNCS: dict[str, Op] = {
    "add": elementwise.add,
    "subtract": elementwise.sub,
    "multiply": elementwise.mul,
    "divide": elementwise.div,
    "floor_divide": elementwise.floor_div,
    "remainder": elementwise.mod,
    "power": elementwise.pow,
    "matmul": linalg.matmul,
    "negative": elementwise.neg,
    "exp": elementwise.exp,
    "log": elementwise.log,
    "log1p": elementwise.log1p,
    "expm1": elementwise.expm1,
    "sqrt": elementwise.sqrt,
    "tanh": elementwise.tanh,
    "sin": elementwise.sin,
    "cos": elementwise.cos,
    "absolute": elementwise.abs,
    "sign": elementwise.sign,
    "maximum": elementwise.maximum,
    "minimum": elementwise.minimum,
    "floor": elementwise.floor,
    "ceil": elementwise.ceil,
    "rint": elementwise.round,
    "equal": elementwise.equal,
    "not_equal": elementwise.not_equal,
    "less": elementwise.less,
    "less_equal": elementwise.less_equal,
    "greater": elementwise.greater,
    "greater_equal": elementwise.greater_equal,
    "isnan": elementwise.isnan,
    "isfinite": elementwise.isfinite,
    "logical_and": elementwise.logical_and,
    "logical_or": elementwise.logical_or,
    "logical_not": elementwise.logical_not,
}
