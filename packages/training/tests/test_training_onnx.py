"""ONNX export: the file computes what the model does for any batch, or is not written."""

import math
import sys

import numpy as np
import pytest

from tinytorch.autograd import Variable, nn, no_grad
from tinytorch.spatial import (
    CNN,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    GroupNorm,
    MaxPool2d,
    ResNet9,
)
from tinytorch.spatial import ops as spatial_ops
from tinytorch.tensor import from_numpy, ops, stack, tensor, zeros
from tinytorch.tensor.errors import ArgumentError, MissingExtraError
from tinytorch.training import export_onnx

REASON = "the extra `onnx` is not installed"


class Function(nn.Module):
    """A module of one function."""

    def __init__(self, function):
        self.function = function

    def forward(self, x):
        return self.function(x)


class File:
    """An exported model, as onnx reads it, and what onnxruntime computes with it."""

    def __init__(self, path, onnx, onnxruntime):
        self.model = onnx.load(path)
        onnx.checker.check_model(self.model, full_check=True)
        graph, helper = self.model.graph, onnx.helper
        self.nodes = [
            (
                node.op_type,
                {a.name: helper.get_attribute_value(a) for a in node.attribute},
                list(node.input),
                list(node.output),
            )
            for node in graph.node
        ]
        self.constants = {x.name: onnx.numpy_helper.to_array(x) for x in graph.initializer}
        self.input, self.output = (
            self._described(graph.input[0]),
            self._described(graph.output[0]),
        )
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    @staticmethod
    def _described(value):
        kind = value.type.tensor_type
        shape = [d.dim_param or d.dim_value or None for d in kind.shape.dim]
        return value.name, kind.elem_type, shape

    def __call__(self, x):
        return self.session.run(None, {"input": x})[0]


@pytest.fixture
def exported(tmp_path):
    """Gives `exported(model, shape)`: the file of a model."""
    onnx = pytest.importorskip("onnx", reason=REASON)
    onnxruntime = pytest.importorskip("onnxruntime", reason=REASON)

    def export(model, shape):
        export_onnx(model, tmp_path / "m.onnx", shape)
        return File(tmp_path / "m.onnx", onnx, onnxruntime)

    return export


def example(batch, shape, dtype=np.float32):
    return np.random.default_rng(batch).normal(size=(batch, *shape)).astype(dtype)


def computed(model, x):
    before = model.training
    model.eval()
    with no_grad():
        outputs = model(from_numpy(x)).numpy()
    model.train(before)
    return outputs


def assert_computes(file, model, shape, dtype=np.float32, tolerance=1e-5):
    for batch in (1, 2, 3, 6):
        x = example(batch, shape, dtype)
        expected, found = computed(model, x), file(x)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_the_file_says_what_it_is(exported):
    file = exported(nn.Sequential(nn.Flatten(), nn.Linear(12, 5, rng=0)), (3, 2, 2))
    model = file.model
    assert (model.ir_version, model.opset_import[0].version) == (10, 20)
    assert model.producer_name == "tinytorch"
    assert file.input == ("input", 1, ["batch", 3, 2, 2])
    assert file.output == ("output", 1, ["batch", 5])


def test_every_name_is_made_before_it_is_used_and_once(exported):
    file = exported(ResNet9(width=2, rng=0), (3, 32, 32))
    known = {"input", *file.constants}
    for _, _, inputs, outputs in file.nodes:
        assert set(inputs) <= known
        assert not known & set(outputs)
        known |= set(outputs)
    assert "output" in known


def test_weights_keep_their_names_and_bits(exported):
    model = CNN(rng=0)
    file = exported(model, (3, 32, 32))
    for name in ("features.0.weight", "classifier.1.weight", "classifier.1.bias"):
        expected = model.state_dict()[name].numpy()
        np.testing.assert_array_equal(file.constants[name], expected)


def test_a_weight_may_be_called_as_the_input_is(exported):
    class Odd(nn.Module):
        def __init__(self):
            self.input = nn.Parameter([1.0, 2.0, 3.0])
            self.output = nn.Buffer([4.0, 5.0, 6.0])

        def forward(self, x):
            return x * self.input + self.output

    assert_computes(exported(model := Odd(), (3,)), model, (3,))


