"""ONNX export: what the file says, read back by a few lines of protocol buffers.

What runtimes make of it is tested against onnxruntime in the oracle folder.
"""

import struct

import numpy as np
import pytest

from tinytorch.autograd import nn, no_grad
from tinytorch.spatial import (
    CNN,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    GroupNorm,
    MaxPool2d,
    ResNet9,
)
from tinytorch.spatial import ops as spatial_ops
from tinytorch.tensor import from_numpy, ops
from tinytorch.tensor.errors import ArgumentError
from tinytorch.training import export_onnx


def fields(data):
    """The fields of a message: number to list of values."""
    found, i = {}, 0

    def varint():
        nonlocal i
        value = shift = 0
        while True:
            byte = data[i]
            i += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while i < len(data):
        key = varint()
        if key & 7 == 0:
            value = varint()
        elif key & 7 == 2:
            length = varint()
            value, i = data[i : i + length], i + length
        else:
            assert key & 7 == 5
            (value,), i = struct.unpack("<f", data[i : i + 4]), i + 4
        found.setdefault(key >> 3, []).append(value)
    return found


class File:
    """The parts of an exported model."""

    def __init__(self, path):
        model = fields(path.read_bytes())
        self.ir_version, (self.producer,) = model[1][0], model[2]
        self.opset = fields(model[8][0])[2][0]
        graph = fields(model[7][0])
        self.nodes = [self.node(data) for data in graph[1]]
        self.constants = dict(self.tensor(data) for data in graph.get(5, []))
        self.input, self.output = (self.value(graph[n][0]) for n in (11, 12))

    @staticmethod
    def node(data):
        node = fields(data)
        attributes = {}
        for attribute in map(fields, node.get(5, [])):
            kind = attribute[20][0]
            attributes[attribute[1][0].decode()] = (
                attribute[3][0] if kind == 2 else attribute.get(8, [])
            )
        names = [[name.decode() for name in node.get(i, [])] for i in (1, 2)]
        return node[4][0].decode(), *names, attributes

    @staticmethod
    def tensor(data):
        tensor = fields(data)
        dtype = {1: "<f4", 6: "<i4", 7: "<i8", 9: "?", 11: "<f8"}[tensor[2][0]]
        array = np.frombuffer(tensor[9][0], dtype).reshape(tensor.get(1, []))
        return tensor[8][0].decode(), array

    @staticmethod
    def value(data):
        value = fields(data)
        tensor = fields(fields(value[2][0])[1][0])
        shape = [fields(d) for d in fields(tensor[2][0])[1]]
        return (
            value[1][0].decode(),
            tensor[1][0],
            [d[1][0] if 1 in d else d[2][0].decode() for d in shape],
        )


def exported(tmp_path, model, shape):
    export_onnx(model, tmp_path / "m.onnx", shape)
    return File(tmp_path / "m.onnx")


def test_the_file_says_what_it_is(tmp_path):
    file = exported(tmp_path, nn.Sequential(nn.Flatten(), nn.Linear(12, 5, rng=0)), (3, 2, 2))
    assert (file.ir_version, file.opset, file.producer) == (10, 20, b"tinytorch")
    assert file.input == ("input", 1, ["batch", 3, 2, 2])
    assert file.output == ("output", 1, ["batch", 5])
    assert file.nodes[-1][0::2][0] == "Identity"
    assert file.nodes[-1][2] == ["output"]


def test_every_name_is_made_before_it_is_used_and_once(tmp_path):
    file = exported(tmp_path, ResNet9(width=2, rng=0), (3, 32, 32))
    known = {"input", *file.constants}
    for _, inputs, outputs, _ in file.nodes:
        assert set(inputs) <= known
        assert not known & set(outputs)
        known |= set(outputs)
    assert "output" in known


