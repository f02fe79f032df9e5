"""Values against PyTorch: every op on each sample of its case, activations, losses, options."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

from tinytorch.tensor import Tensor, einsum, from_numpy, kernels, ops, tensor
from tinytorch.tensor import functional as F
from tinytorch.tensor.testing import assert_close
from tinytorch.tensor.testing.cases import CASES

TORCH_TYPES = {
    np.dtype(np.float32): torch.float32,
    np.dtype(np.float64): torch.float64,
    np.dtype(np.int64): torch.int64,
    np.dtype(np.bool_): torch.bool,
}


def reduced(function, x, axis=None, keepdims=False):
    """A reduction of torch, along NumPy's axes."""
    axes = tuple(range(x.ndim)) if axis is None else axis
    return x if axes == () else function(x, dim=axes, keepdim=keepdims)


def index_of(index):
    """An index with arrays as torch's."""
    if isinstance(index, tuple):
        return tuple(index_of(part) for part in index)
    return torch.as_tensor(np.array(index)) if isinstance(index, (list, np.ndarray)) else index


def taken(x, index):
    """Indexing, with the negative steps that torch lacks."""
    return torch.from_numpy(np.array(x.numpy()[index]))


def put(x, index, shape):
    out = torch.zeros(shape, dtype=x.dtype)
    basic = not isinstance(index, np.ndarray) and not (
        isinstance(index, tuple) and any(isinstance(i, np.ndarray) for i in index)
    )
    if basic:
        out[index] = x
        return out
    parts = index if isinstance(index, tuple) else (index,)
    return out.index_put([index_of(part) for part in parts], x, accumulate=True)


def padded(x, widths, value=0):
    pairs = [width for pair in reversed(widths) for width in pair]
    return TF.pad(x, pairs, value=value)


def flipped(x, axis):
    axes = range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    return torch.flip(x, list(axes))


ORACLES = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "floor_div": torch.floor_divide,
    "mod": torch.remainder,
    "neg": torch.neg,
    "abs": torch.abs,
    "sign": torch.sign,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": TF.softplus,
    "erf": torch.erf,
    "erfc": torch.erfc,
    "binary_cross_entropy": lambda p, t: TF.binary_cross_entropy(
        *torch.broadcast_tensors(torch.as_tensor(p), torch.as_tensor(t)), reduction="none"
    ),
    "relu": torch.relu,
    "relu_gradient": lambda g, z: torch.where(torch.as_tensor(z) != 0, g, 0),
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "clip": lambda x, low=None, high=None: (
        x if low is None and high is None else torch.clamp(x, low, high)
    ),
    "where": torch.where,
    "to_float": lambda x, dtype: x.to(TORCH_TYPES[dtype]),
    "to_discrete": lambda x, dtype: x.to(TORCH_TYPES[dtype]),
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round": torch.round,
    "equal": torch.eq,
    "not_equal": torch.ne,
    "less": torch.lt,
    "less_equal": torch.le,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "isnan": torch.isnan,
    "isfinite": torch.isfinite,
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
    "logical_not": torch.logical_not,
    "bitwise_and": torch.bitwise_and,
    "bitwise_or": torch.bitwise_or,
    "bitwise_xor": torch.bitwise_xor,
    "bitwise_not": torch.bitwise_not,
    "left_shift": torch.bitwise_left_shift,
    "right_shift": torch.bitwise_right_shift,
    "sum": lambda x, **settings: reduced(torch.sum, x, **settings),
    "max": lambda x, **settings: reduced(torch.amax, x, **settings),
    "min": lambda x, **settings: reduced(torch.amin, x, **settings),
    "argmax": lambda x, axis=None, keepdims=False: torch.argmax(x, axis, keepdims),
    "argmin": lambda x, axis=None, keepdims=False: torch.argmin(x, axis, keepdims),
    "argsort": lambda x, axis=-1, descending=False: torch.argsort(
        x, dim=axis, descending=descending, stable=True
    ),
    "cumsum": torch.cumsum,
    "log_softmax": torch.log_softmax,
    "normalize": lambda x, last, eps: TF.layer_norm(x, x.shape[-last:], eps=eps),
    "matmul": torch.matmul,
    "linear": TF.linear,
    "einsum": lambda *xs, subscripts: torch.einsum(subscripts, *xs),
    "getitem": taken,
    "put_into_zeros": put,
    "take_along_axis": lambda x, indices, axis: torch.take_along_dim(
        x, torch.from_numpy(indices), axis
    ),
    "scatter_add": lambda x, values, indices, axis: torch.scatter_add(
        x, axis, torch.from_numpy(indices), values
    ),
    "reshape": torch.reshape,
    "transpose": lambda x, axes=None: x.permute(axes or tuple(reversed(range(x.ndim)))),
    "broadcast_to": lambda x, shape: x.broadcast_to(shape),
    "pad": padded,
    "flip": flipped,
    "join": lambda *xs, axis=0: torch.cat(xs, axis),
}


