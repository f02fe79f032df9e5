"""Losses, by their formulas: every reduction, weights, what is ignored, what is smoothed."""

import math

import numpy as np
import pytest

pytestmark = pytest.mark.step(8)
X = np.array([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5], [0.1, 0.2, 0.3]])
Y = np.array([[1.0, 1.0, 0.0], [0.0, 0.5, 1.0], [0.0, 0.2, 3.0]])
CLASSES = np.array([2, 0, 1])
WEIGHT = np.array([0.5, 2.0, 1.0])
LOG_P = X - np.log(np.exp(X).sum(1, keepdims=True))
PICKED = -LOG_P[np.arange(3), CLASSES]


@pytest.mark.parametrize(
    ("name", "each"),
    [
        ("mse_loss", (X - Y) ** 2),
        ("l1_loss", abs(X - Y)),
        ("huber_loss", np.where(abs(X - Y) <= 1, (X - Y) ** 2 / 2, abs(X - Y) - 0.5)),
    ],
)
def test_losses_of_numbers(functional, expect, name, each):
    loss = getattr(functional, name)
    expect(loss(X, Y), each.mean(), "the mean over all elements", f"`{name}`", 1e-9)
    expect(loss(X, Y, reduction="sum"), each.sum(), "the sum", f"`{name}`", 1e-9)
    expect(loss(X, Y, reduction="none"), each, "element by element", f"`{name}`", 1e-9)


def test_huber_is_a_line_beyond_delta(functional, expect):
    got = functional.huber_loss([0.2, 2.0, -3.0], [0.0, 0.0, 0.0], "none", delta=0.5)
    wanted = [0.02, 0.5 * (2 - 0.25), 0.5 * (3 - 0.25)]
    expect(got, wanted, "delta (|d| - delta / 2) beyond, d^2 / 2 within", "`huber_loss`")


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss", "binary_cross_entropy"])
def test_a_loss_does_not_broadcast(tensor, functional, name):
    with pytest.raises(tensor.ShapeError):
        getattr(functional, name)(np.array([[0.5], [0.5]]), np.array([0.5, 0.5]))


def test_an_unknown_reduction(tensor, functional):
    for name in ("mse_loss", "cross_entropy", "binary_cross_entropy"):
        with pytest.raises(tensor.ArgumentError):
            getattr(functional, name)(Y[:1] / 3, Y[:1] / 3, reduction="max")


def test_cross_entropy(functional, expect):
    row = "`cross_entropy`"
    expect(functional.cross_entropy(X, CLASSES), PICKED.mean(), "the mean, not the sum", row)
    expect(functional.cross_entropy(X, CLASSES, reduction="sum"), PICKED.sum(), "the sum", row)
    expect(functional.cross_entropy(X, CLASSES, reduction="none"), PICKED, "-log p of each", row)


def test_nll_loss_takes_log_probabilities(functional, expect):
    expect(functional.nll_loss(LOG_P, CLASSES), PICKED.mean(), "minus the picked one", "`nll_loss`")


def test_a_mean_with_weights_divides_by_the_weights(functional, expect):
    weights = WEIGHT[CLASSES]
    got = functional.cross_entropy(X, CLASSES, weight=WEIGHT)
    wanted = (PICKED * weights).sum() / weights.sum()
    expect(got, wanted, "divide by the sum of the weights, not by the batch", "`cross_entropy`")
    each = functional.cross_entropy(X, CLASSES, weight=WEIGHT, reduction="none")
    expect(each, PICKED * weights, "weight of the target class", "`cross_entropy`")


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_ignored_targets_count_nothing(functional, expect, name):
    loss = getattr(functional, name)
    scores = X if name == "cross_entropy" else LOG_P
    got = loss(scores, np.array([2, -100, 1]))
    expect(got, PICKED[[0, 2]].mean(), "neither added nor counted", f"`{name}`")
    got = loss(scores, np.array([2, 0, 1]), ignore_index=0, reduction="none")
    expect(got, [PICKED[0], 0, PICKED[2]], "0 for the ignored one", f"`{name}`")


def test_what_an_ignored_row_holds_goes_nowhere(functional, expect):
    scores = X.copy()
    scores[1] = np.nan
    got = functional.cross_entropy(scores, np.array([2, -100, 1]))
    expect(got, PICKED[[0, 2]].mean(), "0 * NaN is NaN", "`cross_entropy`")


@pytest.mark.parametrize("smoothing", [0.1, 1.0])
def test_label_smoothing(functional, expect, smoothing):
    got = functional.cross_entropy(X, CLASSES, label_smoothing=smoothing, reduction="none")
    wanted = (1 - smoothing) * PICKED - smoothing * LOG_P.mean(1)
    expect(got, wanted, "the share goes to all classes, the target's too", "`cross_entropy`")


def test_label_smoothing_with_weights(functional, expect):
    got = functional.cross_entropy(X, CLASSES, WEIGHT, label_smoothing=0.2)
    each = 0.8 * WEIGHT[CLASSES] * PICKED - 0.2 / 3 * (WEIGHT * LOG_P).sum(1)
    wanted = each.sum() / WEIGHT[CLASSES].sum()
    expect(got, wanted, "each class has its weight in the spread share", "`cross_entropy`")


