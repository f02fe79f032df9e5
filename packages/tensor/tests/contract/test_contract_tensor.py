"""What upper layers rely on in the tensor layer: its public names alone.

Any implementation of the layer that passes can stand under the other layers.
"""

import copy
import pickle  # noqa: TID251 - Tensors and errors pass between processes by it
import subprocess
import sys

import numpy as np
import pytest

from tinytorch import tensor as layer
from tinytorch.tensor import (
    ArgumentError,
    DTypeError,
    GradientError,
    ImmutableError,
    IndexRangeError,
    MissingExtraError,
    Op,
    ShapeError,
    StateError,
    Tensor,
    TinyTorchError,
    concatenate,
    errors,
    from_numpy,
    kernels,
    op,
    ops,
    random,
    stack,
    tensor,
    where,
)
from tinytorch.tensor import functional as F

NAMES = """
ArgumentError DTypeError FileError GradientError ImmutableError IndexRangeError
MissingExtraError Op ShapeError StateError Tensor TinyTorchError arange concatenate einsum
errors eye flip from_numpy full functional kernels maximum minimum one_hot ones op ops pad
random scatter_add stack take_along_axis tensor testing where zeros
""".split()
OPS = """
add sub mul div neg pow exp log log1p expm1 sqrt tanh sigmoid relu erf sin cos abs sign maximum
minimum clip where floor ceil round equal not_equal less less_equal greater greater_equal isnan
isfinite logical_and logical_or logical_not astype sum max min argmax argmin cumsum mean var std
matmul einsum reshape transpose swapaxes expand_dims squeeze flatten broadcast_to pad flip
concatenate stack getitem take_along_axis scatter_add registry
""".split()
FUNCTIONS = """
relu leaky_relu gelu silu sigmoid tanh softmax log_softmax linear dropout layer_norm mse_loss
l1_loss huber_loss cross_entropy nll_loss binary_cross_entropy binary_cross_entropy_with_logits
""".split()
METHODS = """
reshape transpose swapaxes flatten squeeze expand_dims broadcast_to sum mean max min var std
argmax argmin exp log sqrt tanh abs clip astype item numpy tolist
""".split()


@pytest.mark.parametrize("name", NAMES)
def test_the_layer_has(name):
    assert hasattr(layer, name)
    assert name in layer.__all__


@pytest.mark.parametrize("name", OPS)
def test_ops_has(name):
    assert callable(getattr(ops, name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functional_has(name):
    assert callable(getattr(F, name))


@pytest.mark.parametrize("name", METHODS)
def test_tensors_have_the_method(name):
    assert callable(getattr(tensor([1.0]), name))


def test_importing_the_layer_loads_no_other():
    code = (
        "import sys, tinytorch.tensor\n"
        "layers = {n.split('.')[1] for n in sys.modules if n.startswith('tinytorch.')}\n"
        "print(sorted(layers))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == "['tensor']"


# Making Tensors.


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, np.float32),
        ([1.0, 2], np.float32),
        ([[1, 2]], np.int64),
        (True, np.bool_),
        (np.ones(2), np.float64),
        (np.ones(2, np.float32), np.float32),
        (np.ones(2, np.uint8), np.uint8),
        (np.float64(3), np.float64),
    ],
)
def test_tensor_reads_data_with_their_type(data, dtype):
    made = tensor(data)
    assert type(made) is Tensor
    assert made.dtype == dtype
    np.testing.assert_array_equal(made.data, data)


def test_tensor_copies_and_from_numpy_shares():
    array = np.zeros(3, np.float32)
    copied, shared = tensor(array), from_numpy(array)
    array[0] = 1
    assert copied.tolist() == [0, 0, 0]
    assert shared.tolist() == [1, 0, 0]
    assert shared.data is array or np.shares_memory(shared.data, array)


