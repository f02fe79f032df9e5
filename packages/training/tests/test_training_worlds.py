"""Several ranks train as one would: the same steps, figures, decisions and checkpoints."""

import threading

import numpy as np
import pytest

from tinytorch.autograd import nn
from tinytorch.data import DataLoader, TensorDataset
from tinytorch.optim import SGD, Adam, ReduceOnPlateau
from tinytorch.spatial import BatchNorm2d
from tinytorch.tensor.errors import ArgumentError, StateError
from tinytorch.tensor.functional import cross_entropy
from tinytorch.training import (
    Averaged,
    Callback,
    Checkpoint,
    ConfusionMatrix,
    CSVLog,
    EarlyStopping,
    NonFiniteError,
    Progress,
    StopOnNonFinite,
    Trainer,
    accuracy,
    checkpoints,
    find_learning_rate,
)
from tinytorch.training.distributed import World, in_threads


def data(count=50, seed=0, classes=3):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(count, 4)).astype(np.float32)
    return inputs, (inputs @ rng.normal(size=(4, classes))).argmax(axis=1)


def network(dropout=0.0):
    rng = np.random.default_rng(1)
    return nn.Sequential(
        nn.Linear(4, 8, rng=rng),
        nn.ReLU(),
        nn.Dropout(dropout, rng=rng),
        nn.Linear(8, 3, rng=rng),
    )


def trainer(world=None, *, dropout=0.0, sharded=True, **settings):
    """A run of 50 examples in batches of 8, so that the last batch has two."""
    shard = (world.rank, world.size) if world is not None and sharded else None
    rng = world.rank if world is not None else 0
    loaders = [
        DataLoader(TensorDataset(*data(50)), 8, shuffle=True, rng=rng, shard=shard),
        DataLoader(TensorDataset(*data(21, seed=1)), 5, rng=rng, shard=shard),
    ]
    given = {
        "model": network(dropout),
        "optimizer": SGD(lr=0.1, momentum=0.9),
        "train_loader": loaders[0],
        "val_loader": loaders[1],
        "metrics": (accuracy, ConfusionMatrix(3)),
        "seed": 0,
        "progress": False,
    }
    return Trainer(**{**given, **settings}, world=world)


def weights(run):
    return {name: np.array(value) for name, value in run.model.state_dict().items()}


def bits(run):
    return {name: value.tobytes() for name, value in weights(run).items()}


def assert_equal_to_rounding(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-4, atol=2e-6, err_msg=name)


def fitted(size, epochs=3, **settings):
    """The runs of all ranks, after their fit."""

    def fit(world):
        run = trainer(world, **settings)
        run.fit(epochs)
        return run

    return in_threads(size, fit)


class Weighted:
    """A loss whose mean divides by the weights of the targets that count."""

    def __call__(self, outputs, targets):
        return cross_entropy(
            outputs, targets, weight=np.array([1.0, 5.0, 0.2], np.float32), ignore_index=2
        )


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"sharded": False},
        {"accumulate": 3},
        {"clip_norm": 0.05},
        {"loss": Weighted()},
        {"loss": Weighted(), "accumulate": 2, "metrics": ()},
    ],
    ids=str,
)
def test_ranks_take_the_steps_of_a_single_one(size, settings):
    one = trainer(**{k: v for k, v in settings.items() if k != "sharded"})
    one.fit(3)
    runs = fitted(size, **settings)
    for run in runs:
        assert bits(run) == bits(runs[0])
        assert run.history == runs[0].history
        assert (run.step, run.epoch, run.examples) == (one.step, one.epoch, one.examples)
    assert_equal_to_rounding(weights(runs[0]), weights(one))
    for name, column in one.history.items():
        np.testing.assert_allclose(runs[0].history[name], column, rtol=1e-4)


