"""The registry of kernels: when files are loaded, who serves, what turns them off."""

import math
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tinytorch.tensor import ArgumentError, MissingExtraError, kernels, op, ops, tensor
from tinytorch.tensor.kernels import _compiling, _registry
from tinytorch.tensor.testing import OpCase, assert_close, sample

needs_numba = pytest.mark.skipif("numba" not in kernels.backends(), reason="numba is missing")


def forget(one):
    """Take an op of a test, and what would load its kernel, out of the registry again."""
    loaders = _registry._loaders.get("numba", [])
    loaders[:] = [load for load in loaders if load.__module__.startswith("tinytorch.")]
    _registry._provided["numba"].discard(one)
    _registry._kernels.get("numba", {}).pop(one, None)


def run(code, **environment):
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    return shown.stdout.strip() + shown.stderr.strip()


@pytest.fixture
def doubled():
    """An op with a kernel that notes its calls, and the list of what happened."""
    events = []

    @op
    def kernel_test_double(x):
        events.append("reference")
        return x * 2

    def load():
        events.append("load")

        @kernels.kernel(kernel_test_double)
        def double(x):
            events.append("kernel")
            return x * 2 if x.dtype == np.float32 else NotImplemented

    kernels.provide("numba", ops=[kernel_test_double], load=load)
    yield kernel_test_double, events
    forget(kernel_test_double)


@needs_numba
def test_the_file_is_loaded_once_at_the_first_call(doubled):
    double, events = doubled
    with kernels.using("numba"):
        assert events == []
        assert double(tensor([1.0])).tolist() == [2.0]
        assert double(tensor([1.0])).tolist() == [2.0]
    assert events == ["load", "kernel", "kernel"]


@needs_numba
def test_the_reference_serves_what_a_kernel_declines(doubled):
    double, events = doubled
    with kernels.using("numba"):
        assert double(tensor([1])).tolist() == [2]
    assert events == ["load", "kernel", "reference"]


def test_the_reference_needs_no_file(doubled):
    double, events = doubled
    with kernels.using("reference"):
        double(tensor([1.0]))
    assert events == ["reference"]


@needs_numba
def test_the_choice_can_change_back_and_forth(doubled):
    double, events = doubled
    for backend in ("numba", "reference", "numba"):
        with kernels.using(backend):
            double(tensor([1.0]))
    assert events == ["load", "kernel", "reference", "kernel"]


@needs_numba
def test_the_table_loads_the_files_and_is_a_copy(doubled):
    double, events = doubled
    table = kernels.table("numba")
    assert events == ["load"]
    assert double in table
    table.clear()
    assert double in kernels.table("numba")


@needs_numba
def test_an_op_named_by_a_file_that_has_no_kernel_for_it_keeps_its_reference():
    @op
    def kernel_test_promised(x):
        return x + 1

    kernels.provide("numba", ops=[kernel_test_promised], load=lambda: None)
    try:
        with kernels.using("numba"):
            assert kernel_test_promised(tensor([1.0])).tolist() == [2.0]
    finally:
        forget(kernel_test_promised)


ORDERS = {
    "as they come": lambda x: x,
    "channels last": lambda x: x.transpose(0, 3, 1, 2),
    "backward": lambda x: x[::-1],
    "with gaps": lambda x: x[..., ::2],
    "repeated": lambda x: np.broadcast_to(x[:1], x.shape),
}


@needs_numba
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32"])
@pytest.mark.parametrize("order", ORDERS)
def test_relu_and_its_gradient_equal_their_references_in_any_order(order, dtype):
    rng = np.random.default_rng(0)
    x, g = (rng.integers(-2, 3, (17, 40, 20, 10)).astype(dtype) for _ in "xg")
    if dtype != "int32":
        for values in (x, g):
            values.flat[::1001], values.flat[::1003], values.flat[::1009] = math.nan, math.inf, -0.0
    x, g = ORDERS[order](x), ORDERS[order](g)
    before = x.copy(), g.copy()
    with kernels.using("numba"):
        z = ops.relu.implementation(x)
        back = [ops.relu_gradient.implementation(one, z) for one in (g, g.copy("C"))]
    np.testing.assert_array_equal(z, ops.relu.reference(x), strict=True)
    for got in back:
        np.testing.assert_array_equal(got, ops.relu_gradient.reference(g, z), strict=True)
    for operand, old in zip((x, g), before, strict=True):
        np.testing.assert_array_equal(operand, old)


