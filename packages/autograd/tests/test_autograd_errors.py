"""Every error names the operation that the user called."""

import copy

import numpy as np
import pytest

from tinytorch.autograd import (
    Variable,
    derivative,
    grad,
    gradcheck,
    graph,
    hvp,
    jacobian,
    nn,
    value_and_grad,
    vjp,
)
from tinytorch.tensor import op, ops, tensor
from tinytorch.tensor.errors import TinyTorchError

X = Variable([1.0, 2.0])
LINEAR = nn.Linear(2, 1, rng=0)
STATE = LINEAR.state_dict()


@op
def autograd_test_bare(x):
    return x * 1


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("Variable", lambda: Variable([1, 2])),
        ("Variable", lambda: Variable("a")),
        ("Parameter", lambda: nn.Parameter(1)),
        ("Parameter", lambda: nn.Parameter([[1.0], [1.0, 2.0]])),
        ("Buffer", lambda: nn.Buffer("a")),
        ("requires_grad", lambda: X.requires_grad_(False)),
        ("backward", X.backward),
        ("backward", lambda: X.backward([1.0])),
        ("backward", lambda: X.backward("a")),
        ("gradients[...]", lambda: (X * X).sum().backward()[tensor(1.0)]),
        ("assign", lambda: X.assign([1.0])),
        ("assign", lambda: X.assign("a")),
        ("assign", lambda: X.assign(np.array("a"))),
        ("assign", lambda: X.assign([[1.0], [1.0, 2.0]])),
        ("assign", lambda: X.assign([1e300, 0.0])),
        ("assign", lambda: (X * 2).assign([1.0, 2.0])),
        ("assign", lambda: nn.Buffer(1).assign(0.5)),
        ("copy", lambda: copy.deepcopy(X * 2)),
        ("numpy", lambda: np.asarray(X)),
        ("np.sum", lambda: np.sum(X)),
        ("derivative", lambda: derivative(ops.mul)),
        ("autograd_test_bare", lambda: autograd_test_bare(X).sum().backward()),
        ("grad", lambda: grad(lambda x: x)(X)),
        ("grad", lambda: grad(lambda x: 1.0)(X)),
        ("grad", lambda: grad(lambda x: x)("a")),
        ("value_and_grad", lambda: value_and_grad(lambda x: x)(X)),
        ("vjp", lambda: vjp(lambda x: None, X)),
        ("vjp", lambda: vjp(lambda x: x, X)[1]([1.0])),
        ("vjp", lambda: vjp(lambda x: x, X)[1]("a")),
        ("jacobian", lambda: jacobian(lambda x: 1.0)(X)),
        ("hvp", lambda: hvp(lambda x: x, X, X)),
        ("hvp", lambda: hvp(lambda x: x.sum(), X, [1.0])),
        ("gradcheck", lambda: gradcheck(lambda: 1.0)),
        ("gradcheck", lambda: gradcheck(lambda x: 1.0, [1.0])),
        ("gradcheck", lambda: gradcheck(lambda x: x * np.inf, [1.0])),
        ("gradcheck", lambda: gradcheck(lambda x: x, "a")),
        ("to_text", lambda: graph.to_text(tensor(1.0))),
        ("to_dot", lambda: graph.to_dot(tensor(1.0))),
        ("Linear.load_state_dict", lambda: LINEAR.load_state_dict([])),
        ("Linear.load_state_dict", lambda: LINEAR.load_state_dict({})),
        ("Linear.load_state_dict", lambda: LINEAR.load_state_dict({**STATE, "bias": "a"})),
        ("Linear.bias = ...", lambda: setattr(LINEAR, "bias", tensor([1.0]))),
        ("train", lambda: LINEAR.train("no")),
        ("Linear", lambda: nn.Linear(0, 1)),
        ("Embedding", lambda: nn.Embedding(1, 0)),
        ("Embedding", lambda: nn.Embedding(1, 1)([1])),
        ("LayerNorm", lambda: nn.LayerNorm((2, 0))),
        ("LayerNorm", lambda: nn.LayerNorm(2, eps=-1.0)),
        ("Dropout", lambda: nn.Dropout(2)),
        ("ModuleDict", lambda: nn.ModuleDict({"a.b": nn.ReLU()})),
        ("ModuleList", lambda: nn.ModuleList([1])),
        ("Sequential", lambda: nn.Sequential(1)),
        ("kaiming_uniform", lambda: nn.init.kaiming_uniform((3,))),
        ("kaiming_normal", lambda: nn.init.kaiming_normal((3, 3), a=np.nan)),
        ("xavier_uniform", lambda: nn.init.xavier_uniform(3)),
        ("xavier_normal", lambda: nn.init.xavier_normal((2, 0))),
        ("dirac_", lambda: nn.init.dirac_(nn.Parameter(np.ones((2, 2))))),
    ],
)
def test_the_error_names(operation, call):
    with pytest.raises(TinyTorchError) as caught:
        call()
    assert caught.value.operation == operation
    assert all(part in str(caught.value) for part in ("expected:", "got:", "way out:"))
