"""Derivatives where they are not smooth: at 0, at ties, at NaN and at infinity."""

import numpy as np
import pytest

from tinytorch.autograd import Variable, gradcheck, vjp
from tinytorch.tensor import maximum, minimum, ops
from tinytorch.tensor.testing import assert_close

NAN, INF = np.nan, np.inf


def slope(function, *points):
    """The gradients at the points of the sum of a function's values."""
    value, pullback = vjp(function, *[np.asarray(p, np.float64) for p in points])
    shares = pullback(np.ones(value.shape))
    return [s.tolist() for s in shares] if isinstance(shares, tuple) else shares.tolist()


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("axis", [None, -1])
@pytest.mark.parametrize("x", [[2.0, 2.0, 2.0], [[0.0, 0.0], [0.0, 0.0]]])
def test_the_standard_deviation_of_constants_has_gradient_0(x, axis, ddof):
    value, pullback = vjp(lambda v: v.std(axis, ddof=ddof), np.array(x))
    assert not value.data.any()
    assert_close(pullback(np.ones(value.shape)), np.zeros(np.shape(x)))


def test_a_constant_row_does_not_disturb_the_others():
    x = np.array([[1.0, 2.0, 6.0], [5.0, 5.0, 5.0]])
    first, second = slope(lambda v: v.std(axis=1), x)
    assert_close(np.array(first), np.array(slope(lambda v: v.std(), x[0])))
    assert second == [0.0, 0.0, 0.0]


def test_the_standard_deviation_has_its_gradient_elsewhere():
    assert gradcheck(
        lambda v: v.std(axis=0, ddof=1), [[1.0, 2.0], [4.0, 2.5], [0.5, -1.0]], order=2
    )


@pytest.mark.parametrize("name", ["max", "min"])
def test_all_of_the_gradient_goes_to_the_nan_among_all_elements(name):
    assert slope(lambda v: getattr(v, name)(), [1.0, NAN, 3.0]) == [0.0, 1.0, 0.0]
    assert slope(lambda v: getattr(v, name)(keepdims=True), [NAN, NAN]) == [0.5, 0.5]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("name", ["max", "min"])
def test_a_nan_along_an_axis_makes_the_gradient_nan_there(name):
    x = [[1.0, NAN], [1.0, 1.0]]
    assert_close(np.array(slope(lambda v: getattr(v, name)(axis=1), x)), [[NAN, NAN], [0.5, 0.5]])


@pytest.mark.parametrize("choose", [maximum, minimum])
def test_beside_nan_both_operands_get_the_gradient(choose):
    assert slope(choose, [NAN, 1.0, NAN], [1.0, NAN, NAN]) == [[1.0] * 3, [1.0] * 3]
    assert slope(choose, [2.0], [2.0]) == [[0.5], [0.5]]


def test_relu_passes_nan_on():
    assert slope(ops.relu, [NAN, 0.0, -0.0, -1.0, INF]) == [1.0, 0.0, 0.0, 0.0, 1.0]


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("root", [ops.sqrt, lambda v: v**0.5, lambda v: ops.pow(v, np.array(0.5))])
def test_the_slope_of_a_root_at_0_is_infinite(root):
    assert slope(root, [0.0]) == [INF]


@pytest.mark.parametrize("x", [0.0, -0.0, 2.0, INF, NAN])
def test_what_is_raised_to_0_has_slope_0(x):
    assert slope(lambda v: v**0, [x]) == [0.0]
    assert slope(lambda v: ops.pow(v, np.zeros(1)), [x]) == [0.0]


@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
@pytest.mark.parametrize(
    ("base", "exponent", "expected"),
    [(0, 2.0, 0.0), (0, 0.0, 0.0), (0, -1.0, -INF), (1, INF, 0.0), (2, -INF, 0.0), (2, 3.0, None)],
)
@pytest.mark.parametrize("kind", [float, lambda number: np.array([float(number)])])
def test_the_slope_by_the_exponent(kind, base, exponent, expected):
    expected = base**exponent * np.log(base) if expected is None else expected
    assert_close(np.array(slope(lambda y: kind(base) ** y, [exponent])), [expected])


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("i,i->", [(2,), (1,)]),
        ("i,i->i", [(1,), (3,)]),
        ("...ij,...j->...i", [(2, 1, 3, 3), (2, 4, 3)]),
        ("ij,jk,ki->", [(2, 1), (3, 2), (1, 2)]),
        ("...i,i...->...", [(1, 3), (1, 2)]),
        ("ii,i->", [(2, 2), (1,)]),
    ],
)
def test_einsum_stretches_axes_of_length_1(subscripts, shapes):
    rng = np.random.default_rng(0)
    points = [rng.standard_normal(shape) for shape in shapes]
    assert gradcheck(lambda *xs: ops.einsum(*xs, subscripts=subscripts), *points, order=2)


def test_gradients_keep_the_data_type_of_a_weak_base():
    x = Variable(np.array([0.1, 0.2], np.float64))
    (3**x).sum().backward()
    assert_close(x.grad, np.log(3) * 3 ** np.array([0.1, 0.2]), rtol=1e-14)