def test_a_kernel_of_an_op_that_no_backend_names_is_refused():
    @op
    def kernel_test_forgotten(x):
        return x + 1

    with pytest.raises(ArgumentError, match=r"<op kernel_test_forgotten>(.|\n)*provide"):
        kernels.kernel(kernel_test_forgotten)


@needs_numba
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", "numba [0.5]"),
        ("ops.erf(tensor([1.0]))", "reference [0.5]"),
        ("ops.erf(tensor([1.0])); kernels.use('reference')", "reference [0.5]"),
    ],
    ids=["no kernel has run", "a kernel has run", "a kernel has run, the reference serves"],
)
def test_a_forked_child_goes_on_with_what_can_run_there(before, expected):
    code = f"""if True:
        import os, warnings
        warnings.simplefilter("ignore")
        from tinytorch.tensor import kernels, ops, tensor
        {before}
        for _ in range(2):
            if not os.fork():
                value = ops.erf(tensor([0.4769363]))
                print(kernels.active(), [round(x, 6) for x in value.tolist()], flush=True)
                os._exit(0)
            assert os.wait()[1] == 0
        """
    shown = run(code, TINYTORCH_KERNELS="numba")
    assert shown.count(expected) == 2
    told = "references in a forked process"
    assert shown.count(told) == (before.endswith("))") and "use" not in before)


@needs_numba
def test_a_compiled_function_needs_no_folder(monkeypatch, capsys):
    import numba

    compile_it = numba.njit

    def without_a_folder(function, **options):
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function: no locator available")
        return compile_it(function, **options)

    monkeypatch.setattr(numba, "njit", without_a_folder)
    _compiling.say_that_each_run_compiles.cache_clear()
    for _ in range(2):
        assert kernels.njit(error_model="numpy")(lambda x: x + 1)(1) == 2
    assert capsys.readouterr().err.count("NUMBA_CACHE_DIR") == 1


