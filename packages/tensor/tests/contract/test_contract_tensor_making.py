"""Tensors made from data, from shapes and ranges; their data types."""

import numpy as np
import pytest

pytestmark = pytest.mark.step(1)
TYPES, MADE = "`tensor(data, dtype=None)`", "`zeros`, `ones`, `full`, `arange`, `eye`, `one_hot`"


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, np.float32),
        ([1.0, 2], np.float32),
        ([[1, 2]], np.int64),
        (True, np.bool_),
        ([], np.float32),
        (np.ones(2), np.float64),
        (np.ones(2, np.float32), np.float32),
        (np.ones(2, np.uint8), np.uint8),
        (np.float64(3), np.float64),
    ],
)
def test_data_have_their_type(tensor, data, dtype):
    made = tensor.tensor(data)
    assert type(made) is tensor.Tensor
    assert made.dtype == dtype, f"Python floats become float32, arrays keep theirs [{TYPES}]"
    np.testing.assert_array_equal(made.data, data)


def test_tensor_copies(tensor):
    array = np.zeros(3, np.float32)
    made = tensor.tensor(array)
    array[0] = 1
    assert made.tolist() == [0, 0, 0], f"it shares the array it was given [{TYPES}]"


def test_from_numpy_shares(tensor):
    array = np.zeros(3, np.float32)
    made = tensor.from_numpy(array)
    array[0] = 1
    assert made.tolist() == [1, 0, 0], "it copied the array [`from_numpy(array)`]"


def test_a_chosen_type_is_taken(tensor):
    assert tensor.tensor([1, 2], dtype=np.float32).dtype == np.float32
    assert tensor.tensor([1.7], dtype="int64").tolist() == [1]


@pytest.mark.parametrize("data", ["text", [None], [1 + 2j]])
def test_what_is_no_real_number_is_refused(tensor, data):
    with pytest.raises(tensor.DTypeError):
        tensor.tensor(data)


def test_ragged_lists_are_refused(tensor):
    with pytest.raises(tensor.ShapeError):
        tensor.tensor([[1.0], [1.0, 2.0]])


def test_attributes(tensor):
    x = tensor.tensor([[1.0, 2.0, 3.0]])
    assert (x.shape, x.ndim, x.size, x.dtype) == ((1, 3), 2, 3, np.float32)
    assert type(x.data) is np.ndarray
    assert tensor.tensor(2.5).item() == 2.5


def test_numpy_gives_a_read_only_view(tensor):
    x = tensor.tensor([1.0, 2.0])
    assert np.shares_memory(x.numpy(), x.data)
    assert np.shares_memory(np.asarray(x), x.data)
    with pytest.raises(ValueError, match="read-only"):
        x.numpy()[0] = 5


def test_item_needs_one_element(tensor):
    with pytest.raises(tensor.ShapeError):
        tensor.tensor([1.0, 2.0]).item()


@pytest.mark.parametrize("shape", [(2, 3), ((2, 3),)])
def test_zeros_and_ones(tensor, expect, shape):
    expect(tensor.zeros(*shape), np.zeros((2, 3)), "lengths come one by one, or as a tuple", MADE)
    expect(tensor.ones(*shape), np.ones((2, 3)), "lengths come one by one, or as a tuple", MADE)
    assert tensor.zeros(*shape).dtype == tensor.ones(*shape).dtype == np.float32


def test_full(tensor, expect):
    expect(tensor.full((2, 1), 7), [[7], [7]], "the value everywhere", MADE)
    assert tensor.full((2,), 7).dtype == np.int64
    assert tensor.full((2,), 7.0).dtype == np.float32


def test_arange(tensor, expect):
    expect(tensor.arange(3), [0, 1, 2], "one argument is the end", MADE)
    expect(tensor.arange(1, 7, 2), [1, 3, 5], "start, stop, step; stop is left out", MADE)
    assert tensor.arange(3).dtype == np.int64
    assert tensor.arange(0.0, 1.0, 0.5).dtype == np.float32


def test_eye(tensor, expect):
    expect(tensor.eye(2, 3), [[1, 0, 0], [0, 1, 0]], "n rows and m columns", MADE)
    expect(tensor.eye(2), [[1, 0], [0, 1]], "n rows and m columns", MADE)


def test_one_hot(tensor, expect):
    got = tensor.one_hot([[0, 2]], 3)
    expect(got, [[[1, 0, 0], [0, 0, 1]]], "classes count from 0; the new axis is the last", MADE)
    assert got.dtype == np.float32


@pytest.mark.parametrize("classes", [[3], [-1]])
def test_one_hot_refuses_what_is_no_class(tensor, classes):
    with pytest.raises(tensor.IndexRangeError):
        tensor.one_hot(classes, 3)


def test_hash_is_identity(tensor):
    x, y = tensor.tensor([1.0]), tensor.tensor([1.0])
    assert len({x, y, x}) == 2


def test_tensors_do_not_change(tensor):
    with pytest.raises(tensor.ImmutableError):
        tensor.tensor([1.0])[0] = 2.0


@pytest.mark.parametrize("name", ["copy", "deepcopy", "pickle"])
def test_copies_keep_values_and_type(tensor, name):
    import copy
    import pickle  # noqa: TID251 - Tensors pass between processes by it

    x = tensor.tensor([[1.0, 2.0]])
    make = {
        "copy": copy.copy,
        "deepcopy": copy.deepcopy,
        "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    }[name]
    again = make(x)
    assert (type(again), again.dtype, again.tolist()) == (tensor.Tensor, x.dtype, x.tolist())


def test_a_deep_copy_has_its_own_memory(tensor):
    import copy

    array = np.ones(2)
    again = copy.deepcopy(tensor.from_numpy(array))
    array[:] = 9
    assert again.tolist() == [1, 1]


def test_rng_is_a_generator_a_seed_or_none(tensor):
    random, generator = tensor.random, np.random.default_rng(3)
    assert random.generator(generator) is generator
    assert random.generator(3).random() == np.random.default_rng(3).random()
    assert isinstance(random.generator(None), np.random.Generator)


def test_a_seed_draws_the_same_again(tensor):
    normal = tensor.random.normal
    assert normal((2, 2), rng=5).tolist() == normal((2, 2), rng=5).tolist()


def test_normal_numbers_have_the_mean_and_the_deviation_that_were_asked_for(tensor):
    many = tensor.random.normal((20_000,), 3.0, 2.0, rng=0).numpy()
    assert abs(many.mean() - 3) < 0.1
    assert abs(many.std() - 2) < 0.1


def test_uniform_numbers_fill_their_range(tensor):
    even = tensor.random.uniform((20_000,), -1, 3, rng=0).numpy()
    assert even.min() >= -1
    assert even.max() < 3
    assert abs(even.mean() - 1) < 0.1


def test_bernoulli_is_true_as_often_as_it_should(tensor):
    assert abs(tensor.random.bernoulli(0.3, (20_000,), rng=0).numpy().mean() - 0.3) < 0.02


def test_a_permutation_has_each_number_once(tensor):
    assert sorted(tensor.random.permutation(5, rng=0).tolist()) == [0, 1, 2, 3, 4]
