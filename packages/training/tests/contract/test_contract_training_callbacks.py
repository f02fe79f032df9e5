"""Callbacks: what they see, when, and what EarlyStopping makes of it."""

import math

import numpy as np
import pytest

from tinytorch.optim import SGD
from tinytorch.tensor import ArgumentError
from tinytorch.tensor.functional import cross_entropy

pytestmark = pytest.mark.step(7)
CALLBACK, STOP = "Callback", "EarlyStopping"


@pytest.fixture
def figures(training):
    """Gives `figures(values)`: a callback that puts them in the place of the validation loss."""

    class Figures(training.Callback):
        order = -1

        def __init__(self, values):
            self.values = values

        def on_epoch_end(self, trainer):
            trainer.history["val_loss"][-1] = self.values[trainer.epoch - 1]

    return Figures


@pytest.fixture
def watched(line, training, figures):
    """Gives `watched(values, ...)`: a run of one weight, with these validation losses.

    Each epoch takes 0.1 from the weight, so it is 1 - 0.1 n after epoch n.
    """

    def watched(values, **settings):
        stop = training.EarlyStopping(**settings)
        batch = np.ones(1, np.float32)
        run = line([1.0], val_loader=[(batch, batch)], callbacks=[figures(values), stop])
        return run, stop

    return watched


def test_hooks_come_in_their_order_with_the_place_of_the_run(training, line, expect):
    seen = []

    def note(hook):
        return lambda self, run: seen.append((hook, run.epoch, run.batch, run.step))

    hooks = ["on_setup", "on_fit_begin", "on_epoch_begin", "on_gradients"]
    hooks += ["on_step_end", "on_validation", "on_epoch_end", "on_fit_end"]
    diary = type("Diary", (training.Callback,), {hook: note(hook) for hook in hooks})
    line([1.0], [1.0], callbacks=[diary()]).fit(1)
    wanted = [
        ("on_setup", 0, 0, 0),
        ("on_fit_begin", 0, 0, 0),
        ("on_epoch_begin", 0, 0, 0),
        ("on_gradients", 0, 0, 0),
        ("on_step_end", 0, 1, 1),
        ("on_gradients", 0, 1, 1),
        ("on_step_end", 0, 2, 2),
        ("on_validation", 0, 2, 2),
        ("on_epoch_end", 1, 0, 2),
        ("on_fit_end", 1, 0, 2),
    ]
    expect(seen == wanted, True, f"the order and places were {seen}", CALLBACK)


def test_callbacks_of_lower_order_are_called_first(training, line, expect):
    seen = []

    class Late(training.Callback):
        order = 5

        def on_fit_begin(self, run):
            seen.append(self.order)

    class Early(Late):
        order = -5

    line([1.0], callbacks=[Late(), Early()]).fit(1)
    expect(seen, [-5, 5], "sort by order", CALLBACK)


def test_gradients_are_there_to_see_and_to_change(training, line, at, expect):
    class Double(training.Callback):
        def on_gradients(self, run):
            run.model.weight.grad = run.model.weight.grad * 2

    trainer = line([1.0], callbacks=[Double()])
    trainer.fit(1)
    expect(at(trainer), 1 - 0.1 * 2, "on_gradients comes before the step", CALLBACK)


@pytest.mark.parametrize(("hook", "steps"), [("on_step_end", 1), ("on_epoch_end", 2)])
def test_any_hook_may_stop_the_run(training, line, expect, hook, steps):
    stop = type("Stop", (training.Callback,), {hook: lambda self, run: run.stop("enough")})
    trainer = line([1.0], [1.0], callbacks=[stop()])
    trainer.fit(5)
    expect([trainer.step, trainer.stopped], [steps, "enough"], "run.stop(reason)", CALLBACK)


def test_the_end_comes_after_errors_too(training, line, expect):
    seen = []

    class Fail(training.Callback):
        def on_step_end(self, run):
            raise ZeroDivisionError

        def on_fit_end(self, run):
            seen.append("end")

    with pytest.raises(ZeroDivisionError):
        line([1.0], callbacks=[Fail()]).fit(1)
    expect(seen, ["end"], "finally: on_fit_end", CALLBACK)


@pytest.mark.parametrize(
    ("values", "settings", "epochs"),
    [
        ([1, 2, 3, 4, 5], {"patience": 1}, 2),
        ([1, 2, 3, 4, 5], {"patience": 3}, 4),
        ([3, 2, 1, 1, 1, 0], {"patience": 2}, 5),
        ([3, 2, 4, 1, 4, 4, 4], {"patience": 2}, 6),
        ([3.0, 2.9, 2.8, 2.7], {"patience": 2, "min_delta": 0.25}, 3),
        ([1, 2, 3, 2, 1], {"patience": 2, "mode": "max"}, 5),
        ([math.nan, math.nan, 1, 2], {"patience": 2}, 2),
        ([5, 4, 3, 2], {"patience": 1}, 4),
    ],
)
def test_patience_is_epochs_without_improvement(watched, expect, values, settings, epochs):
    run, _ = watched(values, **settings)
    run.fit(len(values))
    mistake = "count epochs since the best; equal is no improvement; losses are best low"
    expect(run.epoch, epochs, mistake, STOP)


def test_patience_is_5_epochs_by_default(watched, expect):
    run, _ = watched(list(range(20)))
    run.fit(20)
    expect(run.epoch, 6, "patience=5", STOP)


