"""Making Tensors: from data, from shapes and ranges, at random."""

import numpy as np
import pytest

from tinytorch.tensor import (
    ArgumentError,
    DTypeError,
    IndexRangeError,
    ShapeError,
    Tensor,
    arange,
    eye,
    from_numpy,
    full,
    one_hot,
    ones,
    random,
    tensor,
    zeros,
)


def test_lists_of_arrays_and_numpy_numbers_keep_their_type():
    assert tensor([np.float64(1), np.float64(2)]).dtype == np.float64
    assert tensor([np.ones(2), np.zeros(2)]).dtype == np.float64
    assert tensor([[np.float32(1)]]).dtype == np.float32
    assert tensor([tensor([1.0]), tensor([2.0])]).tolist() == [[1.0], [2.0]]


def test_empty_lists_are_float32():
    assert (tensor([]).shape, tensor([]).dtype) == ((0,), np.float32)
    assert tensor([[], []]).shape == (2, 0)


def test_a_tensor_of_a_tensor_is_a_copy():
    x = tensor([1.0])
    y = tensor(x)
    assert type(y) is Tensor
    assert not np.shares_memory(x.data, y.data)


def test_the_machines_byte_order_is_used():
    swapped = np.array([1.0, 2.0], ">f4")
    for made in (tensor(swapped), from_numpy(swapped)):
        assert made.dtype == np.dtype(np.float32)
        assert made.dtype.isnative
        assert made.tolist() == [1.0, 2.0]


def test_other_libraries_arrays_are_read():
    class Foreign:
        def __array__(self, dtype=None, copy=None):
            return np.array([1.0, 2.0])

    assert tensor(Foreign()).dtype == np.float64


def test_half_precision_is_kept():
    assert tensor(np.ones(2, np.float16)).dtype == np.float16


@pytest.mark.parametrize(
    "data",
    [
        "3",
        [None],
        [1 + 2j],
        {1: 2},
        np.array(["a"]),
        np.array([object()]),
        2**70,
        iter([1]),
        np.ones(1, np.longdouble),
        np.array(["2020-01-01"], "M8[D]"),
    ],
    ids=str,
)
def test_what_is_no_real_number_is_an_error(data):
    with pytest.raises(DTypeError, match="real numbers"):
        tensor(data)


def test_ragged_data_are_an_error():
    with pytest.raises(ShapeError, match="ragged"):
        tensor([[1.0], [1.0, 2.0]])


@pytest.mark.parametrize("dtype", ["x", "U", complex, object, np.longdouble, "M8[D]"])
@pytest.mark.parametrize(
    "make",
    [
        lambda dtype: tensor([1], dtype=dtype),
        lambda dtype: zeros(1, dtype=dtype),
        lambda dtype: ones(1, dtype=dtype),
        lambda dtype: full(1, 2, dtype=dtype),
        lambda dtype: arange(3, dtype=dtype),
        lambda dtype: eye(2, dtype=dtype),
        lambda dtype: one_hot([0], 2, dtype=dtype),
        lambda dtype: random.normal(2, dtype=dtype),
        lambda dtype: random.uniform(2, dtype=dtype),
        lambda dtype: tensor([1.0]).astype(dtype),
    ],
    ids="tensor zeros ones full arange eye one_hot normal uniform astype".split(),
)
def test_a_data_type_of_no_real_numbers_is_an_error(make, dtype):
    with pytest.raises(DTypeError, match="dtype"):
        make(dtype)


def test_from_numpy_takes_arrays_alone():
    with pytest.raises(DTypeError, match=r"numpy\.ndarray"):
        from_numpy([1.0])
    with pytest.raises(DTypeError):
        from_numpy(np.array(["a"]))


def test_zeros_and_ones():
    assert zeros(2, 3).tolist() == zeros((2, 3)).tolist() == [[0.0] * 3] * 2
    assert ones(2).tolist() == ones([2]).tolist() == [1.0, 1.0]
    assert zeros().shape == zeros(()).shape == ()
    assert zeros(2).dtype == ones(2).dtype == np.float32
    assert zeros(2, dtype=np.int64).dtype == np.int64
    assert ones(np.int64(2), dtype=bool).tolist() == [True, True]


def test_full():
    assert full((2, 1), 7).tolist() == [[7], [7]]
    assert full(2, 0.5).dtype == np.float32
    assert full((), 1, dtype=np.float64).dtype == np.float64
    with pytest.raises(ShapeError, match="one number"):
        full((2,), [1, 2])


