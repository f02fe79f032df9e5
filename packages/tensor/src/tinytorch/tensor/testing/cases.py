"""A case for every op of this layer: checks any implementation of an op, or of its derivative.

for case in CASES:
    case.check()
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinytorch.tensor import ops
from tinytorch.tensor.testing._case import OpCase, sample

__all__ = ["CASES"]

POSITIVE = (0.2, 3.0)
NAN, INF = math.nan, math.inf


def by_element(function: Callable[..., float]) -> Callable[..., Any]:
    """A function of numbers, as one of arrays."""
    return np.vectorize(function, otypes=[np.float64])


def by_bit(function: Callable[[int, int], int]) -> Callable[..., Any]:
    """A function of bits, as one of arrays of small integers."""
    return np.vectorize(
        lambda x, y: sum(function(x >> i & 1, y >> i & 1) << i for i in range(8)), otypes=[int]
    )


def sigmoid(x: float) -> float:
    """The logistic function by its definition."""
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def softplus(x: float) -> float:
    """The logarithm of 1 + exp(x), by its definition."""
    return max(x, 0) + math.log1p(math.exp(-abs(x)))


def normal(x: float) -> float:
    """The standard normal distribution function."""
    return math.erfc(-x / math.sqrt(2)) / 2


def density(x: float) -> float:
    """The standard normal density."""
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def near_normal(x: float) -> float:
    """The curve that GELU's approximation takes for the normal distribution function."""
    return sigmoid(math.sqrt(8 / math.pi) * (x + 0.044715 * x**3))


def slope(function: Callable[[float], float], x: float) -> float:
    """The slope of a function at x, by differences."""
    return (function(x + 1e-5) - function(x - 1e-5)) / 2e-5


