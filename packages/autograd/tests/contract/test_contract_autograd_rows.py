"""Steps 4 and 5, the table of derivatives: each row against differences, and by hand at the kinks.

Every gradient arrives with weights of its own, so that a row that forgets `g` is found out.
"""

import numpy as np
import pytest

from tinytorch.tensor import Tensor, concatenate, flip, op, ops, pad, stack, tensor
from tinytorch.tensor import functional as F

ROW = "the table of derivatives"
RNG = np.random.default_rng(1)
X = RNG.uniform(-2, 2, (3, 4))
P = RNG.uniform(0.3, 3, (3, 4))
S = RNG.uniform(0.1, 0.9, (3, 4))
Y = RNG.uniform(-2, 2, 4)
Q = RNG.uniform(0.5, 2, 4)
CUBE = RNG.uniform(-2, 2, (2, 3, 4))

ELEMENTWISE = {
    "x + y": (lambda x, y: x + y, [X, Y], "g for both"),
    "x - y": (lambda x, y: x - y, [X, Y], "g, and -g for y"),
    "x * y": (lambda x, y: x * y, [X, Y], "each gets g times the other"),
    "x / y": (lambda x, y: x / y, [X, Q], "g / y, and -g x / y**2 = -g z / y"),
    "x ** y": (lambda x, y: x**y, [P, Y], "g y x**(y - 1), and g z log(x)"),
    "x ** 3": (lambda x: x**3, [X], "g 3 x**2"),
    "2 ** x": (lambda x: 2.0**x, [X], "g z log(2)"),
    "x % y": (lambda x, y: x % y, [X, Q], "g, and -g floor(x / y)"),
    "-x": (lambda x: -x, [X], "-g"),
    "abs": (ops.abs, [X], "g times the sign"),
    "exp": (ops.exp, [X], "g z"),
    "expm1": (ops.expm1, [X], "g (z + 1)"),
    "log": (ops.log, [P], "g / x"),
    "log1p": (ops.log1p, [P], "g / (x + 1)"),
    "sqrt": (ops.sqrt, [P], "g / (2 z)"),
    "sin": (ops.sin, [X], "g cos(x)"),
    "cos": (ops.cos, [X], "-g sin(x)"),
    "tanh": (ops.tanh, [X], "g (1 - z**2)"),
    "sigmoid": (ops.sigmoid, [X], "g z (1 - z), of the result"),
    "softplus": (ops.softplus, [X], "g sigmoid(x)"),
    "erf": (ops.erf, [X], "g 2 / sqrt(pi) exp(-x**2)"),
    "erfc": (ops.erfc, [X], "-g 2 / sqrt(pi) exp(-x**2)"),
    "relu": (ops.relu, [X], "g where x is positive"),
    "relu_gradient": (lambda g: ops.relu_gradient(g, X * (X > 0)), [Y], "h where z is not 0"),
    "gelu": (ops.gelu, [X], "g times the slope"),
    "gelu, tanh": (lambda x: ops.gelu(x, approximate="tanh"), [X], "g times the slope"),
    "silu": (ops.silu, [X], "g times the slope"),
    "leaky_relu": (lambda x: ops.leaky_relu(x, negative_slope=0.2), [X], "g, or a part of it"),
    "gelu_gradient": (ops.gelu_gradient, [CUBE[0], X], "h times the slope, h g times the second"),
    "gelu_gradient, tanh": (
        lambda g, x: ops.gelu_gradient(g, x, approximate="tanh"),
        [CUBE[0], X],
        "h times the slope, h g times the second",
    ),
    "silu_gradient": (ops.silu_gradient, [CUBE[0], X], "h times the slope, h g times the second"),
    "leaky_relu_gradient": (
        lambda g: ops.leaky_relu_gradient(g, X, negative_slope=0.2),
        [CUBE[0]],
        "h, or a part of it",
    ),
    "maximum": (ops.maximum, [X, Y], "g to the larger alone"),
    "minimum": (ops.minimum, [X, Y], "g to the smaller alone"),
    "clip": (lambda x: x.clip(-0.5, 0.7), [X], "g inside of the limits"),
    "where": (
        lambda x, y: ops.where(X > 0, x, y),
        [X, Y],
        "g to x where the condition holds, to y where not",
    ),
    "astype": (lambda x: x.astype(np.float64), [X], "g, converted back"),
}

