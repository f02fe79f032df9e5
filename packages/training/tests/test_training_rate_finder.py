"""The learning-rate finder: a sweep that leaves no trace."""

import math

import pytest

from tinytorch.optim import SGD
from tinytorch.training import RateSweep, find_learning_rate


def test_the_run_is_as_it_was(make_trainer, weights):
    tried, other = make_trainer(), make_trainer()
    tried.fit(1)
    other.fit(1)
    before = weights(tried)
    sweep = find_learning_rate(tried, steps=20)
    assert weights(tried) == before
    assert tried.optimizer.lr == 0.1
    assert len(sweep.losses) > 5
    assert tried.fit(3) == other.fit(3)
    assert weights(tried) == weights(other)


def test_the_sweep_says_nothing(make_trainer, capsys):
    find_learning_rate(make_trainer(), steps=3)
    assert capsys.readouterr().out == ""


def test_rates_rise_by_one_factor(make_trainer):
    sweep = find_learning_rate(make_trainer(), lowest=1e-5, highest=1e-2, steps=31)
    assert len(sweep.rates) == len(sweep.losses) == len(sweep.smooth) == 31
    assert sweep.rates[0] == 1e-5
    assert sweep.rates[-1] == pytest.approx(1e-2)
    for a, b in zip(sweep.rates, sweep.rates[1:], strict=False):
        assert b / a == pytest.approx(10 ** (3 / 30))


def test_the_sweep_ends_when_the_loss_runs_away(make_trainer):
    trainer = make_trainer(optimizer=SGD(lr=0.1))
    sweep = find_learning_rate(trainer, lowest=1e-3, highest=1e6, steps=200)
    assert len(sweep.losses) < 200
    assert 1e-3 < sweep.suggestion < 10
    assert trainer.evaluate()["loss"] < 3


def test_the_suggestion_is_a_tenth_of_the_best():
    class Seen:
        step = 0
        stopped = None

        class optimizer:  # noqa: N801
            lr = 0.0

        def stop(self, reason):
            self.stopped = reason

    sweep, trainer = RateSweep(1e-3, 1.0, 4), Seen()
    assert sweep.suggestion == 1e-3
    for step, loss in enumerate([4.0, 2.0, 2.5], 1):
        trainer.step, trainer.loss_value, trainer.optimizer.lr = step, loss, sweep(step - 1)
        sweep.on_step_end(trainer)
    assert sweep.smooth == pytest.approx([4.0, 5.6 / 1.9, 7.54 / 2.71])
    assert trainer.stopped is None
    assert sweep.suggestion == pytest.approx(1e-2)
    trainer.loss_value = 200.0
    sweep.on_step_end(trainer)
    assert trainer.stopped == "the sweep is done"
    trainer.loss_value = math.nan
    sweep.on_step_end(trainer)
    assert trainer.stopped == "the loss is not finite"
    assert len(sweep.losses) == 4


def test_a_sweep_that_reaches_its_steps_is_done(make_trainer):
    sweep = find_learning_rate(make_trainer(), steps=3, highest=1e-5)
    assert len(sweep.rates) == 3


def test_the_plot_shows_the_suggestion(tmp_path, make_trainer):
    pytest.importorskip("matplotlib")
    sweep = find_learning_rate(make_trainer(), steps=30)
    figure = sweep.plot(tmp_path / "sweep.png")
    loss, smooth, mark = figure.axes[0].get_lines()
    assert list(loss.get_xdata()) == sweep.rates
    assert list(smooth.get_ydata()) == sweep.smooth
    assert mark.get_xdata()[0] == sweep.suggestion
    assert figure.axes[0].get_xscale() == "log"
    assert (tmp_path / "sweep.png").exists()


@pytest.mark.parametrize(
    "settings", [{"lowest": 0.0}, {"lowest": 1.0, "highest": 1.0}, {"steps": 2}]
)
def test_settings_out_of_range(make_trainer, settings):
    with pytest.raises(ValueError, match="find_learning_rate"):
        find_learning_rate(make_trainer(), **settings)
