"""What belongs to the layer and to no step: its names, freezing, watching, summaries, pictures."""

import subprocess
import sys

import numpy as np
import pytest

from tinytorch.tensor import (
    ArgumentError,
    DTypeError,
    GradientError,
    NamingError,
    Tensor,
    ops,
    pytorch,
    tensor,
)
from tinytorch.tensor.testing import OpCase

NAMES = """
GradcheckError Gradients Variable derivative grad gradcheck graph hvp jacobian nn no_grad testing
value_and_grad vjp
""".split()
MODULES = """
Buffer Dropout Embedding Flatten GELU Identity LayerNorm LeakyReLU Linear LogSoftmax Module
ModuleList Parameter ReLU Sequential SiLU Sigmoid Softmax Tanh evaluation init
""".split()
FREEZE = "`Parameter.requires_grad`, `Module.requires_grad_(mode)`"


@pytest.mark.parametrize("name", NAMES)
def test_the_layer_has(autograd, name):
    assert hasattr(autograd, name)


@pytest.mark.parametrize("name", MODULES)
def test_nn_has(nn, name):
    assert hasattr(nn, name)


def test_importing_the_layer_loads_no_later_one():
    code = (
        "import sys, tinytorch.autograd;"
        "print(sorted({n.split('.')[1] for n in sys.modules if n.startswith('tinytorch.')}))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == "['autograd', 'tensor']"


def test_a_frozen_parameter_is_a_constant(nn):
    weight = nn.Parameter([1.0, 2.0])
    weight.requires_grad = False
    assert type(weight * 2) is Tensor, f"nothing is remembered of it  [contract: {FREEZE}]"
    assert type(weight * weight) is Tensor


def test_a_frozen_parameter_gets_no_gradient(autograd, nn):
    weight, x = nn.Parameter([1.0, 2.0], requires_grad=False), autograd.Variable([3.0, 4.0])
    for product in (weight * x, x * weight):
        gradients = product.sum().backward()
        assert weight not in gradients, f"the walk does not go there  [contract: {FREEZE}]"
        assert weight.grad is None
        assert gradients[x].tolist() == [1.0, 2.0]


def test_freezing_forgets_the_gradient(nn):
    weight = nn.Parameter([1.0])
    (weight * 2).sum().backward()
    weight.requires_grad = False
    assert weight.grad is None, f"an optimizer would move it  [contract: {FREEZE}]"


def test_a_module_is_frozen_as_a_whole(nn):
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Linear(2, 1, rng=1))
    assert model[0].requires_grad_(False) is model[0]
    assert [p.requires_grad for p in model.parameters()] == [False, False, True, True]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    model.requires_grad_()
    assert all(p.requires_grad for p in model.parameters())


def test_calls_are_watched(nn):
    seen, model = [], nn.Sequential(nn.Linear(2, 2, rng=0), nn.ReLU())
    with model.watching(
        before=lambda name, module, inputs: seen.append((name, inputs[0].shape)),
        after=lambda name, module, inputs, output: seen.append((name, output.shape)),
    ):
        assert model[1].is_watched
        model(tensor([[1.0, 2.0]]))
    model(tensor([[1.0, 2.0]]))
    assert [name for name, _ in seen] == ["", "0", "0", "1", "1", ""]
    assert not model.is_watched


def test_a_summary_counts_parameters(nn):
    summary = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).summary((1, 3))
    assert (summary.parameters, summary.trainable) == (26, 26)
    assert "total" in str(summary)


def test_a_summary_has_a_row_for_each_layer(nn):
    class Counted(nn.Module):
        def forward(self, x):
            return x + 1

        def flops(self, input_shape, output_shape):
            return input_shape[1] + output_shape[1]

    summary = nn.Sequential(nn.Tanh(), nn.Sequential(Counted())).summary((2, 3))
    rows = [(row.name, row.output_shape, row.flops) for row in summary.layers]
    assert rows == [("0", (2, 3), None), ("1.0", (2, 3), 6)], "[contract: `.summary(input_shape)`]"
    assert summary.flops == 6


def test_pytorchs_names_are_told(autograd, nn):
    for place, name in ((autograd, "cat"), (nn, "pad")):
        with pytest.raises(NamingError):
            getattr(place, name)
    for place in (autograd, nn, nn.init):
        with pytest.raises(AttributeError):
            _ = place.nothing_of_this_name
    assert isinstance(nn.Module(), pytorch.Guided), "keywords too  [contract: names of PyTorch's]"


def test_a_module_that_fuses_is_asked(nn, expect):
    class Doubling(nn.Module):
        def fuse(self, following):
            return (lambda x: x * 2 + 1), 1 + len(following)

    class Plus(nn.Module):
        def forward(self, x):
            raise AssertionError("it is computed by the one before")

    got = nn.Sequential(Doubling(), Plus())(tensor([1.0]))
    expect(got, [3.0], "its function is used, and so many modules are passed over", "`fuse`")


def test_a_history_is_written_down(autograd):
    x = autograd.Variable([1.0, 2.0])
    y = (x * 2.0).sum()
    text, picture = autograd.graph.to_text(y, names={"x": x}), autograd.graph.to_dot(y)
    assert [word in text for word in ("mul", "sum", "x")] == [True] * 3
    assert picture.startswith("digraph")
    with pytest.raises(DTypeError):
        autograd.graph.to_text(tensor(1.0))


def test_a_history_is_drawn(autograd):
    x = autograd.Variable([1.0, 2.0])
    picture = autograd.graph.draw((x * 2.0).sum(), names={"start": x}).svg
    assert picture.startswith("<svg")
    assert [word in picture for word in ("start", "mul", "sum")] == [True] * 3
    with pytest.raises(DTypeError):
        autograd.graph.draw(tensor(1.0))


def test_the_case_of_an_op_is_checked_for_gradients(autograd):
    autograd.testing.check_gradients(OpCase(ops.tanh, np.tanh))
    assert autograd.testing.has_derivative(ops.tanh)
    assert not autograd.testing.has_derivative(ops.floor)


def test_only_true_and_false_freeze(nn):
    with pytest.raises(ArgumentError):
        nn.Parameter([1.0]).requires_grad = "no"


def test_variables_are_not_frozen(autograd):
    with pytest.raises(GradientError):
        autograd.Variable([1.0]).requires_grad = False