OTHERS = {
    "sum": (lambda x: x.sum(), [X], "g everywhere"),
    "sum, first axis": (lambda x: x.sum(axis=0), [CUBE], "g along the axis that was summed"),
    "sum, last axis": (lambda x: x.sum(axis=-1), [CUBE], "negative axes count from the end"),
    "sum, two axes": (lambda x: x.sum(axis=(0, -1)), [CUBE], "g gets both axes again"),
    "sum, keepdims": (lambda x: x.sum(axis=1, keepdims=True), [CUBE], "g has the axis already"),
    "mean": (lambda x: x.mean(axis=1), [CUBE], "g / n"),
    "var": (lambda x: x.var(axis=1), [CUBE], "2 (x - mean) g / n"),
    "std": (lambda x: x.std(axis=0), [CUBE], "the root of var"),
    "max": (lambda x: x.max(), [X], "g to the largest alone"),
    "max, axis": (lambda x: x.max(axis=1), [CUBE], "g to the largest of each"),
    "max, keepdims": (lambda x: x.max(axis=-1, keepdims=True), [CUBE], "g has the axis already"),
    "min": (lambda x: x.min(axis=0), [CUBE], "g to the smallest of each"),
    "cumsum": (lambda x: x.cumsum(axis=1), [CUBE], "the running sum of g from the end"),
    "log_softmax": (
        lambda x: ops.log_softmax(x, axis=1),
        [X],
        "g - softmax * sum(g), with the sum of g: it is 1 for one class only",
    ),
    "softmax": (lambda x: F.softmax(x, axis=0), [X], "through log_softmax"),
    "softmax_gradient": (
        lambda g, x: ops.softmax_gradient(g, x, axis=1),
        [CUBE[0], X],
        "h taken back, and h g - h sum(g z) - g sum(h z)",
    ),
    "log_softmax_gradient": (
        lambda g, x: ops.log_softmax_gradient(g, x, axis=1),
        [CUBE[0], X],
        "h - sum(h exp(z)), and -h exp(z) sum(g)",
    ),
    "normalize": (lambda x: ops.normalize(x, last=1, eps=0.1), [X], "mean and variance move"),
    "normalize_gradient": (
        lambda g, x: ops.normalize_gradient(g, x, last=1, eps=0.1),
        [CUBE[0], X],
        "h taken back, and the second derivative",
    ),
    "reshape": (lambda x: x.reshape(2, 6), [X], "g in the shape of x"),
    "transpose": (lambda x: x.transpose(1, 2, 0), [CUBE], "g permuted back, not the same way"),
    "transpose, reversed": (lambda x: x.transpose(), [CUBE], "g reversed"),
    "transpose, negative axes": (lambda x: x.transpose(-1, 0, 1), [CUBE], "the inverse order"),
    "swapaxes": (lambda x: x.swapaxes(0, 2), [CUBE], "g swapped back"),
    "expand_dims": (lambda x: x.expand_dims(1), [X], "g in the shape of x"),
    "squeeze": (lambda x: x.squeeze(), [X[None]], "g in the shape of x"),
    "flatten": (lambda x: x.flatten(1), [CUBE], "g in the shape of x"),
    "broadcast_to": (lambda x: x.broadcast_to((2, 3, 4)), [X], "the sum over what was repeated"),
    "pad": (lambda x: pad(x, ((1, 0), (0, 2)), 5.0), [X], "the inside of g"),
    "flip": (lambda x: flip(x, 1), [CUBE], "g flipped again"),
    "concatenate": (
        lambda x, y: concatenate([x, y], axis=1),
        [X, S],
        "to each the part where it lies",
    ),
    "stack": (lambda x, y: stack([x, y], axis=1), [X, S], "to each its slice"),
    "x[1]": (lambda x: x[1], [CUBE], "zeros, with g at the index"),
    "x[:, 1:, ::2]": (lambda x: x[:, 1:, ::2], [CUBE], "zeros, with g at the index"),
    "x[[0, 0, 1]]": (
        lambda x: x[[0, 0, 1]],
        [X],
        "an index that repeats adds: np.add.at, not out[index] = g",
    ),
    "x[mask]": (lambda x: x[X > 0], [X], "zeros, with g where the mask holds"),
    "take_along_axis": (
        lambda x: ops.take_along_axis(x, indices=np.array([[0, 0], [3, 1], [2, 2]]), axis=1),
        [X],
        "g is added where the index points",
    ),
    "scatter_add": (
        lambda x, v: ops.scatter_add(x, v, indices=np.array([[0, 0], [3, 1], [2, 2]]), axis=1),
        [X, X[:, :2]],
        "g, and for the values g at the index",
    ),
    "matrix @ matrix": (lambda x, y: x @ y, [X, X.T], "g @ y.T, and x.T @ g"),
    "vector @ vector": (lambda x, y: x @ y, [Y, Q], "g times the other"),
    "matrix @ vector": (lambda x, y: x @ y, [X, Y], "the outer product of g and y, and x.T @ g"),
    "vector @ matrix": (lambda x, y: x @ y, [Y, X.T], "g @ y.T, and the outer product"),
    "batch @ matrix": (lambda x, y: x @ y, [CUBE, X.T], "for y the sum over the batch"),
    "batch @ batch": (
        lambda x, y: x @ y,
        [CUBE, CUBE.swapaxes(1, 2)],
        "for each matrix of the batch by itself",
    ),
    "linear": (ops.linear, [X, S, Y[:3]], "g @ weight, g.T @ x, and the sum of g: no mean"),
    "linear, batch": (ops.linear, [CUBE, S, Y[:3]], "all axes but the last are rows"),
    "linear without bias": (ops.linear, [X, S], "g @ weight, and g.T @ x"),
    "einsum": (lambda x, y: ops.einsum(x, y, subscripts="ij,kj->ki"), [X, S], "another einsum"),
    "layer_norm": (
        lambda x, w, b: F.layer_norm(x, (4,), w, b),
        [X, Q, Y],
        "mean and variance move with x",
    ),
    "cross_entropy": (lambda x: F.cross_entropy(x, [1, 3, 0]), [X], "(softmax - one_hot) / batch"),
    "mse_loss": (lambda x: F.mse_loss(x, S), [X], "2 (x - y) / n"),
    "binary_cross_entropy": (
        lambda x: F.binary_cross_entropy_with_logits(x, S),
        [X],
        "(sigmoid(x) - y) / n",
    ),
}


