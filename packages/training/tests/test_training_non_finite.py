"""Where a NaN began: the epoch, the batch, and the first place that holds one."""

import math

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.optim import SGD
from tinytorch.spatial import BatchNorm2d
from tinytorch.tensor import from_numpy, ops
from tinytorch.tensor.functional import cross_entropy
from tinytorch.training import NonFiniteError, StopOnNonFinite, Trainer, first_non_finite

X = np.ones((6, 4), dtype=np.float32)
Y = np.array([0, 1, 2, 0, 1, 2])


class Log(nn.Module):
    def forward(self, x):
        return ops.log(x)


def network(*layers):
    return nn.Sequential(nn.Linear(4, 3, rng=0), *layers)


def stopped(model, batches, loss=cross_entropy, **settings):
    trainer = Trainer(
        model,
        SGD(lr=0.1),
        batches,
        loss=loss,
        callbacks=[StopOnNonFinite()],
        progress=False,
        **settings,
    )
    with pytest.raises(NonFiniteError) as caught, np.errstate(all="ignore"):
        trainer.fit(2)
    return caught.value, trainer


def test_the_layer_is_named(weights):
    model = nn.Sequential(network(nn.ReLU()), Log(), nn.Identity())
    before = {name: np.array(value) for name, value in model.state_dict().items()}
    error, trainer = stopped(model, [(X, Y)])
    assert (error.epoch, error.batch, error.place) == (1, 1, "layer 1 (Log)")
    assert "epoch 1, batch 1; first seen in layer 1 (Log)" in str(error)
    assert isinstance(error, ArithmeticError)
    for name, value in trainer.model.state_dict().items():
        np.testing.assert_array_equal(np.array(value), before[name])


def test_batch_and_epoch_are_counted_from_one():
    bad = X.copy()
    bad[2, 1] = np.nan
    error, _ = stopped(network(), [(X, Y), (X, Y), (bad, Y)])
    assert (error.epoch, error.batch, error.place) == (1, 3, "the inputs")
    calls = []

    def loss(outputs, targets):
        calls.append(1)
        return cross_entropy(outputs, targets) * (math.nan if len(calls) == 3 else 1.0)

    error, _ = stopped(network(), [(X, Y), (X, Y)], loss=loss)
    assert (error.epoch, error.batch) == (2, 1)
    assert error.place == "the loss function"


def test_a_gradient_alone_is_found_too():
    def loss(outputs, targets):
        return cross_entropy(outputs, targets) + ops.sqrt(outputs * 0.0).sum()

    error, _ = stopped(network(), [(X, Y)], loss=loss)
    assert error.place == "the gradient of 0.weight"
    assert "a gradient in epoch 1" in str(error)


def test_a_parameter_comes_before_the_layers():
    model = network()
    model[0].bias.assign(np.array([0, np.inf, 0], np.float32))
    assert first_non_finite(model, from_numpy(X)) == "parameter 0.bias"


def test_an_earlier_batch_of_a_group_counts():
    bad = X * np.float32(np.nan)
    error, _ = stopped(network(), [(bad, Y), (X, Y)], accumulate=2)
    assert error.batch == 1


def test_nothing_is_found_where_all_is_finite():
    assert first_non_finite(network(nn.ReLU()), from_numpy(X)) is None


def test_looking_leaves_no_trace():
    model = nn.Sequential(
        BatchNorm2d(2), nn.Dropout(0.5, rng=1), nn.Flatten(), nn.Linear(8, 2, rng=0), Log()
    )
    images = from_numpy(-np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2))
    state = {name: np.array(value) for name, value in model.state_dict().items()}
    generator = model[1].rng.bit_generator.state
    own = vars(model[4])["forward"] = model[4].forward
    assert first_non_finite(model, images) == "layer 4 (Log)"
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(np.array(value), state[name])
    assert model[1].rng.bit_generator.state == generator
    assert vars(model[4])["forward"] is own
    assert all("forward" not in vars(module) for module in model[:4].modules())


def test_looking_leaves_no_trace_after_an_error():
    class Broken(nn.Module):
        def forward(self, x):
            raise ZeroDivisionError

    model = network(Broken())
    with pytest.raises(ZeroDivisionError):
        first_non_finite(model, from_numpy(X))
    assert "forward" not in vars(model[1])


def test_a_model_that_spoils_its_own_result_is_named_as_a_whole():
    class Spoil(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(4, 3, rng=0)

        def forward(self, x):
            return self.layer(x) * math.inf

    with np.errstate(all="ignore"):
        assert first_non_finite(Spoil(), from_numpy(X)) == "the model's outputs"


def test_healthy_runs_are_left_alone(make_trainer, weights):
    plain, watched = make_trainer(), make_trainer(callbacks=[StopOnNonFinite()])
    assert plain.fit(2) == watched.fit(2)
    assert weights(plain) == weights(watched)


def test_layers_that_give_several_outputs_are_looked_at():
    class Both(nn.Module):
        def forward(self, x):
            return {"x": x, "more": (ops.log(x - x), x)}

    class Take(nn.Module):
        def forward(self, outputs):
            return outputs["x"]

    assert first_non_finite(nn.Sequential(Both(), Take()), from_numpy(X)) == "layer 0 (Both)"
    assert first_non_finite(nn.Sequential(nn.Identity()), np.arange(3)) is None
