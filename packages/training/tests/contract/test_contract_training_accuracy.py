"""Accuracy and top-k: shares of examples, counted over batches of any size."""

import math

import numpy as np
import pytest

from tinytorch.tensor import IndexRangeError, ShapeError, StateError, from_numpy

pytestmark = pytest.mark.step(1)
ROW = "accuracy, Accuracy, TopK"
SCORES = np.array([[0.1, 0.9, 0.0], [0.8, 0.2, 0.1], [0.3, 0.2, 0.5], [0.1, 0.6, 0.3]])
LABELS = np.array([1, 1, 2, 0])


def figure(metric, *batches):
    for outputs, targets in batches:
        metric.update(outputs, targets)
    return metric.compute()


def test_accuracy_is_the_share_of_highest_scores_that_are_the_labels(training, expect):
    expect(training.accuracy(SCORES, LABELS), 0.5, "argmax along axis 1", ROW)
    got = training.accuracy(from_numpy(SCORES), from_numpy(LABELS))
    expect(got, 0.5, "Tensors are welcome as arrays are", ROW)


def test_examples_count_not_batches(training, expect):
    batches = [(SCORES[:1], LABELS[:1]), (SCORES[1:], LABELS[1:])]
    got = figure(training.Accuracy(), *batches)
    expect(got, 0.5, "add up right answers and examples, divide at the end", ROW)


def test_every_pixel_of_dense_outputs_counts(training, expect):
    scores = np.zeros((2, 3, 4, 5))
    scores[:, 1] = 1
    targets = np.ones((2, 4, 5), int)
    targets[0, 0, 0] = 2
    expect(figure(training.Accuracy(), (scores, targets)), 39 / 40, "classes are axis 1", ROW)


@pytest.mark.parametrize(("k", "share"), [(1, 0.5), (2, 0.75), (3, 1.0)])
def test_top_k_counts_labels_among_the_k_highest_scores(training, expect, k, share):
    got = figure(training.TopK(k), (SCORES, LABELS))
    expect(got, share, f"{k} guesses: fewer than {k} scores may stand above the label's", ROW)


@pytest.mark.parametrize(
    ("k", "labels", "share"), [(1, [0, 1, 1], 1 / 3), (2, [0, 1, 1], 1.0), (2, [0, 1, 2], 2 / 3)]
)
def test_of_equal_scores_the_first_class_ranks_first(training, expect, k, labels, share):
    batch = (np.zeros((3, 3)), np.array(labels))
    expect(figure(training.TopK(k), batch), share, "ties go by class number, as in argmax", ROW)


def test_columns_have_their_names(training, expect):
    names = [training.Accuracy().name, training.TopK(3).name, training.Accuracy(name="a").name]
    expect(names, ["accuracy", "top3", "a"], "name=", ROW)
    expect(training.TopK().name, "top5", "k=5 by default", ROW)


def test_a_threshold_asks_yes_or_no(training, expect):
    scores, targets = np.array([[-1.0], [0.0], [2.0], [1.0]]), np.array([[0], [0], [1], [0]])
    got = figure(training.Accuracy(threshold=0.0), (scores, targets))
    expect(got, 0.75, "a score above the threshold means 1", ROW)


def test_targets_of_minus_100_do_not_count(training, expect):
    targets = np.array([1, -100, 0, 0])
    expect(figure(training.Accuracy(), (SCORES, targets)), 1 / 3, "ignore_index=-100", ROW)
    expect(training.accuracy(SCORES, targets), 1 / 3, "ignore_index=-100", ROW)


def test_another_number_may_be_ignored(training, expect):
    for metric in (training.Accuracy(ignore_index=1), training.TopK(1, ignore_index=1)):
        expect(figure(metric, (SCORES, LABELS)), 0.5, "ignore_index=1: two targets count", ROW)


def test_where_nothing_counts_there_is_no_number(training, expect):
    targets = np.full(4, -100)
    expect(figure(training.Accuracy(), (SCORES, targets)), math.nan, "0 of 0 is NaN", ROW)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint64", "int32"])
def test_labels_are_of_any_integer_type(training, expect, dtype):
    for metric, share in ((training.Accuracy(), 0.5), (training.TopK(2), 0.75)):
        got = figure(metric, (SCORES, LABELS.astype(dtype)))
        expect(got, share, "change labels to int64 before reckoning with them", ROW)


def test_shares_of_classes_are_targets_too(training, expect):
    targets = np.eye(3)[[1, 0, 2, 0]] * 0.9 + 0.1 / 3
    got = figure(training.Accuracy(), (SCORES, targets))
    expect(got, 0.75, "the label of soft targets is the greatest share", ROW)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_label_whose_score_is_nan_is_not_right(training, expect, k):
    scores = np.array([[math.nan, 0.0, 1.0], [math.nan] * 3])
    got = figure(training.TopK(k), (scores, np.array([0, 1])))
    expect(got, 0.0, "argmax takes NaN for the highest", ROW)


@pytest.mark.parametrize(("k", "share"), [(1, 0.0), (2, 0.0), (3, 1.0)])
def test_other_scores_that_are_nan_stand_above_all_numbers(training, expect, k, share):
    got = figure(training.TopK(k), (np.array([[math.nan, 0.0, 1.0]]), np.array([1])))
    expect(got, share, "NaN ranks first, as in argmax: two scores stand above 0", ROW)


def test_yes_or_no_of_nan_is_not_right(training, expect):
    metric = training.Accuracy(threshold=0.5)
    got = figure(metric, (np.array([math.nan, math.nan]), np.array([0, 1])))
    expect(got, 0.0, "NaN > threshold is False, which is no answer", ROW)


def test_reset_forgets(training, expect):
    metric = training.Accuracy()
    metric.update(SCORES[1:], LABELS[1:])
    metric.reset()
    expect(figure(metric, (SCORES[:1], LABELS[:1])), 1.0, "reset sets counts to 0", ROW)


def test_before_the_first_batch_there_is_no_figure(training):
    with pytest.raises(StateError):
        training.Accuracy().compute()


def test_outputs_and_targets_of_other_shapes_are_refused(training):
    for targets in (LABELS[:3], LABELS[:, None]):
        with pytest.raises(ShapeError):
            training.Accuracy().update(SCORES, targets)


@pytest.mark.parametrize("label", [3, -1])
def test_labels_that_are_no_class_are_refused(training, label):
    with pytest.raises(IndexRangeError):
        training.Accuracy().update(SCORES, np.array([0, 1, 2, label]))