def test_dtype_converts():
    assert tensor([1, 2], dtype=np.float32).dtype == np.float32
    assert tensor([1.7], dtype="int64").tolist() == [1]


def test_attributes():
    x = tensor([[1.0, 2.0, 3.0]])
    assert (x.shape, x.ndim, x.size, x.dtype) == ((1, 3), 2, 3, np.float32)
    assert x.T.shape == (3, 1)
    assert type(x.data) is np.ndarray
    assert len(x) == 1
    assert [row.tolist() for row in x] == [[1.0, 2.0, 3.0]]
    assert tensor(2.5).item() == 2.5


def test_numpy_is_a_read_only_view():
    x = tensor([1.0, 2.0])
    view = x.numpy()
    assert np.shares_memory(view, x.data)
    assert np.shares_memory(np.asarray(x), x.data)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 5


# Arithmetic.


def test_operators_in_both_directions():
    x = tensor([4.0, 9.0])
    got = [x + 1, 1 + x, x - 1, 1 - x, x * 2, 2 * x, x / 2, 36 / x, x**2, 2**x, -x, abs(-x)]
    expected = [
        [5, 10],
        [5, 10],
        [3, 8],
        [-3, -8],
        [8, 18],
        [8, 18],
        [2, 4.5],
        [9, 4],
        [16, 81],
        [16, 512],
        [-4, -9],
        [4, 9],
    ]
    assert [y.tolist() for y in got] == expected
    assert all(type(y) is Tensor and y.dtype == np.float32 for y in got)
    assert (x @ x).item() == 97


def test_comparisons_give_bool_tensors():
    x, y = tensor([1.0, 2.0, 3.0]), tensor([2.0, 2.0, 2.0])
    got = [x < y, x <= y, x > y, x >= y, x == y, x != y]
    assert [z.tolist() for z in got] == [
        [True, False, False],
        [True, True, False],
        [False, False, True],
        [False, True, True],
        [False, True, False],
        [True, False, True],
    ]
    assert all(z.dtype == np.bool_ for z in got)


def test_tensors_are_hashable_by_identity():
    x, y = tensor([1.0]), tensor([1.0])
    assert len({x, y, x}) == 2


@pytest.mark.parametrize("array", [np.ones(2), np.ones(2, np.float32), np.ones((3, 1))])
def test_an_array_on_the_left_gives_a_tensor(array):
    x = tensor([1.0, 2.0])
    for result in (array * x, array + x, array - x, array / x, array**x):
        assert type(result) is Tensor
        assert result.dtype == np.result_type(array.dtype, np.float32)


def test_scalars_are_weak():
    x = tensor([1.0, 2.0])
    for number in (2, 2.0, True, np.float64(2), np.int64(2), np.float32(2)):
        assert (x * number).dtype == (number * x).dtype == np.float32


def test_float64_comes_from_float64_arrays_alone():
    assert (tensor([1, 2]) / tensor([2, 2])).dtype == np.float32
    assert ops.exp(tensor([1, 2])).dtype == np.float32
    assert tensor([1, 2]).mean().dtype == np.float32
    assert (tensor([1.0]) * tensor(np.ones(1))).dtype == np.float64
    assert (tensor([1, 2]) * 0.5).dtype == np.float32
    assert (tensor([1.0]) + tensor([1])).dtype == np.float32


def test_indexing_is_numpys():
    array = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
    x = tensor(array)
    indices = [1, (0, 2), (..., 1), slice(1, None), (slice(None), [0, 2]), array > 7, None]
    for index in indices:
        np.testing.assert_array_equal(x[index].data, array[index])
    np.testing.assert_array_equal(x[tensor([1, 0])].data, array[[1, 0]])


def test_tensors_do_not_change():
    x = tensor([1.0])
    with pytest.raises(ImmutableError):
        x[0] = 2.0
    y = x
    y += 1
    assert (x.item(), y.item()) == (1.0, 2.0)