def by_jacobian(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """What a function of rows sends back: g times its slopes, by differences."""

    def sent_back(g: Any, x: Any, last: int, eps: float) -> Any:  # noqa: ARG001 - the op's settings
        rows = x.reshape(math.prod(x.shape[: x.ndim - last]), -1)
        out = np.empty(rows.shape)
        for i, k in np.ndindex(rows.shape):
            step = 1e-5 * (np.arange(rows.shape[1]) == k)
            slopes = (function(rows[i] + step) - function(rows[i] - step)) / 2e-5
            out[i, k] = slopes @ g.reshape(rows.shape)[i]
        return out.reshape(x.shape)

    return sent_back


def put(x: Any, index: Any, shape: Any) -> np.ndarray:
    """Zeros with x added at index, element by element."""
    places = np.arange(math.prod(shape)).reshape(shape)[index]
    out = np.zeros(math.prod(shape))
    for place, value in zip(places.reshape(-1), x.reshape(-1), strict=True):
        out[place] += value
    return out.reshape(shape)


def scatter(x: Any, values: Any, indices: Any, axis: int) -> np.ndarray:
    """A copy of x with values added along axis, element by element."""
    out = np.array(x)
    for place in np.ndindex(values.shape):
        target = list(place)
        target[axis] = indices[place]
        out[tuple(target)] += values[place]
    return out


ARITHMETIC = [
    OpCase(ops.add, by_element(lambda x, y: x + y)),
    OpCase(ops.sub, by_element(lambda x, y: x - y)),
    OpCase(ops.mul, by_element(lambda x, y: x * y)),
    OpCase(ops.div, by_element(lambda x, y: x / y), domain=[(-2.0, 2.0), POSITIVE]),
    OpCase(ops.pow, by_element(lambda x, y: x**y), domain=[POSITIVE, (-2.0, 2.0)]),
    OpCase(
        ops.pow,
        by_element(lambda x, y: x**y),
        [sample((2, 2), 2), sample((3,), 3.0), sample((3,), 1), sample((3,), 0)]
        + [sample(np.array([0.0, -1.5, 2.0]), n) for n in (0, 1, 2, 3)]
        + [sample(2.0, (3,)), sample(0.0, np.array([0.5, 1.0, 2.5]))],
    ),
    OpCase(
        ops.floor_div, by_element(lambda x, y: math.floor(x / y)), domain=[(-2, 2), (0.61, 1.7)]
    ),
    OpCase(
        ops.mod, by_element(lambda x, y: x - y * math.floor(x / y)), domain=[(-2, 2), (0.61, 1.7)]
    ),
    OpCase(ops.neg, by_element(lambda x: 0 - x)),
    OpCase(ops.abs, by_element(lambda x: math.sqrt(x * x))),
    OpCase(ops.sign, by_element(lambda x: x / abs(x))),
    OpCase(ops.sign, np.array, [sample(np.array([0.0, -1.0, 1.0]))]),
]

EXPONENTIALS = [
    OpCase(ops.exp, by_element(math.exp)),
    OpCase(ops.expm1, by_element(math.expm1)),
    OpCase(ops.expm1, np.array, [sample(np.array([1e-12, -1e-12]))]),
    OpCase(ops.log, by_element(math.log), domain=POSITIVE),
    OpCase(ops.log1p, by_element(math.log1p), domain=(-0.8, 2.0)),
    OpCase(ops.sqrt, by_element(math.sqrt), domain=POSITIVE),
    OpCase(ops.sin, by_element(math.sin)),
    OpCase(ops.cos, by_element(math.cos)),
    OpCase(ops.tanh, by_element(math.tanh)),
    OpCase(ops.sigmoid, by_element(sigmoid)),
    OpCase(ops.sigmoid, by_element(sigmoid), [sample(np.array([-80.0, -20.0, 0.0, 80.0]))]),
    OpCase(ops.softplus, by_element(softplus)),
    OpCase(ops.softplus, by_element(softplus), [sample(np.array([-80.0, -20.0, 0.0, 80.0]))]),
    OpCase(ops.erf, by_element(math.erf)),
    OpCase(ops.erf, by_element(math.erf), domain=(-6.0, 6.0)),
    OpCase(ops.erf, by_element(math.erf), [sample(np.array([0.0, 2.4999, 2.5001, 30.0]))]),
    OpCase(ops.erfc, by_element(math.erfc)),
    OpCase(ops.erfc, by_element(math.erfc), [sample(np.array([-30.0, 0.0, 2.5, 5.0]))]),
    OpCase(
        ops.binary_cross_entropy,
        by_element(lambda p, t: -t * math.log(p) - (1 - t) * math.log(1 - p)),
        domain=(0.05, 0.95),
    ),
    OpCase(ops.relu, by_element(lambda x: x if x > 0 else 0.0)),
    OpCase(ops.relu_gradient, by_element(lambda g, z: g if z else 0.0)),
]

ACTIVATIONS = [
    OpCase(ops.gelu, by_element(lambda x: x * normal(x))),
    OpCase(ops.gelu, by_element(lambda x: x * normal(x)), domain=(-9.0, 9.0)),
    OpCase(
        ops.gelu,
        by_element(lambda x, approximate: x * near_normal(x)),  # noqa: ARG005 - the op's settings
        [sample((2, 3), approximate="tanh"), sample((0,), approximate="tanh")],
    ),
    OpCase(ops.gelu_gradient, by_element(lambda g, x: g * (normal(x) + x * density(x)))),
    OpCase(
        ops.gelu_gradient,
        by_element(lambda g, x, approximate: g * slope(lambda t: t * near_normal(t), x)),  # noqa: ARG005
        [sample((2, 3), (2, 3), approximate="tanh"), sample((0,), (0,), approximate="tanh")],
        rtol=1e-5,
    ),
    OpCase(ops.silu, by_element(lambda x: x * sigmoid(x))),
    OpCase(ops.silu, by_element(lambda x: x * sigmoid(x)), domain=(-40.0, 40.0)),
    OpCase(ops.silu_gradient, by_element(lambda g, x: g * sigmoid(x) * (1 + x * (1 - sigmoid(x))))),
    OpCase(
        ops.leaky_relu,
        by_element(lambda x, negative_slope: x if x > 0 else negative_slope * x),
        [sample((2, 3), negative_slope=0.1), sample((0,), negative_slope=2.0)],
    ),
    OpCase(
        ops.leaky_relu_gradient,
        by_element(lambda g, x, negative_slope: g if x > 0 else negative_slope * g),
        [sample((2, 3), (2, 3), negative_slope=0.1), sample((0,), (0,), negative_slope=2.0)],
    ),
]

CHOICE = [
    OpCase(ops.maximum, by_element(max)),
    OpCase(ops.minimum, by_element(min)),
    OpCase(
        ops.clip,
        lambda x, low=None, high=None: np.clip(x, low, high),
        [
            sample((2, 5), low=-0.93, high=1.03),
            sample((2, 5), low=0.31),
            sample((2, 5), high=0.31),
            sample((2, 5)),
            sample((), low=-9.0, high=9.0),
            sample((0,), low=-1.0),
        ],
    ),
    OpCase(
        ops.where,
        by_element(lambda condition, x, y: x if condition else y),
        domain=[bool, (-2.0, 2.0), (-2.0, 2.0)],
    ),
]

CONVERSION = [
    OpCase(
        ops.to_float,
        lambda x, dtype: x.astype(dtype),
        [sample(shape, dtype=np.dtype(np.float64)) for shape in ((), (2, 3), (0,))],
        dtype=np.float64,
        rtol=1e-6,
    ),
    OpCase(
        ops.to_discrete,
        lambda x, dtype: np.trunc(x),  # noqa: ARG005 - an oracle takes the op's settings
        [sample(shape, dtype=np.dtype(np.int64)) for shape in ((), (2, 3), (0,))],
        dtype=np.int64,
    ),
    OpCase(
        ops.to_discrete,
        lambda x, dtype: x != 0,  # noqa: ARG005 - an oracle takes the op's settings
        [sample(np.array([0.0, 0.4, NAN, INF]), dtype=np.dtype(np.bool_))],
        dtype=np.bool_,
    ),
]

HALVES = [sample(np.array([-1.5, -0.5, 0.5, 1.5, 2.5, 7.0])), sample((2, 3)), sample(())]

ROUNDING = [
    OpCase(ops.floor, by_element(math.floor), HALVES),
    OpCase(ops.ceil, by_element(math.ceil), HALVES),
    OpCase(ops.round, by_element(round), HALVES),
]

TIES = [sample(np.array([1.0, 2.0, 2.0]), np.array([[1.0], [2.0]])), sample((2, 1), (3,))]
SPECIAL = [sample(np.array([1.0, NAN, INF, -INF])), sample((2, 0))]
TRUTH = [sample((2, 2), (2,)), sample(np.array([0.0, 2.0, 0.0]), np.array([0.0, 0.0, 3.0]))]

QUESTIONS = [
    OpCase(ops.equal, np.vectorize(lambda x, y: x == y), TIES, dtype=np.bool_),
    OpCase(ops.not_equal, np.vectorize(lambda x, y: x != y), TIES, dtype=np.bool_),
    OpCase(ops.less, np.vectorize(lambda x, y: x < y), TIES, dtype=np.bool_),
    OpCase(ops.less_equal, np.vectorize(lambda x, y: x <= y), TIES, dtype=np.bool_),
    OpCase(ops.greater, np.vectorize(lambda x, y: x > y), TIES, dtype=np.bool_),
    OpCase(ops.greater_equal, np.vectorize(lambda x, y: x >= y), TIES, dtype=np.bool_),
    OpCase(ops.isnan, np.vectorize(math.isnan, otypes=[bool]), SPECIAL, dtype=np.bool_),
    OpCase(ops.isfinite, np.vectorize(math.isfinite, otypes=[bool]), SPECIAL, dtype=np.bool_),
    OpCase(ops.logical_and, lambda x, y: (x != 0) & (y != 0), TRUTH, domain=bool, dtype=np.bool_),
    OpCase(ops.logical_or, lambda x, y: (x != 0) | (y != 0), TRUTH, domain=bool, dtype=np.bool_),
    OpCase(ops.logical_not, lambda x: x == 0, [sample((3,)), sample(())], domain=bool, dtype=bool),
]

BITS = [
    OpCase(ops.bitwise_and, by_bit(lambda a, b: a * b), domain=int, dtype=np.int64),
    OpCase(ops.bitwise_or, by_bit(max), domain=int, dtype=np.int64),
    OpCase(ops.bitwise_xor, by_bit(lambda a, b: abs(a - b)), domain=int, dtype=np.int64),
    OpCase(ops.bitwise_not, lambda x: -x - 1, domain=int, dtype=np.int64),
    OpCase(ops.bitwise_not, lambda x: x == 0, domain=bool, dtype=np.bool_),
    OpCase(ops.left_shift, lambda x, y: x * 2**y, domain=int, dtype=np.int64),
    OpCase(ops.right_shift, lambda x, y: x // 2**y, domain=int, dtype=np.int64),
]

AXES: list[dict[str, Any]] = [
    {},
    {"axis": 0},
    {"axis": -1},
    {"axis": (0, 2)},
    {"axis": (-1, 0), "keepdims": True},
    {"axis": 1, "keepdims": True},
    {"keepdims": True},
    {"axis": ()},
]
CHOSEN = [*(sample((2, 3, 2), **s) for s in AXES), sample(()), sample((1, 4), axis=1)]
PLACES = [
    sample((2, 3)),
    sample((2, 3), axis=0),
    sample((2, 3), axis=-1, keepdims=True),
    sample(np.ones(3)),
    sample((2, 3), keepdims=True),
]

REDUCTIONS = [
    OpCase(
        ops.sum,
        np.sum,
        [
            *(sample((2, 3, 2), **settings) for settings in AXES),
            sample(()),
            sample((0,)),
            sample((2, 0), axis=1),
            sample((2, 0), axis=0, keepdims=True),
        ],
    ),
    OpCase(ops.max, np.max, CHOSEN),
    OpCase(ops.min, np.min, CHOSEN),
    OpCase(ops.argmax, np.argmax, PLACES, dtype=np.int64),
    OpCase(ops.argmin, np.argmin, PLACES, dtype=np.int64),
    OpCase(
        ops.argsort,
        lambda x, axis=-1, descending=False: np.argsort(-x if descending else x, axis),
        [
            sample((5,)),
            sample((5,), descending=True),
            sample((2, 3), axis=0, descending=True),
            sample((2, 3), axis=-2),
            sample((2, 0), axis=1),
        ],
        dtype=np.int64,
    ),
    OpCase(
        ops.argsort,
        lambda x, axis=-1, descending=False: np.array([3, 0, 2, 1] if descending else [1, 0, 2, 3]),  # noqa: ARG005
        [
            sample(np.array([2.0, 1.0, 2.0, NAN])),
            sample(np.array([2.0, 1.0, 2.0, NAN]), descending=True),
        ],
        dtype=np.int64,
    ),
    OpCase(
        ops.cumsum,
        np.cumsum,
        [
            sample((4,), axis=0),
            sample((2, 3), axis=0),
            sample((2, 3), axis=-1),
            sample((0, 2), axis=0),
            sample((2, 1, 2), axis=2),
        ],
    ),
    OpCase(
        ops.log_softmax,
        lambda x, axis: x - np.log(np.sum(np.exp(x), axis, keepdims=True)),
        [
            sample((4,), axis=0),
            sample((2, 3), axis=1),
            sample((2, 3), axis=0),
            sample((2, 3, 2), axis=-2),
            sample((2, 1), axis=1),
        ],
    ),
    OpCase(
        ops.normalize,
        lambda x, last, eps: (
            (x - x.mean(tuple(range(-last, 0)), keepdims=True))
            / np.sqrt(x.var(tuple(range(-last, 0)), keepdims=True) + eps)
        ),
        [
            sample((4,), last=1, eps=1e-5),
            sample((2, 3), last=1, eps=0.1),
            sample((2, 3, 4), last=2, eps=1e-3),
            sample((3, 1), last=1, eps=1.0),
        ],
    ),
    OpCase(
        ops.log_softmax,
        lambda x, axis: np.full(x.shape, -math.log(x.shape[axis])),
        [sample(np.full((2, 4), 1000.0), axis=1), sample(np.full((2, 4), -1000.0), axis=0)],
    ),
    OpCase(
        ops.log_softmax_gradient,
        lambda g, z, axis: g - np.exp(z) * np.sum(g, axis, keepdims=True),
        [sample((2, 3), (2, 3), axis=1), sample((2, 3, 2), (2, 3, 2), axis=-2)],
    ),
    OpCase(
        ops.softmax,
        lambda x, axis: np.exp(x) / np.sum(np.exp(x), axis, keepdims=True),
        [sample((4,), axis=0), sample((2, 37), axis=1), sample((2, 3, 2), axis=-2)],
    ),
    OpCase(
        ops.softmax_gradient,
        lambda g, z, axis: z * g - z * np.sum(g * z, axis, keepdims=True),
        [sample((2, 3), (2, 3), axis=1), sample((2, 3, 2), (2, 3, 2), axis=-2)],
    ),
    OpCase(
        ops.normalize_gradient,
        by_jacobian(lambda x: (x - x.mean()) / np.sqrt(x.var() + 0.1)),
        [sample((2, 5), (2, 5), last=1, eps=0.1), sample((3, 4, 2), (3, 4, 2), last=2, eps=0.1)],
        rtol=1e-5,
    ),
]

PRODUCTS = [
    OpCase(
        ops.matmul,
        np.matmul,
        [
            sample((3,), (3,)),
            sample((2, 3), (3,)),
            sample((3,), (3, 2)),
            sample((2, 3), (3, 4)),
            sample((2, 2, 3), (3, 2)),
            sample((2, 3), (2, 3, 2)),
            sample((2, 2, 3), (2, 3, 2)),
            sample((2, 1, 2, 3), (3, 3, 1)),
            sample((2, 2, 3), (3,)),
            sample((3,), (2, 3, 2)),
            sample((0, 3), (3, 2)),
            sample((2, 0), (0, 2)),
        ],
    ),
    OpCase(
        ops.linear,
        lambda x, weight, bias=None: np.matmul(x, weight.T) + (0 if bias is None else bias),
        [
            sample((2, 3), (4, 3), (4,)),
            sample((2, 3), (4, 3), None),
            sample((2, 3), (4, 3)),
            sample((3,), (2, 3), (2,)),
            sample((2, 2, 3), (2, 3), (2,)),
            sample((0, 3), (2, 3), (2,)),
        ],
    ),
    OpCase(
        ops.einsum,
        lambda *xs, subscripts: np.einsum(subscripts, *xs),
        [
            sample((2, 3), (3, 4), subscripts="ij,jk->ik"),
            sample((2, 3), (3, 4), subscripts="ij,jk"),
            sample((2, 3), subscripts="ij->"),
            sample((2, 3), subscripts="ij->ji"),
            sample((3, 3), subscripts="ii->i"),
            sample((3, 3), subscripts="ii"),
            sample((2, 2, 2), subscripts="iij->j"),
            sample((2, 3), (3,), subscripts="ij,k->i"),
            sample((2, 2, 3), (2, 3, 2), subscripts="...ij,...jk->...ik"),
            sample((2, 2, 3), (3, 2), subscripts="...j,jk->...k"),
            sample((2,), (2, 3), (3,), subscripts="i,ij,j->"),
            sample((1, 3), (2, 3), subscripts="ij,ij->ij"),
            sample((2,), (3,), subscripts="i,j -> ij"),
            sample((2, 3), (3,), subscripts="...i,i"),
            sample((2, 2, 3), (3, 2), subscripts="...j,j..."),
        ],
    ),
]

MASK = np.array([[True, False, True], [False, True, True]])

INDEXING = [
    OpCase(
        ops.getitem,
        lambda x, index: x[index],
        [
            sample((4,), index=1),
            sample((4,), index=-1),
            sample((4,), index=slice(1, None, 2)),
            sample((2, 3), index=(slice(None), 1)),
            sample((2, 3), index=(..., None, 0)),
            sample((2, 3), index=(slice(None, None, -1), slice(0, 0))),
            sample((2, 3), index=np.array([0, 1, 1, 0])),
            sample((2, 3), index=[1, 1]),
            sample((2, 3), index=(np.array([0, 1, 1]), np.array([2, 0, 0]))),
            sample((2, 3, 2), index=(slice(None), np.array([[0, 2], [2, 2]]), 1)),
            sample((2, 3), index=MASK),
            sample((2, 3), index=(slice(None), np.array([True, False, True]))),
            sample((), index=()),
            sample((), index=None),
        ],
    ),
    OpCase(
        ops.put_into_zeros,
        put,
        [
            sample((), index=1, shape=(4,)),
            sample((2,), index=slice(1, None, 2), shape=(4,)),
            sample((2,), index=(slice(None), 1), shape=(2, 3)),
            sample((2, 3), index=np.array([1, 1]), shape=(2, 3)),
            sample((3,), index=(np.array([0, 1, 1]), np.array([2, 0, 0])), shape=(2, 3)),
            sample((4,), index=MASK, shape=(2, 3)),
            sample((1, 2), index=(None, ...), shape=(2,)),
            sample((0,), index=slice(0, 0), shape=(3,)),
        ],
    ),
    OpCase(
        ops.take_along_axis,
        np.take_along_axis,
        [
            sample((4,), indices=np.array([3, 3, 0]), axis=0),
            sample((2, 3), indices=np.array([[0], [2]]), axis=1),
            sample((2, 3), indices=np.array([[0], [2]]), axis=-1),
            sample((2, 3), indices=np.array([[0, 1, 0], [1, 1, 0]]), axis=-2),
            sample((2, 3), indices=np.zeros((2, 0), np.int64), axis=1),
        ],
    ),
    OpCase(
        ops.scatter_add,
        scatter,
        [
            sample((4,), (3,), indices=np.array([3, 3, 0]), axis=0),
            sample((2, 3), (2, 1), indices=np.array([[0], [2]]), axis=1),
            sample((2, 3), (2, 3), indices=np.array([[0, 1, 0], [1, 1, 0]]), axis=-2),
            sample((2, 3), (2, 0), indices=np.zeros((2, 0), np.int64), axis=1),
        ],
    ),
]


MOVEMENT = [
    OpCase(
        ops.reshape,
        np.reshape,
        [
            sample((2, 3), shape=(3, 2)),
            sample((2, 3), shape=(-1,)),
            sample((), shape=(1, 1)),
            sample((1,), shape=()),
            sample((0, 2), shape=(2, 0)),
        ],
    ),
    OpCase(
        ops.transpose,
        np.transpose,
        [
            sample((2, 3)),
            sample((2, 3, 4)),
            sample((2, 3, 4), axes=(1, 2, 0)),
            sample((2, 3, 4), axes=(-1, 0, 1)),
            sample(()),
            sample((2, 0)),
        ],
    ),
    OpCase(
        ops.broadcast_to,
        lambda x, shape: x + np.zeros(shape),
        [
            sample((), shape=(2, 3)),
            sample((3,), shape=(2, 3)),
            sample((2, 1), shape=(2, 3)),
            sample((1, 1), shape=(2, 1, 3)),
            sample((2,), shape=(2,)),
            sample((1,), shape=(0,)),
            sample((), shape=()),
        ],
    ),
    OpCase(
        ops.pad,
        lambda x, widths, value=0: np.pad(x, widths, constant_values=value),
        [
            sample((3,), widths=((1, 2),)),
            sample((2, 3), widths=((0, 1), (2, 0)), value=1.5),
            sample((2, 0), widths=((1, 1), (0, 1))),
        ],
    ),
    OpCase(
        ops.flip,
        np.flip,
        [
            sample((3,), axis=0),
            sample((2, 3), axis=None),
            sample((2, 3), axis=-1),
            sample((2, 3, 2), axis=(0, -1)),
            sample((0,), axis=0),
        ],
    ),
    OpCase(
        ops.join,
        lambda *xs, axis=0: np.concatenate(xs, axis),
        [
            sample((2,), (3,)),
            sample((2, 3), (1, 3), axis=0),
            sample((2, 1), (2, 3), (2, 2), axis=-1),
            sample((2, 3)),
            sample((0,), (2,)),
        ],
    ),
]

CASES: tuple[OpCase, ...] = (
    *ARITHMETIC,
    *EXPONENTIALS,
    *ACTIVATIONS,
    *CHOICE,
    *CONVERSION,
    *ROUNDING,
    *QUESTIONS,
    *BITS,
    *REDUCTIONS,
    *PRODUCTS,
    *INDEXING,
    *MOVEMENT,
)
"""Every op of `tinytorch.tensor.ops` has a case here, some have several."""