def test_the_model_is_left_as_it_was(exported):
    model = nn.Sequential(nn.Linear(4, 3, rng=0), nn.Dropout(0.5, rng=0), nn.ReLU())
    model[2].training = False
    model[0].bias.requires_grad = False
    before = list(model.named_parameters())
    kinds = [type(parameter) for _, parameter in before]
    exported(model, (4,))
    assert [m.training for m in model.modules()] == [True, True, True, False]
    assert all(a is b for (_, a), (_, b) in zip(before, model.named_parameters(), strict=True))
    assert [type(parameter) for _, parameter in before] == kinds
    assert [parameter.requires_grad for _, parameter in before] == [True, False]


def test_a_graph_that_is_pending_can_still_go_backward(exported):
    model = nn.Linear(2, 1, rng=0)
    loss = model(tensor([[1.0, 2.0]])).sum()
    exported(model, (2,))
    loss.backward()
    assert model.weight.grad.tolist() == [[1.0, 2.0]]


def test_weights_in_lists_and_dicts_and_frozen_ones_are_weights(exported):
    class Mixture(nn.Module):
        def __init__(self):
            self.scales = [nn.Parameter([1.0, 2.0, 3.0]), nn.Parameter([0.5, 0.5, 0.5])]
            self.shifts = {"a": nn.Parameter([1.0, 1.0, 1.0])}
            self.shifts["a"].requires_grad = False

        def forward(self, x):
            return self.scales[1] * (self.scales[0] * x) + self.shifts["a"]

    file = exported(model := Mixture(), (3,))
    assert {"scales.0", "scales.1", "shifts.a"} <= set(file.constants)
    assert_computes(file, model, (3,))


def test_settings_of_convolution_and_pooling(exported):
    model = nn.Sequential(
        Conv2d(4, 8, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2, rng=0),
        MaxPool2d((2, 3), (1, 2), (1, 0)),
        AvgPool2d(2),
    )
    nodes = exported(model, (4, 17, 16)).nodes
    assert [(node[0], node[1]) for node in nodes[:3]] == [
        (
            "Conv",
            {"strides": [2, 1], "pads": [1, 0, 1, 0], "dilations": [1, 2], "group": 2},
        ),
        ("MaxPool", {"kernel_shape": [2, 3], "strides": [1, 2], "pads": [1, 0, 1, 0]}),
        (
            "AveragePool",
            {
                "kernel_shape": [2, 2],
                "strides": [2, 2],
                "pads": [0, 0, 0, 0],
                "count_include_pad": 1,
            },
        ),
    ]
    same = exported(nn.Sequential(Conv2d(1, 1, (2, 4), padding="same")), (1, 5, 5))
    assert same.nodes[0][1]["pads"] == [0, 1, 1, 2]


def test_settings_left_out_are_the_ops_own(exported):
    kernel = from_numpy(np.ones((2, 3, 2, 2), np.float32))
    nodes = exported(Function(lambda x: spatial_ops.conv2d(x, kernel)), (3, 5, 5)).nodes
    settings = {"strides": [1, 1], "pads": [0, 0, 0, 0], "dilations": [1, 1], "group": 1}
    assert nodes[0][1] == settings


