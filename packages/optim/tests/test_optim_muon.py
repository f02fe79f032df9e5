"""Muon, and groups that another rule moves."""

import json

import numpy as np
import pytest

from tinytorch.autograd import Variable, nn
from tinytorch.optim import SGD, Adam, AdamW, Muon, ParameterError
from tinytorch.optim._muon import orthogonal
from tinytorch.tensor import ArgumentError, StateError, from_numpy, tensor

COEFFICIENTS = (3.4445, -4.775, 2.0315)


def matrix(rows, columns, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


def moved(start, gradient, **settings):
    """Where one step leads that does not decay."""
    w = Variable(start)
    Muon([w], **{"weight_decay": 0.0, **settings}).step({w: from_numpy(gradient)})
    return w.data - start


@pytest.mark.parametrize("shape", [(4, 4), (8, 3), (3, 8), (1, 5), (5, 1)])
def test_singular_values_come_near_one_and_directions_stay(shape):
    d = matrix(*shape)
    left, _, right = np.linalg.svd(d, full_matrices=False)
    x = orthogonal(d, COEFFICIENTS, 5, 1e-7)
    assert x.shape == shape
    values = left.T @ x @ right.T
    np.testing.assert_allclose(values - np.diag(np.diag(values)), 0, atol=1e-5)
    assert np.all((np.diag(values) > 0.6) & (np.diag(values) < 1.3))


@pytest.mark.parametrize("size", [1e-30, 1e-6, 1.0, 1e30])
def test_a_step_does_not_depend_on_the_size_of_the_gradient(size):
    d, start = matrix(4, 3), np.zeros((4, 3), np.float32)
    expected = moved(start, d, lr=0.1)
    np.testing.assert_allclose(moved(start, d * np.float32(size), lr=0.1, eps=0.0), expected, 1e-4)


def test_the_momentum_is_a_mean_and_nesterov_looks_ahead():
    g = [matrix(3, 3, seed) for seed in range(2)]
    for nesterov in (True, False):
        w = Variable(np.zeros((3, 3), np.float32))
        optimizer = Muon([w], lr=1.0, momentum=0.5, weight_decay=0.0, nesterov=nesterov)
        optimizer.step({w: from_numpy(g[0])})
        before = w.data.copy()
        optimizer.step({w: from_numpy(g[1])})
        b = 0.5 * (0.5 * g[0]) + 0.5 * g[1]
        d = 0.5 * b + 0.5 * g[1] if nesterov else b
        expected = before - orthogonal(d, COEFFICIENTS, 5, 1e-7)
        np.testing.assert_allclose(w.data, expected, atol=1e-5)


def test_filters_are_matrices_of_their_outputs():
    d = matrix(4, 2 * 3 * 3)
    start = np.zeros((4, 2, 3, 3), np.float32)
    step = moved(start, d.reshape(4, 2, 3, 3), lr=0.1)
    np.testing.assert_array_equal(step.reshape(4, 18), moved(np.zeros_like(d), d, lr=0.1))


@pytest.mark.parametrize(
    ("shape", "name", "factor"),
    [
        ((8, 2), None, 2.0),
        ((2, 8), "original", 1.0),
        ((8, 2), "match_rms_adamw", 0.2 * 8**0.5),
        ((2, 8), "match_rms_adamw", 0.2 * 8**0.5),
    ],
)
def test_the_rate_goes_by_the_shape(shape, name, factor):
    d = matrix(*shape)
    step = moved(np.zeros_like(d), d, lr=0.1, adjust_lr_fn=name)
    expected = -0.1 * factor * orthogonal(d, COEFFICIENTS, 5, 1e-7)
    np.testing.assert_allclose(step, expected, rtol=1e-4, atol=1e-6)


def test_a_zero_gradient_only_decays():
    w = Variable(np.ones((2, 3), np.float32))
    Muon([w], lr=0.1, weight_decay=0.5).step({w: from_numpy(np.zeros((2, 3), np.float32))})
    np.testing.assert_allclose(w.data, 0.95, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_types_stay(dtype):
    w = Variable(np.ones((2, 3)), dtype)
    Muon([w]).step({w: from_numpy(matrix(2, 3).astype(dtype))})
    assert w.dtype == np.dtype(dtype)
    assert np.isfinite(w.data).all()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_empty_matrices_stay(shape):
    w = Variable(np.ones(shape))
    Muon([w]).step({w: from_numpy(np.ones(shape))})
    assert w.shape == shape


def test_a_vector_is_refused_with_the_way_out():
    with pytest.raises(ParameterError, match=r"as bias(?s:.*)others=AdamW") as caught:
        Muon([("weight", Variable([[1.0]])), ("bias", Variable([1.0]))])
    assert caught.value.parameter == "bias"


@pytest.mark.parametrize(
    "settings",
    [
        {"ns_steps": -1},
        {"ns_steps": 2.5},
        {"ns_coefficients": (1.0, 2.0)},
        {"ns_coefficients": 1.0},
        {"ns_coefficients": (1.0, 2.0, "a")},
        {"adjust_lr_fn": "none"},
        {"nesterov": 1},
        {"lr": -1},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ArgumentError, match=next(iter(settings))) as caught:
        Muon(**settings)
    assert caught.value.operation == "Muon"


def network():
    rng = np.random.default_rng(0)
    return nn.Sequential(nn.Linear(2, 16, rng=rng), nn.Tanh(), nn.Linear(16, 1, rng=rng))


def test_others_move_what_is_no_matrix():
    model = network()
    optimizer = Muon(others=AdamW(lr=0.01)).bind(model.named_parameters())
    matrices, vectors = optimizer.param_groups
    assert [p.ndim for p in matrices["params"]] == [2, 2]
    assert [p.ndim for p in vectors["params"]] == [1, 1]
    assert (matrices["lr"], vectors["lr"]) == (0.001, 0.01)
    assert vectors["betas"] == (0.9, 0.999)
    assert [name for name, _ in optimizer.named_parameters()][2:] == ["0.bias", "2.bias"]


def test_without_vectors_others_have_no_group():
    optimizer = Muon([Variable([[1.0]])], others=AdamW())
    assert len(optimizer.param_groups) == 1


def test_a_network_learns():
    model = network()
    inputs = tensor(np.random.default_rng(1).normal(size=(64, 2)).astype(np.float32))
    targets = inputs[:, :1] * inputs[:, 1:]
    optimizer = Muon(model.parameters(), lr=0.02, weight_decay=0.0, others=Adam(lr=0.01))
    losses = []
    for _ in range(100):
        loss = ((model(inputs) - targets) ** 2).mean()
        losses.append(loss.item())
        optimizer.step(loss.backward())
    assert losses[-1] < 0.3 * losses[0]


def two_rules():
    """SGD whose second group Adam moves."""
    x, y = Variable([1.0, 1.0]), Variable([1.0, 1.0])
    return SGD([{"params": [x]}, {"params": [y], "rule": Adam(lr=0.25)}], lr=0.5), x, y


def test_the_rule_of_a_group_moves_it():
    optimizer, x, y = two_rules()
    optimizer.step({x: tensor([0.5, 1.0]), y: tensor([0.5, 1.0])})
    np.testing.assert_allclose(x.data, [0.75, 0.5])
    np.testing.assert_allclose(y.data, [0.75, 0.75], rtol=1e-6)


def test_settings_of_a_group_are_those_of_its_rule():
    w = Variable(1.0)
    optimizer = SGD([{"params": [w], "rule": Adam(lr=0.25), "betas": (0.5, 0.5)}])
    assert optimizer.param_groups[0]["betas"] == (0.5, 0.5)
    assert optimizer.lr == 0.25
    with pytest.raises(ArgumentError, match="'momentum' in group 1"):
        optimizer.add_param_group({"params": [Variable(1.0)], "rule": Adam(), "momentum": 0.5})
    optimizer.param_groups[0]["betas"] = (0.5, 1.5)
    with pytest.raises(ArgumentError, match="betas") as caught:
        optimizer.step({w: tensor(1.0)})
    assert caught.value.operation == "SGD.step"


def test_a_state_of_two_rules_goes_on_exactly():
    gradients = [np.random.default_rng(seed).normal(size=(2, 2)) for seed in range(6)]
    whole, half = two_rules(), two_rules()
    for optimizer, x, y in (whole, half):
        for gx, gy in gradients[:3]:
            optimizer.step({x: gx, y: gy})
    saved = half[0].state_dict()
    assert [set(state) for state in saved["state"]] == [{"step"}, {"step", "exp_avg", "exp_avg_sq"}]
    saved["param_groups"] = json.loads(json.dumps(saved["param_groups"]))
    assert [group.get("rule") for group in saved["param_groups"]] == [None, "Adam"]
    again, x, y = two_rules()
    x.assign(half[1].detach())
    y.assign(half[2].detach())
    again.load_state_dict(saved)
    for gx, gy in gradients[3:]:
        whole[0].step({whole[1]: gx, whole[2]: gy})
        again.step({x: gx, y: gy})
    np.testing.assert_array_equal(x.data, whole[1].data)
    np.testing.assert_array_equal(y.data, whole[2].data)


def test_a_state_of_another_rule_is_refused():
    saved = two_rules()[0].state_dict()
    x, y = Variable([1.0, 1.0]), Variable([1.0, 1.0])
    other = SGD([{"params": [x]}, {"params": [y], "rule": AdamW()}])
    with pytest.raises(StateError, match=r"group 1 of the rule AdamW(?s:.*)Adam"):
        other.load_state_dict(saved)


@pytest.mark.parametrize("rule", ["Adam", Adam, Adam([Variable(1.0)])])
def test_what_is_no_rule_is_refused(rule):
    with pytest.raises(ParameterError, match="a rule: an optimizer without parameters"):
        SGD([{"params": [Variable(1.0)], "rule": rule}])


def test_the_repr_tells_the_own_settings():
    optimizer, *_ = two_rules()
    assert repr(optimizer).startswith("SGD(2 parameters, lr=0.5, momentum=0.0")
    assert repr(SGD([{"params": [Variable(1.0)], "rule": Adam()}], lr=0.5)).startswith("SGD(1 par")
