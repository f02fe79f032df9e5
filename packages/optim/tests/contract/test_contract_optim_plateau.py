"""ReduceOnPlateau: when it cuts the rates, and how far."""

import json
import math

import pytest

from tinytorch.autograd import Variable
from tinytorch.tensor import ArgumentError, StateError

pytestmark = pytest.mark.step(7)
ROW = "`ReduceOnPlateau`"


@pytest.fixture
def rates(optim):
    """Gives `rates(metrics, **settings)`: the rate after each metric, from 1."""

    def rates(metrics, **settings):
        optimizer = optim.SGD(lr=1.0)
        plateau = optim.ReduceOnPlateau(optimizer, **{"factor": 0.5, "patience": 0, **settings})
        found = []
        for metric in metrics:
            plateau.step(metric)
            found.append(optimizer.lr)
        return found

    return rates


def test_the_rate_falls_when_patience_is_over(rates, expect):
    found = rates([1.0, 1.0, 1.0, 1.0, 1.0], patience=2)
    expect(found, [1, 1, 1, 0.5, 0.5], "cut after more than `patience` bad epochs", ROW)


def test_a_better_metric_starts_the_patience_anew(rates, expect):
    found = rates([1.0, 1.0, 0.5, 0.5, 0.5], patience=1)
    expect(found, [1, 1, 1, 1, 0.5], "an improvement sets the count to 0", ROW)


def test_a_cut_starts_the_patience_anew(rates, expect):
    found = rates([1.0] * 7, patience=1)
    expect(found, [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125], "a cut sets the count to 0", ROW)


def test_it_compares_with_the_best_not_the_last(rates, expect):
    found = rates([1.0, 3.0, 2.0], patience=1)
    expect(found, [1, 1, 0.5], "2 is better than 3, and no better than the best", ROW)


def test_more_may_be_better(rates, expect):
    expect(rates([1, 2, 3, 2], mode="max"), [1, 1, 1, 0.5], 'mode="max" is not looked at', ROW)


@pytest.mark.parametrize(
    ("metrics", "settings", "wanted"),
    [
        ([10.0, 9.5], {"threshold": 0.1}, 0.5),
        ([10.0, 8.5], {"threshold": 0.1}, 1),
        ([10.0, 9.5], {"threshold": 0.1, "threshold_mode": "abs"}, 1),
        ([10.0, 9.95], {"threshold": 0.1, "threshold_mode": "abs"}, 0.5),
        ([10.0, 10.5], {"threshold": 0.1, "mode": "max"}, 0.5),
        ([10.0, 11.5], {"threshold": 0.1, "mode": "max"}, 1),
        ([-10.0, -10.5], {"threshold": 0.1}, 0.5),
        ([-10.0, -11.5], {"threshold": 0.1}, 1),
    ],
)
def test_better_is_better_by_the_threshold(rates, expect, metrics, settings, wanted):
    mistake = "rel: a part of the best one's magnitude; abs: a difference"
    expect(rates(metrics, **settings)[-1], wanted, mistake, ROW)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_negative_metric_that_stays_is_no_better(rates, expect, mode):
    found = rates([-1.0, -1.0, -1.0], mode=mode)
    expect(found, [1, 0.5, 0.25], "best * (1 - threshold) lies above a negative best", ROW)


def test_nan_is_never_better(rates, expect):
    expect(rates([math.nan, math.nan]), [0.5, 0.25], "NaN compares as False", ROW)


def test_epochs_of_the_cooldown_do_not_count(rates, expect):
    found = rates([1.0] * 7, cooldown=2)
    expect(found, [1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25], "two epochs after a cut are free", ROW)


def test_rates_stop_at_the_least(rates, expect):
    expect(rates([1.0] * 4, min_lr=0.3), [1, 0.5, 0.3, 0.3], "no rate below min_lr", ROW)


def test_small_cuts_are_not_made(rates, expect):
    expect(rates([1.0] * 4, eps=0.3), [1, 0.5, 0.5, 0.5], "cuts of eps and less are left out", ROW)


def test_every_group_is_cut_by_itself(optim, expect):
    x, y = Variable(1.0), Variable(1.0)
    optimizer = optim.SGD([{"params": [x], "lr": 0.1}, {"params": [y]}], lr=0.4)
    plateau = optim.ReduceOnPlateau(optimizer, patience=0, factor=0.5)
    for _ in range(2):
        plateau.step(1.0)
    found = [group["lr"] for group in optimizer.param_groups]
    expect(found, [0.05, 0.2], "each group's own rate times factor", ROW)


def test_its_state_goes_on(optim, expect):
    optimizer = optim.SGD(lr=1.0)
    first, second = (optim.ReduceOnPlateau(optimizer, patience=1) for _ in range(2))
    for _ in range(2):
        first.step(1.0)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    second.step(1.0)
    expect(optimizer.lr, 0.1, "the best metric and the count are saved", ROW)


def test_a_foreign_state_is_refused(optim):
    with pytest.raises(StateError):
        optim.ReduceOnPlateau(optim.SGD()).load_state_dict({})


@pytest.mark.parametrize(
    "settings", [{"mode": "less"}, {"factor": 1.0}, {"patience": -1}, {"threshold_mode": "x"}]
)
def test_a_setting_out_of_its_range_is_refused(optim, settings):
    with pytest.raises(ArgumentError):
        optim.ReduceOnPlateau(optim.SGD(), **settings)