@pytest.mark.parametrize(
    ("kept", "threads", "begun"),
    [(False, 2, True), (False, 1, False), (True, 2, False)],
    ids=["nothing is kept", "one core", "kernels are kept"],
)
def test_a_second_process_compiles_where_nothing_is_kept(
    kept, threads, begun, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(_compiling, "_folders", {tmp_path})
    monkeypatch.setattr(_compiling, "_beside", ["antigravity"])
    monkeypatch.setattr(_compiling, "threads_for", lambda _: threads)
    monkeypatch.setattr(_compiling.atexit, "register", lambda *_: None)
    started = []
    monkeypatch.setattr(_compiling.subprocess, "Popen", lambda *a, **k: started.append((a, k)))
    if kept:
        (tmp_path / "kernel.nbi").touch()
    _compiling.begin_to_compile()
    assert ("once: expect a slow start" in capsys.readouterr().err) is not kept
    assert [a[0][1:] for a, _ in started] == [["-m", "antigravity"]] * begun
    for _, options in started:
        monkeypatch.setattr(os, "environ", options["env"])
        monkeypatch.setattr(_compiling, "_folders", {tmp_path})
        _compiling.begin_to_compile()
    assert len(started) == begun, "a process that compiles beside another begins no more of them"


@needs_numba
def test_a_kernel_that_cannot_be_kept_leaves_its_call_to_the_reference(doubled, capsys):
    double, events = doubled
    _compiling.say_that_each_run_compiles.cache_clear()

    def full(x):
        raise OSError(28, "No space left on device")

    with kernels.using("numba"):
        double(tensor([1.0]))
        _registry._kernels["numba"][double] = full
        kernels.use("numba")
        assert double(tensor([1.0])).tolist() == [2.0]
    assert events == ["load", "kernel", "reference"]
    assert "in each run" in capsys.readouterr().err


def test_using_gives_the_choice_back_after_an_exception():
    before = kernels.active()
    with pytest.raises(ZeroDivisionError), kernels.using("reference"):
        _ = 1 // 0
    assert kernels.active() == before


def test_a_backend_must_exist_and_be_installed(monkeypatch):
    before = kernels.active()
    with pytest.raises(ArgumentError, match="reference, numba"):
        kernels.use("abacus")
    monkeypatch.setattr(_registry, "installed", lambda _: False)
    assert kernels.backends() == ()
    with pytest.raises(MissingExtraError, match="pip install"):
        kernels.use("numba")
    kernels.use("reference")
    monkeypatch.undo()
    kernels.use(before)


def test_whoever_provides_kernels_may_add_a_backend(monkeypatch):
    monkeypatch.setattr(_registry, "_provided", dict(_registry._provided))
    monkeypatch.setattr(_registry, "_kernels", dict(_registry._kernels))

    @op
    def kernel_test_negative(x):
        return -x

    def load():
        kernels.kernel(kernel_test_negative, "decimal")(lambda x: -x if x.ndim else NotImplemented)

    kernels.provide("decimal", ops=[kernel_test_negative], load=load)
    assert "decimal" in kernels.backends()
    with kernels.using("decimal"):
        assert kernels.active() == "decimal"
        assert kernel_test_negative(tensor([1.0])).tolist() == [-1.0]
        assert kernel_test_negative(tensor(1.0)).item() == -1.0
        assert ops.relu(tensor([-1.0])).tolist() == [0.0], "the reference serves"
    assert list(kernels.table("decimal")) == [kernel_test_negative]
    OpCase(kernel_test_negative, np.negative).check()
    kernels.provide("abacus", ops=[kernel_test_negative], load=load)
    assert "abacus" not in kernels.backends()
    with pytest.raises(MissingExtraError, match="pip install abacus"):
        kernels.use("abacus")


def test_the_environment_chooses():
    code = "from tinytorch.tensor import kernels; print(kernels.active())"
    assert run(code, TINYTORCH_KERNELS="reference") == "reference"
    expected = "numba" if kernels.backends() else "reference"
    assert run(code, TINYTORCH_KERNELS="") == expected
    assert "ArgumentError" in run(code, TINYTORCH_KERNELS="abacus")


def test_importing_the_layer_does_not_import_the_backends():
    code = "import sys, tinytorch.tensor; print('numba' in sys.modules)"
    assert run(code) == "False"


@pytest.mark.parametrize(
    "case",
    [
        OpCase(
            ops.linear,
            np.matmul,
            [sample((128, 300), (10, 300)), sample((60, 900), (6, 900), (6,))],
        ),
        OpCase(ops.linear, np.matmul, [sample((70, 90, 7), (9, 7), (9,))]),
        OpCase(ops.matmul, np.matmul, [sample((10, 128), (128, 300)), sample((700, 30), (30, 40))]),
        OpCase(ops.matmul, np.matmul, [sample((17, 700), (700, 515)), sample((40, 90), (90, 90))]),
    ],
)
def test_kernels_of_products_agree_where_they_are_large(case):
    case.rtol, case.atol = 1e-4, 1e-4
    for one in case.samples:
        case.check_kernels(one)


@needs_numba
def test_little_products_are_computed_in_one_thread():
    from tinytorch.tensor.kernels._numba import _products

    seen = []

    def reference(x, y):
        seen.append(kernels.threads().products)
        return x @ y

    x, before = np.ones((64, 100), np.float32), kernels.threads()
    one = SimpleNamespace(reference=reference)
    assert _products.alone(one, x, x.T, x, x.T).tolist() == np.full((64, 64), 100.0).tolist()
    assert seen in ([1], [None]), "None where NumPy has another library"
    assert kernels.threads() == before
    for y in (x.T[:, :9], x.T.astype(np.float64), np.ones((100, 2000), np.float32)):
        assert _products.alone(one, x, y, x, y) is NotImplemented


def drawn(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


@needs_numba
@pytest.mark.parametrize(
    ("x", "y"),
    [
        pytest.param(drawn(301, 200), drawn(200, 203), id="more rows"),
        pytest.param(drawn(151, 200), drawn(200, 403), id="more columns"),
        pytest.param(drawn(200, 301).T, drawn(203, 200).T, id="transposed"),
        pytest.param(drawn(301, 200)[::-1], drawn(200, 406)[:, ::2], id="steps"),
        pytest.param(drawn(7, 43, 200), drawn(200, 203), id="a batch of rows"),
        pytest.param(drawn(43, 7, 200).swapaxes(0, 1), drawn(200, 203), id="rows apart"),
        pytest.param(
            np.broadcast_to(drawn(300, 1, 200), (300, 3, 200)), drawn(200, 90), id="again"
        ),
        pytest.param(drawn(9, 5, 64, 60), drawn(9, 5, 60, 64), id="batches"),
        pytest.param(
            drawn(9, 64, 5, 60).swapaxes(1, 2),
            drawn(9, 64, 5, 60).transpose(0, 2, 3, 1),
            id="heads",
        ),
        pytest.param(drawn(9, 1, 64, 60), drawn(5, 60, 64), id="batches that broadcast"),
        pytest.param(drawn(301, 200), drawn(3, 200, 203), id="one matrix for a batch"),
    ],
)
def test_threads_share_large_products_wherever_the_matrices_lie(x, y):
    from tinytorch.tensor.kernels import _threads
    from tinytorch.tensor.kernels._numba import _products

    bias = drawn(y.shape[-1])
    for start in (None, bias):
        z = _products.multiplied(x, y, start)
        if z is NotImplemented:
            assert _threads.openblas() is None, "NumPy's library is another one"
            continue
        wanted = x.astype(np.float64) @ y + (0 if start is None else start)
        assert_close(z, wanted.astype(np.float32), rtol=1e-4, atol=1e-4)


@needs_numba
@pytest.mark.parametrize(
    ("x", "y"),
    [
        pytest.param(drawn(9, 5, 64, 60), drawn(9, 5, 60, 64), id="as they are"),
        pytest.param(drawn(200, 1, 43), drawn(200, 43, 100), id="a row"),
        pytest.param(drawn(50, 21, 43), drawn(50, 43, 33), id="odd sizes"),
        pytest.param(
            drawn(50, 43, 21).swapaxes(1, 2), drawn(50, 33, 43).swapaxes(1, 2), id="turned"
        ),
        pytest.param(drawn(50, 21, 43)[::-1, ::-1], drawn(50, 43, 66)[..., ::-2], id="backward"),
        pytest.param(
            drawn(9, 64, 5, 60).swapaxes(1, 2),
            drawn(9, 64, 5, 60).transpose(0, 2, 3, 1),
            id="heads",
        ),
        pytest.param(drawn(9, 1, 64, 60), drawn(5, 60, 64), id="broadcast"),
        pytest.param(np.broadcast_to(drawn(64, 60), (9, 64, 60)), drawn(9, 60, 48), id="again"),
    ],
)
def test_little_matrices_of_a_batch_are_multiplied_wherever_they_lie(x, y):
    from tinytorch.tensor.kernels._numba._batches import multiplied_little

    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    wanted = x.astype(np.float64) @ y
    assert_close(multiplied_little(x, y, batch), wanted.astype(np.float32), rtol=1e-4, atol=1e-4)


@needs_numba
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("columns", [16, 19, 130, 256])
@pytest.mark.parametrize("terms", [16, 33, 784, 1500])
@pytest.mark.parametrize("shape", [(5,), (64,), (3, 31)])
def test_few_rows_meet_a_weight_as_it_lies(shape, terms, columns, bias):
    from tinytorch.tensor.kernels._numba import _dots

    x, weight = drawn(*shape, terms), drawn(columns, terms)
    start = drawn(columns) if bias else None
    wanted = x.astype(np.float64) @ weight.T + (0 if start is None else start)
    z = _dots.few_rows(x, weight, start)
    if z is NotImplemented:
        assert wanted.size * terms <= _dots.LITTLE
    else:
        assert_close(z, wanted.astype(np.float32), rtol=1e-4, atol=1e-4)


@needs_numba
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(700,), (1, 700), (1, 1, 700)])
def test_one_row_meets_a_large_weight(shape, bias):
    from tinytorch.tensor.kernels._numba._dots import few_rows

    x, weight = drawn(*shape), drawn(403, 700)
    start = drawn(403) if bias else None
    wanted = x.astype(np.float64) @ weight.T + (0 if start is None else start)
    assert_close(few_rows(x, weight, start), wanted.astype(np.float32), rtol=1e-4, atol=1e-4)


