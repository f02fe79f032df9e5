"""What belongs to the layer and to no step: checks, types, testing tools, the rest of kernels."""

import math

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("name", "value", "settings", "expected"),
    [
        ("whole", np.int64(3), {"least": 3}, 3),
        ("pair", 2, {"least": 0}, (2, 2)),
        ("pair", [2, 1], {}, (2, 1)),
        ("number", np.float32(0.5), {"least": 0}, 0.5),
        ("fraction", 1, {}, 1.0),
        ("flag", np.True_, {}, True),
        ("choice", "sum", {"among": ("mean", "sum")}, "sum"),
        ("choice", None, {"among": ("mean", None)}, None),
    ],
)
def test_a_setting_becomes_a_plain_value(tensor, name, value, settings, expected):
    got = getattr(tensor.checks, name)("an op", "a setting", value, **settings)
    assert (got, type(got)) == (expected, type(expected)), f"[contract: `checks.{name}`]"


@pytest.mark.parametrize(
    ("name", "value", "settings"),
    [
        ("whole", 2.0, {}),
        ("whole", True, {}),
        ("whole", 0, {"least": 1}),
        ("pair", (1, 2, 3), {}),
        ("pair", (1, -1), {"least": 0}),
        ("number", math.nan, {}),
        ("number", "1", {}),
        ("number", -1, {"least": 0}),
        ("fraction", 1.1, {}),
        ("fraction", 1, {"below_one": True}),
        ("flag", 1, {}),
        ("choice", "max", {"among": ("mean", "sum")}),
    ],
)
def test_what_a_setting_may_not_be_is_an_error_that_names_it(tensor, name, value, settings):
    with pytest.raises(tensor.ArgumentError) as caught:
        getattr(tensor.checks, name)("an op", "momentum", value, **settings)
    assert caught.value.operation == "an op"
    assert "momentum" in caught.value.got


def test_an_extra_that_is_missing_comes_with_its_command(tensor):
    with pytest.raises(tensor.MissingExtraError) as caught, tensor.checks.extra("an op", "a[b]"):
        raise ImportError
    assert '"a[b]"' in caught.value.fix


def test_as_array_is_what_tensors_are_made_of(tensor):
    array = np.ones(2)
    assert tensor.checks.as_array("an op", array, None, copy=False) is array
    assert tensor.checks.as_array("an op", [1.0], None, copy=True).dtype == np.float32
    with pytest.raises(tensor.DTypeError):
        tensor.checks.as_array("an op", "text", None, copy=True)


def test_types_are_shared(tensor):
    for name in ("Array", "Axes", "Operand", "Shape", "T", "TopK"):
        assert hasattr(tensor.types, name)


def test_assert_close_compares_values_and_shapes(tensor):
    tensor.testing.assert_close(tensor.tensor([1.0]), [1.0 + 1e-7])
    for wrong in ([1.1], [[1.0]], [math.nan]):
        with pytest.raises(AssertionError):
            tensor.testing.assert_close(tensor.tensor([1.0]), wrong)
    tensor.testing.assert_close([1.0], [1.1], rtol=0.2)


def test_values_are_arrays_of_tensors(tensor):
    array, (rest,) = tensor.testing.values([tensor.tensor([1.0, 2.0]), ("text",)])
    assert type(array) is np.ndarray
    assert array.tolist() == [1.0, 2.0]
    assert rest == "text"


def test_a_case_checks_an_op(tensor, ops):
    OpCase, sample = tensor.testing.OpCase, tensor.testing.sample
    OpCase(ops.tanh, np.tanh, [sample((2, 3)), sample(())]).check()
    OpCase(ops.cumsum, np.cumsum, [sample((2, 3), axis=1)]).check()
    with pytest.raises(AssertionError):
        OpCase(ops.tanh, np.sin, [sample((2, 3))]).check()
    one = sample((2, 3), axis=1)
    assert isinstance(one, tensor.testing.Sample)
    assert (one.operands, one.settings) == (((2, 3),), {"axis": 1})


def test_every_op_of_the_layer_has_a_case(tensor, ops):
    from tinytorch.tensor.testing.cases import CASES

    named = {case.op.name for case in CASES}
    own = {x.name for x in ops.registry() if x.__module__.startswith("tinytorch.tensor")}
    assert own <= named


