"""A run that goes on: the same bits as one that was never broken off."""

import signal
from types import SimpleNamespace

import numpy as np
import pytest

from tinytorch.data import DataLoader, TensorDataset
from tinytorch.optim import SGD, Adam
from tinytorch.tensor import ArgumentError, StateError
from tinytorch.tensor.functional import cross_entropy

pytestmark = pytest.mark.step(8)
STATE, CHECKPOINT, OVERFIT = "Trainer.state_dict", "Checkpoint", "Trainer.overfit"


@pytest.fixture
def run(make, data, network):
    """Gives `run(...)`: a run with all that can be lost: momentum, shuffling, dropout, a rate."""

    def run(**settings):
        loader = DataLoader(TensorDataset(data.x, data.y), batch_size=16, shuffle=True)
        given = {
            "model": network(dropout=0.3),
            "optimizer": Adam(lr=0.02),
            "train_loader": loader,
            "val_loader": data.batches[:1],
            "schedule": lambda step: 0.02 / (step + 1),
            "seed": 5,
        }
        return make(**{**given, **settings})

    return run


@pytest.fixture
def crash(training):
    """Gives `crash(step)`: a callback that breaks the run off after that step."""

    class Crash(training.Callback):
        order = -1

        def __init__(self, step):
            self.step = step

        def on_step_end(self, trainer):
            if trainer.step == self.step:
                raise ConnectionError

    return Crash


@pytest.mark.parametrize("step", [3, 4, 6])
def test_a_state_taken_anywhere_goes_on_with_the_same_bits(run, crash, weights, expect, step):
    whole, first, again = run(), run(callbacks=[crash(step)]), run()
    whole.fit(3)
    with pytest.raises(ConnectionError):
        first.fit(3)
    again.load_state_dict(first.state_dict())
    mistake = "model, optimizer, step, generators, and the place in the shuffled data"
    expect([again.step, again.batch], [step, (step - 1) % 4 + 1], "the place", STATE)
    again.fit(3)
    expect(again.step, 12, "epochs count the run in all", STATE)
    expect(dict(again.history), dict(whole.history), mistake, STATE, rtol=0)
    expect(weights(again), weights(whole), mistake, STATE, rtol=0)


def test_a_state_is_of_the_moment(run, weights, expect):
    trainer, again = run(), run()
    trainer.fit(1)
    before, state = weights(trainer), trainer.state_dict()
    trainer.fit(2)
    again.load_state_dict(state)
    expect(weights(again), before, "later steps do not change it: copy", STATE, rtol=0)


def test_the_best_weights_are_shown_and_the_last_ones_saved(run, training, weights, expect):
    def stopping():
        stop = training.EarlyStopping("val_loss", patience=9, mode="max")
        return run(callbacks=[stop])

    whole, first, again = stopping(), stopping(), stopping()
    whole.fit(4)
    first.fit(2)
    again.load_state_dict(first.state_dict())
    again.fit(4)
    mistake = "a state has the weights that training goes on from"
    expect(dict(again.history), dict(whole.history), mistake, STATE, rtol=0)


@pytest.mark.parametrize("settings", [{"seed": 6}, {"accumulate": 2}, {"metrics": ()}])
def test_the_state_of_another_run_is_refused(run, settings):
    with pytest.raises(StateError):
        run(**settings).load_state_dict(run().state_dict())


@pytest.mark.parametrize("every", ["epoch", 1, 3])
@pytest.mark.parametrize("step", [2, 4, 7])
def test_a_run_goes_on_from_its_folder(
    run, crash, training, weights, expect, tmp_path, every, step
):
    whole = run()
    whole.fit(3)
    broken = run(callbacks=[training.Checkpoint(tmp_path, every=every), crash(step)])
    with pytest.raises(ConnectionError):
        broken.fit(3)
    again = run(callbacks=[training.Checkpoint(tmp_path, every=every)])
    again.fit(3)
    mistake = "load the newest checkpoint before the first step"
    expect(dict(again.history), dict(whole.history), mistake, CHECKPOINT, rtol=0)
    expect(weights(again), weights(whole), mistake, CHECKPOINT, rtol=0)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_last_ones_and_the_best_are_kept(run, training, expect, tmp_path, mode):
    checkpoint = training.Checkpoint(tmp_path, keep=2, mode=mode)
    history = run(callbacks=[checkpoint], optimizer=SGD(lr=0.1), schedule=None).fit(6)
    best = history.best("val_loss", mode)[0]
    kept = [training.load_checkpoint(path) for path in training.checkpoints(tmp_path)]
    epochs = [state["position"]["epoch"] for state in kept]
    wanted = sorted({best, 5, 6})
    expect(epochs, wanted, "the newest `keep`, and the epoch of the best val_loss", CHECKPOINT)
    best_state = training.load_checkpoint(checkpoint.best)
    expect(best_state["position"]["epoch"], best, "Checkpoint.best", CHECKPOINT)


