"""The testing tools themselves: closeness, and generators without hypothesis."""

import sys

import numpy as np
import pytest

from tinytorch.tensor import MissingExtraError, tensor
from tinytorch.tensor.testing import assert_close, strategies


def test_equal_arrays_are_close():
    assert_close(tensor([1.0, 2.0]), [1.0, 2.0])
    assert_close(np.zeros((0, 2)), tensor(np.zeros((0, 2))))
    assert_close(1.0, 1.0)


@pytest.mark.parametrize(
    ("dtype", "near", "far"),
    [(np.float16, 5e-3, 5e-2), (np.float32, 5e-6, 5e-5), (np.float64, 5e-10, 5e-9)],
)
def test_the_tolerance_is_the_data_types(dtype, near, far):
    x = np.array([3.0], dtype)
    assert_close(x, [3.0 * (1 + near)])
    with pytest.raises(AssertionError, match="1 of 1 elements differ"):
        assert_close(x, [3.0 * (1 + far)])


def test_tolerances_can_be_chosen():
    assert_close([1.0], [1.4], rtol=0.5)
    assert_close([1.0], [1.4], atol=0.5, rtol=0)
    for options in ({"rtol": 0.1}, {"atol": 0.1, "rtol": 0}):
        with pytest.raises(AssertionError):
            assert_close([1.0], [1.4], **options)


def test_integers_must_be_equal():
    assert_close(np.array([1, 2]), [1, 2])
    with pytest.raises(AssertionError, match="2, not 3"):
        assert_close(np.array([1, 2]), [1, 3])


def test_nothing_broadcasts():
    with pytest.raises(AssertionError, match=r"shape \(2,\), not \(\)"):
        assert_close([1.0, 1.0], 1.0)


def test_nan_and_infinity():
    assert_close([np.nan, np.inf, -np.inf], [np.nan, np.inf, -np.inf])
    for wrong in ([1.0], [np.inf], [-np.inf]):
        with pytest.raises(AssertionError):
            assert_close([np.nan], wrong)
    with pytest.raises(AssertionError):
        assert_close([np.inf], [-np.inf])
    with pytest.raises(AssertionError):
        assert_close([1.0], [np.inf], rtol=0)


def test_the_worst_element_is_named():
    with pytest.raises(AssertionError, match=r"here: 2 of 4 elements differ; the most at \(1, 0\)"):
        assert_close([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.1], [9.0, 4.0]], message="here")


def test_without_hypothesis_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(MissingExtraError, match=r"tinytorch-tensor\[testing\]"):
        strategies.shapes()