def test_every_op_has_an_oracle():
    own = [one for one in ops.registry() if one.__module__.startswith("tinytorch.tensor.")]
    assert [one.name for one in own if one.name not in ORACLES] == []


@pytest.mark.parametrize("backend", ["reference", *kernels.backends()])
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_op(case, backend):
    function = ORACLES[case.op.name]
    for one in case.samples:
        for dtype in (np.float32, np.float64):
            operands = case.operands(one, dtype)
            mine = [from_numpy(x) if isinstance(x, np.ndarray) else x for x in operands]
            theirs = [torch.tensor(x) if isinstance(x, np.ndarray) else x for x in operands]
            with kernels.using(backend):
                got = case.op(*mine, **one.settings)
            expected = function(*theirs, **one.settings).numpy()
            assert_close(got, expected, rtol=case.rtol, atol=case.atol, message=repr(one))
            assert got.dtype == expected.dtype, one


RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 5)).astype(np.float32) * 3
Y = RNG.standard_normal((6, 5)).astype(np.float32)
P = RNG.uniform(0, 1, (6, 5)).astype(np.float32)
Q = RNG.uniform(0, 1, (6, 5)).astype(np.float32)
WEIGHT = RNG.uniform(0.1, 2, 5).astype(np.float32)
CLASSES = RNG.integers(0, 5, 6)
IMAGES = RNG.standard_normal((3, 5, 2, 4)).astype(np.float32)
LABELS = RNG.integers(0, 5, (3, 2, 4))


def t(x):
    return torch.from_numpy(x) if isinstance(x, np.ndarray) else x


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (F.relu, TF.relu),
        (F.leaky_relu, TF.leaky_relu),
        (lambda x: F.leaky_relu(x, 0.3), lambda x: TF.leaky_relu(x, 0.3)),
        (F.gelu, TF.gelu),
        (lambda x: F.gelu(x, "tanh"), lambda x: TF.gelu(x, approximate="tanh")),
        (F.silu, TF.silu),
        (F.sigmoid, torch.sigmoid),
        (F.tanh, torch.tanh),
        (F.softmax, lambda x: TF.softmax(x, -1)),
        (lambda x: F.softmax(x, 0), lambda x: TF.softmax(x, 0)),
        (F.log_softmax, lambda x: TF.log_softmax(x, -1)),
        (lambda x: F.log_softmax(x, 0), lambda x: TF.log_softmax(x, 0)),
        (lambda x: F.layer_norm(x, 5), lambda x: TF.layer_norm(x, (5,))),
        (lambda x: F.layer_norm(x, (6, 5), eps=0.1), lambda x: TF.layer_norm(x, (6, 5), eps=0.1)),
        (
            lambda x: F.layer_norm(x, 5, tensor(WEIGHT), tensor(Y[0])),
            lambda x: TF.layer_norm(x, (5,), t(WEIGHT), t(Y[0])),
        ),
    ],
)
def test_activation(mine, theirs):
    expected = theirs(t(X)).numpy()
    got = mine(tensor(X))
    assert got.dtype == expected.dtype
    assert_close(got, expected, rtol=2e-5, atol=2e-6)


REDUCTIONS = ["mean", "sum", "none"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (F.mse_loss, TF.mse_loss),
        (F.l1_loss, TF.l1_loss),
        (F.huber_loss, TF.huber_loss),
        (
            lambda *x, **k: F.huber_loss(*x, delta=0.4, **k),
            lambda *x, **k: TF.huber_loss(*x, delta=0.4, **k),
        ),
    ],
)
def test_loss_of_numbers(mine, theirs, reduction):
    expected = theirs(t(X), t(Y), reduction=reduction).numpy()
    assert_close(mine(tensor(X), tensor(Y), reduction=reduction), expected, rtol=2e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("ignore", [-100, 2])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize(("x", "classes"), [(X, CLASSES), (IMAGES, LABELS)], ids=["2d", "4d"])
def test_cross_entropy(x, classes, weight, ignore, smoothing, reduction):
    options = {"ignore_index": ignore, "label_smoothing": smoothing, "reduction": reduction}
    expected = TF.cross_entropy(t(x), t(classes), weight=t(weight), **options).numpy()
    got = F.cross_entropy(tensor(x), tensor(classes), weight=weight, **options)
    assert_close(got, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignore", [-100, 2])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize(("x", "classes"), [(X, CLASSES), (IMAGES, LABELS)], ids=["2d", "4d"])
def test_nll_loss(x, classes, weight, ignore, reduction):
    options = {"ignore_index": ignore, "reduction": reduction}
    expected = TF.nll_loss(t(x), t(classes), weight=t(weight), **options).numpy()
    assert_close(F.nll_loss(tensor(x), classes, weight=weight, **options), expected, rtol=2e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, WEIGHT, Q + 0.5])
def test_binary_cross_entropy(weight, reduction):
    probabilities = P.copy()
    probabilities[0, :2], probabilities[1, :2] = 0, 1
    options = {"reduction": reduction}
    expected = TF.binary_cross_entropy(t(probabilities), t(Q), weight=t(weight), **options).numpy()
    got = F.binary_cross_entropy(tensor(probabilities), tensor(Q), weight=weight, **options)
    assert_close(got, expected, rtol=2e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, WEIGHT, Q + 0.5])