def test_class_probabilities(functional, expect):
    p = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.1, 0.8, 0.1]])
    each = -(p * LOG_P).sum(1)
    row = "`cross_entropy`"
    expect(functional.cross_entropy(X, p), each.mean(), "-sum p log q, the mean of rows", row)
    got = functional.cross_entropy(X, p, reduction="none")
    expect(got, each, "one loss a row: the sum is over classes", row)
    got = functional.cross_entropy(X, p, WEIGHT)
    expect(got, -(p * LOG_P * WEIGHT).sum() / 3, "weighed; divided by the rows", row)
    got = functional.cross_entropy(X, p, label_smoothing=0.3, reduction="sum")
    expect(got, -((0.7 * p + 0.1) * LOG_P).sum(), "0.7 p + 0.3 / 3", row)


def test_classes_of_images(functional, expect):
    x = np.random.default_rng(0).normal(size=(2, 3, 2, 2))
    classes = np.array([[[0, 1], [2, 0]], [[1, 1], [2, 2]]])
    flat = np.moveaxis(x, 1, -1).reshape(-1, 3)
    got = functional.cross_entropy(x, classes)
    wanted = functional.cross_entropy(flat, classes.reshape(-1)).item()
    expect(got, wanted, "the class axis is 1", "`cross_entropy`")


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.uint64])
def test_class_numbers_of_any_integer_type(functional, expect, kind):
    got = functional.cross_entropy(X, CLASSES.astype(kind))
    expect(got, PICKED.mean(), "integers of any width", "`cross_entropy`")


def test_the_loss_has_the_data_type_of_the_logits(functional):
    loss = functional.cross_entropy(X.astype(np.float32), CLASSES, weight=WEIGHT)
    assert (loss.dtype, loss.shape) == (np.float32, ())


@pytest.mark.parametrize(
    ("targets", "kind"),
    [
        ([0, 1, 3], "IndexRangeError"),
        ([0, 1, -1], "IndexRangeError"),
        ([[0, 1, 2]], "ShapeError"),
        ([0.0, 1.0, 2.0], "DTypeError"),
    ],
)
def test_wrong_classes_are_errors(tensor, functional, targets, kind):
    with pytest.raises(getattr(tensor, kind)):
        functional.cross_entropy(X, np.array(targets))


P, T = np.array([[0.2, 0.7], [0.9, 0.4]]), np.array([[1.0, 0.0], [0.25, 1.0]])
EACH = -(T * np.log(P) + (1 - T) * np.log(1 - P))


@pytest.mark.parametrize("weight", [None, np.array([1.0, 3.0])])
def test_binary_cross_entropy(functional, expect, weight):
    each = EACH * (1 if weight is None else weight)
    got = functional.binary_cross_entropy(P, T, weight)
    expect(got, each.mean(), "the mean over all elements, weighed", "`binary_cross_entropy`")
    logits = np.log(P / (1 - P))
    got = functional.binary_cross_entropy_with_logits(logits, T, weight)
    expect(got, each.mean(), "of sigmoid(logits)", "`binary_cross_entropy_with_logits`")


def test_pos_weight_is_for_the_positive_part(functional, expect):
    got = functional.binary_cross_entropy_with_logits(
        np.log(P / (1 - P)), T, reduction="none", pos_weight=3.0
    )
    wanted = -(3 * T * np.log(P) + (1 - T) * np.log(1 - P))
    expect(got, wanted, "a factor of t log p alone", "`binary_cross_entropy_with_logits`")


def test_certain_answers_stay_finite(functional, expect):
    p, t = np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])
    got = functional.binary_cross_entropy(p, t, reduction="none")
    expect(got, [100, 100, 0], "each logarithm is at least -100", "`binary_cross_entropy`")
    x, t = np.array([-1e4, 1e4, 1e4], np.float32), np.array([1.0, 0.0, 1.0], np.float32)
    got = functional.binary_cross_entropy_with_logits(x, t, reduction="none")
    row = "`binary_cross_entropy_with_logits`"
    expect(got, [1e4, 1e4, 0], "log(1 + exp(-x)) overflows", row)
    got = functional.cross_entropy(np.array([[1e4, 0.0]], np.float32), np.array([1]))
    expect(got, 1e4, "log of a softmax that is 0", "`cross_entropy`")


def test_probabilities_are_no_logits(tensor, functional):
    with pytest.raises(tensor.ArgumentError):
        functional.binary_cross_entropy(np.array([1.5]), np.array([1.0]))


def test_divisors_are_told(functional):
    with functional.divisors() as heard:
        functional.mse_loss(X, Y)
        functional.cross_entropy(X, np.array([2, -100, 1]), weight=WEIGHT)
    assert heard == [9, WEIGHT[2] + WEIGHT[1]]
    assert functional.mean_over(6.0, 4.0) == 1.5
    assert math.isnan(functional.mean_over(0.0, 0.0))
