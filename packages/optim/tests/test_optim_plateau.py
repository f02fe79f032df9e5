"""ReduceOnPlateau: when it cuts, how far, and that it resumes."""

import json
import math

import pytest

from tinytorch.autograd import Variable
from tinytorch.optim import SGD, ReduceOnPlateau
from tinytorch.tensor import ArgumentError, StateError


def rates(metrics, **settings):
    optimizer = SGD(lr=1.0)
    plateau = ReduceOnPlateau(optimizer, **{"factor": 0.5, "patience": 0, **settings})
    found = []
    for metric in metrics:
        plateau.step(metric)
        found.append(optimizer.lr)
    return found


def test_it_waits_for_patience():
    assert rates([1, 1, 1, 1, 1], patience=2) == [1, 1, 1, 0.5, 0.5]
    assert rates([1, 1, 1, 0.5, 1, 1], patience=2) == [1] * 6
    assert rates([1, 1, 1, 1, 1, 1, 1], patience=2) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_default_settings():
    optimizer = SGD(lr=1.0)
    plateau = ReduceOnPlateau(optimizer)
    for _ in range(11):
        plateau.step(1.0)
    assert optimizer.lr == 1.0
    plateau.step(1.0)
    assert optimizer.lr == pytest.approx(0.1)


def test_more_is_better_in_mode_max():
    assert rates([1, 2, 3, 2], mode="max") == [1, 1, 1, 0.5]
    assert rates([-3, -2, -2.5], mode="max") == [1, 1, 0.5]


def test_thresholds():
    assert rates([1.0, 0.95], threshold=0.1) == [1, 0.5]
    assert rates([1.0, 0.85], threshold=0.1) == [1, 1]
    assert rates([10.0, 9.85], threshold=0.1, threshold_mode="abs") == [1, 1]
    assert rates([10.0, 9.95], threshold=0.1, threshold_mode="abs") == [1, 0.5]
    assert rates([10.0, 10.5], mode="max", threshold=0.1) == [1, 0.5]
    assert rates([10.0, 11.5], mode="max", threshold=0.1) == [1, 1]
    assert rates([10.0, 10.05], mode="max", threshold=0.1, threshold_mode="abs") == [1, 0.5]
    assert rates([10.0, 10.15], mode="max", threshold=0.1, threshold_mode="abs") == [1, 1]
    assert rates([1.0, 1.0], threshold=0.0) == [1, 0.5]
    assert rates([1.0, 1.0], threshold=0.0, mode="max") == [1, 0.5]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("best", [2.0, 0.0, -2.0])
def test_what_stays_as_it_is_gets_no_better(mode, best):
    assert rates([best] * 3, mode=mode) == [1, 0.5, 0.25]


@pytest.mark.parametrize(("mode", "sign"), [("min", -1), ("max", 1)])
@pytest.mark.parametrize("best", [2.0, -2.0])
def test_a_relative_threshold_is_a_part_of_the_magnitude(mode, sign, best):
    assert rates([best, best + sign * 0.15], mode=mode, threshold=0.1) == [1, 0.5]
    assert rates([best, best + sign * 0.25], mode=mode, threshold=0.1) == [1, 1]
    assert rates([best, best - sign * 0.15], mode=mode, threshold=0.1) == [1, 0.5]


@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_a_first_metric_of_infinity_is_bettered_by_any_number(threshold_mode):
    assert rates([math.inf, -3.0, -4.0], threshold_mode=threshold_mode) == [0.5, 0.5, 0.5]


def test_rates_stop_at_min_lr_and_at_small_cuts():
    assert rates([1] * 4, min_lr=0.3) == [1, 0.5, 0.3, 0.3]
    assert rates([1] * 4, eps=0.3) == [1, 0.5, 0.5, 0.5]
    assert rates([1] * 3, eps=0.5) == [1, 1, 1]