def test_movement_and_reductions():
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.reshape(4).tolist() == x.reshape((4,)).tolist() == x.flatten().tolist() == [1, 2, 3, 4]
    assert x.transpose().tolist() == x.transpose(1, 0).tolist() == [[1, 3], [2, 4]]
    assert x.swapaxes(0, 1).tolist() == [[1, 3], [2, 4]]
    assert x.expand_dims(1).shape == (2, 1, 2)
    assert x.expand_dims(1).squeeze(1).shape == (2, 2)
    assert x[0].broadcast_to((3, 2)).shape == (3, 2)
    assert (x.sum().item(), x.mean().item(), x.max().item(), x.min().item()) == (10, 2.5, 4, 1)
    assert x.sum(axis=0).tolist() == [4, 6]
    assert x.sum(axis=1, keepdims=True).tolist() == [[3], [7]]
    assert x.var().item() == 1.25
    assert x.std(axis=1).tolist() == [0.5, 0.5]
    assert (x.argmax().item(), x.argmin(axis=1).tolist()) == (3, [0, 0])
    assert concatenate([x, x]).shape == (4, 2)
    assert stack([x, x], axis=-1).shape == (2, 2, 2)
    assert where(x > 2, x, 0).tolist() == [[0, 0], [3, 4]]
    assert x.astype(np.int64).dtype == np.int64


# The seam.


class Noted(Tensor):
    """A type of an upper layer, which notes what it evaluates."""

    seen: list

    @staticmethod
    def evaluate(op, operands, settings):
        result = Noted(op.compute(operands, settings))
        Noted.seen.append((op.name, len(operands), settings))
        return result


@pytest.fixture
def noted():
    Noted.seen = []
    return Noted([1.0, 2.0])


def test_a_subclass_among_the_operands_evaluates(noted):
    plain = tensor([3.0, 4.0])
    for result in (noted + plain, plain + noted, 2 * noted, np.ones(2) * noted, noted.sum(axis=0)):
        assert type(result) is Noted
    assert [name for name, _, _ in Noted.seen] == ["add", "add", "mul", "mul", "sum"]
    assert Noted.seen[-1][2]["axis"] == 0
    assert type(plain + plain) is Tensor


def test_composites_pass_through_the_seam(noted):
    for function in (F.softmax, F.gelu, F.silu, ops.mean, ops.std, F.leaky_relu):
        assert type(function(noted)) is Noted


def test_an_op_of_ones_own():
    @op(broadcasts=True)
    def contract_hypotenuse(x, y):
        return np.sqrt(x * x + y * y)

    assert isinstance(contract_hypotenuse, Op)
    assert contract_hypotenuse.name == "contract_hypotenuse"
    assert contract_hypotenuse.broadcasts
    assert contract_hypotenuse.differentiable
    assert contract_hypotenuse in ops.registry()
    result = contract_hypotenuse(tensor([3.0, 6.0]), 4)
    assert (type(result), result.dtype) == (Tensor, np.float32)
    assert contract_hypotenuse.reference(3.0, 4.0) == 5.0
    np.testing.assert_allclose(result.data, [5.0, 52**0.5], rtol=1e-6)


def test_an_op_may_be_left_without_an_operand():
    @op
    def contract_shift(x, bias):
        return x if bias is None else x + bias

    assert contract_shift(tensor([1.0]), None).tolist() == [1.0]
    assert contract_shift(tensor([1.0]), tensor([2.0])).tolist() == [3.0]


def test_settings_reach_the_reference_by_keyword():
    @op(differentiable=False)
    def contract_power(x, *, exponent):
        return x**exponent

    assert not contract_power.differentiable
    assert contract_power(tensor([2.0]), exponent=3).tolist() == [8.0]


