"""Means say what they are divided by: so the means of parts give the mean of the whole."""

import math
import threading
from functools import partial

import numpy as np
import pytest

from tinytorch.tensor import functional as F
from tinytorch.tensor import tensor
from tinytorch.tensor.testing import assert_close

RNG = np.random.default_rng(0)
SCORES = tensor(RNG.normal(size=(7, 3)).astype(np.float32))
CLASSES = np.array([0, 2, -100, 1, 1, 0, 2])
WEIGHT = np.array([1.0, 0.5, 4.0], np.float32)


def heard(loss, *operands):
    with F.divisors() as found:
        loss(*operands)
    return found


@pytest.mark.parametrize(
    ("loss", "targets", "expected"),
    [
        (F.cross_entropy, np.abs(CLASSES) % 3, 7),
        (F.cross_entropy, CLASSES, 6),
        (partial(F.cross_entropy, ignore_index=0), np.abs(CLASSES) % 3, 5),
        (partial(F.cross_entropy, weight=WEIGHT), CLASSES, 11),
        (lambda s, t: F.cross_entropy(s, t, WEIGHT), CLASSES, 11),
        (lambda s, t: F.nll_loss(F.log_softmax(s), t), CLASSES, 6),
        (F.mse_loss, np.zeros((7, 3), np.float32), 21),
        (F.l1_loss, np.zeros((7, 3), np.float32), 21),
        (F.huber_loss, np.zeros((7, 3), np.float32), 21),
        (F.binary_cross_entropy_with_logits, np.zeros((7, 3), np.float32), 21),
    ],
)
def test_a_mean_loss_tells_its_divisor_and_parts_give_the_whole(loss, targets, expected):
    (divisor,) = heard(loss, SCORES, targets)
    assert divisor == expected
    total = whole = 0.0
    for part in (slice(0, 2), slice(2, 3), slice(3, 7)):
        with F.divisors() as found:
            value = loss(SCORES[part], targets[part]).item()
        total += value * found[0] if found[0] else 0.0
        whole += found[0]
    assert total / whole == pytest.approx(loss(SCORES, targets).item(), rel=1e-6)


@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_what_is_no_mean_tells_nothing(reduction):
    assert heard(partial(F.cross_entropy, reduction=reduction), SCORES, CLASSES) == []
    assert heard(partial(F.mse_loss, reduction=reduction), SCORES, SCORES) == []


def test_a_mean_of_ones_own_tells_its_divisor():
    errors, mask = tensor([3.0, 5.0, 100.0]), tensor([1.0, 1.0, 0.0])
    with F.divisors() as found:
        assert_close(F.mean_over((errors * mask).sum(), mask.sum()), 4.0)
        assert math.isnan(F.mean_over(tensor(0.0), 0).item())
    assert found == [2.0, 0.0]


def test_the_innermost_listener_hears_and_the_outer_one_listens_again():
    with F.divisors() as outer:
        assert heard(F.mse_loss, SCORES, SCORES) == [21.0]
        with pytest.raises(ZeroDivisionError), F.divisors():
            raise ZeroDivisionError
        F.mse_loss(SCORES[:1], SCORES[:1])
    F.mse_loss(SCORES, SCORES)
    assert outer == [3.0]


def test_each_thread_hears_its_own_means():
    with F.divisors() as found:
        thread = threading.Thread(target=F.mse_loss, args=(SCORES, SCORES))
        thread.start()
        thread.join()
    assert found == []