TWO = from_numpy(np.array([[2.0, -1.0, 0.5]], np.float32))
FUNCTIONS = {
    "unary": lambda x: sum(
        getattr(ops, name)(x)
        for name in "abs neg exp sin cos tanh sigmoid erf relu sign floor ceil round".split()
    ),
    "positive": lambda x: ops.sqrt(ops.log(ops.abs(x) + 2.0)),
    "binary": lambda x: (
        (x + TWO) * (x - 1.5) / (TWO * 3) + ops.maximum(x, TWO) - ops.minimum(x, 0.1)
    ),
    "power": lambda x: (x * x) ** 2.0,
    "where": lambda x: ops.where(ops.greater(x, TWO), x, x * 0.1),
    "logic": lambda x: ops.where(
        ops.logical_or(
            ops.logical_and(ops.less(x, 0.5), ops.greater_equal(x, -0.5)),
            ops.logical_not(ops.less_equal(x, 1.0)),
        ),
        1.0,
        ops.where(ops.equal(x, TWO), 2.0, x),
    ),
    "unlike": lambda x: ops.where(x != TWO, x, ops.where(ops.isnan(x), 1.0, 2.0)),
    "clip both": lambda x: x.clip(-0.5, 0.5),
    "clip low": lambda x: x.clip(-0.5, None),
    "clip high": lambda x: x.clip(None, 0.5),
    "join": lambda x: ops.concatenate([x, x * 2], axis=1),
    "sums": lambda x: x - x.sum(axis=1, keepdims=True) + x.max(axis=-1, keepdims=True),
    "all": lambda x: x * x.sum() + x.min(axis=(0, 1)),
    "no axis": lambda x: x.sum(axis=()) + x.max(axis=()),
    "transposed": lambda x: (x.T + 1.0).T,
    "axes": lambda x: x.reshape(x.shape[0], 3, 1).transpose(0, 2, 1),
    "log_softmax": nn.LogSoftmax(),
    "complement": lambda x: ops.erfc(x) + ops.softplus(x),
    "finite": lambda x: ops.where(ops.isfinite(ops.where(x > 0, x, math.nan)), x, 0.0),
    "infinite": lambda x: ops.where(ops.isfinite(ops.where(x > 0, x, -math.inf)), x, 0.0),
    "running sum": lambda x: x.cumsum(axis=1) - x.cumsum(axis=-1) * 2,
    "repeated": lambda x: x.sum(axis=1, keepdims=True).broadcast_to(x.shape) + x,
    "padded": lambda x: ops.pad(x, widths=((0, 0), (1, 2)), value=0.5),
    "padded all around": lambda x: ops.pad(x, widths=1),
    "flipped": lambda x: ops.flip(x, axis=(0, 1)) - ops.flip(x, axis=1),
    "einsum": lambda x: ops.einsum(x, x, subscripts="ni,nj->nij"),
    "positions": lambda x: ops.argmax(x, axis=1) - ops.argmin(x, axis=1),
    "one position": lambda x: x * ops.argmax(x),
    "columns": lambda x: x[:, 1] + x[:, -1],
    "slices": lambda x: x[:, 1:] * x[..., :-1] + x[:, ::-2],
    "new axes": lambda x: x[:, None, 1:, None] + x[0, 2],
    "rows": lambda x: x[-1] + x[::2].sum(axis=0),
    "nothing": lambda x: x[...],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_row_computes_what_the_op_does(exported, name):
    model = Function(FUNCTIONS[name])
    assert_computes(exported(model, (3,)), model, (3,))


MIXED = {
    "mask": lambda x: x * (x > 0),
    "positions": lambda x: x + tensor(np.arange(3)),
    "window": lambda x: x * tensor(np.linspace(0, 1, 3)),
    "half": lambda x: x * tensor(np.linspace(0, 1, 3).astype(np.float16)),
    "bytes": lambda x: x + tensor(np.arange(3, dtype=np.uint8)),
    "count": lambda x: (x > 0).sum(axis=1),
    "share": lambda x: (x > 0).mean(axis=1),
    "any": lambda x: (x > 0).max(axis=1),
    "both": lambda x: (x > 0) & (x < 1),
    "bits": lambda x: (x.astype("int64") & 3) | ~x.astype("int64"),
    "neither": lambda x: ~((x > 0) | (x < -1)) ^ (x > -2),
    "truth of numbers": lambda x: ops.logical_and(x, x - x[:, :1]),
    "sum of masks": lambda x: (x > 0) + (x > 1),
    "joined": lambda x: ops.concatenate([x, x * 0 + tensor(np.arange(3))], 1),
    "joined mask": lambda x: ops.concatenate([x, x > 0], 1),
    "condition of numbers": lambda x: ops.where(ops.relu(x), x, 0),
    "integers": lambda x: x.astype("int64") * 2 + 1.5,
    "integer division": lambda x: x.astype("int32") / tensor(np.array([2, 3, 4])),
    "root of integers": lambda x: (x * x).astype("int64").sqrt(),
    "small integers": lambda x: x.astype("int8") * tensor(np.array([1, 2, 3], np.int8)),
    "compared": lambda x: x.astype("int64") < x,
    "whole parts": lambda x: x // 0.5 + x.astype("int64") // 3,
    "remainders": lambda x: x % 0.75 + x.astype("int64") % 3,
    "truth": lambda x: x.astype(bool).astype("float64"),
    "limits": lambda x: x.astype("int64").clip(-1, 1),
    "product": lambda x: x @ tensor(np.arange(9).reshape(3, 3)),
}


@pytest.mark.parametrize("name", MIXED)
def test_operands_of_several_types_are_converted_as_numpy_does(exported, name):
    model = Function(MIXED[name])
    assert_computes(exported(model, (3,)), model, (3,))


def time_first(x):
    n, t, c = x.shape
    turned = x.transpose(1, 0, 2).reshape(t * n, c) * 2
    return turned.reshape(t, n, c).transpose(1, 0, 2)


BATCHES = {
    "less the mean": lambda x: x - x.mean(axis=0, keepdims=True),
    "variance": lambda x: (x - x.mean(axis=0)) / (x.var(axis=0) + 1.0) ** 0.5,
    "mean of branches": lambda x: stack([x, x * x]).mean(axis=0),
    "time first": time_first,
    "rows of all": lambda x: x.reshape(-1, 4),
    "one row": lambda x: x.reshape(1, -1),
    "two open lengths": lambda x: x.reshape(x.shape[0], 1, 24).broadcast_to(
        (x.shape[0], x.shape[0], 24)
    ),
    "counted": lambda x: x * len(x) + float(3 * len(x) - 1),
    "a token for each": lambda x: ops.concatenate([tensor(np.full((len(x), 1, 4), 0.5)), x], 1),
    "zeros to begin with": lambda x: x[:, 0] + zeros((len(x), 4)) @ tensor(np.ones((4, 4))),
    "each with each": lambda x: x.reshape(len(x), 24) @ x.reshape(len(x), 24).T,
}


@pytest.mark.parametrize("name", BATCHES)
def test_the_batch_may_have_any_size_wherever_it_stands(exported, name):
    model = Function(BATCHES[name])
    assert_computes(exported(model, (6, 4)), model, (6, 4))


REFUSED = {
    "a length": lambda x: x + tensor(np.arange(len(x), dtype=np.float32).reshape(-1, 1)),
    "a reciprocal": lambda x: x.sum(axis=0) * (1 / len(x)),
    "a loop": lambda x: sum(x[i] for i in range(len(x))),
    "half of it": lambda x: x[: len(x) // 2],
    "another op": lambda x: x + 1.0 if len(x) > 3 else x - 1.0,
    "another operand": lambda x: x * (x + 1.0) if len(x) > 3 else (x + 1.0) * (x + 1.0),
    "an axis": lambda x: x.sum(axis=1 if len(x) > 3 else 0),
    "a random number": lambda x: x + float(np.random.default_rng().normal()),
    "numbers that left the trace": lambda x: x - from_numpy(x.data[:1].copy()),
    "a size that was not traced": lambda x: x * (1.0 if len(x) > 1 else 2.0),
    "one that fails": lambda x: x.reshape(-1, 2, 3),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_depends_on_the_batch_otherwise_is_refused(exported, tmp_path, name):
    with pytest.raises(ValueError, match=r"way out") as caught:
        exported(Function(REFUSED[name]), (3,))
    assert caught.value.operation in ("export_onnx", "reshape")
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_names_the_op_and_both_batches(exported):
    with pytest.raises(ArgumentError, match=r"mul(?s:.*)0.5(?s:.*) of 2(?s:.*)0.2(?s:.*) for 5"):
        exported(Function(REFUSED["a reciprocal"]), (3,))


LOOKS = {
    "if": lambda x: x if x.sum() > 0 else -x,
    "item": lambda x: x * x.max().item(),
    "float": lambda x: x * float(x.max()),
    "numpy": lambda x: x + from_numpy(x.numpy()),
    "asarray": lambda x: x + from_numpy(np.asarray(x)),
    "NumPy's functions": lambda x: x + from_numpy(np.median(x)),
    "list": lambda x: tensor(x.tolist()),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_model_that_looks_at_its_numbers_is_refused(exported, name):
    with pytest.raises(ArgumentError, match="a look at the numbers") as caught:
        exported(Function(LOOKS[name]), (3,))
    assert caught.value.operation == "export_onnx"


@pytest.mark.parametrize("ndim", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_layers_on_rows_and_on_more(exported, ndim, bias):
    model, shape = nn.Linear(3, 5, bias=bias, rng=0), (2, 4, 3)[-ndim:]
    assert_computes(exported(model, shape), model, shape)


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(),
        nn.LeakyReLU(),
        nn.GELU(),
        nn.SiLU(),
        nn.Sigmoid(),
        nn.Tanh(),
        nn.Softmax(),
        nn.LogSoftmax(),
        nn.Identity(),
        nn.LayerNorm(6),
        nn.Dropout(0.5),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_every_layer_of_nn_can_be_written(exported, layer):
    model = nn.Sequential(nn.Linear(4, 6, rng=0), layer)
    assert_computes(exported(model, (4,)), model, (4,))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": 2, "padding": 1},
        {"stride": (2, 3), "padding": (0, 1), "output_padding": (1, 2)},
        {"dilation": 2, "groups": 2, "bias": False},
    ],
)
def test_transposed_convolution(exported, settings):
    layer = ConvTranspose2d(4, 6, 3, rng=0, **settings)
    assert_computes(exported(layer, (4, 5, 6)), layer, (4, 5, 6))


@pytest.mark.parametrize("affine", [True, False])
def test_normalization_uses_the_running_statistics(exported, affine):
    layer = BatchNorm2d(2, affine=affine)
    layer(from_numpy(example(3, (2, 4, 4)) * 3 + 1))
    file = exported(layer, (2, 4, 4))
    assert_computes(file, layer, (2, 4, 4))
    assert {kind for kind, *_ in file.nodes} == {"Mul", "Add", "Reshape", "Identity"}


def test_group_norm_and_pooling_to_one_pixel(exported):
    model = nn.Sequential(GroupNorm(2, 4), AdaptiveAvgPool2d(1), nn.Flatten())
    assert_computes(exported(model, (4, 4, 4)), model, (4, 4, 4))


def of_dtype(model, dtype):
    for name, parameter in model.named_parameters():
        setattr(model, name, nn.Parameter(parameter.data.astype(dtype)))
    return model


def test_double_precision_stays(exported):
    file = exported(model := of_dtype(nn.Linear(2, 2, rng=0), np.float64), (2,))
    assert file.input[1] == file.output[1] == 11
    assert file.constants["weight"].dtype == np.float64
    assert_computes(file, model, (2,), np.float64, 1e-12)


def test_half_precision_stays(exported):
    file = exported(model := of_dtype(nn.Linear(2, 2, rng=0), np.float16), (2,))
    assert file.input[1] == file.output[1] == 10
    assert_computes(file, model, (2,), np.float16, 2e-3)


def test_what_onnxruntime_cannot_run_is_not_written(exported, tmp_path):
    model = of_dtype(Conv2d(1, 1, 3, rng=0), np.float64)
    with pytest.raises(ArgumentError, match=r"onnxruntime runs(?s:.*)Conv(?s:.*)float32"):
        exported(model, (1, 5, 5))
    assert list(tmp_path.iterdir()) == []


def test_an_op_without_a_row_is_named(exported, tmp_path):
    scatter = Function(lambda x: ops.put_into_zeros(x, index=0, shape=(2, *x.shape)))
    with pytest.raises(ArgumentError, match="put_into_zeros") as caught:
        exported(scatter, (3,))
    assert caught.value.op == "put_into_zeros"
    assert "conv2d" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("index", [[0, 1], np.array([True, False, True]), (slice(None), [0])])
def test_an_index_that_slices_cannot_say_is_refused(exported, index):
    with pytest.raises(ArgumentError, match="getitem with"):
        exported(Function(lambda x: x.T[index]), (3,))


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda x: from_numpy(np.tanh(x.data)), "a Tensor"),
        (lambda x: Variable(x.data) * 2.0, "a Tensor"),
        (lambda x: (x, x), "a tuple"),
    ],
)
def test_a_model_that_leaves_no_trace(exported, function, text):
    with pytest.raises(ArgumentError, match=text):
        exported(Function(function), (3,))


@pytest.mark.parametrize("shape", [3, (3, 0), ("3",), (2.5,), None])
def test_what_is_no_shape(exported, shape):
    with pytest.raises(ArgumentError, match="input_shape") as caught:
        exported(nn.ReLU(), shape)
    assert caught.value.operation == "export_onnx"


def test_what_is_no_model(exported):
    with pytest.raises(ArgumentError, match="a function"):
        exported(lambda x: x, (3,))


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_without_the_extra_it_is_named(monkeypatch, tmp_path, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"tinytorch-training\[onnx\]"):
        export_onnx(nn.ReLU(), tmp_path / "m.onnx", (3,))
