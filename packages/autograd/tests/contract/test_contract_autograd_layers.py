"""Step 8, layers: what each computes, and the first values of weights."""

import math

import numpy as np
import pytest

from tinytorch.tensor import ArgumentError, DTypeError, IndexRangeError, ShapeError, tensor
from tinytorch.tensor import functional as F

pytestmark = pytest.mark.step(8)
ROW = "`nn.Sequential`, `nn.Linear`, ..."
X = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def test_linear_is_x_times_weight_transposed_plus_bias(nn, expect):
    linear = nn.Linear(3, 2, rng=0)
    assert (linear.weight.shape, linear.bias.shape) == ((2, 3), (2,)), f"(out, in)  [{ROW}]"
    wanted = X @ linear.weight.data.T + linear.bias.data
    expect(linear(tensor(X)), wanted, "x @ weight.T + bias", ROW)


def test_linear_may_have_no_bias(nn):
    assert nn.Linear(3, 2, bias=False).bias is None


def test_linear_begins_within_one_by_root_of_the_inputs(nn):
    linear = nn.Linear(16, 500, rng=0)
    for weights in (linear.weight.data, linear.bias.data):
        assert 0.24 < np.abs(weights).max() <= 0.25, "evenly within 1 / sqrt(in_features)"
        assert weights.dtype == np.float32


def test_a_seed_gives_the_same_weights(nn):
    assert nn.Linear(3, 2, rng=1).weight.tolist() == nn.Linear(3, 2, rng=1).weight.tolist()
    assert nn.Linear(3, 2, rng=1).weight.tolist() != nn.Linear(3, 2, rng=2).weight.tolist()


def test_features_must_fit(nn):
    with pytest.raises(ShapeError):
        nn.Linear(3, 2)(tensor([[1.0, 2.0]]))


def test_embedding_looks_rows_up(nn, expect):
    embedding = nn.Embedding(5, 2, rng=0)
    got = embedding([[0, 4], [1, 1]])
    expect(got, embedding.weight.data[[[0, 4], [1, 1]]], "the rows of its weight", ROW)
    got.sum().backward()
    expect(embedding.weight.grad.data[:, 0], [1, 2, 0, 0, 1], "a row read twice adds", ROW)


@pytest.mark.parametrize("number", [5, -1])
def test_embedding_has_no_row_of_that_number(nn, number):
    with pytest.raises(IndexRangeError):
        nn.Embedding(5, 2)([number])


def test_dropout_drops_with_p_and_scales_the_rest(nn):
    x = tensor(np.ones(100_000, np.float32))
    y = nn.Dropout(0.1, rng=0)(x).data
    assert np.isclose((y == 0).mean(), 0.1, atol=0.01), f"p is the share of zeros  [{ROW}]"
    assert np.allclose(y[y != 0], 1 / 0.9), f"the rest is divided by 1 - p  [{ROW}]"


def test_dropout_draws_anew_each_time(nn):
    dropout, x = nn.Dropout(0.5, rng=0), tensor(np.ones(100, np.float32))
    assert dropout(x).tolist() != dropout(x).tolist()


def test_dropout_does_nothing_in_evaluation(nn, expect):
    expect(nn.Dropout(0.5, rng=0).eval()(tensor(X)), X, "only in training", ROW)


def test_layer_norm_normalizes_then_scales_and_shifts(nn, expect):
    norm = nn.LayerNorm(3)
    plain = (X - X.mean(1, keepdims=True)) / np.sqrt(X.var(1, keepdims=True) + 1e-5)
    expect(norm(tensor(X)), plain, "over the last axis, eps inside of the root", ROW, 1e-4, 1e-6)
    norm.weight.assign([1.0, 2.0, 3.0])
    norm.bias.assign([0.0, 0.0, 5.0])
    wanted = plain * [1, 2, 3] + [0, 0, 5]
    expect(norm(tensor(X)), wanted, "its weight and bias are not used", ROW, 1e-4, 1e-6)


def test_layer_norm_may_have_several_axes(nn):
    assert nn.LayerNorm((4, 3)).weight.shape == (4, 3)
    assert nn.LayerNorm(3, bias=False).bias is None


@pytest.mark.parametrize(
    ("name", "arguments", "function"),
    [
        ("ReLU", (), F.relu),
        ("LeakyReLU", (), lambda x: F.leaky_relu(x, 0.01)),
        ("LeakyReLU", (0.3,), lambda x: F.leaky_relu(x, 0.3)),
        ("GELU", (), F.gelu),
        ("GELU", ("tanh",), lambda x: F.gelu(x, "tanh")),
        ("SiLU", (), F.silu),
        ("Sigmoid", (), F.sigmoid),
        ("Tanh", (), F.tanh),
        ("Softmax", (), lambda x: F.softmax(x, -1)),
        ("Softmax", (0,), lambda x: F.softmax(x, 0)),
        ("LogSoftmax", (), lambda x: F.log_softmax(x, -1)),
        ("LogSoftmax", (0,), lambda x: F.log_softmax(x, 0)),
        ("Identity", (), lambda x: x),
        ("Flatten", (), lambda x: x.reshape(4, 3)),
        ("Flatten", (0,), lambda x: x.reshape(12)),
    ],
)
def test_activation_modules_are_their_functions(nn, expect, name, arguments, function):
    module = getattr(nn, name)(*arguments)
    expect(module(tensor(X)), function(tensor(X)), "the function of the same name", ROW)