def test_nan_is_never_better():
    assert rates([math.nan, math.nan]) == [0.5, 0.25]
    assert rates([1, math.nan, 0.5], mode="min") == [1, 0.5, 0.5]


def test_every_group_is_cut_by_itself():
    optimizer = SGD([{"params": [Variable(1.0)], "lr": 0.1}, {"params": [Variable(1.0)]}], lr=0.4)
    plateau = ReduceOnPlateau(optimizer, patience=0, factor=0.5, min_lr=0.08)
    plateau.step(1.0)
    plateau.step(1.0)
    assert [g["lr"] for g in optimizer.param_groups] == [0.08, 0.2]
    assert optimizer.defaults["lr"] == 0.4


def test_state_resumes():
    metrics = [1.0, 1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8]
    settings = {"factor": 0.5, "patience": 1, "cooldown": 1}
    expected = rates(metrics, **settings)
    assert expected[-1] == 0.5
    for stop in range(len(metrics)):
        optimizer = SGD(lr=1.0)
        plateau = ReduceOnPlateau(optimizer, **settings)
        for metric in metrics[:stop]:
            plateau.step(metric)
        again = ReduceOnPlateau(optimizer, **settings)
        again.load_state_dict(json.loads(json.dumps(plateau.state_dict())))
        assert again.state_dict() == plateau.state_dict()
        found = []
        for metric in metrics[stop:]:
            again.step(metric)
            found.append(optimizer.lr)
        assert found == expected[stop:]


def test_a_foreign_state_is_refused():
    plateau = ReduceOnPlateau(SGD())
    assert plateau.state_dict() == {"best": math.inf, "bad_epochs": 0, "cooling": 0}
    with pytest.raises(StateError, match=r"best, bad_epochs, cooling(?s:.*)'x'") as caught:
        plateau.load_state_dict({"best": 1.0, "x": 0})
    assert caught.value.operation == "ReduceOnPlateau.load_state_dict"
    assert plateau.best == math.inf


@pytest.mark.parametrize(
    "state",
    [
        {},
        [1.0, 0, 0],
        {"best": "x", "bad_epochs": 0, "cooling": 0},
        {"best": 1.0, "bad_epochs": -1, "cooling": 0},
        {"best": 1.0, "bad_epochs": 0.5, "cooling": 0},
        {"best": 1.0, "bad_epochs": 0, "cooling": None},
    ],
)
def test_a_damaged_state_is_refused(state):
    with pytest.raises(StateError, match="numbers called best"):
        ReduceOnPlateau(SGD()).load_state_dict(state)


@pytest.mark.parametrize("metric", [None, "loss", {"loss": 1.0}, [1.0, 2.0]])
def test_what_is_no_metric(metric):
    with pytest.raises(ArgumentError, match="one number") as caught:
        ReduceOnPlateau(SGD()).step(metric)
    assert caught.value.operation == "ReduceOnPlateau.step"


def test_what_is_no_optimizer():
    with pytest.raises(ArgumentError, match=r"an optimizer(?s:.*)a float"):
        ReduceOnPlateau(0.1)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"mode": "less"}, "mode='less'"),
        ({"threshold_mode": "x"}, "threshold_mode='x'"),
        ({"factor": 1.0}, "factor=1.0"),
        ({"factor": -0.1}, "factor=-0.1"),
        ({"patience": -1}, "patience=-1"),
        ({"threshold": -1}, "threshold=-1"),
        ({"cooldown": -1}, "cooldown=-1"),
        ({"min_lr": math.nan}, "min_lr=nan"),
        ({"eps": math.inf}, "eps=inf"),
    ],
)
def test_bad_arguments_are_named(settings, text):
    with pytest.raises(ArgumentError, match=f"^ReduceOnPlateau:(?s:.*) {text}"):
        ReduceOnPlateau(SGD(), **settings)


def test_corners_are_allowed():
    ReduceOnPlateau(
        SGD(), factor=0, patience=0, threshold=0, cooldown=0, min_lr=0, eps=0, mode="max"
    )
