"""Operators, and the seam: an op's operands evaluate it."""

import numpy as np
import pytest

pytestmark = pytest.mark.step(2)
SEAM, WEAK = "`Op`", "data types"


@pytest.fixture
def hypotenuse(tensor):
    @tensor.op(broadcasts=True)
    def contract_hypotenuse(x, y):
        return np.sqrt(x * x + y * y)

    return contract_hypotenuse


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda x: x + 1, [5, 10]),
        (lambda x: 1 + x, [5, 10]),
        (lambda x: x - 1, [3, 8]),
        (lambda x: 1 - x, [-3, -8]),
        (lambda x: x * 2, [8, 18]),
        (lambda x: x / 2, [2, 4.5]),
        (lambda x: 36 / x, [9, 4]),
        (lambda x: x // 2, [2, 4]),
        (lambda x: x % 5, [4, 4]),
        (lambda x: 7 % x, [3, 7]),
        (lambda x: -x, [-4, -9]),
        (lambda x: abs(-x), [4, 9]),
        (lambda x: [1.0, 2.0] - x, [-3, -7]),
    ],
)
def test_operators(tensor, expect, compute, expected):
    got = compute(tensor.tensor([4.0, 9.0]))
    expect(got, expected, "the operands of a reflected operator change places", "`Tensor`")
    assert (type(got), got.dtype) == (tensor.Tensor, np.float32)


def test_operators_broadcast(tensor, expect):
    x, y = tensor.tensor([[1.0], [2.0]]), tensor.tensor([10.0, 20.0, 30.0])
    expect(x + y, [[11, 21, 31], [12, 22, 32]], "axes align from the right", "`Tensor`")
    with pytest.raises(tensor.ShapeError):
        _ = y + tensor.tensor([1.0, 2.0])


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda x, y: x < y, [True, False, False]),
        (lambda x, y: x <= y, [True, True, False]),
        (lambda x, y: x > y, [False, False, True]),
        (lambda x, y: x >= y, [False, True, True]),
        (lambda x, y: x == y, [False, True, False]),
        (lambda x, y: x != y, [True, False, True]),
    ],
)
def test_comparisons_give_bool_tensors(tensor, compute, expected):
    got = compute(tensor.tensor([1.0, 2.0, 3.0]), tensor.tensor([2.0, 2.0, 2.0]))
    assert (got.tolist(), got.dtype) == (expected, np.bool_)


def test_bits_and_logic(tensor):
    x, y = tensor.tensor([6, 5]), tensor.tensor([True, False])
    assert (x & 3).tolist() == [2, 1]
    assert (x | 1).tolist() == [7, 5]
    assert (x ^ 4).tolist() == [2, 1]
    assert (y & True).tolist() == [True, False]
    assert (~y).tolist() == [False, True]