@needs_numba
def test_what_is_not_finite_in_a_few_rows_stays_in_its_results():
    from tinytorch.tensor.kernels._numba._dots import few_rows

    x, weight = drawn(64, 100), drawn(70, 100)
    x[3, 99], weight[69, 0] = np.nan, np.inf
    z = few_rows(x, weight, None)
    strange = ~np.isfinite(z)
    assert strange[3].all()
    assert strange[:, 69].all()
    assert strange.sum() == 70 + 64 - 1


@needs_numba
@pytest.mark.parametrize(
    ("x", "weight"),
    [
        pytest.param(drawn(2, 512), drawn(512, 512), id="fewer rows"),
        pytest.param(drawn(1, 500), drawn(500, 500), id="one row, a small weight"),
        pytest.param(drawn(1, 512), drawn(512, 600).T, id="one row, a turned weight"),
        pytest.param(drawn(97, 512), drawn(512, 512), id="more rows"),
        pytest.param(drawn(64, 512), drawn(7, 512), id="few columns"),
        pytest.param(drawn(64, 7), drawn(512, 7), id="few terms"),
        pytest.param(drawn(4, 5000), drawn(16, 5000), id="many terms"),
        pytest.param(drawn(64, 20), drawn(20, 20), id="little work"),
        pytest.param(drawn(512, 64).T, drawn(512, 512), id="turned"),
        pytest.param(drawn(64, 512), drawn(512, 512).T, id="turned weight"),
        pytest.param(drawn(8, 2048), drawn(2048, 2048), id="a large weight"),
        pytest.param(drawn(64, 511), drawn(512, 512), id="other terms"),
    ],
)
def test_other_rows_are_left_to_blas(x, weight):
    from tinytorch.tensor.kernels._numba._dots import few_rows

    assert few_rows(x, weight, None) is NotImplemented


