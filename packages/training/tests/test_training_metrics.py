"""Metrics: the figure of all examples, whatever the batches."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.autograd import Variable
from tinytorch.tensor import from_numpy
from tinytorch.tensor.errors import (
    ArgumentError,
    GradientError,
    IndexRangeError,
    ShapeError,
    StateError,
)
from tinytorch.tensor.functional import cross_entropy
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


COUNTERS = [
    Accuracy,
    partial(TopK, 2),
    partial(ConfusionMatrix, 200),
    partial(PrecisionRecallF1, 200),
]


@pytest.mark.parametrize("make", COUNTERS, ids=lambda make: make().__class__.__name__)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint64"])
def test_labels_may_be_of_any_integer_type(make, dtype):
    labels = np.arange(100)
    scores = RNG.normal(size=(100, 200)) + 3 * np.eye(100, 200)
    expected, metric = make(), make()
    expected.update(scores, labels)
    metric.update(scores, labels.astype(dtype))
    np.testing.assert_equal(metric.compute(), expected.compute())


@pytest.mark.parametrize("make", COUNTERS, ids=lambda make: make().__class__.__name__)
@pytest.mark.parametrize("ignored", [-100, 255, 3, None])
def test_ignored_targets_do_not_count(make, ignored):
    labels = RNG.integers(0, 3, 60)
    scores = RNG.normal(size=(60, 200))
    skipped = np.arange(60) % 4 == 0
    metric, expected = make(ignore_index=ignored), make()
    expected.update(scores[~skipped], labels[~skipped])
    if ignored is None:
        metric.update(scores[~skipped], labels[~skipped])
    else:
        metric.update(scores, np.where(skipped, ignored, labels))
    np.testing.assert_equal(metric.compute(), expected.compute())


def test_what_the_loss_ignores_the_metric_ignores_unasked():
    labels = np.array([1, -100, 0, -100])
    scores = np.array([[0.0, 1.0], [9.0, 0.0], [0.0, 1.0], [0.0, 9.0]])
    assert math.isfinite(cross_entropy(from_numpy(scores), labels).item())
    assert accuracy(scores, labels) == 0.5
    with pytest.raises(IndexRangeError, match="ignore_index=-100"):
        Accuracy(ignore_index=None).update(scores, labels)


@pytest.mark.parametrize("metric", [Accuracy(), TopK(2), Mean(accuracy)], ids=repr)
def test_where_no_target_counts_there_is_no_share(metric):
    metric.reset()
    metric.update(np.zeros((2, 3)), np.array([-100, -100]))
    assert math.isnan(metric.compute())


def test_functions_of_means_weigh_batches_by_what_they_divide_by():
    metric, exact = Mean(lambda o, t: accuracy(o, t, ignore_index=4)), Accuracy(ignore_index=4)
    for part in (slice(0, 7), slice(7, 8), slice(8, 101)):
        metric.update(from_numpy(SCORES[part]), LABELS[part])
        exact.update(SCORES[part], LABELS[part])
    assert metric.compute() == pytest.approx(exact.compute(), rel=1e-12)


@pytest.mark.parametrize("metric", [Accuracy(), TopK(2), ConfusionMatrix(5)], ids=repr)
def test_the_label_of_a_soft_target_is_its_greatest_share(metric):
    shares = 0.9 * np.eye(5)[LABELS] + 0.1 / 5
    assert np.array_equal(shares.argmax(axis=1), LABELS)
    whole = figure(metric, [])
    metric.reset()
    metric.update(SCORES, shares.astype(np.float32))
    np.testing.assert_array_equal(metric.compute(), whole)


@pytest.mark.parametrize(
    "targets", [np.full((4, 1), 1.0), RNG.normal(size=(4, 3)), np.eye(4, 3, dtype=np.int64)]
)
def test_targets_of_the_outputs_shape_that_are_no_shares_are_refused(targets):
    with pytest.raises(ShapeError):
        Accuracy().update(np.zeros(targets.shape), targets)


NAN = math.nan


@pytest.mark.parametrize(
    ("scores", "label"),
    [([NAN, 0.0, 1.0], 0), ([NAN, NAN, NAN], 0), ([NAN, NAN, NAN], 2), ([1.0, NAN, 0.0], 1)],
)
@pytest.mark.parametrize(
    "metric", [Accuracy(), TopK(1), TopK(2), TopK(3), ConfusionMatrix(3)], ids=repr
)
def test_a_label_whose_score_is_nan_is_never_right(metric, scores, label):
    metric.reset()
    metric.update(np.array([scores]), np.array([label]))
    figure = metric.compute()
    assert np.sum(np.diag(figure)) == 0 if isinstance(metric, ConfusionMatrix) else figure == 0.0


@pytest.mark.parametrize(
    ("score", "target"), [(NAN, 0.0), (NAN, 1.0), (-1.0, NAN), (1.0, NAN), (NAN, NAN)]
)
def test_yes_or_no_with_nan_is_never_right(score, target):
    metric = Accuracy(threshold=0.0)
    metric.update(np.array([score]), np.array([target]))
    assert metric.compute() == 0.0


@pytest.mark.parametrize(
    ("saved", "loaded", "setting"),
    [
        (TopK(3), TopK(1), "k"),
        (Accuracy(threshold=0.5), Accuracy(threshold=0.7), "threshold"),
        (PrecisionRecallF1(5), PrecisionRecallF1(5, average=None), "average"),
        (Mean(name="one"), Mean(name="other"), "name"),
    ],
)
def test_a_state_has_the_counts_and_not_the_settings(saved, loaded, setting):
    before = getattr(loaded, setting)
    state = saved.state_dict()
    loaded.load_state_dict(state)
    assert setting not in state
    assert getattr(loaded, setting) == before


def test_counts_of_another_metric_are_refused():
    with pytest.raises(StateError, match="correct, total, seen") as caught:
        Accuracy().load_state_dict(ConfusionMatrix(3).state_dict())
    assert caught.value.operation == "Accuracy.load_state_dict"


@pytest.mark.parametrize(
    ("metric", "shown"),
    [
        (Accuracy(), "Accuracy()"),
        (Accuracy(threshold=0.5), "Accuracy(threshold=0.5)"),
        (TopK(3), "TopK(k=3, name='top3')"),
        (Mean(accuracy), "Mean(function=accuracy, name='accuracy')"),
        (ConfusionMatrix(4), "ConfusionMatrix(classes=4)"),
    ],
)
def test_a_metric_shows_how_it_is_made(metric, shown):
    assert repr(metric) == shown


def test_a_partial_function_gives_its_functions_name():
    assert Mean(partial(accuracy, ignore_index=0)).name == "accuracy"


def test_a_notebook_gets_a_metric_with_its_figure():
    metric = Accuracy()
    assert ">-</td>" in metric._repr_html_()
    metric.update(np.eye(4), np.array([0, 1, 2, 0]))
    assert ">accuracy</td>" in metric._repr_html_()
    assert ">0.75</td>" in metric._repr_html_()


def test_a_notebook_gets_a_confusion_matrix_in_shades():
    metric = ConfusionMatrix(2)
    metric.update(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0, 1, 1]))
    shown = metric._repr_html_()
    assert "rgba(31, 119, 180, 1.00)" in shown
    assert shown.count("rgba(31, 119, 180, 0.50)") == 2
    assert shown.count("<tr>") == 3


def test_a_notebook_gets_three_figures_of_a_class():
    metric = PrecisionRecallF1(2)
    metric.update(np.eye(2), np.array([0, 1]))
    assert metric._repr_html_().count(">1</td>") == 3


@pytest.mark.parametrize(
    ("operation", "count"),
    [
        ("accuracy", accuracy),
        ("Accuracy.update", Accuracy().update),
        ("Accuracy.update", Accuracy(threshold=0.0).update),
        ("TopK.update", TopK(2).update),
        ("ConfusionMatrix.update", ConfusionMatrix(3).update),
    ],
)
def test_outputs_that_remember_are_refused_by_the_metric(operation, count):
    with pytest.raises(GradientError, match=r"x\.detach\(\)") as caught:
        count(Variable(np.ones((4, 3))), np.zeros(4, int))
    assert caught.value.operation == operation