def test_weights_keep_their_names_and_bits(tmp_path):
    model = CNN(rng=0)
    file = exported(tmp_path, model, (3, 32, 32))
    for name in ("features.0.weight", "classifier.1.weight", "classifier.1.bias"):
        expected = model.state_dict()[name].numpy()
        np.testing.assert_array_equal(file.constants[name], expected)


def test_the_model_is_left_as_it_was(tmp_path):
    model = nn.Sequential(nn.Linear(4, 3, rng=0), nn.Dropout(0.5, rng=0), nn.ReLU())
    model[2].training = False
    before = list(model.named_parameters())
    exported(tmp_path, model, (4,))
    assert [m.training for m in model.modules()] == [True, True, True, False]
    assert all(a is b for (_, a), (_, b) in zip(before, model.named_parameters(), strict=True))


def test_settings_of_convolution_and_pooling(tmp_path):
    model = nn.Sequential(
        Conv2d(4, 8, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2, rng=0),
        MaxPool2d((2, 3), (1, 2), (1, 0)),
        AvgPool2d(2),
    )
    nodes = exported(tmp_path, model, (4, 17, 16)).nodes
    assert [(node[0], node[3]) for node in nodes[:3]] == [
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
    same = exported(tmp_path, nn.Sequential(Conv2d(1, 1, (2, 4), padding="same")), (1, 5, 5))
    assert same.nodes[0][3]["pads"] == [0, 1, 1, 2]


def test_settings_left_out_are_the_ops_own(tmp_path):
    kernel = from_numpy(np.ones((2, 3, 2, 2), np.float32))
    convolve = Function(lambda x: spatial_ops.conv2d(x, kernel))
    nodes = exported(tmp_path, convolve, (3, 5, 5)).nodes
    settings = {"strides": [1, 1], "pads": [0, 0, 0, 0], "dilations": [1, 1], "group": 1}
    assert nodes[0][3] == settings


OPS = {
    "Abs": np.abs,
    "Add": np.add,
    "And": np.logical_and,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Div": np.divide,
    "Equal": np.equal,
    "Erf": lambda x: ops.erf(from_numpy(x)).numpy(),
    "Exp": np.exp,
    "Floor": np.floor,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Identity": lambda x: x,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Log": np.log,
    "MatMul": np.matmul,
    "Max": np.maximum,
    "Min": np.minimum,
    "Mul": np.multiply,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Or": np.logical_or,
    "Pow": np.power,
    "Relu": lambda x: np.maximum(x, 0),
    "Round": np.round,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Sign": np.sign,
    "Sin": np.sin,
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Tanh": np.tanh,
    "Where": np.where,
    "Clip": lambda x, low=None, high=None: np.clip(x, low, high),
    "Concat": lambda *xs, axis: np.concatenate(xs, axis),
    "Gemm": lambda x, w, b=0.0, *, transB: x @ w.T + b,
    "LogSoftmax": lambda x, axis: x - np.log(np.exp(x).sum(signed(axis), keepdims=True)),
    "ReduceMax": lambda x, axes=None, *, keepdims: x.max(as_axes(axes), keepdims=bool(keepdims)),
    "ReduceMin": lambda x, axes=None, *, keepdims: x.min(as_axes(axes), keepdims=bool(keepdims)),
    "ReduceSum": lambda x, axes=None, *, keepdims: x.sum(as_axes(axes), keepdims=bool(keepdims)),
    "Reshape": lambda x, shape: x.reshape(shape),
    "Transpose": lambda x, perm: x.transpose(perm),
}


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def as_axes(axes):
    return None if axes is None else tuple(axes.tolist())


def run(file, x):
    """What the file computes, by NumPy."""
    values = {"": None, "input": x, **file.constants}
    for kind, inputs, (output,), attributes in file.nodes:
        values[output] = OPS[kind](*[values[name] for name in inputs], **attributes)
    return values["output"]


class Function(nn.Module):
    def __init__(self, function):
        self.function = function

    def forward(self, x):
        return self.function(x)


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
    "clip both": lambda x: x.clip(-0.5, 0.5),
    "clip low": lambda x: x.clip(-0.5, None),
    "clip high": lambda x: x.clip(None, 0.5),
    "join": lambda x: ops.concatenate([x, x * 2], axis=1),
    "sums": lambda x: x - x.sum(axis=1, keepdims=True) + x.max(axis=-1, keepdims=True),
    "all": lambda x: x * x.sum() + x.min(axis=(0, 1)),
    "transposed": lambda x: (x.T + 1.0).T,
    "axes": lambda x: x.reshape(x.shape[0], 3, 1).transpose(0, 2, 1),
    "log_softmax": nn.LogSoftmax(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_row_computes_what_the_op_does(tmp_path, name):
    model = Function(FUNCTIONS[name])
    file = exported(tmp_path, model, (3,))
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    expected = model(from_numpy(x)).numpy()
    np.testing.assert_allclose(run(file, x), expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("ndim", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_layers_on_rows_and_on_more(tmp_path, ndim, bias):
    model = nn.Linear(3, 5, bias=bias, rng=0)
    shape = (2, 4, 3)[-ndim:]
    x = np.random.default_rng(0).normal(size=(6, *shape)).astype(np.float32)
    with no_grad():
        expected = model(from_numpy(x)).numpy()
    file = exported(tmp_path, model, shape)
    np.testing.assert_allclose(run(file, x), expected, rtol=1e-6, atol=1e-6)


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
def test_every_layer_of_nn_can_be_written(tmp_path, layer):
    model = nn.Sequential(nn.Linear(4, 6, rng=0), layer)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    file = exported(tmp_path, model, (4,))
    model.eval()
    with no_grad():
        expected = model(from_numpy(x)).numpy()
    np.testing.assert_allclose(run(file, x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("affine", [True, False])
def test_normalization_uses_the_running_statistics(tmp_path, affine):
    layer = BatchNorm2d(2, affine=affine)
    x = np.random.default_rng(0).normal(size=(3, 2, 4, 4)).astype(np.float32)
    layer(from_numpy(x * 3 + 1))
    layer.eval()
    with no_grad():
        expected = layer(from_numpy(x)).numpy()
    file = exported(tmp_path, layer, (2, 4, 4))
    np.testing.assert_allclose(run(file, x), expected, rtol=1e-5, atol=1e-6)
    assert {kind for kind, *_ in file.nodes} == {"Mul", "Add", "Reshape", "Identity"}


def test_group_norm_and_pooling_to_one_pixel(tmp_path):
    model = nn.Sequential(GroupNorm(2, 4), AdaptiveAvgPool2d(1), nn.Flatten())
    x = np.random.default_rng(0).normal(size=(3, 4, 4, 4)).astype(np.float32)
    with no_grad():
        expected = model(from_numpy(x)).numpy()
    file = exported(tmp_path, model, (4, 4, 4))
    np.testing.assert_allclose(run(file, x), expected, rtol=1e-5, atol=1e-5)


def test_double_precision_stays(tmp_path):
    model = nn.Linear(2, 2, rng=0)
    for name, parameter in list(vars(model).items()):
        if isinstance(parameter, nn.Parameter):
            setattr(model, name, nn.Parameter(parameter.data.astype(np.float64)))
    file = exported(tmp_path, model, (2,))
    assert file.input[1] == file.output[1] == 11
    assert file.constants["weight"].dtype == np.float64


def test_an_op_without_a_row_is_named(tmp_path):
    with pytest.raises(ArgumentError, match="cumsum") as error:
        exported(tmp_path, Function(lambda x: ops.cumsum(x, axis=1)), (3,))
    assert "conv2d" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_leaves_no_trace(tmp_path):
    with pytest.raises(ArgumentError, match="a Tensor"):
        exported(tmp_path, Function(lambda x: from_numpy(np.tanh(x.data))), (3,))
    with pytest.raises(ArgumentError, match="a tuple"):
        exported(tmp_path, Function(lambda x: (x, x)), (3,))