def test_a_kernel_serves_or_declines():
    @op
    def contract_double(x):
        return x * 2

    calls = []

    def load():
        @kernels.kernel(contract_double)
        def contract_double_kernel(x):
            calls.append(x.dtype)
            return x * 2 if x.dtype == np.float32 else NotImplemented

    kernels.provide("numba", ops=[contract_double], load=load)
    before = kernels.active()
    with kernels.using("reference"):
        assert kernels.active() == "reference"
        assert contract_double(tensor([1.0])).tolist() == [2.0]
        assert calls == []
    assert kernels.active() == before
    if "numba" in kernels.backends():
        with kernels.using("numba"):
            assert contract_double(tensor([1.0])).tolist() == [2.0]
            assert contract_double(tensor([1])).tolist() == [2]
        assert calls == [np.float32, np.int64]


def test_an_unknown_backend_is_an_error():
    with pytest.raises(ArgumentError):
        kernels.use("abacus")


# Losses, randomness.


def test_losses():
    logits, classes = tensor([[2.0, 0.0], [0.0, 0.0]]), tensor([0, 1])
    loss = F.cross_entropy(logits, classes)
    assert (loss.shape, loss.dtype) == ((), np.float32)
    each = F.cross_entropy(logits, classes, reduction="none")
    np.testing.assert_allclose(each.data, [np.log(1 + np.exp(-2)), np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(loss.item(), each.data.mean(), rtol=1e-6)
    assert F.mse_loss(tensor([1.0, 2.0]), tensor([1.0, 4.0]), reduction="sum").item() == 4.0


def test_a_loss_does_not_broadcast():
    for loss in (F.mse_loss, F.l1_loss, F.huber_loss, F.binary_cross_entropy):
        with pytest.raises(ShapeError):
            loss(tensor([[0.5], [0.5]]), tensor([0.5, 0.5]))


def test_wrong_classes_are_errors():
    with pytest.raises(IndexRangeError):
        F.cross_entropy(tensor([[1.0, 2.0]]), tensor([2]))
    with pytest.raises(ShapeError):
        F.cross_entropy(tensor([[1.0, 2.0]]), tensor([[0, 1]]))
    with pytest.raises(DTypeError):
        F.cross_entropy(tensor([[1.0, 2.0]]), tensor([1.0]))


def test_rng_is_a_generator_a_seed_or_none():
    generator = np.random.default_rng(3)
    assert random.generator(generator) is generator
    assert random.generator(3).random() == np.random.default_rng(3).random()
    assert isinstance(random.generator(None), np.random.Generator)
    first, second = (random.normal((2, 2), rng=5) for _ in range(2))
    assert first.tolist() == second.tolist()
    assert F.dropout(first, 0.5, rng=1).tolist() == F.dropout(first, 0.5, rng=1).tolist()
    assert F.dropout(first, 0.5, training=False).tolist() == first.tolist()


# Errors, copies.


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (ShapeError, ValueError),
        (DTypeError, TypeError),
        (ArgumentError, ValueError),
        (IndexRangeError, IndexError),
        (ImmutableError, TypeError),
        (GradientError, RuntimeError),
        (StateError, ValueError),
        (errors.FileError, OSError),
        (MissingExtraError, ImportError),
    ],
)
def test_an_error_has_four_parts_and_survives_a_pickle(kind, builtin):
    error = kind("conv", expected="three", got="four", fix="take one away", count=4)
    assert isinstance(error, TinyTorchError)
    assert isinstance(error, builtin)
    for part in ("conv", "three", "four", "take one away"):
        assert part in str(error)
    assert error.count == 4
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.count) == (kind, str(error), 4)


def test_an_op_explains_shapes_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"\(2, 3\).*\(4,\)"):
        _ = tensor(np.ones((2, 3))) + tensor(np.ones(4))


def test_pickle_and_deepcopy_keep_values():
    x = tensor([[1.0, 2.0]])
    for again in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), copy.copy(x)):
        assert type(again) is Tensor
        assert again.dtype == x.dtype
        assert again.tolist() == x.tolist()
