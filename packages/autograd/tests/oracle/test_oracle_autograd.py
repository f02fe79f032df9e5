"""Gradients against PyTorch, to second order: every op, activation, loss and module."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from torch import nn as tnn

from tinytorch.autograd import Variable, nn
from tinytorch.autograd.testing import has_derivative
from tinytorch.tensor import (
    concatenate,
    flip,
    ops,
    pad,
    scatter_add,
    stack,
    take_along_axis,
    tensor,
)
from tinytorch.tensor import functional as F
from tinytorch.tensor.testing import assert_close

RNG = np.random.default_rng(0)


def draw(*shape, low=-2.0, high=2.0):
    return RNG.uniform(low, high, shape)


X, Y, ROW, CUBE = draw(3, 4), draw(3, 4), draw(4), draw(2, 3, 4)
POSITIVE, SHARE, SHARES = (
    draw(3, 4, low=0.3),
    draw(3, 4, low=0.1, high=0.9),
    draw(3, 4, low=0, high=1),
)
WEIGHT = draw(4, low=0.2)
INDEX = np.array([[0, 3], [1, 1], [2, 0]])
CLASSES = np.array([1, 3, 1])
IMAGES, LABELS = draw(2, 4, 3, 2), RNG.integers(0, 4, (2, 3, 2))
W, B = draw(5, 4), draw(5)


def t(x):
    return torch.from_numpy(x)


PAIRS = {
    "add": (lambda x, y: x + y, lambda x, y: x + y, X, ROW),
    "sub": (lambda x, y: x - y, lambda x, y: x - y, X, ROW),
    "mul": (lambda x, y: x * y, lambda x, y: x * y, X, ROW),
    "div": (lambda x, y: x / y, lambda x, y: x / y, X, POSITIVE),
    "pow": (lambda x, y: x**y, lambda x, y: x**y, POSITIVE, ROW),
    "pow, number": (lambda x: x**3, lambda x: x**3, X),
    "pow, base": (lambda x: 2.0**x, lambda x: 2.0**x, X),
    "mod": (lambda x, y: x % y, torch.remainder, X, POSITIVE),
    "neg": (lambda x: -x, torch.neg, X),
    "abs": (ops.abs, torch.abs, X),
    "exp": (ops.exp, torch.exp, X),
    "expm1": (ops.expm1, torch.expm1, X),
    "log": (ops.log, torch.log, POSITIVE),
    "log1p": (ops.log1p, torch.log1p, POSITIVE),
    "sqrt": (ops.sqrt, torch.sqrt, POSITIVE),
    "sin": (ops.sin, torch.sin, X),
    "cos": (ops.cos, torch.cos, X),
    "tanh": (ops.tanh, torch.tanh, X),
    "sigmoid": (ops.sigmoid, torch.sigmoid, X),
    "softplus": (ops.softplus, TF.softplus, X),
    "erf": (ops.erf, torch.erf, X),
    "erfc": (ops.erfc, torch.erfc, X),
    "relu": (ops.relu, torch.relu, X),
    "relu_gradient": (
        lambda g: ops.relu_gradient(g, np.maximum(X, 0)),
        lambda g: g * (torch.as_tensor(X) > 0),
        X,
    ),
    "maximum": (ops.maximum, torch.maximum, X, ROW),
    "minimum": (ops.minimum, torch.minimum, X, ROW),
    "maximum, ties": (ops.maximum, torch.maximum, X, X),
    "minimum, ties": (ops.minimum, torch.minimum, X, X),
    "clip": (lambda x: x.clip(-0.5, 0.7), lambda x: x.clamp(-0.5, 0.7), X),
    "where": (
        lambda x, y: ops.where(X > 0, x, y),
        lambda x, y: torch.where(t(X) > 0, x, y),
        X,
        ROW,
    ),
    "to_float": (lambda x: x.astype(np.float32), lambda x: x.to(torch.float32), X),
    "sum": (lambda x: x.sum(), torch.sum, X),
    "sum, axes": (lambda x: x.sum(axis=(0, -1)), lambda x: x.sum(dim=(0, -1)), CUBE),
    "sum, keepdims": (lambda x: x.sum(1, True), lambda x: x.sum(1, True), CUBE),
    "mean": (lambda x: x.mean(axis=1), lambda x: x.mean(1), CUBE),
    "var": (lambda x: x.var(axis=1, ddof=1), lambda x: x.var(1), CUBE),
    "std": (lambda x: x.std(), lambda x: x.std(correction=0), CUBE),
    "max": (lambda x: x.max(), torch.max, X),
    "max, ties": (lambda x: x.max(axis=1), lambda x: x.amax(1), np.ones((2, 3))),
    "max, axis": (lambda x: x.max(axis=(0, 1)), lambda x: x.amax((0, 1)), CUBE),
    "min": (lambda x: x.min(axis=1, keepdims=True), lambda x: x.amin(1, True), CUBE),
    "cumsum": (lambda x: x.cumsum(1), lambda x: x.cumsum(1), CUBE),
    "normalize": (
        lambda x: ops.normalize(x, last=1, eps=1e-5),
        lambda x: TF.layer_norm(x, x.shape[-1:]),
        CUBE,
    ),
    "matmul": (lambda x, y: x @ y, torch.matmul, X, Y.T.copy()),
    "matmul, stacks": (lambda x, y: x @ y, torch.matmul, CUBE, Y.T.copy()),
    "matmul, vectors": (lambda x, y: x @ y, torch.matmul, ROW, WEIGHT),
    "matmul, matrix and vector": (lambda x, y: x @ y, torch.matmul, CUBE, ROW),
    "matmul, vector and stack": (lambda x, y: x @ y, torch.matmul, draw(3), CUBE),
    "linear": (F.linear, TF.linear, CUBE, W, B),
    "linear, no bias": (F.linear, TF.linear, X, W),
    "einsum": (
        lambda x, y: ops.einsum(x, y, subscripts="bij,kj->bk"),
        lambda x, y: torch.einsum("bij,kj->bk", x, y),
        CUBE,
        Y,
    ),
    "getitem": (lambda x: x[1:, ::2], lambda x: x[1:, ::2], X),
    "getitem, repeats": (lambda x: x[[0, 1, 1]], lambda x: x[[0, 1, 1]], X),
    "getitem, mask": (lambda x: x[X > 0], lambda x: x[t(X) > 0], X),
    "put_into_zeros": (
        lambda x: ops.put_into_zeros(x, index=np.array([1, 1, 0]), shape=(2, 4)),
        lambda x: torch.zeros(2, 4, dtype=x.dtype).index_put(
            [torch.tensor([1, 1, 0])], x, accumulate=True
        ),
        X,
    ),
    "take_along_axis": (
        lambda x: take_along_axis(x, INDEX, 1),
        lambda x: torch.take_along_dim(x, t(INDEX), 1),
        X,
    ),
    "scatter_add": (
        lambda x, y: scatter_add(x, INDEX, y, 1),
        lambda x, y: x.scatter_add(1, t(INDEX), y),
        X,
        draw(3, 2),
    ),
    "reshape": (lambda x: x.reshape(2, 6), lambda x: x.reshape(2, 6), X),
    "transpose": (lambda x: x.transpose(2, 0, 1), lambda x: x.permute(2, 0, 1), CUBE),
    "swapaxes": (lambda x: x.swapaxes(0, 2), lambda x: x.swapaxes(0, 2), CUBE),
    "flatten": (lambda x: x.flatten(1), lambda x: x.flatten(1), CUBE),
    "squeeze": (lambda x: x.expand_dims(1).squeeze(), lambda x: x[:, None].squeeze(), X),
    "broadcast_to": (lambda x: x.broadcast_to((3, 4)), lambda x: x.broadcast_to(3, 4), ROW),
    "pad": (lambda x: pad(x, ((1, 0), (2, 3))), lambda x: TF.pad(x, (2, 3, 1, 0)), X),
    "flip": (lambda x: flip(x, 1), lambda x: x.flip(1), X),
    "join": (lambda x, y: concatenate([x, y], 1), lambda x, y: torch.cat([x, y], 1), X, Y),
    "stack": (lambda x, y: stack([x, y, x], 1), lambda x, y: torch.stack([x, y, x], 1), X, Y),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.3), lambda x: TF.leaky_relu(x, 0.3), X),
    "gelu": (F.gelu, TF.gelu, X),
    "gelu, tanh": (lambda x: F.gelu(x, "tanh"), lambda x: TF.gelu(x, approximate="tanh"), X),
    "silu": (F.silu, TF.silu, X),
    "softmax": (F.softmax, lambda x: TF.softmax(x, -1), X),
    "softmax, axis 0": (lambda x: F.softmax(x, 0), lambda x: TF.softmax(x, 0), X),
    "log_softmax": (F.log_softmax, lambda x: TF.log_softmax(x, -1), X),
    "layer_norm": (
        lambda x, w, b: F.layer_norm(x, 4, w, b),
        lambda x, w, b: TF.layer_norm(x, (4,), w, b),
        CUBE,
        ROW,
        WEIGHT,
    ),
    "layer_norm, two axes": (
        lambda x: F.layer_norm(x, (3, 4), eps=0.1),
        lambda x: TF.layer_norm(x, (3, 4), eps=0.1),
        CUBE,
    ),
}


def losses():
    for reduction in ("mean", "sum", "none"):
        options = {"reduction": reduction}
        for name, mine, theirs in (
            ("mse_loss", F.mse_loss, TF.mse_loss),
            ("l1_loss", F.l1_loss, TF.l1_loss),
            ("huber_loss", F.huber_loss, TF.huber_loss),
        ):
            yield (
                f"{name}, {reduction}",
                lambda x, y, f=mine, o=options: f(x, y, **o),
                lambda x, y, f=theirs, o=options: f(x, y, **o),
                (X, Y),
            )
        for smoothing in (0.0, 0.2):
            for weight in (None, WEIGHT):
                for ignore in (-100, 3):
                    mine = {"label_smoothing": smoothing, "ignore_index": ignore, **options}
                    for kind, x, classes in (("2d", X, CLASSES), ("4d", IMAGES, LABELS)):
                        yield (
                            f"cross_entropy, {reduction}, {smoothing}, {ignore}, {weight}, {kind}",
                            lambda x, w=weight, m=mine, c=classes: F.cross_entropy(x, c, w, **m),
                            lambda x, w=weight, m=mine, c=classes: TF.cross_entropy(
                                x, t(c), None if w is None else t(w), **m
                            ),
                            (x,),
                        )
        yield (
            f"nll_loss, {reduction}",
            lambda x, o=options: F.nll_loss(F.log_softmax(x, 1), CLASSES, WEIGHT, **o),
            lambda x, o=options: TF.nll_loss(TF.log_softmax(x, 1), t(CLASSES), t(WEIGHT), **o),
            (X,),
        )
        yield (
            f"binary_cross_entropy, {reduction}",
            lambda x, o=options: F.binary_cross_entropy(x, SHARES, WEIGHT, **o),
            lambda x, o=options: TF.binary_cross_entropy(x, t(SHARES), t(WEIGHT), **o),
            (SHARE,),
        )
        for positive in (None, WEIGHT):
            yield (
                f"binary_cross_entropy_with_logits, {reduction}, {positive is None}",
                lambda x, o=options, p=positive: F.binary_cross_entropy_with_logits(
                    x, SHARES, WEIGHT, pos_weight=p, **o
                ),
                lambda x, o=options, p=positive: TF.binary_cross_entropy_with_logits(
                    x, t(SHARES), t(WEIGHT), pos_weight=None if p is None else t(p), **o
                ),
                (X,),
            )


PAIRS |= {name: (mine, theirs, *operands) for name, mine, theirs, operands in losses()}


def test_every_differentiable_op_stands_in_the_table():
    own = [one for one in ops.registry() if one.__module__.startswith("tinytorch.tensor.")]
    named = {name.split(",")[0] for name in PAIRS}
    assert [one.name for one in own if has_derivative(one) and one.name not in named] == []


@pytest.mark.parametrize("name", PAIRS)
def test_gradients(name):
    mine, theirs, *operands = PAIRS[name]
    variables = [Variable(x) for x in operands]
    tensors = [t(x.copy()).requires_grad_() for x in operands]
    got, expected = mine(*variables), theirs(*tensors)
    assert_close(got.detach(), expected.detach().numpy(), rtol=1e-6)
    weights = draw(*got.shape).astype(got.dtype)

    gradients = got.backward(weights, create_graph=True)
    found = torch.autograd.grad(
        expected, tensors, t(weights) if weights.ndim else torch.tensor(weights), create_graph=True
    )
    rtol = 1e-5 if got.dtype == np.float32 else 1e-8
    for variable, gradient in zip(variables, found, strict=True):
        assert_close(gradients[variable], gradient.detach().numpy(), rtol=rtol, atol=1e-9)

    if not any(gradient.requires_grad for gradient in found):
        return
    curved = sum((gradients[v] * gradients[v]).sum() for v in variables)
    second = curved.backward() if isinstance(curved, Variable) else {}
    again = torch.autograd.grad(
        sum((gradient * gradient).sum() for gradient in found), tensors, allow_unused=True
    )
    for variable, gradient in zip(variables, again, strict=True):
        expected = np.zeros(variable.shape) if gradient is None else gradient.numpy(force=True)
        got = second.get(variable, tensor(np.zeros(variable.shape)))
        assert_close(got, expected, rtol=max(rtol, 1e-6), atol=1e-8)


MODULES = {
    "Linear": (nn.Linear(4, 3, rng=0), tnn.Linear(4, 3), X),
    "Linear, no bias": (nn.Linear(4, 3, bias=False, rng=0), tnn.Linear(4, 3, bias=False), CUBE),
    "Embedding": (nn.Embedding(5, 3, rng=0), tnn.Embedding(5, 3), INDEX),
    "LayerNorm": (nn.LayerNorm(4), tnn.LayerNorm(4), CUBE),
    "LayerNorm, two axes": (nn.LayerNorm((3, 4), eps=0.1), tnn.LayerNorm((3, 4), eps=0.1), CUBE),
    "LayerNorm, no bias": (nn.LayerNorm(4, bias=False), tnn.LayerNorm(4, bias=False), X),
    "ReLU": (nn.ReLU(), tnn.ReLU(), X),
    "LeakyReLU": (nn.LeakyReLU(), tnn.LeakyReLU(), X),
    "LeakyReLU, slope": (nn.LeakyReLU(0.2), tnn.LeakyReLU(0.2), X),
    "GELU": (nn.GELU(), tnn.GELU(), X),
    "GELU, tanh": (nn.GELU("tanh"), tnn.GELU("tanh"), X),
    "SiLU": (nn.SiLU(), tnn.SiLU(), X),
    "Sigmoid": (nn.Sigmoid(), tnn.Sigmoid(), X),
    "Tanh": (nn.Tanh(), tnn.Tanh(), X),
    "Softmax": (nn.Softmax(1), tnn.Softmax(1), CUBE),
    "LogSoftmax": (nn.LogSoftmax(1), tnn.LogSoftmax(1), CUBE),
    "Flatten": (nn.Flatten(), tnn.Flatten(), CUBE),
    "Identity": (nn.Identity(), tnn.Identity(), X),
    "Dropout, evaluation": (nn.Dropout(0.5).eval(), tnn.Dropout(0.5).eval(), X),
    "Sequential": (
        nn.Sequential(nn.Linear(4, 5, rng=0), nn.GELU(), nn.LayerNorm(5), nn.Linear(5, 2, rng=1)),
        tnn.Sequential(tnn.Linear(4, 5), tnn.GELU(), tnn.LayerNorm(5), tnn.Linear(5, 2)),
        X,
    ),
}


@pytest.mark.parametrize("name", MODULES)
def test_module(name):
    mine, theirs, inputs = MODULES[name]
    mine = copy.deepcopy(mine)
    state = mine.state_dict()
    assert list(state) == list(theirs.state_dict())
    assert [x.shape for x in state.values()] == [
        tuple(x.shape) for x in theirs.state_dict().values()
    ]
    theirs.load_state_dict({key: torch.tensor(x.data) for key, x in state.items()})
    integers = inputs.dtype.kind == "i"
    x = inputs if integers else Variable(inputs.astype(np.float32))
    y = t(inputs) if integers else t(inputs.astype(np.float32)).requires_grad_()
    got, expected = mine(x), theirs(y)
    assert_close(tensor(getattr(got, "data", got)), expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    weights = draw(*got.shape).astype(np.float32)
    got.backward(weights)
    expected.backward(t(weights))
    for (key, parameter), (_, other) in zip(
        mine.named_parameters(), theirs.named_parameters(), strict=True
    ):
        assert_close(parameter.grad, other.grad.numpy(), rtol=1e-4, atol=1e-5, message=key)
    if not integers:
        assert_close(x.grad, y.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_every_module_is_compared():
    base = {"Module", "ModuleList", "Parameter", "Buffer"}
    modules = {name for name in nn.__all__ if name[0].isupper()} - base
    assert modules - {name.split(",")[0] for name in MODULES} == set()


def test_first_values_have_pytorchs_distribution():
    mine, theirs = nn.Linear(64, 512, rng=0), tnn.Linear(64, 512)
    for key in ("weight", "bias"):
        a, b = getattr(mine, key).data, getattr(theirs, key).detach().numpy()
        assert a.std() == pytest.approx(b.std(), rel=0.1)
        assert abs(a).max() == pytest.approx(abs(b).max(), rel=0.05)
    for mine, theirs in (
        (lambda s: nn.init.kaiming_uniform(s, rng=0), tnn.init.kaiming_uniform_),
        (lambda s: nn.init.kaiming_normal(s, rng=0), tnn.init.kaiming_normal_),
        (lambda s: nn.init.xavier_uniform(s, rng=0), tnn.init.xavier_uniform_),
        (lambda s: nn.init.xavier_normal(s, rng=0), tnn.init.xavier_normal_),
    ):
        expected = theirs(torch.empty(64, 32, 3, 3)).numpy()
        assert mine((64, 32, 3, 3)).std() == pytest.approx(expected.std(), rel=0.05)


def test_training_a_network_goes_the_same_way():
    mine = nn.Sequential(nn.Linear(4, 8, rng=0), nn.Tanh(), nn.Linear(8, 4, rng=1))
    theirs = tnn.Sequential(tnn.Linear(4, 8), tnn.Tanh(), tnn.Linear(8, 4))
    theirs.load_state_dict({key: torch.tensor(x.data) for key, x in mine.state_dict().items()})
    inputs, classes = draw(32, 4).astype(np.float32), RNG.integers(0, 4, 32)
    for _ in range(20):
        gradients = F.cross_entropy(mine(tensor(inputs)), classes).backward()
        for leaf, gradient in gradients.items():
            leaf.assign(leaf.data - 0.5 * gradient.data)
        loss = TF.cross_entropy(theirs(t(inputs)), t(classes))
        theirs.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in theirs.parameters():
                parameter.sub_(0.5 * parameter.grad)
    for key, x in mine.state_dict().items():
        assert_close(x, theirs.state_dict()[key].numpy(), rtol=1e-3, atol=1e-5)


# Where functions are not smooth; without the slope of |NaN|, where PyTorch says 0, and without -0.
SPECIAL = np.array([0.0, 1.0, -1.0, 2.5, 1e-30, 1e30, -1e30, 20.0, np.inf, -np.inf, np.nan])
SMOOTH = "neg exp expm1 log log1p sqrt sin cos tanh relu".split()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SMOOTH)
def test_slopes_at_special_points(name, dtype):
    x, wanted = Variable(SPECIAL.astype(dtype)), t(SPECIAL.astype(dtype)).requires_grad_()
    getattr(ops, name)(x).sum().backward()
    getattr(torch, name)(wanted).sum().backward()
    assert_close(x.grad, wanted.grad.numpy(), rtol=1e-5)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ops.add, torch.add),
        (ops.sub, torch.sub),
        (ops.mul, torch.mul),
        (ops.div, torch.div),
        (ops.pow, torch.pow),
        (ops.maximum, torch.maximum),
        (ops.minimum, torch.minimum),
    ],
)
def test_slopes_at_special_pairs(ours, theirs):
    pairs = [grid.ravel() for grid in np.meshgrid(SPECIAL, SPECIAL)]
    xs, wanted = [Variable(p) for p in pairs], [t(p).requires_grad_() for p in pairs]
    ours(*xs).sum().backward()
    theirs(*wanted).sum().backward()
    for x, w in zip(xs, wanted, strict=True):
        assert_close(x.grad, w.grad.numpy(), rtol=1e-6)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("x", [[1.0, np.nan, 3.0], [np.inf, np.inf, 1.0], [np.nan, np.nan]])
@pytest.mark.parametrize("name", ["max", "min"])
def test_slopes_of_choices_at_special_points(name, x):
    for ours, theirs in (
        (lambda v: getattr(v, name)(), lambda v: getattr(v, name)()),
        (lambda v: getattr(v, name)(axis=0), lambda v: getattr(torch, f"a{name}")(v, 0)),
    ):
        mine, wanted = Variable(np.array(x)), torch.tensor(x, dtype=torch.float64).requires_grad_()
        ours(mine).backward()
        theirs(wanted).backward()
        assert_close(mine.grad, wanted.grad.numpy())


@pytest.mark.parametrize("ddof", [0, 1])
def test_slopes_of_the_standard_deviation_of_constants(ddof):
    x = np.array([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
    mine, wanted = Variable(x), t(x).requires_grad_()
    mine.std(axis=1, ddof=ddof).sum().backward()
    wanted.std(1, correction=ddof).sum().backward()
    assert_close(mine.grad, wanted.grad.numpy())
