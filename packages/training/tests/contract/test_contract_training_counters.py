"""Means, confusion, precision and recall: what is counted, and what follows from it."""

import math

import numpy as np
import pytest

from tinytorch.tensor import ShapeError, StateError, from_numpy
from tinytorch.tensor.functional import cross_entropy

pytestmark = pytest.mark.step(2)
TRUE = np.array([0, 0, 0, 1, 1, 3])
SAID = np.array([0, 0, 1, 1, 2, 3])
SCORES = np.eye(4)[SAID]


def test_a_mean_weighs_what_is_added(training, expect):
    mean = training.Mean()
    mean.add(2.0, weight=3)
    mean.add(6.0)
    expect(mean.compute(), 3.0, "the sum of value times weight by the sum of weights", "Mean")


def test_a_batch_weighs_as_much_as_it_has_examples(training, expect):
    mean = training.Mean(lambda outputs, targets: float(np.asarray(targets).mean()))
    for batch in (np.ones(3), np.full(1, 5.0)):
        mean.update(batch, batch)
    expect(mean.compute(), 2.0, "(3 * 1 + 1 * 5) / 4, not the mean of the batches' means", "Mean")


def test_a_figure_for_each_example_is_averaged(training, expect):
    mean = training.Mean(lambda outputs, targets: np.asarray(targets) * 1.0)
    for batch in (np.array([1, 2, 3]), np.array([10])):
        mean.update(batch, batch)
    expect(mean.compute(), 4.0, "an array counts each of its numbers once", "Mean")


def test_a_mean_loss_weighs_what_it_was_divided_by(training, expect):
    mean = training.Mean(cross_entropy)
    scores = from_numpy(np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32))
    targets = np.where(np.arange(6) < 3, -100, TRUE)
    for part in (slice(0, 4), slice(4, 6)):
        mean.update(scores[part], targets[part])
    wanted = cross_entropy(scores, targets).item()
    mistake = "ignored targets are not among what the mean is over: listen to divisors()"
    expect(mean.compute(), wanted, mistake, "Mean")


def test_what_weighs_nothing_may_be_nan(training, expect):
    mean = training.Mean()
    mean.add(math.nan, weight=0)
    expect(mean.compute(), math.nan, "nothing but a weight of 0: NaN", "Mean")
    mean.add(3.0)
    expect(mean.compute(), 3.0, "NaN times 0 is NaN: leave out what weighs 0", "Mean")


def test_a_mean_keeps_what_is_not_finite(training, expect):
    mean = training.Mean()
    for value in (1.0, math.inf):
        mean.add(value)
    expect(mean.compute(), math.inf, "losses that are infinite are told", "Mean")


def test_a_mean_has_the_functions_name(training, expect):
    def median(outputs, targets):
        return 0.0

    names = [training.Mean(median).name, training.Mean(median, name="m").name]
    expect(names, ["median", "m"], "the column is the function's name", "Mean")


def test_confusion_has_true_rows_and_predicted_columns(training, expect):
    matrix = training.ConfusionMatrix(4)
    matrix.update(SCORES[:2], TRUE[:2])
    matrix.update(SCORES[2:], TRUE[2:])
    wanted = [[2, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    expect(matrix.compute(), wanted, "matrix[true, predicted] += 1", "ConfusionMatrix")


def test_many_classes_and_small_label_types_do_not_overflow(training, expect):
    matrix = training.ConfusionMatrix(100)
    matrix.update(np.eye(100), np.arange(100, dtype=np.uint8))
    wanted = np.eye(100, dtype=int)
    expect(matrix.compute(), wanted, "label * classes overflows in uint8", "ConfusionMatrix")


def test_confusion_leaves_out_what_is_ignored(training, expect):
    matrix = training.ConfusionMatrix(2)
    matrix.update(np.eye(2), np.array([0, -100]))
    expect(matrix.compute(), [[1, 0], [0, 0]], "ignore_index=-100", "ConfusionMatrix")


def test_a_label_whose_score_is_nan_stands_beside_the_diagonal(training, expect):
    matrix = training.ConfusionMatrix(3)
    matrix.update(np.full((3, 3), math.nan), np.arange(3))
    expect(np.trace(matrix.compute()), 0, "NaN is never right", "ConfusionMatrix")
    expect(matrix.compute().sum(), 3, "and yet it is counted", "ConfusionMatrix")


def test_the_figure_is_a_copy(training, expect):
    matrix = training.ConfusionMatrix(2)
    matrix.update(np.eye(2), np.arange(2))
    matrix.compute()[0, 0] = 7
    expect(matrix.compute(), np.eye(2, dtype=int), "compute() gives a copy", "ConfusionMatrix")


def test_other_classes_than_the_matrix_has_are_refused(training):
    with pytest.raises(ShapeError):
        training.ConfusionMatrix(5).update(SCORES, TRUE)


def test_precision_is_of_what_was_said_and_recall_of_what_was_there(training, expect):
    metric = training.PrecisionRecallF1(4, average=None)
    metric.update(SCORES, TRUE)
    wanted = {
        "precision": [1.0, 1 / 2, 0.0, 1.0],
        "recall": [2 / 3, 1 / 2, 0.0, 1.0],
        "f1": [4 / 5, 1 / 2, 0.0, 1.0],
    }
    mistake = "precision divides the diagonal by columns' sums, recall by rows' sums"
    expect(metric.compute(), wanted, mistake, "PrecisionRecallF1")


def test_each_class_weighs_the_same_in_the_mean(training, expect):
    metric = training.PrecisionRecallF1(4, name="val")
    metric.update(SCORES, TRUE)
    wanted = {"val_precision": 2.5 / 4, "val_recall": (13 / 6) / 4, "val_f1": 2.3 / 4}
    expect(metric.compute(), wanted, "the plain mean over classes; 0 / 0 is 0", "PrecisionRecallF1")


def metrics(training):
    return [
        training.Accuracy(),
        training.TopK(2),
        training.ConfusionMatrix(4),
        training.PrecisionRecallF1(4),
        training.Mean(lambda outputs, targets: float(np.asarray(targets).mean()), name="mean"),
    ]


@pytest.mark.parametrize("which", range(5))
@pytest.mark.parametrize("cut", [1, 3])
def test_a_half_counted_figure_is_saved_and_goes_on(training, expect, which, cut):
    whole, half, again = (metrics(training)[which] for _ in range(3))
    whole.update(SCORES, TRUE)
    half.update(SCORES[:cut], TRUE[:cut])
    again.load_state_dict(half.state_dict())
    again.update(SCORES[cut:], TRUE[cut:])
    expect(again.compute(), whole.compute(), "a state has every count", "Metric")


def test_a_state_has_no_settings(training, expect):
    metric = training.TopK(1)
    metric.load_state_dict(training.TopK(3).state_dict())
    metric.update(np.array([[0.1, 0.2, 0.7, 0.0]]), np.array([1]))
    expect(metric.compute(), 0.0, "k belongs to the object, not to its counts", "Metric")


def test_a_metric_of_ones_own_has_three_methods(training, expect):
    class Count(training.Metric):
        name = "count"

        def reset(self):
            self.count = 0

        def update(self, outputs, targets):
            self.count += len(targets)

        def compute(self):
            return self.count

    metric = Count()
    metric.reset()
    metric.update(SCORES, TRUE)
    expect(metric.state_dict(), {"count": 6}, "plain attributes are counts", "Metric")


def test_before_the_first_batch_there_is_no_mean(training):
    for metric in (training.Mean(), training.PrecisionRecallF1(3)):
        with pytest.raises(StateError):
            metric.compute()