def test_a_world_of_one_changes_no_bit():
    alone, world = trainer(dropout=0.2), trainer(World(), dropout=0.2)
    assert world.fit(2) == alone.fit(2)
    assert bits(world) == bits(alone)


def test_two_runs_have_the_same_bits_with_dropout_too():
    first, second = (fitted(3, dropout=0.3) for _ in range(2))
    assert bits(first[0]) == bits(second[0])
    assert first[0].history == second[0].history


def test_each_rank_drops_other_units():
    def outputs(world):
        run = trainer(world, dropout=0.5)
        run.fit(1)
        return [
            rng.bit_generator.state["state"]["state"] for _, rng in run.model.named_generators()
        ]

    states = in_threads(3, outputs)
    assert len({tuple(state) for state in states}) == 3


def test_first_weights_and_the_order_of_the_data_are_those_of_rank_0():
    def fit(world):
        run = trainer(
            world, seed=None, model=nn.Linear(4, 3, rng=world.rank), optimizer=Adam(lr=0.01)
        )
        began = {}

        class Look(Callback):
            def on_fit_begin(self, run):
                began.update(bits(run))

        run.callbacks.append(Look())
        run.fit(2)
        return began, bits(run), run.train_loader.state_dict()

    runs = in_threads(2, fit)
    assert runs[0] == runs[1]


def test_metrics_of_evaluate_are_those_of_all_examples():
    one = trainer().evaluate()
    for figures in in_threads(3, lambda world: trainer(world).evaluate()):
        assert figures["accuracy"] == one["accuracy"]
        np.testing.assert_array_equal(figures["confusion"], one["confusion"])
        assert figures["loss"] == pytest.approx(one["loss"], rel=1e-6)


def images(count=24):
    rng = np.random.default_rng(3)
    return rng.normal(size=(count, 2, 3, 3)).astype(np.float32), rng.integers(0, 3, count)


def test_running_statistics_are_the_mean_of_the_ranks():
    def run(world=None):
        rng = np.random.default_rng(0)
        model = nn.Sequential(BatchNorm2d(2), nn.Flatten(), nn.Linear(18, 3, rng=rng))
        batches = DataLoader(TensorDataset(*images()), 7)
        made = Trainer(model, SGD(lr=0.0), batches, progress=False, world=world)
        made.fit(2)
        return weights(made)

    one, (first, second) = run(), in_threads(2, run)
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value)
    # The mean of the parts' means, by their lengths, is the mean of the batch.
    np.testing.assert_allclose(first["0.running_mean"], one["0.running_mean"], rtol=1e-5)
    np.testing.assert_allclose(first["0.running_var"], one["0.running_var"], rtol=0.2)
    assert first["0.num_batches_tracked"] == one["0.num_batches_tracked"]


def test_early_stopping_and_plateaus_agree():
    def fit(world):
        optimizer = SGD(lr=0.5)
        run = trainer(
            world,
            optimizer=optimizer,
            schedule=ReduceOnPlateau(optimizer, patience=0, factor=0.5),
            callbacks=[EarlyStopping(patience=2)],
        )
        run.fit(30)
        return run.epoch, run.stopped, run.history["lr"], bits(run)

    first, *others = in_threads(3, fit)
    assert first[0] < 30
    assert others == [first] * 2


class StopOnRank(Callback):
    """Stops the run, on one rank alone."""

    def __init__(self, rank, hook, signal=""):
        self.rank, self.hook, self.signal = rank, hook, signal

    def __getattribute__(self, name):
        if name.startswith("on_") and name == object.__getattribute__(self, "hook"):
            return self._stop
        return object.__getattribute__(self, name)

    def _stop(self, run):
        if run.world.rank == self.rank and (run.step >= 4 or "begin" in self.hook):
            if self.signal:
                run._signals.noted = self.signal
            else:
                run.stop("enough")


