"""Values and gradients at 0, at ties, at both infinities, at NaN and far out: as PyTorch's.

Where the two differ on purpose the truth in float64 stands beside ours.
"""

import math
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

from tinytorch.autograd import Variable
from tinytorch.tensor import functional as F
from tinytorch.tensor import maximum, minimum, ops
from tinytorch.tensor.testing import assert_close

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
INF, NAN = math.inf, math.nan
EDGES = [0.0, -0.0, INF, -INF, NAN, 1.0, -1.0, 3.0]
FINITE = [x for x in EDGES if math.isfinite(x)]
PAIRS = np.array(list(product(EDGES, EDGES))).T
ROWS = np.array([[0, 0, 0], [INF, 0, 0], [-INF, 0, 1], [INF, INF, 0], [NAN, 0, 1], [1, 1, 1.0]])
LABELS = np.array([1, 0, 2, 2, 1, 0])
SOFT = np.array([[0.2, 0.5, 0.3]] * 6)
SHARES = np.array(list(product([0.0, 1.0, 0.5, 1e-13, 1e-20], [0.0, 1.0, 0.25]))).T
LOGITS = np.array(list(product(FINITE, [0.0, 1.0, 0.25]))).T


def both(mine, theirs, *arrays):
    """Value and gradients, ours and PyTorch's."""
    variables = [Variable(x) for x in arrays]
    leaves = [torch.tensor(x, requires_grad=True) for x in arrays]
    result, wanted = mine(*variables), theirs(*leaves)
    result.sum().backward()
    wanted.sum().backward()
    ours = [result.detach().numpy(), *(x.grad.numpy() for x in variables)]
    return ours, [wanted.detach().numpy(), *(x.grad.numpy() for x in leaves)]


def loss(name, **options):
    """A loss of that name here and there, element by element."""
    mine, theirs = getattr(F, name), getattr(TF, name)
    return (
        lambda *x: mine(*x, reduction="none", **options),
        lambda *x: theirs(*x, reduction="none", **options),
    )


def of_classes(name, **options):
    mine, theirs = loss(name, **options)
    return lambda x: mine(x, LABELS), lambda x: theirs(x, torch.tensor(LABELS))


def of_targets(name, targets, **options):
    mine, theirs = loss(name, **options)
    return lambda x: mine(x, targets), lambda x: theirs(x, torch.tensor(targets))


SAME = {
    "relu": (F.relu, TF.relu, EDGES),
    "leaky_relu": (F.leaky_relu, TF.leaky_relu, EDGES),
    "gelu": (F.gelu, TF.gelu, EDGES),
    "gelu, tanh": (lambda x: F.gelu(x, "tanh"), lambda x: TF.gelu(x, approximate="tanh"), EDGES),
    "silu": (F.silu, TF.silu, EDGES),
    "sigmoid": (F.sigmoid, torch.sigmoid, EDGES),
    "tanh": (F.tanh, torch.tanh, EDGES),
    "softmax": (F.softmax, lambda x: TF.softmax(x, -1), ROWS),
    "log_softmax": (F.log_softmax, lambda x: TF.log_softmax(x, -1), ROWS),
    "layer_norm": (lambda x: F.layer_norm(x, 3), lambda x: TF.layer_norm(x, (3,)), ROWS),
    "mse_loss": (*loss("mse_loss"), *PAIRS),
    "l1_loss": (*loss("l1_loss"), *PAIRS),
    "huber_loss": (*loss("huber_loss"), *PAIRS),
    "huber_loss, delta": (*loss("huber_loss", delta=2.0), *PAIRS),
    "cross_entropy": (*of_classes("cross_entropy"), ROWS),
    "cross_entropy, smooth": (*of_classes("cross_entropy", label_smoothing=0.1), ROWS),
    "cross_entropy, soft": (*of_targets("cross_entropy", SOFT), ROWS),
    "nll_loss": (*of_classes("nll_loss"), ROWS),
    "binary_cross_entropy": (*of_targets("binary_cross_entropy", SHARES[1]), SHARES[0]),
    "binary_cross_entropy_with_logits": (*loss("binary_cross_entropy_with_logits"), *LOGITS),
    "abs": (ops.abs, torch.abs, EDGES),
    "maximum": (maximum, torch.maximum, *PAIRS),
    "minimum": (minimum, torch.minimum, *PAIRS),
    "clip": (
        lambda x: ops.clip(x, low=-1.0, high=1.0),
        lambda x: torch.clamp(x, -1.0, 1.0),
        EDGES,
    ),
    "sqrt": (ops.sqrt, torch.sqrt, EDGES),
    "pow, 0": (lambda x: x**0, lambda x: x**0, EDGES),
    "pow, 2": (lambda x: x**2, lambda x: x**2, EDGES),
    "pow": (ops.pow, torch.pow, *PAIRS),
    "std of constants": (lambda x: x.std(), lambda x: torch.std(x, correction=0), [2.0, 2.0]),
}
NO_EDGES = {"divisors", "dropout", "linear", "mean_over"}


def test_every_activation_and_loss_is_looked_at():
    named = {name.split(",")[0] for name in SAME}
    assert set(F.__all__) - named == NO_EDGES


@pytest.mark.parametrize("name", SAME)
def test_edges(name):
    mine, theirs, *arrays = SAME[name]
    for got, expected in zip(*both(mine, theirs, *map(np.array, arrays)), strict=True):
        assert_close(got, expected, rtol=1e-6, atol=1e-15)


FAR = np.concatenate([np.linspace(-100, 100, 401), [-5.5, 5.5, -17.3, 17.3]])


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def normal(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def curve(x):
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


TAILS = {
    "sigmoid": (F.sigmoid, sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "silu": (F.silu, lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    "softplus": (ops.softplus, lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))), sigmoid),
    "gelu": (
        F.gelu,
        lambda x: x * normal(x),
        lambda x: normal(x) + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    ),
    "gelu, tanh": (
        lambda x: F.gelu(x, "tanh"),
        lambda x: x * sigmoid(2 * curve(x)) if abs(curve(x)) < 350 else max(x, 0.0),
        None,
    ),
    "with logits, yes": (
        lambda x: F.binary_cross_entropy_with_logits(x, np.ones(x.shape), reduction="none"),
        lambda x: max(-x, 0) + math.log1p(math.exp(-abs(x))),
        lambda x: -sigmoid(-x),
    ),
    "with logits, no": (
        lambda x: F.binary_cross_entropy_with_logits(x, np.zeros(x.shape), reduction="none"),
        lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))),
        sigmoid,
    ),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", TAILS)
def test_tails_keep_their_digits(name, dtype):
    mine, value, slope = TAILS[name]
    x = Variable(FAR.astype(dtype))
    y = mine(x)
    y.sum().backward()
    # What is too small for the data type may be 0.
    options = {"rtol": 3e-5 if dtype == np.float32 else 1e-12, "atol": float(np.finfo(dtype).tiny)}
    wide = x.data.astype(np.float64)
    assert_close(y.detach(), [value(v) for v in wide], **options)
    if slope:
        assert_close(x.grad, [slope(v) for v in wide], **options)


def test_the_loss_of_a_small_probability_has_its_slope():
    x = Variable(np.array([-20.0], np.float32))
    F.binary_cross_entropy(F.sigmoid(x), [1.0]).backward()
    assert_close(x.grad, [-1.0])
