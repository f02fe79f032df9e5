"""Every public function's error names the function that the user called, whatever it is made of."""

import inspect

import numpy as np
import pytest

from tinytorch import tensor as layer
from tinytorch.tensor import Op, Tensor, TinyTorchError, functional, ops, random, tensor

X = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
TEXT = "text"

WRONG = {
    ops: {
        "astype": lambda f: f(X, TEXT),
        "concatenate": lambda f: f([X, X[0]]),
        "expand_dims": lambda f: f(X, 4),
        "flatten": lambda f: f(X, 2),
        "logsumexp": lambda f: f(X, axis=2),
        "mean": lambda f: f(X, axis=2),
        "norm": lambda f: f(X, TEXT),
        "split": lambda f: f(X, [1, 2]),
        "squeeze": lambda f: f(X, 0),
        "stack": lambda f: f([X, X[0]]),
        "std": lambda f: f(X, axis=2),
        "swapaxes": lambda f: f(X, 0, 2),
        "topk": lambda f: f(X, 4),
        "tril": lambda f: f(X[0]),
        "triu": lambda f: f(X, 0.5),
        "var": lambda f: f(X, axis=2),
    },
    functional: {
        "binary_cross_entropy": lambda f: f(X, X),
        "binary_cross_entropy_with_logits": lambda f: f(X, X[0]),
        "cross_entropy": lambda f: f(X, [0.5, 0.5]),
        "dropout": lambda f: f(TEXT),
        "gelu": lambda f: f(TEXT),
        "huber_loss": lambda f: f(X > 1, X > 2),
        "kl_div": lambda f: f(X, X[0]),
        "l1_loss": lambda f: f(X > 1, X > 2),
        "layer_norm": lambda f: f(X, 2),
        "leaky_relu": lambda f: f(TEXT),
        "linear": lambda f: f(X, X[0]),
        "log_softmax": lambda f: f(X, axis=2),
        "mse_loss": lambda f: f(X > 1, X > 2),
        "nll_loss": lambda f: f(X[0], [1]),
        "silu": lambda f: f(TEXT),
        "softmax": lambda f: f(X, axis=2),
    },
    random: {
        "bernoulli": lambda f: f(2.0),
        "categorical": lambda f: f(-X),
        "generator": lambda f: f(TEXT),
        "normal": lambda f: f(2, rng=TEXT),
        "permutation": lambda f: f(-1),
        "uniform": lambda f: f(-2),
    },
    layer: {
        "arange": lambda f: f(TEXT),
        "einsum": lambda f: f("ij->k", X),
        "eye": lambda f: f(-1),
        "flip": lambda f: f(X, 3),
        "from_numpy": lambda f: f(TEXT),
        "full": lambda f: f(2, [1, 2]),
        "one_hot": lambda f: f([0.5], 2),
        "ones": lambda f: f(-1),
        "pad": lambda f: f(X, 0.5),
        "scatter_add": lambda f: f(X, [0.5], X, 0),
        "take_along_axis": lambda f: f(X, [0.5], 0),
        "tensor": lambda f: f(TEXT),
        "zeros": lambda f: f(TEXT),
    },
    Tensor: {
        "abs": lambda f: f(X > 1, 1),
        "argmax": lambda f: f(X, 2),
        "argmin": lambda f: f(X, 2),
        "argsort": lambda f: f(X, 2),
        "astype": lambda f: f(X, TEXT),
        "broadcast_to": lambda f: f(X, (3, 2)),
        "clip": lambda f: f(X, 2, 1),
        "cumsum": lambda f: f(X, 2),
        "expand_dims": lambda f: f(X, 4),
        "flatten": lambda f: f(X, 2),
        "item": lambda f: f(X),
        "max": lambda f: f(X, 2),
        "mean": lambda f: f(X, 2),
        "min": lambda f: f(X, 2),
        "reshape": lambda f: f(X, TEXT),
        "squeeze": lambda f: f(X, 0),
        "std": lambda f: f(X, 2),
        "sum": lambda f: f(X, 2),
        "swapaxes": lambda f: f(X, 0, 2),
        "transpose": lambda f: f(X, TEXT),
        "var": lambda f: f(X, 2),
    },
}
# They say nothing of their own, or cannot fail once there is a Tensor.
SILENT = {
    functional: {"divisors", "mean_over"},
    ops: {"registry"},
    layer: {"op"},
    Tensor: {"abs", "evaluate", "exp", "log", "numpy", "rename", "sqrt", "tanh", "tolist"},
}
for name in SILENT[Tensor]:
    WRONG[Tensor].pop(name, None)


def functions_of(owner):
    names = getattr(owner, "__all__", None) or [n for n in dir(owner) if not n.startswith("_")]
    return {
        name
        for name in names
        if inspect.isfunction(getattr(owner, name)) and name not in SILENT.get(owner, ())
    }


@pytest.mark.parametrize("owner", WRONG, ids=lambda owner: owner.__name__)
def test_every_public_function_is_called_wrongly_here(owner):
    missing = functions_of(owner) - set(WRONG[owner])
    assert missing - (set(WRONG[ops]) if owner is layer else set()) == set()


@pytest.mark.parametrize(
    ("owner", "name"),
    [(owner, name) for owner, table in WRONG.items() for name in table],
    ids=lambda x: x if isinstance(x, str) else x.__name__,
)
def test_the_error_names_what_was_called(owner, name):
    with pytest.raises(TinyTorchError) as caught:
        WRONG[owner][name](getattr(owner, name))
    assert caught.value.operation == name
    assert str(caught.value).startswith(f"{name}: ")


@pytest.mark.parametrize("name", [n for n in ops.__all__ if isinstance(getattr(ops, n), Op)])
def test_the_error_of_an_op_names_the_op(name):
    with pytest.raises(TinyTorchError) as caught:
        getattr(ops, name)(np.array([object()]))
    assert caught.value.operation == name


def test_an_index_that_does_not_fit_says_what_does():
    for index in (5, TEXT, 0.5, [7]):
        with pytest.raises(TinyTorchError) as caught:
            X[index]
        assert caught.value.operation == "getitem"
        assert "index with integers" in caught.value.fix