def test_an_assignment_with_an_operator_makes_a_new_tensor(tensor):
    x = y = tensor.tensor([1.0])
    y += 1
    assert (x.item(), y.item()) == (1.0, 2.0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_array_on_the_left_gives_a_tensor(tensor, dtype):
    array, x = np.ones(2, dtype), tensor.tensor([1.0, 2.0])
    for result in (array * x, array + x, array - x, array / x):
        assert type(result) is tensor.Tensor
        assert result.dtype == dtype


@pytest.mark.parametrize("number", [2, 2.0, True, np.float64(2), np.int64(2), np.float32(2)])
def test_scalars_are_weak(tensor, number):
    x = tensor.tensor([1.0, 2.0])
    message = f"a number takes the data type of its partner [{WEAK}]"
    assert (x * number).dtype == (number * x).dtype == np.float32, message


def test_float64_comes_from_float64_arrays_alone(tensor, ops):
    whole = tensor.tensor([1, 2])
    for result in (whole / whole, ops.exp(whole), whole * 0.5, tensor.tensor([1.0, 1.0]) + whole):
        assert result.dtype == np.float32, f"integers and numbers make float32 [{WEAK}]"
    assert (tensor.tensor([1.0]) * tensor.tensor(np.ones(1))).dtype == np.float64


@pytest.fixture
def noted(tensor):
    """A Tensor of a type of an upper layer, and the names of the ops that it evaluates."""
    seen = []

    class Noted(tensor.Tensor):
        @staticmethod
        def evaluate(op, operands, settings):
            seen.append(op.name)
            return Noted(op.compute(operands, settings))

    return Noted([1.0, 2.0]), seen


def test_a_subclass_among_the_operands_evaluates(tensor, noted):
    noted, seen = noted
    plain = tensor.tensor([3.0, 4.0])
    results = [noted + plain, plain + noted, 2 * noted, np.ones(2) * noted]
    assert [type(x) for x in results] == [type(noted)] * 4, f"the type tells, either side [{SEAM}]"
    assert seen == ["add", "add", "mul", "mul"]
    assert type(plain + plain) is tensor.Tensor


def test_an_op_of_ones_own_computes_with_tensors(hypotenuse, tensor):
    result = hypotenuse(tensor.tensor([3.0, 6.0]), 4)
    assert (type(result), result.dtype) == (tensor.Tensor, np.float32)
    np.testing.assert_allclose(result.data, [5.0, 52**0.5], rtol=1e-6)


def test_an_op_of_ones_own_is_known_by_its_name_and_traits(hypotenuse, tensor, ops):
    assert isinstance(hypotenuse, tensor.Op)
    assert hypotenuse.name == "contract_hypotenuse"
    assert (hypotenuse.broadcasts, hypotenuse.differentiable) == (True, True)
    assert hypotenuse in ops.registry()


def test_the_reference_of_an_op_is_the_function_it_was_made_of(hypotenuse):
    assert hypotenuse.reference(3.0, 4.0) == 5.0


def test_an_op_may_be_left_without_an_operand(tensor):
    @tensor.op
    def contract_shift(x, bias):
        return x if bias is None else x + bias

    assert contract_shift(tensor.tensor([1.0]), None).tolist() == [1.0]
    assert contract_shift(tensor.tensor([1.0]), tensor.tensor([2.0])).tolist() == [3.0]


def test_settings_reach_the_reference_by_keyword(tensor):
    @tensor.op(differentiable=False)
    def contract_power(x, *, exponent):
        return x**exponent

    assert not contract_power.differentiable
    assert contract_power(tensor.tensor([2.0]), exponent=3).tolist() == [8.0]
    with pytest.raises(tensor.ArgumentError):
        contract_power(tensor.tensor([2.0]), 3)


def test_an_op_explains_shapes_that_do_not_fit(tensor):
    with pytest.raises(tensor.ShapeError) as caught:
        _ = tensor.tensor(np.ones((2, 3))) + tensor.tensor(np.ones(4))
    assert caught.value.operation == "add"


def test_numpys_functions_of_ops(tensor):
    x = tensor.tensor([1.0, 4.0])
    assert type(np.sqrt(x)) is tensor.Tensor
    assert np.sqrt(x).tolist() == [1, 2]
    with pytest.raises(tensor.DTypeError):
        np.arctan2(x, x)


def test_a_kernel_serves_or_declines(tensor):
    kernels, calls = tensor.kernels, []

    @tensor.op
    def contract_double(x):
        return x * 2

    def load():
        @kernels.kernel(contract_double)
        def contract_double_kernel(x):
            calls.append(x.dtype)
            return x * 2 if x.dtype == np.float32 else NotImplemented

    kernels.provide("numba", ops=[contract_double], load=load)
    with kernels.using("reference"):
        assert kernels.active() == "reference"
        assert contract_double(tensor.tensor([1.0])).tolist() == [2.0]
        assert calls == []
    if "numba" in kernels.backends():
        with kernels.using("numba"):
            assert contract_double(tensor.tensor([1.0])).tolist() == [2.0]
            assert contract_double(tensor.tensor([1])).tolist() == [2]
        assert calls == [np.float32, np.int64]


def test_an_unknown_backend_is_an_error(tensor):
    with pytest.raises(tensor.ArgumentError):
        tensor.kernels.use("abacus")
