"""Averaged weights: what is shown, what is saved, and what training goes on from."""

import numpy as np
import pytest

from tinytorch.spatial import BatchNorm2d
from tinytorch.tensor.errors import ArgumentError
from tinytorch.training import Averaged, Checkpoint, EarlyStopping


@pytest.mark.parametrize("settings", [{"decay": 0.9}, {"decay": 0.5, "every": 3, "lead": True}])
@pytest.mark.parametrize("step", [3, 8, 11])
def test_a_run_with_an_average_goes_on_with_the_same_bits(
    tmp_path, make_trainer, weights, settings, step, crash
):
    whole = make_trainer(callbacks=[Averaged(**settings)])
    whole.fit(3)
    broken = make_trainer(
        callbacks=[Averaged(**settings), Checkpoint(tmp_path, every=2), crash(step)]
    )
    with pytest.raises(RuntimeError):
        broken.fit(3)
    again = make_trainer(callbacks=[Averaged(**settings), Checkpoint(tmp_path, every=2)])
    assert again.fit(3) == whole.history
    assert weights(again) == weights(whole)


def test_training_is_the_same_with_an_average_beside_it(make_trainer):
    plain, averaged = make_trainer(), make_trainer(callbacks=[Averaged(0.9)])
    one, other = plain.fit(3), averaged.fit(3)
    assert one["loss"] == other["loss"]
    assert one["val_loss"] != other["val_loss"]
    assert averaged.evaluate()["loss"] == other["val_loss"][-1]


def test_a_fit_in_parts_equals_the_whole(make_trainer, weights):
    whole, parts = make_trainer(callbacks=[Averaged(0.9)]), make_trainer(callbacks=[Averaged(0.9)])
    whole.fit(4)
    for epochs in (1, 3, 4):
        parts.fit(epochs)
    assert parts.history == whole.history
    assert weights(parts) == weights(whole)


def test_the_best_average_comes_back(make_trainer):
    stop = EarlyStopping(patience=9)
    trainer = make_trainer(callbacks=[Averaged(0.9), stop])
    history = trainer.fit(4)
    assert stop.best == min(history["val_loss"])
    assert trainer.evaluate()["loss"] == stop.best


def test_buffers_are_averaged_and_counts_are_those_of_the_moment():
    class Run:
        step = 0
        model = BatchNorm2d(2)

    average = Averaged(0.5)
    for mean, count in ((2.0, 1), (4.0, 2)):
        Run.step += 1
        Run.model.running_mean.assign(np.full(2, mean, np.float32))
        Run.model.num_batches_tracked.assign(np.array(count))
        average.on_step_end(Run)
    assert average.average["running_mean"].tolist() == [3.0, 3.0]
    assert average.average["num_batches_tracked"] == 2
    assert list(average.average) == list(Run.model.state_dict())


@pytest.mark.parametrize("settings", [{"decay": 1.0}, {"decay": -0.1}, {"every": 0}, {"lead": 1}])
def test_settings_out_of_range(settings):
    with pytest.raises(ArgumentError):
        Averaged(**settings)
