"""Every op of the layer has a case, and all properties of every case hold."""

import inspect

import numpy as np
import pytest

from tinytorch.tensor import kernels, op, ops
from tinytorch.tensor.kernels import _registry
from tinytorch.tensor.testing import OpCase, sample
from tinytorch.tensor.testing.cases import CASES

PROPERTIES = ["values", "dtypes", "layouts", "purity", "kernels"]


@pytest.mark.parametrize("property_", PROPERTIES)
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_property_of_case(case, property_):
    for one in case.samples:
        getattr(case, f"check_{property_}")(one)


def own_ops():
    return [one for one in ops.registry() if one.__module__.startswith("tinytorch.tensor.")]


def test_every_op_has_a_case():
    covered = {case.op for case in CASES}
    assert [one.name for one in own_ops() if one not in covered] == []


def test_every_case_is_of_an_op_of_this_layer():
    assert {case.op for case in CASES} <= set(own_ops())


@pytest.mark.parametrize("one", own_ops(), ids=repr)
def test_settings_are_keyword_only_and_documented(one):
    parameters = inspect.signature(one).parameters.values()
    assert one.__doc__
    assert all(p.kind is not p.VAR_KEYWORD for p in parameters)


@pytest.mark.parametrize("backend", kernels.backends())
def test_every_kernel_has_the_signature_of_its_reference(backend):
    for one, kernel in kernels.table(backend).items():
        expected = inspect.signature(one).parameters
        got = inspect.signature(kernel).parameters
        shape = [(p.name, p.kind, p.default) for p in expected.values()]
        assert [(p.name, p.kind, p.default) for p in got.values()] == shape, one


@pytest.mark.parametrize("one", own_ops(), ids=repr)
def test_an_op_that_stretches_its_operands_declares_it(one):
    parameters = inspect.signature(one).parameters.values()
    kinds = [p.kind for p in parameters if p.default is p.empty]
    if any(kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD for kind in kinds):
        return
    shapes = [(2, 1), (1, 3), (2, 3)][: len(kinds)]
    try:
        stretched = np.shape(one.reference(*[np.ones(shape, int) for shape in shapes])) == (2, 3)
    except (ValueError, TypeError):
        stretched = False
    assert one.broadcasts == stretched


def planted(function, **traits):
    function.__name__ = f"planted_{function.__name__}"
    return op(**traits)(function)


def test_a_case_rejects_a_wrong_value():
    def half(x):
        return np.where(np.abs(x) > 1.9, x, x * 0.5)

    with pytest.raises(AssertionError, match=r"planted_half, values, float32"):
        OpCase(planted(half), lambda x: x / 2, [sample((40,))]).check()


def test_a_case_rejects_a_wrong_shape():
    def first(x):
        return x[:1]

    with pytest.raises(AssertionError, match=r"shape \(1,\), not \(3,\)"):
        OpCase(planted(first), lambda x: x, [sample((3,))]).check()


def test_a_case_rejects_a_result_of_another_data_type():
    def narrow(x):
        return x.astype(np.float32)

    with pytest.raises(AssertionError, match="dtype with float64: float32, not float64"):
        OpCase(planted(narrow), lambda x: x, [sample((3,))], rtol=1e-5).check()


def test_a_case_rejects_a_number_that_changes_the_data_type():
    def coarse(x, y):
        return x * y if isinstance(y, np.ndarray) else (x * y).astype(np.float16)

    with pytest.raises(AssertionError, match="dtype with number 1: float16, not float32"):
        OpCase(planted(coarse, broadcasts=True), np.multiply).check()


def test_a_case_rejects_dependence_on_layout():
    def raw(x):
        return np.frombuffer(x.tobytes("A"), x.dtype).reshape(x.shape)

    with pytest.raises(AssertionError, match="layout _fortran"):
        OpCase(planted(raw), lambda x: x, [sample((2, 3))]).check()


def test_a_case_rejects_a_write_to_an_operand():
    def careless(x):
        result = x * 2
        x[...] = 0
        return result

    case = OpCase(planted(careless), lambda x: x * 2, [sample((3,))])
    with pytest.raises(AssertionError, match="operand 0 was written to"):
        case.check_purity(case.samples[0])


@pytest.fixture
def planted_kernel():
    """Register a kernel for the time of a test."""
    ops_with_kernel = []

    def register(one, kernel):
        kernels.provide("numba", ops=[one], load=lambda: None)
        kernels.kernel(one)(kernel)
        ops_with_kernel.append(one)
        return one

    yield register
    for one in ops_with_kernel:
        _registry._provided["numba"].discard(one)
        del _registry._kernels["numba"][one]


@pytest.mark.skipif(not kernels.backends(), reason="no backend is installed")
def test_a_case_rejects_a_kernel_that_differs(planted_kernel):
    def twice(x):
        return x * 2

    case = OpCase(planted_kernel(planted(twice), lambda x: x * 2.1), lambda x: x * 2)
    with pytest.raises(AssertionError, match="kernel numba"):
        case.check_kernels(case.samples[1])


@pytest.mark.skipif(not kernels.backends(), reason="no backend is installed")
def test_a_kernel_may_decline(planted_kernel):
    def thrice(x):
        return x * 3

    case = OpCase(planted_kernel(planted(thrice), lambda _: NotImplemented), lambda x: x * 3)
    case.check()


def test_upper_layers_add_their_own_checks():
    seen = []
    case = OpCase(ops.neg, np.negative)
    case.check(seen.append)
    assert seen == [case]


def test_operands_differ_and_are_not_zero():
    case = OpCase(ops.add, np.add)
    x, y = case.operands(sample((2, 3), (3,)))
    values = [*x.reshape(-1), *y]
    assert len(set(values)) == 9
    assert 0 not in values
    assert x.dtype == np.float32


def test_explicit_operands_are_used_as_they_are():
    case = OpCase(ops.add, np.add)
    x, y = case.operands(sample(np.array([1.0, 2.0]), 3), np.float32)
    assert (x.dtype, x.tolist(), y) == (np.float32, [1.0, 2.0], 3)


def test_sample_and_case_show_themselves():
    assert repr(sample((2,), None, axis=1)) == "sample((2,), None, axis=1)"
    assert repr(OpCase(ops.add, np.add)) == "OpCase(add)"