@needs_numba
def test_what_is_not_finite_in_a_little_matrix_stays_in_its_row():
    from tinytorch.tensor.kernels._numba._batches import multiplied_little

    x, y = drawn(50, 21, 43), drawn(50, 43, 33)
    x[7, 20, 3], x[8, 0, 0] = np.nan, np.inf
    z = multiplied_little(x, y, (50,))
    assert np.argwhere(~np.isfinite(z).all(axis=2)).tolist() == [[7, 20], [8, 0]]


@needs_numba
@pytest.mark.parametrize(
    ("x", "y"),
    [
        pytest.param(drawn(3, 600, 9), drawn(3, 9, 64), id="many rows"),
        pytest.param(drawn(3, 9, 600), drawn(3, 600, 64), id="many terms"),
        pytest.param(drawn(3, 90, 90), drawn(3, 90, 3), id="few columns"),
        pytest.param(drawn(2, 200, 200), drawn(2, 200, 200), id="not little"),
    ],
)
def test_other_matrices_of_a_batch_are_left_to_blas(x, y):
    from tinytorch.tensor.kernels._numba._batches import multiplied_little

    assert multiplied_little(x, y, x.shape[:1]) is NotImplemented


@pytest.mark.parametrize(
    "case",
    [
        OpCase(ops.mul, np.multiply, [sample((70, 1000), (70, 1000)), sample((70, 1000), 0.3)]),
        OpCase(ops.mul, np.multiply, [sample((1000, 70), (70,)), sample((70,), (30, 40, 70))]),
        OpCase(ops.add, np.add, [sample((1000, 70), (70,)), sample((70,), (30, 40, 70))]),
        OpCase(ops.add, np.add, [sample((70000, 1), (1,)), sample((1, 70000), (70000,))]),
        OpCase(ops.sum, np.sum, [sample((700, 100), axis=0), sample((9, 80, 100), axis=(0, 1))]),
        OpCase(ops.sum, np.sum, [sample((9, 80, 10, 10), axis=(0, 1), keepdims=True)]),
        OpCase(ops.sum, np.sum, [sample((2, 40000), axis=0), sample((9, 80, 100), axis=(0, 2))]),
    ],
)
def test_kernels_of_products_and_sums_agree_where_numbers_are_many(case):
    case.atol = 1e-4  # of sums of hundreds
    for one in case.samples:
        case.check_kernels(one)


@needs_numba
@pytest.mark.parametrize("bias", [None, drawn(30)])
def test_more_threads_than_rows_share_a_product(bias, monkeypatch):
    from tinytorch.tensor.kernels import _threads
    from tinytorch.tensor.kernels._numba import _products

    monkeypatch.setattr(_products, "threads_for", lambda _: 64)
    x, y = drawn(40, 8000), drawn(8000, 30)
    z = _products.multiplied(x, y, bias)
    if z is NotImplemented:
        assert _threads.openblas() is None, "NumPy's library is another one"
    else:
        wanted = x.astype(np.float64) @ y + (0 if bias is None else bias)
        assert_close(z, wanted.astype(np.float32), rtol=1e-4, atol=1e-3)


