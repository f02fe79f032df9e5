"""Layers: each computes what its function does, from first weights within their bounds."""

import numpy as np
import pytest

from tinytorch.autograd import Variable, gradcheck, nn
from tinytorch.tensor import ArgumentError, DTypeError, IndexRangeError, ShapeError, tensor
from tinytorch.tensor import functional as F
from tinytorch.tensor.testing import assert_close

X = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


def test_linear():
    linear = nn.Linear(3, 2, rng=0)
    expected = X @ linear.weight.data.T + linear.bias.data
    assert_close(linear(tensor(X)), expected)
    assert linear(X[0]).shape == (2,)
    assert linear(np.zeros((2, 5, 3), np.float32)).shape == (2, 5, 2)
    linear(tensor(X)).sum().backward()
    assert_close(linear.bias.grad, [4.0, 4.0])
    assert_close(linear.weight.grad, np.stack([X.sum(0)] * 2), rtol=1e-5)
    with pytest.raises(ShapeError, match="features"):
        linear(tensor([[1.0, 2.0]]))


def test_weights_are_drawn_within_their_bounds():
    linear = nn.Linear(16, 500, rng=0)
    for weights in (linear.weight.data, linear.bias.data):
        assert np.abs(weights).max() <= 0.25
        assert np.abs(weights).max() > 0.24
        assert weights.dtype == np.float32
    assert nn.Linear(2, 2).weight.tolist() != nn.Linear(2, 2).weight.tolist()
    assert nn.Linear(2, 2, rng=1).bias.tolist() == nn.Linear(2, 2, rng=1).bias.tolist()


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(0, 1),
        lambda: nn.Linear(1, -1),
        lambda: nn.Linear(1.5, 1),
        lambda: nn.Linear("3", 1),
        lambda: nn.Linear(True, 1),
        lambda: nn.Embedding(0, 1),
        lambda: nn.Embedding(1, 0),
        lambda: nn.LayerNorm(0),
        lambda: nn.LayerNorm((2, 0)),
        lambda: nn.Dropout(-0.1),
        lambda: nn.Dropout(float("nan")),
    ],
)
def test_wrong_settings(make):
    with pytest.raises(ArgumentError):
        make()


def test_embedding():
    embedding = nn.Embedding(5, 2, rng=0)
    assert embedding([[0, 4], [1, 1]]).shape == (2, 2, 2)
    assert_close(embedding(tensor(3)), embedding.weight.data[3])
    embedding([1, 1, 4]).sum().backward()
    assert embedding.weight.grad.tolist() == [[0, 0], [2, 2], [0, 0], [0, 0], [1, 1]]
    assert embedding(np.zeros((0,), np.int64)).shape == (0, 2)
    assert abs(nn.Embedding(500, 20, rng=0).weight.data.std() - 1) < 0.02
    for wrong in ([5], [-1]):
        with pytest.raises(IndexRangeError, match="0 to 4"):
            embedding(wrong)
    with pytest.raises(DTypeError, match="integers"):
        embedding([0.5])


def test_dropout_draws_anew_in_training_alone():
    dropout, x = nn.Dropout(0.5, rng=0), tensor(np.ones(100))
    assert dropout(x).tolist() != dropout(x).tolist()
    dropout.eval()
    assert dropout(x) is x
    assert nn.Dropout().p == 0.5


def test_dropout_passes_gradients_where_it_kept():
    x = Variable(np.ones(50))
    y = nn.Dropout(0.5, rng=0)(x)
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()


def test_layer_norm():
    norm = nn.LayerNorm(3)
    got = norm(tensor(X)).data
    assert_close(got.mean(axis=1), np.zeros(4), atol=1e-6)
    assert_close(got.std(axis=1), np.ones(4), rtol=1e-3)
    norm.weight.assign([1.0, 2.0, 3.0])
    norm.bias.assign([0.0, 0.0, 5.0])
    assert_close(norm(tensor(X)), got * [1, 2, 3] + [0, 0, 5], rtol=1e-4, atol=1e-5)
    assert nn.LayerNorm(3, bias=False).bias is None
    assert nn.LayerNorm((4, 3)).weight.shape == (4, 3)
    assert nn.LayerNorm(np.int64(3)).normalized_shape == (3,)
    with pytest.raises(ShapeError, match="normalized_shape"):
        norm(tensor([[1.0, 2.0]]))


def test_sequential():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=1))
    assert_close(model(tensor(X)), model[2](model[1](model[0](tensor(X)))))
    assert isinstance(model[1:], nn.Sequential)
    assert model[-1] is model[2]
    assert list(nn.Sequential()) == []
    model.append(nn.ReLU())
    assert len(model) == 4
    model.extra = nn.Parameter([1.0])
    assert next(iter(model.state_dict())) == "extra"
    with pytest.raises(DTypeError, match="forward method"):
        nn.Sequential([nn.ReLU()])
    with pytest.raises(DTypeError, match="ModuleList"):
        nn.ModuleList([1])
    assert isinstance(nn.ModuleList([nn.ReLU()])[:1], nn.ModuleList)


def test_an_exception_in_a_layer_names_the_layer():
    model = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(4, 2, rng=0)))
    with pytest.raises(ShapeError) as caught:
        model(tensor(X))
    assert caught.value.__notes__ == [
        "in layer 0 of Sequential, Linear(4, 2), given (4, 3)",
        "in layer 1 of Sequential, Sequential(), given (4, 3)",
    ]
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the layer raises
        nn.Sequential(nn.Linear(1, 1), nn.Identity())(None)
    assert "given NoneType" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.Linear(3, 2, rng=0), (2, 3)),
        (nn.LayerNorm(3), (2, 3)),
        (nn.Sequential(nn.Linear(3, 2, rng=0), nn.Tanh(), nn.Linear(2, 1, rng=1)), (2, 3)),
        (nn.GELU(), (4,)),
        (nn.GELU("tanh"), (4,)),
        (nn.SiLU(), (4,)),
        (nn.LeakyReLU(), (4,)),
        (nn.Softmax(), (2, 3)),
    ],
)
def test_gradients_of_modules(module, shape):
    x = np.linspace(-1.9, 2.1, int(np.prod(shape))).reshape(shape)
    parameters = list(module.parameters())

    def call(inputs, *weights):
        names = [name for name, _ in module.named_parameters()]
        for name, weight in zip(names, weights, strict=True):
            owner, _, leaf = name.rpartition(".")
            vars(dict(module.named_modules())[owner])[leaf] = weight
        try:
            return module(inputs)
        finally:
            for name, parameter in zip(names, parameters, strict=True):
                owner, _, leaf = name.rpartition(".")
                vars(dict(module.named_modules())[owner])[leaf] = parameter

    gradcheck(module, x, order=2)
    if type(module) is nn.Linear:
        gradcheck(F.linear, x, *parameters, order=2)