def test_strategies_draw_what_fits(tensor):
    pytest.importorskip("hypothesis", reason="needs hypothesis")
    from hypothesis import given, settings

    draw = tensor.testing.strategies

    @settings(max_examples=5, database=None)
    @given(draw.tensors((2, 3)), draw.arrays((2,)), draw.axes(2), draw.indices((2, 3)))
    def all_fit(x, array, axis, index):
        assert (x.shape, array.shape) == ((2, 3), (2,))
        x.sum(axis=axis)
        x.data[index]

    @settings(max_examples=5, database=None)
    @given(draw.broadcastable_shapes(2), draw.shapes(max_dims=2))
    def shapes_fit(both, one):
        np.broadcast_shapes(*both)
        assert len(one) <= 2

    all_fit()
    shapes_fit()


def test_means_tell_what_they_are_divided_by(tensor, functional):
    with functional.divisors() as heard:
        functional.mse_loss(tensor.ones(3), tensor.zeros(3))
        functional.cross_entropy(np.eye(2), [0, 1], weight=[1.0, 3.0])
        mine = functional.mean_over(tensor.tensor(6.0), 4)
    assert heard == [3.0, 4.0, 4.0]
    assert mine.item() == 1.5
    assert math.isnan(functional.mean_over(tensor.tensor(0.0), 0).item())


def test_an_optional_backend(tensor):
    def larger(x, y):
        return max(x, y)

    def double(begin, end, x, out):
        for i in range(begin, end):
            out[i] = 2 * x[i]

    kernels = tensor.kernels
    assert not kernels.installed("abacus")
    if kernels.installed("numba"):
        assert isinstance(kernels.table("numba"), dict)
        assert kernels.njit(larger)(1, 2) == 2
        doubled = np.empty(3)
        kernels.parallel(double)(3, 10**9, np.array([1.0, 2.0, 3.0]), doubled)
        assert doubled.tolist() == [2.0, 4.0, 6.0]
    kernels.compile_beside("platform")  # which does no more than print, should it ever be run
    before = kernels.active()
    kernels.use("reference")
    assert kernels.active() == "reference"
    kernels.use(before)


def test_memory_is_shared_by_dlpack(tensor):
    x = tensor.tensor([1.0, 2.0])
    assert np.shares_memory(np.from_dlpack(x), x.data)


def test_bits_are_shifted(ops):
    x, y = np.array([6, 5]), np.array([1, 2])
    for name, expected in (
        ("left_shift", [12, 20]),
        ("right_shift", [3, 1]),
        ("bitwise_and", [0, 0]),
        ("bitwise_or", [7, 7]),
        ("bitwise_xor", [7, 7]),
    ):
        assert getattr(ops, name)(x, y).tolist() == expected, f"{name} [`ops`, elementwise]"
    assert ops.bitwise_not(x).tolist() == [-7, -6]


def test_primitives_beneath_the_functions(ops):
    x = np.array([[1.0, 3.0], [2.0, 6.0]])
    assert ops.join(x, x, axis=1).shape == (2, 4)
    assert ops.getitem(x, index=(0, 1)).item() == 3
    assert ops.normalize(x, last=1, eps=0.0).tolist() == [[-1, 1], [-1, 1]]
    assert ops.to_float(x, dtype=np.dtype(np.float32)).dtype == np.float32
    assert ops.to_discrete(x, dtype=np.dtype(np.int64)).dtype == np.int64


def test_what_notebooks_show():
    from tinytorch.tensor import display

    shown = display.table(["a", "b"], [["x < y", "2"]], title="T", note="N")
    assert all(part in shown for part in ("<table>", "x &lt; y", "T", "N"))

    class Figure:
        def savefig(self, file, format):
            file.write(format.encode())

    assert display.shown(Figure())._repr_png_() == b"png"


def test_a_backend_that_cannot_compile_gives_way_to_the_references():
    from tinytorch import tensor

    kernels = tensor.kernels
    with kernels.using(kernels.active()):
        kernels.give_up(ModuleNotFoundError("No module named 'cmath'"))
        assert kernels.active() == "reference"
