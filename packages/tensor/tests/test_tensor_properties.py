"""Broadcasting, reductions, movement and indexing agree with NumPy for all shapes (hypothesis)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.tensor import ShapeError, Tensor, concatenate, from_numpy, ops, stack, tensor
from tinytorch.tensor import functional as F
from tinytorch.tensor.testing import assert_close
from tinytorch.tensor.testing.strategies import (
    arrays,
    axes,
    broadcastable_shapes,
    indices,
    shapes,
    tensors,
)

quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)

BINARY = {
    ops.add: np.add,
    ops.sub: np.subtract,
    ops.mul: np.multiply,
    ops.maximum: np.maximum,
    ops.minimum: np.minimum,
    ops.less: np.less,
    ops.equal: np.equal,
}


@quick
@given(st.data(), broadcastable_shapes(2), st.sampled_from(list(BINARY)))
def test_binary_ops_broadcast_like_numpy(data, both, one):
    x, y = (data.draw(arrays(shape)) for shape in both)
    result = one(from_numpy(x), from_numpy(y))
    expected = BINARY[one](x, y)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    assert_close(result, expected)


@quick
@given(shapes(max_dims=2), shapes(max_dims=2))
def test_shapes_that_do_not_broadcast_are_errors(first, second):
    try:
        expected = np.broadcast_shapes(first, second)
    except ValueError:
        with pytest.raises(ShapeError):
            ops.add(np.zeros(first), np.zeros(second))
    else:
        assert ops.add(np.zeros(first), np.zeros(second)).shape == expected


@quick
@given(st.data(), shapes(max_dims=3), st.booleans())
def test_reductions_are_numpys(data, shape, keepdims):
    x = data.draw(arrays(shape))
    axis = data.draw(axes(len(shape)))
    chosen = {"axis": axis, "keepdims": keepdims}
    assert_close(from_numpy(x).sum(**chosen), x.astype(np.float64).sum(**chosen), rtol=1e-5)
    if x.size:
        assert_close(from_numpy(x).max(**chosen), x.max(**chosen))
        assert_close(from_numpy(x).min(**chosen), x.min(**chosen))
        wide = x.astype(np.float64)
        assert_close(from_numpy(x).mean(**chosen), wide.mean(**chosen), rtol=1e-5, atol=1e-5)
        assert_close(from_numpy(x).var(**chosen), wide.var(**chosen), rtol=1e-4, atol=1e-4)


@quick
@given(st.data(), shapes(max_dims=3))
def test_indexing_is_numpys(data, shape):
    x = data.draw(arrays(shape))
    index = data.draw(indices(shape))
    result = from_numpy(x)[index]
    assert type(result) is Tensor
    assert_close(result, x[index])
    again = ops.put_into_zeros(result, index=index, shape=shape)
    expected = np.zeros(shape, np.float32)
    np.add.at(expected, index, x[index])
    assert_close(again, expected)


@quick
@given(st.data(), shapes(max_dims=3))
def test_movement_keeps_every_element(data, shape):
    x = data.draw(tensors(shape))
    order = data.draw(st.permutations(range(len(shape))))
    assert_close(ops.transpose(x, axes=tuple(order)), x.data.transpose(order))
    assert_close(x.T.T, x)
    assert_close(x.flatten(), x.data.reshape(-1))
    assert_close(x.reshape(-1, *shape[1:]) if shape and x.size else x, x)
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    assert x.expand_dims(axis).shape == np.expand_dims(x.data, axis).shape
    assert_close(x.expand_dims(axis).squeeze(axis), x)
    assert_close(x.squeeze(), x.data.squeeze())
    if shape:
        a, b = (data.draw(st.integers(-len(shape), len(shape) - 1)) for _ in range(2))
        assert_close(x.swapaxes(a, b), x.data.swapaxes(a, b))
        flat = x.flatten(a)
        assert flat.shape == (*shape[: a % len(shape)], int(np.prod(shape[a % len(shape) :])))


@quick
@given(st.data(), shapes(min_dims=1), st.integers(1, 3))
def test_joining_is_numpys(data, shape, count):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    parts = [data.draw(tensors(shape)) for _ in range(count)]
    values = [part.data for part in parts]
    assert_close(concatenate(parts, axis), np.concatenate(values, axis))
    assert_close(stack(parts, axis), np.stack(values, axis))


@quick
@given(tensors(shapes(min_dims=1, max_dims=2, min_side=1)), st.floats(-50, 50))
def test_softmax_is_a_distribution_that_ignores_shifts(x, shift):
    p = F.softmax(x)
    assert (p.data >= 0).all()
    assert_close(p.sum(axis=-1), np.ones(x.shape[:-1]), rtol=1e-5)
    assert_close(F.softmax(x + shift), p, rtol=1e-3, atol=1e-5)


@quick
@given(st.data(), shapes(), st.sampled_from([np.float32, np.float64, np.int64, np.bool_, np.uint8]))
def test_tensor_reads_every_array_and_shows_it(data, shape, dtype):
    x = data.draw(arrays(shape, dtype=dtype))
    made = tensor(x)
    assert (made.shape, made.dtype) == (x.shape, x.dtype)
    assert made.tolist() == x.tolist()
    assert repr(made).startswith("tensor(")


@quick
@given(st.data(), broadcastable_shapes(3))
def test_where_broadcasts_three(data, three):
    condition = data.draw(arrays(three[0], dtype=np.bool_))
    x, y = data.draw(arrays(three[1])), data.draw(arrays(three[2]))
    assert_close(ops.where(condition, x, y), np.where(condition, x, y))