@pytest.mark.parametrize(
    "hook", ["on_fit_begin", "on_epoch_begin", "on_gradients", "on_step_end", "on_epoch_end"]
)
def test_what_one_rank_stops_is_stopped_on_all(hook):
    def fit(world):
        run = trainer(world, callbacks=[StopOnRank(1, hook)])
        run.fit(5)
        return run.step, run.stopped, bits(run)

    first, *others = in_threads(3, fit)
    assert first[1] == "enough"
    assert first[0] <= 7
    assert others == [first] * 2


def test_a_signal_to_one_rank_ends_all_at_the_same_step_and_it_is_saved(tmp_path):
    def fit(world):
        run = trainer(
            world, callbacks=[Checkpoint(tmp_path), StopOnRank(2, "on_step_end", "SIGTERM")]
        )
        with pytest.raises(KeyboardInterrupt, match="SIGTERM: stopped in epoch 1 after batch 4"):
            run.fit(5)
        return bits(run)

    states = in_threads(3, fit)
    assert states == [states[0]] * 3
    assert "step-000000004-epoch-00000-batch-0000004" in [p.name for p in checkpoints(tmp_path)]


def test_rank_0_alone_shows_and_writes(tmp_path, capsys):
    def fit(world):
        own = tmp_path / str(world.rank)
        run = trainer(
            world,
            callbacks=[Progress(), CSVLog(own.with_suffix(".csv")), Checkpoint(own, every=2)],
        )
        run.fit(2)

    in_threads(3, fit)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "0.csv"]
    assert capsys.readouterr().out.count("epoch 2/2") == 1


@pytest.mark.parametrize("step", [3, 7, 9])
@pytest.mark.parametrize("every", [2, "epoch"])
def test_a_run_goes_on_from_its_checkpoint_with_the_same_bits(tmp_path, step, every, crash):
    def run(world, *callbacks):
        saving = Checkpoint(tmp_path / f"{world.rank}", every=every)
        return trainer(world, dropout=0.3, callbacks=[saving, *callbacks])

    def whole(world):
        made = trainer(world, dropout=0.3, callbacks=[Checkpoint(tmp_path / "whole", every=every)])
        made.fit(3)
        return made

    def again(world):
        made = run(world)
        made.fit(3)
        return made

    expected = in_threads(3, whole)
    with pytest.raises(RuntimeError, match="power cut"):
        in_threads(3, lambda world: run(world, crash(step, order=50)).fit(3))
    for one, other in zip(in_threads(3, again), expected, strict=True):
        assert bits(one) == bits(other)
        assert one.history == other.history


def test_a_checkpoint_of_four_ranks_goes_on_with_two(tmp_path, crash):
    one = trainer()
    one.fit(3)

    def run(world, *callbacks):
        return trainer(world, callbacks=[Checkpoint(tmp_path, every=2), *callbacks])

    with pytest.raises(RuntimeError, match="power cut"):
        in_threads(4, lambda world: run(world, crash(9, order=50)).fit(3))

    def again(world):
        made = run(world)
        made.fit(3)
        return made

    with pytest.warns(UserWarning, match="ranks: 4, here 2"):
        found, _ = in_threads(2, again)
    assert_equal_to_rounding(weights(found), weights(one))
    np.testing.assert_allclose(found.history["loss"], one.history["loss"], rtol=1e-4)
    assert found.history["accuracy"] == one.history["accuracy"]


def test_a_second_fit_goes_on_as_one_longer_fit_does():
    def twice(world):
        run = trainer(world, dropout=0.3)
        run.fit(1)
        run.evaluate()
        run.fit(3)
        return bits(run), run.history

    whole = fitted(2, dropout=0.3)[0]
    assert in_threads(2, twice)[0] == (bits(whole), whole.history)


