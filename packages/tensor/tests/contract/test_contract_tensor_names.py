"""The names of the layer are there, errors say four things, and no other layer is loaded."""

import pickle  # noqa: TID251 - errors pass between processes by it
import subprocess
import sys

import pytest

NAMES = """
ArgumentError DTypeError FileError GradientError ImmutableError IndexRangeError MissingExtraError Op
ShapeError StateError Tensor TinyTorchError arange checks concatenate einsum errors eye flip
from_numpy full functional kernels logsumexp maximum minimum NamingError norm one_hot ones op ops
pad pytorch random scatter_add split stack take_along_axis tensor testing topk tril triu types
UsageError where zeros
""".split()
METHODS = """
reshape transpose swapaxes flatten squeeze expand_dims broadcast_to sum mean max min var std argmax
argmin argsort cumsum exp log sqrt tanh abs clip astype item numpy tolist
""".split()


@pytest.mark.parametrize("name", NAMES)
def test_the_layer_has(tensor, name):
    assert hasattr(tensor, name)
    assert name in tensor.__all__


@pytest.mark.parametrize("name", METHODS)
def test_tensors_have_the_method(tensor, name):
    assert callable(getattr(tensor.Tensor, name))


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


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        ("ShapeError", ValueError),
        ("DTypeError", TypeError),
        ("ArgumentError", ValueError),
        ("IndexRangeError", IndexError),
        ("ImmutableError", TypeError),
        ("GradientError", RuntimeError),
        ("StateError", ValueError),
        ("FileError", OSError),
        ("MissingExtraError", ImportError),
        ("NamingError", AttributeError),
        ("UsageError", TypeError),
    ],
)
def test_an_error_has_four_parts_and_survives_a_pickle(tensor, kind, builtin):
    made = getattr(tensor.errors, kind)
    error = made("conv", expected="three", got="four", fix="take one away", count=4)
    assert isinstance(error, tensor.TinyTorchError)
    assert isinstance(error, builtin)
    for part in ("conv", "three", "four", "take one away"):
        assert part in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.count) == (made, str(error), 4)


def test_the_error_of_a_function_names_it(tensor):
    @tensor.errors.named
    def outer(x):
        return x.sum(axis=9)

    with pytest.raises(tensor.TinyTorchError) as caught:
        outer(tensor.ones(2))
    assert caught.value.operation == "outer"