def test_sequential_goes_from_one_to_the_next(nn, expect):
    parts = [nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1)]
    model = nn.Sequential(*parts)
    expect(model(tensor(X)), parts[2](parts[1](parts[0](tensor(X)))), "in their order", ROW)
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"], f"[{ROW}]"


def test_containers_are_lists(nn):
    parts = [nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 1, rng=1)]
    for box in (nn.Sequential(*parts), nn.ModuleList(parts)):
        assert (len(box), box[0], box[-1], list(box)) == (3, parts[0], parts[2], parts)
        assert type(box[:2]) is type(box)
        assert len(box[:2]) == 2


def test_a_dict_of_modules_names_them_by_its_keys(nn):
    heads = nn.ModuleDict({"left": nn.Linear(2, 1), "right": nn.Linear(2, 1, bias=False)})
    heads["right"] = last = nn.Linear(2, 3)
    assert list(heads.state_dict()) == ["left.weight", "left.bias", "right.weight", "right.bias"]
    assert (list(heads), len(heads), "left" in heads) == (["left", "right"], 2, True)
    assert list(heads.keys()) == list(heads)
    assert heads["right"] is list(heads.values())[1] is dict(heads.items())["right"] is last
    heads.update({"more": nn.ReLU()})
    del heads["left"]
    assert list(heads) == ["right", "more"], "[`nn.ModuleDict(modules=None)`]"


@pytest.mark.parametrize("name", ["a.b", "", 1])
def test_a_dict_of_modules_refuses_what_is_no_name(nn, name):
    with pytest.raises(ArgumentError):
        nn.ModuleDict({name: nn.ReLU()})


@pytest.mark.parametrize(
    "make",
    [
        lambda nn, x: nn.Sequential(x),
        lambda nn, x: nn.ModuleList([x]),
        lambda nn, x: nn.ModuleDict({"x": x}),
    ],
)
def test_containers_take_modules_alone(nn, make):
    with pytest.raises(DTypeError):
        make(nn, lambda x: x)


@pytest.mark.parametrize(
    "make",
    [
        lambda nn: nn.Linear(0, 2),
        lambda nn: nn.Linear(2, -1),
        lambda nn: nn.Linear(1.5, 2),
        lambda nn: nn.Embedding(0, 1),
        lambda nn: nn.Dropout(1.5),
        lambda nn: nn.Dropout(-0.1),
        lambda nn: nn.LayerNorm(0),
    ],
)
def test_wrong_settings_are_errors(nn, make):
    with pytest.raises(ArgumentError):
        make(nn)


FAN_IN, FAN_OUT = 50 * 9, 100 * 9


@pytest.mark.parametrize(
    ("name", "settings", "deviation", "bounded"),
    [
        ("kaiming_uniform", {}, math.sqrt(2 / FAN_IN), True),
        ("kaiming_uniform", {"a": 1}, math.sqrt(1 / FAN_IN), True),
        ("kaiming_normal", {}, math.sqrt(2 / FAN_IN), False),
        ("kaiming_normal", {"a": 1}, math.sqrt(1 / FAN_IN), False),
        ("xavier_uniform", {}, math.sqrt(2 / (FAN_IN + FAN_OUT)), True),
        ("xavier_uniform", {"gain": 2}, 2 * math.sqrt(2 / (FAN_IN + FAN_OUT)), True),
        ("xavier_normal", {}, math.sqrt(2 / (FAN_IN + FAN_OUT)), False),
        ("xavier_normal", {"gain": 2}, 2 * math.sqrt(2 / (FAN_IN + FAN_OUT)), False),
    ],
)
def test_first_values_have_their_deviation(nn, name, settings, deviation, bounded):
    values = getattr(nn.init, name)((100, 50, 3, 3), rng=0, **settings)
    assert (type(values), values.dtype, values.shape) == (np.ndarray, np.float32, (100, 50, 3, 3))
    assert values.std() == pytest.approx(deviation, rel=0.02), "fan_in is inputs * 9 here"
    assert abs(values.mean()) < deviation / 50
    largest = np.abs(values).max() / deviation
    assert (largest < 1.74) == bounded, "drawn evenly, or from the normal distribution?"


def test_first_values_want_a_weights_shape(nn):
    for name in ("kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal"):
        with pytest.raises(ShapeError):
            getattr(nn.init, name)((3,))


def test_dirac_passes_each_channel_on(nn, expect):
    weight = nn.init.dirac_(nn.Parameter(np.ones((4, 2, 3), np.float32)), groups=2)
    expect(weight.data[:, :, 1], [[1, 0], [0, 1], [1, 0], [0, 1]], "in each group", "`nn.init`")
    assert not weight.data[:, :, ::2].any()


def test_a_small_network_learns(nn):
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((64, 3)).astype(np.float32)
    classes = tensor((inputs.sum(axis=1) > 0).astype(np.int64))
    model = nn.Sequential(nn.Linear(3, 16, rng=rng), nn.Tanh(), nn.Linear(16, 2, rng=rng))
    losses = []
    for _ in range(50):
        loss = F.cross_entropy(model(tensor(inputs)), classes)
        losses.append(loss.item())
        gradients = loss.backward()
        for parameter in model.parameters():
            parameter.assign(parameter.data - 0.5 * gradients[parameter].data)
    assert losses[-1] < 0.3 * losses[0], f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f}"
