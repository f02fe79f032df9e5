"""Products along an axis, and elements chosen by index."""

import numpy as np
import pytest

pytestmark = pytest.mark.step(6)
PRODUCT, INDEX = "`ops`, products", "`ops`, by index"
RNG = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3, 4)),
        ((5, 2, 3), (3, 4)),
        ((5, 2, 3), (5, 3, 4)),
        ((5, 1, 2, 3), (4, 3, 2)),
    ],
)
def test_matmul(tensor, expect, left, right):
    x, y = RNG.normal(size=left), RNG.normal(size=right)
    expect(tensor.tensor(x) @ tensor.tensor(y), np.matmul(x, y), "batch axes broadcast", PRODUCT)


def test_matmul_refuses_what_does_not_fit(tensor):
    x = tensor.ones(2, 3)
    for other in (x, 3.0):
        with pytest.raises(tensor.ShapeError):
            _ = x @ other


@pytest.mark.parametrize("shape", [(4, 3), (3,), (2, 4, 3)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear(tensor, functional, expect, shape, with_bias):
    x, w, b = RNG.normal(size=shape), RNG.normal(size=(5, 3)), RNG.normal(size=5)
    got = functional.linear(x, w, b if with_bias else None)
    expect(got, x @ w.T + (b if with_bias else 0), "weight is (outputs, features)", "`linear`")


def test_einsum(tensor, expect):
    x, y = RNG.normal(size=(2, 3)), RNG.normal(size=(2, 3))
    for subscripts in ("ij,kj->ik", "ij,ij->", "ij,ij->j"):
        expect(tensor.einsum(subscripts, x, y), np.einsum(subscripts, x, y), subscripts, "`einsum`")


A = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "index",
    [
        1,
        (0, -2),
        (..., 1),
        slice(1, None),
        (slice(None), [0, 2]),
        (slice(None, None, -1), None),
        A > 7,
        None,
        np.array([1, 0, 1]),
        (np.array([0, 1]), np.array([2, 0])),
    ],
    ids=str,
)
def test_indexing_is_numpys(tensor, expect, index):
    expect(tensor.tensor(A)[index], A[index], "NumPy's rules", "`Tensor`, indexing")


def test_iteration_and_length(tensor):
    x = tensor.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert len(x) == 2
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]


def test_an_index_out_of_range(tensor):
    with pytest.raises(tensor.IndexRangeError):
        tensor.tensor(A)[2]


def test_taking_along_an_axis(tensor, expect):
    places = np.array([[2, 0], [1, 1]])
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for axis, indices in ((1, places), (0, places[:, [0, 1, 1]] % 2)):
        got = tensor.take_along_axis(x, indices, axis)
        expect(got, np.take_along_axis(x, indices, axis), f"along axis {axis}", INDEX)


def test_values_that_meet_add_up(tensor, expect):
    got = tensor.scatter_add(np.array([1.0, 2.0]), [1, 1, 0], np.array([10.0, 20.0, 5.0]), axis=0)
    expect(got, [6, 32], "a repeated index adds, it does not overwrite", "`scatter_add`")
    rows = tensor.scatter_add(np.zeros((2, 3)), [[0, 0], [2, 1]], np.ones((2, 2)), axis=1)
    expect(rows, [[2, 0, 0], [0, 1, 1]], "each row has its own indices", "`scatter_add`")


def test_scatter_add_leaves_what_it_was_given(tensor):
    x = tensor.zeros(2)
    tensor.scatter_add(x, [0], tensor.ones(1), axis=0)
    assert x.tolist() == [0, 0], "it adds to x itself, not to a copy [`scatter_add`]"


def test_putting_back_is_the_adjoint_of_reading(ops, expect):
    got = ops.put_into_zeros(np.array([1.0, 2.0, 3.0]), index=np.array([0, 0, 2]), shape=(4,))
    expect(got, [3, 0, 3, 0], "a repeated index adds", "`put_into_zeros`")


@pytest.mark.parametrize("indices", [[[3], [0]], [[-1], [0]]])
def test_indices_count_from_0(tensor, indices):
    with pytest.raises(tensor.IndexRangeError):
        tensor.take_along_axis(np.ones((2, 3)), indices, axis=1)