def test_a_trial_leaves_every_rank_as_it_was():
    def tried(world):
        run = trainer(world, dropout=0.3)
        run.fit(1)
        run.overfit(epochs=3)
        run.fit(3)
        return bits(run), run.history

    whole = fitted(2, dropout=0.3)[0]
    assert in_threads(2, tried)[0] == (bits(whole), whole.history)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (
            lambda rank: {"model": nn.Linear(4, 3 + rank)},
            r"model.bias: float32 \(3,\), in rank 1 float32 \(4,\)",
        ),
        (lambda rank: {"optimizer": SGD(lr=0.1 + rank)}, "optimizer.lr: 0.1, in rank 1 1.1"),
        (lambda rank: {"seed": rank}, "seed: 0, in rank 1 1"),
        (lambda rank: {"metrics": (accuracy,)[rank:]}, "metrics"),
        (
            lambda rank: {
                "train_loader": DataLoader(TensorDataset(*data(50, seed=rank)), 8, rng=0)
            },
            "train_loader",
        ),
    ],
    ids=["model", "optimizer", "seed", "metrics", "data"],
)
def test_ranks_that_differ_are_refused_with_both_named(settings, named):
    def fit(world):
        with pytest.raises(StateError, match=named) as caught:
            trainer(world, **settings(world.rank)).fit(1)
        assert caught.value.values["rank"] == 1

    in_threads(2, fit)


def test_ranks_of_different_versions_are_refused_with_both_named(monkeypatch):
    rank = threading.local()

    def version(package):
        return "0.2.9" if package == "tinytorch-data" and rank.number == 1 else "0.2.0"

    def fit(world):
        rank.number = world.rank
        run = trainer(world)
        before = bits(run)
        with pytest.raises(StateError, match=r"tinytorch-data: 0\.2\.0, in rank 1 0\.2\.9"):
            run.fit(1)
        return bits(run) == before

    monkeypatch.setattr("tinytorch.training.session.together.version", version)
    assert in_threads(2, fit) == [True, True]


def test_a_loader_of_another_shard_is_refused():
    loader = DataLoader(TensorDataset(*data()), 8, rng=0, shard=(0, 2))
    with pytest.raises(ArgumentError, match="rank 0 of 1"):
        trainer(train_loader=loader).fit(1)


def test_parameters_that_no_rank_used_keep_their_values():
    class Two(nn.Module):
        def __init__(self):
            self.used = nn.Linear(4, 3, rng=0)
            self.idle = nn.Linear(4, 3, rng=1)

        def forward(self, x):
            return self.used(x)

    def fit(world):
        run = trainer(world, model=Two(), optimizer=SGD(lr=0.1, weight_decay=0.5))
        before = bits(run)
        run.fit(1)
        return before["idle.weight"] == bits(run)["idle.weight"]

    assert in_threads(2, fit) == [True, True]


@pytest.mark.parametrize("lead", [False, True])
def test_an_average_of_weights_is_that_of_one_rank(lead):
    def fit(world=None):
        run = trainer(world, callbacks=[Averaged(0.5, every=2, lead=lead)])
        run.fit(3)
        return weights(run), run.history["val_loss"]

    one = fit()
    for found in in_threads(2, fit):
        assert_equal_to_rounding(found[0], one[0])
        np.testing.assert_allclose(found[1], one[1], rtol=1e-4)


def test_all_ranks_find_the_rate_that_one_finds():
    def sweep(world=None):
        run = trainer(world)
        before = bits(run)
        found = find_learning_rate(run, steps=12)
        assert bits(run) == before or world is not None
        return found.losses

    one = sweep()
    for losses in in_threads(2, sweep):
        np.testing.assert_allclose(losses[:8], one[:8], rtol=1e-3)


def test_a_loss_that_is_not_finite_on_one_rank_ends_all():
    inputs, targets = data(8)
    inputs[7] = np.nan

    def fit(world):
        run = trainer(
            world, train_loader=[(inputs, targets)], callbacks=[StopOnNonFinite()], val_loader=None
        )
        with pytest.raises(NonFiniteError):
            run.fit(1)

    in_threads(2, fit)