@pytest.mark.parametrize("positive", [None, WEIGHT])
def test_binary_cross_entropy_with_logits(weight, positive, reduction):
    x = X.copy()
    x[0, 0], x[0, 1] = 200, -200
    theirs = {"weight": t(weight), "pos_weight": t(positive), "reduction": reduction}
    expected = TF.binary_cross_entropy_with_logits(t(x), t(Q), **theirs).numpy()
    got = F.binary_cross_entropy_with_logits(
        tensor(x), tensor(Q), weight=weight, pos_weight=positive, reduction=reduction
    )
    assert_close(got, expected, rtol=2e-5)


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("ddof", [0, 1])
def test_statistics(axis, keepdims, ddof):
    theirs = {"dim": axis, "correction": ddof, "keepdim": keepdims}
    x = tensor(X)
    assert_close(x.var(axis, keepdims, ddof), torch.var(t(X), **theirs).numpy(), rtol=2e-5)
    assert_close(x.std(axis, keepdims, ddof), torch.std(t(X), **theirs).numpy(), rtol=2e-5)
    mean = torch.mean(t(X), axis if axis is not None else (0, 1), keepdim=keepdims)
    assert_close(x.mean(axis, keepdims), mean.numpy(), rtol=2e-5, atol=1e-6)


def test_erf_to_the_last_digits():
    x = np.linspace(-7, 7, 20_001)
    assert_close(ops.erf(from_numpy(x)), torch.erf(torch.from_numpy(x)).numpy(), rtol=1e-13)


def test_dlpack_both_ways():
    mine = tensor(X)
    theirs = torch.from_dlpack(mine)
    assert theirs.data_ptr() == mine.data.ctypes.data
    back = from_numpy(np.from_dlpack(theirs))
    assert isinstance(back, Tensor)
    assert np.shares_memory(back.data, mine.data)
    assert torch.utils.dlpack.from_dlpack(mine).tolist() == mine.tolist()
    for view in (mine[::-1], mine.T, mine[0].broadcast_to((2, 5)), mine[1, 2], mine[:, ::2]):
        assert torch.from_dlpack(view).tolist() == view.tolist()
        assert torch.utils.dlpack.from_dlpack(view.__dlpack__()).tolist() == view.tolist()


def test_einsum_with_the_subscripts_first():
    expected = torch.einsum("ij,kj->ik", t(X), t(Y)).numpy()
    assert_close(einsum("ij,kj->ik", tensor(X), tensor(Y)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div(reduction, log_target):
    scores, target = F.log_softmax(X).numpy(), TF.log_softmax(t(Y), -1).numpy()
    target = target if log_target else np.exp(target) * (Q > 0.3)
    options = {"reduction": reduction, "log_target": log_target}
    expected = TF.kl_div(t(scores), t(target), **options).numpy()
    assert_close(F.kl_div(scores, target, **options), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_logsumexp_and_norm(axis):
    expected = torch.logsumexp(t(X), axis, keepdim=True).numpy()
    assert_close(ops.logsumexp(X, axis, keepdims=True), expected, rtol=2e-6)
    for order in (0, 1, 2, 3.5, np.inf, -np.inf):
        expected = torch.linalg.vector_norm(t(X), order, axis).numpy()
        assert_close(ops.norm(X, order, axis), expected, rtol=2e-5)


@pytest.mark.parametrize("lengths", [2, 4, [1, 5], [2, 2, 2]])
def test_split(lengths):
    parts = torch.split(t(X), lengths)
    for mine, theirs in zip(ops.split(X, lengths), parts, strict=True):
        assert_close(mine, theirs.numpy())


@pytest.mark.parametrize("k", [-1, 0, 2])
def test_triangles(k):
    assert_close(ops.tril(X, k), torch.tril(t(X), k).numpy())
    assert_close(ops.triu(X, k), torch.triu(t(X), k).numpy())


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("axis", [0, 1])
def test_topk(axis, largest):
    expected = torch.topk(t(X), 3, axis, largest)
    values, indices = ops.topk(X, 3, axis, largest)
    assert_close(values, expected.values.numpy())
    assert_close(indices, expected.indices.numpy())