def test_arange():
    assert (arange(3).tolist(), arange(3).dtype) == ([0, 1, 2], np.int64)
    assert (arange(1, 2, 0.5).tolist(), arange(1, 2, 0.5).dtype) == ([1.0, 1.5], np.float32)
    assert arange(3, 0, -1).tolist() == [3, 2, 1]
    assert arange(3, dtype=np.float64).dtype == np.float64
    for wrong in ((0, 1, 0), ("a",), (0, float("inf"))):
        with pytest.raises(ArgumentError, match="step"):
            arange(*wrong)


def test_eye():
    assert eye(2, 3).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert eye(2, dtype=np.int64).dtype == np.int64
    assert eye(0).shape == (0, 0)


@pytest.mark.parametrize("make", [zeros, ones, lambda n: full(n, 1), eye, random.normal])
def test_wrong_lengths_are_errors(make):
    with pytest.raises(ShapeError, match="0 or more"):
        make(-1)
    for wrong in ("a", 2.5, (2, 0.5), None):
        with pytest.raises(ArgumentError, match="whole numbers"):
            make(wrong)


def test_one_hot():
    assert one_hot([[1], [0]], 3).tolist() == [[[0, 1, 0]], [[1, 0, 0]]]
    assert one_hot(tensor([1]), 2, dtype=bool).tolist() == [[False, True]]
    assert one_hot(2, 3).tolist() == [0, 0, 1]
    assert one_hot(np.zeros((0,), np.int64), 3).shape == (0, 3)
    with pytest.raises(IndexRangeError, match="0 to 2"):
        one_hot([3], 3)
    with pytest.raises(IndexRangeError, match="-1"):
        one_hot([-1], 3)
    with pytest.raises(DTypeError, match="integer"):
        one_hot([0.5], 3)


def test_random_numbers_have_their_distribution():
    x = random.normal((200, 100), 3.0, 2.0, rng=0)
    assert x.dtype == np.float32
    assert abs(x.mean().item() - 3) < 0.05
    assert abs(x.std().item() - 2) < 0.05
    y = random.uniform((200, 100), -1, 3, rng=0)
    assert y.dtype == np.float32
    assert -1 <= y.min().item() < -0.99
    assert 2.99 < y.max().item() < 3
    assert abs(y.mean().item() - 1) < 0.05
    z = random.bernoulli(0.25, (200, 100), rng=0)
    assert z.dtype == np.bool_
    assert abs(z.astype("float32").mean().item() - 0.25) < 0.02


def test_random_data_types():
    assert random.normal(2, rng=0, dtype=np.float64).dtype == np.float64
    assert random.uniform(2, rng=0, dtype=np.float16).dtype == np.float16
    assert random.normal(rng=0).shape == random.uniform(rng=0).shape == ()
    with pytest.raises(DTypeError, match="floating"):
        random.normal(2, dtype=np.int64)


def test_permutation():
    assert sorted(random.permutation(10, rng=1).tolist()) == list(range(10))
    assert random.permutation(10, rng=1).tolist() != list(range(10))
    assert random.permutation(0).shape == (0,)
    assert random.permutation(3).dtype == np.int64
    with pytest.raises(ShapeError):
        random.permutation(-1)


def test_a_generator_moves_on_and_a_seed_starts_again():
    rng = np.random.default_rng(0)
    assert random.normal(2, rng=rng).tolist() != random.normal(2, rng=rng).tolist()
    assert random.uniform(2, rng=4).tolist() == random.uniform(2, rng=4).tolist()
    assert random.normal(4).tolist() != random.normal(4).tolist()


@pytest.mark.parametrize("rng", ["a", -1, 1.5, np.random.RandomState])
def test_a_wrong_rng_is_an_error(rng):
    with pytest.raises(DTypeError, match="rng"):
        random.generator(rng)


def test_random_settings_out_of_range_are_errors():
    for draw in (
        lambda: random.normal(2, std=-1),
        lambda: random.normal(2, std=float("nan")),
        lambda: random.uniform(2, 1, 0),
        lambda: random.bernoulli(1.5),
        lambda: random.bernoulli(-0.1),
    ):
        with pytest.raises(ArgumentError):
            draw()
    assert random.normal(2, std=0, mean=1).tolist() == [1.0, 1.0]
    assert random.uniform(2, 1, 1).tolist() == [1.0, 1.0]
    assert random.bernoulli(0.0, 2).tolist() == [False, False]