@needs_numba
@pytest.mark.parametrize("library", [None, SimpleNamespace(sgemm=None)], ids=["other", "hidden"])
def test_a_library_whose_product_is_not_found_computes_by_itself(library, monkeypatch):
    from tinytorch.tensor.kernels._numba import _products

    monkeypatch.setattr(_products, "openblas", lambda: library)
    assert _products.multiplied(drawn(301, 200), drawn(200, 203)) is NotImplemented


@needs_numba
def test_kernels_leave_other_products_to_the_reference():
    kernel = kernels.table("numba")[ops.matmul]
    wide = np.ones((300, 300), np.float32)
    for x, y in (
        (np.ones(300, np.float32), wide),
        (np.ones((2, 3, 4, 90, 90), np.float32), np.ones((2, 3, 4, 90, 90), np.float32)),
        (np.ones((300, 1 << 14), np.float32), np.ones((1 << 14, 300), np.float32)),
        (wide.astype(np.float64), wide.astype(np.float64)),
        (wide, np.ones((3, 299, 300), np.float32)),
        (np.ones((2, 300, 300), np.float32), np.ones((3, 300, 300), np.float32)),
    ):
        assert kernel(x, y) is NotImplemented


def test_where_nothing_can_be_compiled_the_references_serve(capsys):
    with kernels.using(kernels.active()):
        kernels.give_up(ModuleNotFoundError("No module named 'cmath'"))
        assert kernels.active() == "reference"
    assert "cannot compile here" in capsys.readouterr().err


ROWS = [(130, 128), (3, 5500), (40, 700), (20000, 1), (8, 3, 7, 101)]


@needs_numba
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("shape", ROWS)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_by_rows_equals_its_reference(name, shape):
    rng = np.random.default_rng(0)
    x, g = (4 * rng.standard_normal(shape).astype(np.float32) for _ in "xg")
    x[0] -= np.float32(1e4)
    x[1, ..., 0] = -math.inf
    x[2, ..., -1] = math.nan
    forward, back = getattr(ops, name), getattr(ops, f"{name}_gradient")
    table = kernels.table("numba")
    z = table[forward](x, axis=-1)
    assert_close(z, forward.reference(x, axis=-1), rtol=1e-5, atol=2e-6)
    assert_close(table[back](g, z, axis=-1), back.reference(g, z, axis=-1), rtol=1e-4, atol=1e-4)
    moved = np.moveaxis(x, -1, 1)
    assert_close(table[forward](moved, axis=1), np.moveaxis(z, -1, 1))


@needs_numba
@pytest.mark.parametrize("approximate", ["none", "tanh"])
@pytest.mark.parametrize("order", ORDERS)
def test_activations_equal_their_references_in_any_order(order, approximate):
    rng = np.random.default_rng(0)
    x, g = (ORDERS[order](3 * rng.standard_normal((6, 8, 5, 4)).astype(np.float32)) for _ in "xg")
    settings = {"gelu": {"approximate": approximate}, "leaky_relu": {"negative_slope": 0.1}}
    for name in ("gelu", "silu", "leaky_relu"):
        forward, back = getattr(ops, name), getattr(ops, f"{name}_gradient")
        own = settings.get(name, {})
        with kernels.using("numba"):
            got = forward.implementation(x, **own), back.implementation(g, x, **own)
        assert_close(got[0], forward.reference(x, **own))
        assert_close(got[1], back.reference(g, x, **own))
        if order != "repeated":
            assert got[0].strides == np.empty_like(x).strides


def test_references_of_activations_go_by_blocks_and_keep_the_order_in_memory():
    x = np.random.default_rng(0).standard_normal((70, 40, 33)).astype(np.float32).transpose(0, 2, 1)
    whole = ops.silu.reference(x)
    assert whole.strides == x.strides
    assert_close(whole, np.stack([ops.silu.reference(row) for row in x]))
    one = ops.silu_gradient.reference(np.float32(2), x)
    assert_close(one, ops.silu_gradient.reference(np.full(x.shape, 2, np.float32), x))


def test_there_are_no_more_threads_than_cores(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", os.environ.get("OPENBLAS_NUM_THREADS", ""))
    before = kernels.threads()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    got = kernels.threads(10 * cores)
    assert all(n is None or n <= cores for n in got)
    assert os.environ["OPENBLAS_NUM_THREADS"] == str(cores)
    kernels.threads(before.products or before.kernels or 1)