def test_a_damaged_checkpoint_is_named_and_the_one_before_serves(
    run, training, weights, expect, tmp_path
):
    whole = run(callbacks=[training.Checkpoint(tmp_path)])
    whole.fit(3)
    path = training.checkpoints(tmp_path)[-1] / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    again = run(callbacks=[training.Checkpoint(tmp_path)])
    with pytest.warns(UserWarning, match="model"):
        again.fit(3)
    expect(weights(again), weights(whole), "go on from the one before", CHECKPOINT, rtol=0)


def test_early_stopping_is_saved_with_the_run(run, crash, training, weights, expect, tmp_path):
    def stopped(*more):
        stop = training.EarlyStopping("val_loss", patience=2)
        return run(callbacks=[stop, *more], schedule=None, optimizer=SGD(lr=0.5))

    whole = stopped()
    whole.fit(30)
    broken = stopped(training.Checkpoint(tmp_path), crash(4 * whole.epoch - 1))
    with pytest.raises(ConnectionError):
        broken.fit(30)
    again = stopped(training.Checkpoint(tmp_path))
    again.fit(30)
    expect(again.epoch, whole.epoch, "callbacks have states, too", CHECKPOINT)
    expect(weights(again), weights(whole), "and so do the best weights", CHECKPOINT, rtol=0)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_to_end_saves_at_the_end_of_its_step(
    run, training, weights, expect, tmp_path, name
):
    presses = SimpleNamespace(after=-1)

    def loss(outputs, targets):
        presses.after -= 1
        if presses.after == 0:
            signal.raise_signal(getattr(signal, name))
        return cross_entropy(outputs, targets)

    def begun(**settings):
        return run(loss=loss, val_loader=None, metrics=(), **settings)

    before = signal.getsignal(getattr(signal, name))
    whole = begun()
    whole.fit(3)
    presses.after = 6
    with pytest.raises(KeyboardInterrupt):
        begun(callbacks=[training.Checkpoint(tmp_path)]).fit(3)
    same = signal.getsignal(getattr(signal, name)) is before
    expect(same, True, "the handler from before comes back", "Trainer.fit")
    saved = training.load_checkpoint(training.checkpoints(tmp_path)[-1])
    expect(saved["position"]["step"], 6, "the step is finished, and on_interrupt saves", CHECKPOINT)
    again = begun(callbacks=[training.Checkpoint(tmp_path)])
    again.fit(3)
    expect(weights(again), weights(whole), "and the run goes on from there", CHECKPOINT, rtol=0)


def test_overfit_learns_by_heart_and_leaves_no_trace(run, weights, expect):
    trainer, other = run(schedule=None), run(schedule=None)
    trainer.fit(1)
    other.fit(1)
    before = weights(trainer)
    attempt = trainer.overfit(batches=1, epochs=80)
    expect(attempt["loss"][-1] < 0.5 * attempt["loss"][0], True, "one batch, again", OVERFIT)
    expect(weights(trainer), before, "the weights are as before", OVERFIT, rtol=0)
    trainer.fit(2)
    other.fit(2)
    mistake = "optimizer and random numbers are as before, too"
    expect(weights(trainer), weights(other), mistake, OVERFIT, rtol=0)


def test_the_rate_finder_leaves_no_trace(run, training, weights, expect):
    trainer = run()
    before = weights(trainer)
    sweep = training.find_learning_rate(trainer, lowest=1e-4, highest=1.0, steps=8)
    expect(weights(trainer), before, "trials are undone", "find_learning_rate", rtol=0)
    wanted = np.geomspace(1e-4, 1.0, 8)[: len(sweep.rates)]
    expect(sweep.rates, wanted, "the same factor from each step to the next", "find_learning_rate")
    expect(1e-5 <= sweep.suggestion <= 1.0, True, "a rate", "find_learning_rate")


@pytest.mark.parametrize("settings", [{"every": 0}, {"every": "step"}, {"keep": 0}])
def test_settings_of_a_checkpoint_that_are_out_of_range(training, tmp_path, settings):
    with pytest.raises(ArgumentError):
        training.Checkpoint(tmp_path, **settings)