def cases(table, step):
    return [
        pytest.param(*case, id=name, marks=pytest.mark.step(step)) for name, case in table.items()
    ]


@pytest.mark.parametrize(("function", "points", "row"), cases(ELEMENTWISE, 4) + cases(OTHERS, 5))
def test_the_gradient_is_the_slope(autograd, expect, slopes, function, points, row):
    value = np.asarray(function(*map(Tensor, points)).data)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, value.shape)
    xs = [autograd.Variable(point) for point in points]
    gradients = function(*xs).backward(weights)
    wanted = slopes(lambda *ys: np.sum(function(*ys).data * weights), *points)
    for i, (x, slope) in enumerate(zip(xs, wanted, strict=True)):
        expect(gradients.get(x), slope, f"row {i} of: {row}", ROW, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("function", "points", "row"), cases(ELEMENTWISE, 7) + cases(OTHERS, 7))
def test_the_gradient_has_a_gradient(autograd, expect, slopes, function, points, row):
    def slope(*ys):
        xs = [y if isinstance(y, autograd.Variable) else autograd.Variable(y) for y in ys]
        z = function(*xs)
        gradients = z.backward(np.ones(z.shape), create_graph=True)
        return sum((gradients[x] * gradients[x]).sum() for x in xs)

    xs = [autograd.Variable(point) for point in points]
    total = slope(*xs)
    for x in xs:
        x.grad = None
    gradients = total.backward() if isinstance(total, autograd.Variable) else {}
    wanted = slopes(lambda *ys: slope(*ys).data, *points)
    for i, (x, second) in enumerate(zip(xs, wanted, strict=True)):
        got = gradients.get(x)
        got = np.zeros(x.shape) if got is None else got
        mistake = f"row {i} is not written in ops that can be differentiated again: {row}"
        expect(got, second, mistake, ROW, rtol=1e-3, atol=1e-5)