def test_the_best_weights_come_back(watched, at, expect):
    run, stop = watched([3, 1, 2, 4], patience=2)
    run.fit(4)
    expect(at(run), 1 - 0.1 * 2, "epoch 2 was best; its weights, not the last", STOP)
    expect([stop.best, stop.best_epoch], [1, 2], "best and best_epoch", STOP)


def test_the_last_weights_may_be_kept(watched, at, expect):
    run, _ = watched([3, 1, 2, 4], patience=2, restore_best=False)
    run.fit(4)
    expect(at(run), 1 - 0.1 * 4, "restore_best=False", STOP)


def test_a_fit_that_goes_on_does_so_from_the_last_weights(training, watched, at, expect):
    begun = []

    class Note(training.Callback):
        def on_epoch_begin(self, run):
            begun.append(at(run))

    run, _ = watched([3, 1, 2, 4, 5], patience=9)
    run.callbacks.append(Note())
    run.fit(3)
    expect(at(run), 1 - 0.1 * 2, "the best weights are shown", STOP)
    run.fit(4)
    expect(begun[3], 1 - 0.1 * 3, "but training goes on as if it had never ended", STOP)


def test_one_callback_serves_a_second_model(training, line, figures, at, expect):
    stop = training.EarlyStopping(patience=1)
    batch = np.ones(1, np.float32)
    runs = [
        line([1.0], val_loader=[(batch, batch)], callbacks=[figures(values), stop])
        for values in ([0, 1, 2, 3], [9, 8, 7, 10])
    ]
    for run in runs:
        run.fit(4)
    expect([run.epoch for run in runs], [2, 4], "the second run begins anew", STOP)
    expect(at(runs[1]), 1 - 0.1 * 3, "with its own best weights", STOP)


def test_accuracy_is_watched_for_the_highest(make, data, training, expect):
    stop = training.EarlyStopping("val_accuracy", patience=2)
    history = make(val_loader=data.batches, callbacks=[stop], optimizer=SGD(lr=0.5)).fit(15)
    expect(stop.best, max(history["val_accuracy"]), "shares are best high", STOP)


def test_a_column_that_is_not_there_is_refused(make, training):
    with pytest.raises(ArgumentError):
        make(callbacks=[training.EarlyStopping()]).fit(1)


@pytest.mark.parametrize("settings", [{"patience": 0}, {"min_delta": -1}, {"mode": "low"}])
def test_settings_of_early_stopping_that_are_out_of_range(training, settings):
    with pytest.raises(ArgumentError):
        training.EarlyStopping(**settings)


def test_a_name_that_does_not_tell_wants_a_mode(training):
    with pytest.raises(ArgumentError):
        training.EarlyStopping("val_temperature")
    training.EarlyStopping("val_temperature", mode="max")


def test_the_csv_log_is_the_history(make, training, expect, tmp_path):
    trainer = make(callbacks=[training.CSVLog(tmp_path / "run.csv")])
    trainer.fit(2)
    wanted = trainer.history.to_csv()
    expect((tmp_path / "run.csv").read_text(), wanted, "written after each epoch", "CSVLog")


def test_a_loss_that_is_not_finite_stops_the_run_before_its_step(
    make, data, training, weights, expect
):
    bad = data.x[:8].copy()
    bad[3, 1] = math.nan
    loader = [*data.batches, (bad, data.y[:8])]
    trainer = make(train_loader=loader, callbacks=[training.StopOnNonFinite()])
    with pytest.raises(training.NonFiniteError) as caught, np.errstate(all="ignore"):
        trainer.fit(1)
    place = [caught.value.epoch, caught.value.batch]
    expect(place, [1, 5], "epoch and batch, counted from 1", "StopOnNonFinite")
    finite = bool(np.isfinite(weights(trainer)).all())
    expect(finite, True, "the weights have not been touched", "StopOnNonFinite")


def test_a_gradient_that_is_not_finite_stops_it_too(make, training, expect):
    def loss(outputs, targets):
        return cross_entropy(outputs, targets) + ((outputs - outputs.detach()) ** 0.5).mean()

    trainer = make(loss=loss, callbacks=[training.StopOnNonFinite()])
    with pytest.raises(training.NonFiniteError) as caught, np.errstate(all="ignore"):
        trainer.fit(1)
    expect(caught.value.batch, 1, "look at each gradient before the step", "StopOnNonFinite")


def test_the_average_is_measured_and_training_goes_on_from_its_own(training, line, at, expect):
    begun = []

    class Note(training.Callback):
        def on_epoch_begin(self, run):
            begun.append(at(run))

    average = training.Averaged(decay=0.5)
    batch = np.ones(1, np.float32)
    trainer = line([1.0], [1.0], val_loader=[(batch, batch)], callbacks=[average, Note()])
    history = trainer.fit(2)
    mistake = "begin with the weight after the first step, then half and half: 0.9, 0.85, 0.775"
    expect(history["val_loss"], [0.85, 0.6875], mistake, "Averaged")
    expect(at(trainer), 0.6875, "the average is shown at the end", "Averaged")
    expect(begun, [1.0, 0.8], "each epoch goes on from the weights themselves", "Averaged")


def test_an_average_may_lead(training, line, at, expect):
    trainer = line([1.0], [1.0], callbacks=[training.Averaged(0.5, every=2, lead=True)])
    trainer.fit(1)
    mistake = "two steps forward, from 1 to 0.8, and half of the way back"
    expect(at(trainer), 0.9, mistake, "Averaged")
