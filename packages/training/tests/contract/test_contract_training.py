"""The contract of the training layer: public names only, for any implementation of it.

Every test makes its own small run of Tensors, modules and an optimizer of the layers below.
"""

import json

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.optim import SGD, Adam
from tinytorch.tensor import from_numpy
from tinytorch.tensor.functional import cross_entropy, mse_loss
from tinytorch.training import (
    Accuracy,
    Checkpoint,
    ConfusionMatrix,
    EarlyStopping,
    Mean,
    TopK,
    Trainer,
    accuracy,
    load_checkpoint,
    save_checkpoint,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = (X @ RNG.normal(size=(4, 3))).argmax(axis=1)
BATCHES = [(X[i : i + 16], Y[i : i + 16]) for i in range(0, 60, 16)]


def model():
    rng = np.random.default_rng(1)
    return nn.Sequential(nn.Linear(4, 8, rng=rng), nn.ReLU(), nn.Linear(8, 3, rng=rng))


def make(optimizer=None, train=BATCHES, **settings):
    settings = {"progress": False, **settings}
    return Trainer(model(), optimizer or SGD(lr=0.1), train, **settings)


def weights(trainer):
    return {name: np.array(value) for name, value in trainer.model.state_dict().items()}


def assert_same(one, other):
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name])


def test_fit_learns_and_gives_a_history_of_columns():
    history = make(Adam(lr=0.01), val_loader=BATCHES).fit(epochs=30)
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(history)
    assert all(len(history[name]) == 30 for name in history)
    assert history["val_loss"][-1] < 0.5 * history["val_loss"][0]
    assert history["val_accuracy"][-1] > 0.9


def test_fit_is_a_plain_loop_bit_for_bit():
    trainer, plain = make(), model()
    trainer.fit(2)
    optimizer = SGD(plain.parameters(), lr=0.1)
    for _ in range(2):
        for inputs, targets in BATCHES:
            optimizer.step(cross_entropy(plain(from_numpy(inputs)), from_numpy(targets)).backward())
    assert_same(weights(trainer), {k: np.array(v) for k, v in plain.state_dict().items()})


def test_evaluate_gives_the_figures_of_all_examples():
    trainer = make()
    trainer.fit(1)
    whole, cut = trainer.evaluate([(X, Y)]), trainer.evaluate(BATCHES)
    assert set(whole) == {"loss", "accuracy"}
    assert whole["accuracy"] == cut["accuracy"] == accuracy(trainer.predict([X]), Y)
    assert whole["loss"] == pytest.approx(cut["loss"], rel=1e-5)


def test_predict_gives_all_outputs_in_order():
    trainer = make()
    outputs = np.asarray(trainer.predict(BATCHES))
    assert outputs.shape == (60, 3)
    np.testing.assert_allclose(outputs[16:32], np.asarray(trainer.predict([X[16:32]])), rtol=1e-5)


def test_evaluation_mode_ends_also_after_an_error():
    def loss(outputs, targets):
        assert not trainer.model.training
        raise ZeroDivisionError

    trainer = make(loss=loss)
    with pytest.raises(ZeroDivisionError):
        trainer.evaluate(BATCHES)
    assert all(module.training for module in trainer.model.modules())


def test_accumulation_equals_one_large_batch():
    halves, whole = (
        make(train=[(X[:20], Y[:20]), (X[20:], Y[20:])], accumulate=2),
        make(train=[(X, Y)]),
    )
    halves.fit(3)
    whole.fit(3)
    for name, value in weights(whole).items():
        np.testing.assert_allclose(weights(halves)[name], value, rtol=1e-4, atol=1e-6)


def test_a_schedule_sets_the_rate_of_each_step():
    rates = []
    make(schedule=lambda step: rates.append(step) or 0.1).fit(2)
    assert rates == list(range(8))


def test_any_loss_and_metric_will_do():
    train = [(X, X[:, :3] * 2)]

    def worst(outputs, targets):
        return float(np.abs(np.asarray(outputs) - np.asarray(targets)).max())

    history = make(train=train, loss=mse_loss, metrics=(worst,)).fit(30)
    assert history["loss"][-1] < history["loss"][0]
    assert history["worst"][-1] < history["worst"][0]


@pytest.mark.parametrize("cuts", [[], [1], [5, 40, 41]])
def test_metrics_count_examples_not_batches(cuts):
    scores = RNG.normal(size=(60, 3))
    right = scores.argmax(axis=1) == Y
    for metric, expected in (
        (Accuracy(), right.mean()),
        (TopK(3), 1.0),
        (Mean(lambda o, t: float(o.mean())), scores.mean()),
    ):
        for s, t in zip(np.split(scores, cuts), np.split(Y, cuts), strict=True):
            metric.update(s, t)
        assert metric.compute() == pytest.approx(expected, rel=1e-12)
    matrix = ConfusionMatrix(3)
    matrix.update(scores, Y)
    assert np.trace(matrix.compute()) == right.sum()
    assert matrix.compute().sum(axis=1).tolist() == np.bincount(Y, minlength=3).tolist()


def test_a_run_goes_on_from_its_folder_with_the_same_bits(tmp_path):
    whole, first = make(Adam(lr=0.01)), make(Adam(lr=0.01), callbacks=[Checkpoint(tmp_path)])
    whole.fit(4)
    first.fit(2)
    again = make(Adam(lr=0.01), callbacks=[Checkpoint(tmp_path)])
    history = again.fit(4)
    assert dict(history) == dict(whole.history)
    assert_same(weights(again), weights(whole))


def test_checkpoints_hold_what_is_put_in(tmp_path):
    trainer = make()
    save_checkpoint(tmp_path / "c", trainer.model.state_dict(), note="hello", step=3)
    loaded = load_checkpoint(tmp_path / "c")
    assert (loaded["note"], loaded["step"]) == ("hello", 3)
    assert_same(weights(trainer), loaded["model"])
    path = tmp_path / "c" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(OSError, match=r"model\.safetensors"):
        load_checkpoint(tmp_path / "c")


def test_early_stopping_stops():
    trainer = make(SGD(lr=0.0), val_loader=BATCHES, callbacks=[EarlyStopping(patience=2)])
    assert len(trainer.fit(10)["loss"]) == 3


def test_the_history_can_be_written(tmp_path):
    history = make().fit(2)
    history.to_csv(tmp_path / "h.csv")
    history.to_json(tmp_path / "h.json")
    assert len((tmp_path / "h.csv").read_text().splitlines()) == 3
    json.loads((tmp_path / "h.json").read_text())
    assert "loss" in repr(history)