@pytest.mark.step(4)
@pytest.mark.parametrize(
    ("function", "points", "wanted", "why"),
    [
        (ops.relu, [[-1.0, 0.0, 2.0]], [[0, 0, 1]], "at 0 the slope of relu is 0"),
        (ops.abs, [[-1.0, 0.0, 2.0]], [[-1, 0, 1]], "at 0 the slope of abs is 0"),
        (ops.maximum, [[1.0, 2.0, 5.0], [1.0, 3.0, 4.0]], [[0.5, 0, 1], [0.5, 1, 0]], "a tie: 1/2"),
        (ops.minimum, [[1.0, 2.0, 5.0], [1.0, 3.0, 4.0]], [[0.5, 1, 0], [0.5, 0, 1]], "a tie: 1/2"),
        (
            lambda x: x.clip(0.0, 1.0),
            [[-1.0, 0.0, 0.5, 1.0, 2.0]],
            [[0, 1, 1, 1, 0]],
            "limits pass",
        ),
        (lambda x: x**2, [[0.0]], [[0]], "y x**(y - 1) at x = 0"),
        (lambda x: x**0, [[0.0, 2.0]], [[0, 0]], "a constant"),
        (ops.pow, [[0.0], [2.0]], [[0], [0]], "0**y stays 0: log(0) must not come in"),
    ],
)
def test_kinks_and_ties(autograd, expect, function, points, wanted, why):
    xs = [autograd.Variable(np.array(point)) for point in points]
    gradients = function(*xs).backward(np.ones(np.shape(points[0])))
    for x, slope in zip(xs, wanted, strict=True):
        expect(gradients.get(x), slope, why, ROW)


@pytest.mark.step(5)
@pytest.mark.parametrize(("name", "sign"), [("max", 1), ("min", -1)])
def test_ties_share_the_gradient_of_a_choice(autograd, expect, name, sign):
    x = autograd.Variable(sign * np.array([[1.0, 5.0, 5.0], [2.0, 0.0, 1.0]]))
    gradients = getattr(x, name)(axis=1).backward([1.0, 1.0])
    wanted = [[0, 0.5, 0.5], [1, 0, 0]]
    expect(gradients[x], wanted, "every tie got the whole gradient, or the first one did", ROW)


@pytest.mark.step(5)
def test_the_standard_deviation_of_constants_has_no_slope(autograd, expect):
    x = autograd.Variable(np.full(3, 2.0))
    expect(x.std().backward()[x], [0, 0, 0], "0 / 0: the root has no slope at 0", ROW)


@pytest.mark.step(4)
@pytest.mark.parametrize("x", [-30.0, 30.0])
def test_the_sigmoid_keeps_its_slope_far_out(autograd, x):
    v = autograd.Variable(np.array(x))
    slope = ops.sigmoid(v).backward()[v].item()
    assert slope == pytest.approx(np.exp(-30), rel=1e-6, abs=0), "1 - z is 0 in floats: sigmoid(-x)"


@pytest.mark.step(4)
def test_an_op_of_ones_own_gets_a_derivative(autograd, expect):
    @op(broadcasts=True)
    def contract_area(x, y, *, scale=1.0):
        return x * y * scale

    autograd.derivative(
        contract_area,
        lambda g, z, x, y, scale=1.0: g * y * scale,
        lambda g, z, x, y, scale=1.0: g * x * scale,
    )
    x = autograd.Variable([1.0, 2.0])
    gradients = contract_area(x, tensor(3.0), scale=2.0).backward([1.0, 1.0])
    expect(gradients[x], [6.0, 6.0], "the row's own", "`derivative`")
