"""Metrics: the figure of all examples, whatever the batches."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.tensor import from_numpy
from tinytorch.tensor.errors import ArgumentError, IndexRangeError, ShapeError, StateError
from tinytorch.training import (
    Accuracy,
    ConfusionMatrix,
    Mean,
    Metric,
    PrecisionRecallF1,
    TopK,
    accuracy,
)
from tinytorch.training.metrics.figures import as_metric

RNG = np.random.default_rng(3)
SCORES = RNG.normal(size=(101, 5)).astype(np.float32)
LABELS = RNG.integers(0, 5, 101)
METRICS = [
    Accuracy(),
    TopK(2),
    TopK(5),
    ConfusionMatrix(5),
    PrecisionRecallF1(5),
    PrecisionRecallF1(5, average=None),
    Mean(lambda outputs, targets: (outputs.argmax(axis=1) == targets) * 1.0, name="share"),
]


def figure(metric, cuts):
    metric.reset()
    for scores, labels in zip(np.split(SCORES, cuts), np.split(LABELS, cuts), strict=True):
        if len(labels):
            metric.update(scores, labels)
    return metric.compute()


@pytest.mark.parametrize("metric", METRICS, ids=repr)
@given(cuts=st.lists(st.integers(0, 101), max_size=8).map(sorted))
@settings(max_examples=15, deadline=None)
def test_any_cut_into_batches_gives_the_same_figure(metric, cuts):
    whole, cut = figure(metric, []), figure(metric, cuts)
    if isinstance(whole, dict):
        for name in whole:
            np.testing.assert_array_equal(whole[name], cut[name])
    elif isinstance(metric, Mean):
        assert cut == pytest.approx(whole, rel=1e-12)
    else:
        np.testing.assert_array_equal(whole, cut)


def test_accuracy_counts_right_answers():
    assert accuracy(SCORES, LABELS) == (SCORES.argmax(axis=1) == LABELS).sum() / 101
    assert accuracy(from_numpy(SCORES), from_numpy(LABELS)) == accuracy(SCORES, LABELS)


def test_accuracy_counts_every_pixel_of_dense_outputs():
    scores = np.zeros((2, 3, 4, 5))
    scores[:, 1] = 1
    targets = np.ones((2, 4, 5), dtype=np.int64)
    targets[0, 0, 0] = 2
    assert accuracy(scores, targets) == 39 / 40


def test_a_threshold_asks_yes_or_no():
    metric = Accuracy(threshold=0.0)
    metric.update(np.array([[-1.0], [0.0], [2.0]]), np.array([[0], [0], [1]]))
    assert metric.compute() == 1.0
    metric.update(np.array([[-1.0]]), np.array([[1]]))
    assert metric.compute() == 0.75
    with pytest.raises(ShapeError, match=r"outputs \(3,\), targets \(3, 1\)"):
        metric.update(np.zeros(3), np.zeros((3, 1)))


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_top_k_agrees_with_sorting(k):
    metric = TopK(k)
    metric.update(SCORES, LABELS)
    ranked = np.argsort(-SCORES, axis=1, kind="stable")[:, :k]
    assert metric.compute() == (ranked == LABELS[:, None]).any(axis=1).sum() / 101
    assert metric.name == f"top{k}"


def test_top_k_ranks_equal_scores_by_class_and_nan_last():
    tied = np.zeros((3, 4))
    for k in (1, 2, 3, 4):
        metric = TopK(k)
        metric.update(tied, np.array([0, 1, 3]))
        assert metric.compute() == sum(label < k for label in (0, 1, 3)) / 3
    metric = TopK(2)
    metric.update(np.array([[np.nan, 1.0, 2.0]]), np.array([0]))
    assert metric.compute() == 0.0


def test_top_k_works_on_dense_outputs():
    scores = RNG.normal(size=(2, 4, 3, 3))
    targets = RNG.integers(0, 4, (2, 3, 3))
    dense, flat = TopK(2), TopK(2)
    dense.update(scores, targets)
    flat.update(scores.transpose(0, 2, 3, 1).reshape(-1, 4), targets.reshape(-1))
    assert dense.compute() == flat.compute()


def test_confusion_matrix_has_true_rows_and_predicted_columns():
    matrix = figure(ConfusionMatrix(5), [10, 50])
    for true in range(5):
        for predicted in range(5):
            pairs = (true == LABELS) & (SCORES.argmax(axis=1) == predicted)
            assert matrix[true, predicted] == pairs.sum()
    assert matrix.dtype == np.int64


def test_what_compute_gives_is_not_the_counter_itself():
    metric = ConfusionMatrix(2)
    metric.compute()[0, 0] = 7
    assert metric.compute().sum() == 0


def test_precision_recall_f1_per_class():
    metric = PrecisionRecallF1(3, average=None, name="val")
    metric.update(np.eye(3)[[0, 0, 1, 1]], np.array([0, 1, 1, 1]))
    figures = metric.compute()
    np.testing.assert_allclose(figures["val_precision"], [1 / 2, 1.0, 0.0])
    np.testing.assert_allclose(figures["val_recall"], [1.0, 2 / 3, 0.0])
    np.testing.assert_allclose(figures["val_f1"], [2 / 3, 4 / 5, 0.0])
    macro = PrecisionRecallF1(3)
    macro.load_state_dict(metric.state_dict())
    assert macro.compute() == pytest.approx({"precision": 0.5, "recall": 5 / 9, "f1": 22 / 45})


def test_mean_weighs_batches_by_their_examples():
    metric = Mean(lambda outputs, targets: float(np.abs(outputs - targets).mean()))
    metric.update(np.zeros((3, 1)), np.ones((3, 1)))
    metric.update(np.zeros((1, 1)), np.full((1, 1), 5.0))
    assert metric.compute() == 2.0
    metric.reset()
    with pytest.raises(StateError, match="at least one example"):
        metric.compute()
    with pytest.raises(StateError, match="Mean without function"):
        Mean().update(np.zeros(1), np.zeros(1))


def test_mean_keeps_what_is_not_finite():
    mean = Mean()
    mean.add(math.inf)
    mean.add(1.0)
    assert mean.compute() == math.inf
    mean.add(math.nan)
    assert math.isnan(mean.compute())


def test_mean_takes_its_name_from_the_function():
    def median(outputs, targets):
        return 0.0

    assert Mean(median).name == "median"
    assert Mean(median, name="m").name == "m"
    assert Mean().name == "mean"


@pytest.mark.parametrize("metric", METRICS, ids=repr)
def test_half_counted_metrics_can_be_saved(metric):
    whole = figure(metric, [40])
    metric.reset()
    metric.update(SCORES[:40], LABELS[:40])
    state = metric.state_dict()
    other = as_metric(metric)
    other.load_state_dict(state)
    other.update(SCORES[40:], LABELS[40:])
    np.testing.assert_equal(other.compute(), whole)


def test_as_metric_copies_metrics_and_wraps_functions():
    metric = Accuracy()
    metric.update(SCORES, LABELS)
    own = as_metric(metric)
    assert own is not metric
    assert own.total == 0
    assert metric.total == 101
    assert type(as_metric(accuracy)) is Accuracy
    assert type(as_metric(lambda o, t: 0.0)) is Mean
    with pytest.raises(ArgumentError, match=r"give Accuracy\(\), not Accuracy"):
        as_metric(Accuracy)
    with pytest.raises(ArgumentError, match="metrics=\\(accuracy,\\)"):
        as_metric("accuracy")


def test_the_protocol_asks_for_three_methods():
    metric = Metric()
    for call in (metric.reset, metric.compute, lambda: metric.update(None, None)):
        with pytest.raises(NotImplementedError):
            call()
    assert repr(metric) == "Metric(name='metric')"


@pytest.mark.parametrize(
    ("scores", "labels", "error", "text"),
    [
        (np.zeros((4, 3)), np.zeros(5, int), ShapeError, r"outputs \(4, 3\), targets \(5,\)"),
        (np.zeros(4), np.zeros(4, int), ShapeError, r"Accuracy\(threshold=0.0\)"),
        (np.zeros((4, 3)), np.zeros((4, 3)), ShapeError, r"targets \(4, 3\)"),
        (np.zeros((4, 3)), np.zeros(4), ArgumentError, "targets of float64"),
        (np.zeros((4, 3)), np.array([0, 3, 1, 2]), IndexRangeError, "label 3"),
        (np.zeros((4, 3)), np.array([0, -1, 1, 2]), IndexRangeError, "label -1"),
    ],
)
@pytest.mark.parametrize("metric", [Accuracy(), TopK(2), ConfusionMatrix(3)], ids=repr)
def test_outputs_and_targets_that_do_not_fit(metric, scores, labels, error, text):
    with pytest.raises(error, match=text):
        metric.update(scores, labels)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: TopK(0), "k=0"),
        (lambda: ConfusionMatrix(0), "classes=0"),
        (lambda: PrecisionRecallF1(3, average="micro"), "average='micro'"),
    ],
)
def test_settings_out_of_range(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()


def test_a_confusion_matrix_of_another_size():
    with pytest.raises(ShapeError, match=r"use ConfusionMatrix\(3\)"):
        ConfusionMatrix(4).update(np.zeros((2, 3)), np.zeros(2, int))


@pytest.mark.parametrize("metric", [Accuracy(), PrecisionRecallF1(3)], ids=repr)
def test_nothing_counted_is_no_figure(metric):
    with pytest.raises(StateError, match="at least one example"):
        metric.compute()


def test_one_class_is_enough_and_a_batch_may_be_empty():
    metric = ConfusionMatrix(1)
    metric.update(np.zeros((0, 1)), np.zeros(0, int))
    metric.update(np.zeros((2, 1)), np.zeros(2, int))
    assert metric.compute().tolist() == [[2]]
