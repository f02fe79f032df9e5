"""Bad input, wherever it can come in: an error that says four things."""

import pickle  # noqa: TID251 - errors pass between processes by it

import numpy as np
import pytest

from tinytorch.tensor import (
    ArgumentError,
    DTypeError,
    IndexRangeError,
    ShapeError,
    TinyTorchError,
    concatenate,
    einsum,
    flip,
    op,
    ops,
    pad,
    scatter_add,
    stack,
    take_along_axis,
    tensor,
)
from tinytorch.tensor import functional as F

X = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

BAD = {
    "shapes that do not broadcast": (lambda: X + tensor([1.0, 2.0]), ShapeError, "broadcast"),
    "whole numbers to a negative power": (
        lambda: tensor([3]) ** -1,
        ArgumentError,
        "whole numbers have no other powers",
    ),
    "powers that do not broadcast": (lambda: X ** tensor([1.0, 2.0]), ShapeError, "broadcast"),
    "where of three": (lambda: ops.where(X > 0, X, tensor([1.0, 2.0])), ShapeError, "broadcast"),
    "broadcast_to": (lambda: X.broadcast_to((3, 2)), ArgumentError, "fit together"),
    "broadcast_to, wrong rank": (lambda: tensor(1.0).broadcast_to((-1,)), ArgumentError, "fit"),
    "a text": (lambda: X + "a", DTypeError, "real numbers"),
    "an object array": (lambda: X + np.array([None]), DTypeError, "real numbers"),
    "a complex number": (lambda: X + 1j, DTypeError, "real numbers"),
    "ragged operands": (lambda: X * [[1], [1, 2]], ShapeError, "ragged"),
    "order with None": (lambda: X < None, TypeError, "less"),
    "no operand": (ops.add, ArgumentError, "at least one"),
    "None operands alone": (lambda: ops.add(None, None), ArgumentError, "at least one"),
    "one operand too few": (lambda: ops.add(X), TypeError, r"add\(x, y\)"),
    "one operand too many": (lambda: ops.neg(X, X), TypeError, r"neg\(x\)"),
    "settings as operands": (lambda: ops.clip(X, 0, 1), TypeError, r"clip\(x, low=..., high=...\)"),
    "an axis as an operand": (lambda: ops.sum(X, 0), TypeError, "keyword alone"),
    "a setting that a ufunc has": (lambda: ops.add(X, X, out=X), TypeError, r"add\(x, y\)"),
    "transpose that changes nothing": (lambda: X.transpose(0, 1), ArgumentError, "swapaxes"),
    "unknown setting": (lambda: ops.sum(X, axes=1), TypeError, "axes"),
    "matmul, inner lengths": (lambda: X @ X, ShapeError, "inner lengths"),
    "matmul, a number": (lambda: X @ 3, ShapeError, "multiply by numbers"),
    "matmul, a number on the left": (lambda: 3 @ X, ShapeError, "multiply by numbers"),
    "matmul, vector": (lambda: X @ tensor([1.0, 2.0]), ShapeError, "inner lengths"),
    "matmul, stacks": (
        lambda: ops.matmul(np.ones((2, 1, 3)), np.ones((3, 3, 1))),
        ShapeError,
        "broadcast",
    ),
    "einsum, subscripts": (lambda: einsum("ij,jk->ik", X, X), ShapeError, "einsum"),
    "einsum, wrong letters": (lambda: einsum("ij->ik", X), ArgumentError, "einsum"),
    "einsum, none": (lambda: einsum("->"), ArgumentError, "at least one"),
    "linear, features": (lambda: F.linear(X, np.ones((4, 2))), ShapeError, "features"),
    "linear, weight": (lambda: F.linear(X, np.ones(3)), ShapeError, "features"),
    "linear, a number": (lambda: F.linear(1.0, np.ones((1, 1))), ShapeError, "features"),
    "linear, bias": (lambda: F.linear(X, np.ones((4, 3)), np.ones(1)), ShapeError, "bias"),
    "index out of range": (lambda: X[2], IndexRangeError, r"within shape \(2, 3\)"),
    "index of too many axes": (lambda: X[0, 0, 0], IndexRangeError, "within shape"),
    "index by a float": (lambda: X[0.5], IndexRangeError, "valid indices"),
    "index by a float tensor": (lambda: X[tensor([0.5])], IndexRangeError, "integer"),
    "index by a name": (lambda: X["a"], IndexRangeError, "valid indices"),
    "mask of another shape": (lambda: X[tensor([True, False, True])], IndexRangeError, "shape"),
    "axis out of range": (lambda: X.sum(axis=2), IndexError, "axes from -2 to 1"),
    "mean, axis": (lambda: X.mean(axis=2), IndexError, "axes from -2 to 1"),
    "var, axis": (lambda: X.var(axis=2), IndexError, "axes from -2 to 1"),
    "max, axis": (lambda: X.max(axis=-3), IndexError, "axes from -2 to 1"),
    "argmax, axis": (lambda: X.argmax(axis=5), IndexError, "axes from -2 to 1"),
    "cumsum, axis": (lambda: X.cumsum(axis=2), IndexError, "axes from -2 to 1"),
    "softmax, axis": (lambda: F.softmax(X, axis=2), IndexError, "axes from -2 to 1"),
    "flip, axis": (lambda: flip(X, 2), IndexError, "axes from -2 to 1"),
    "axis twice": (lambda: X.sum(axis=(0, 0)), ArgumentError, "duplicate"),
    "axis of a wrong type": (lambda: X.sum(axis="a"), TypeError, "sum"),
    "max of nothing": (lambda: tensor([]).max(), ShapeError, "at least one element"),
    "argmin of nothing": (lambda: tensor([]).argmin(), ShapeError, "at least one element"),
    "log_softmax of nothing": (lambda: F.log_softmax(tensor([])), ShapeError, "at least one"),
    "var, ddof": (lambda: tensor([1.0]).var(ddof=1), ArgumentError, "ddof=1"),
    "reshape, size": (lambda: X.reshape(4), ArgumentError, "reshape"),
    "reshape, two unknown": (lambda: X.reshape(-1, -1), ArgumentError, "reshape"),
    "reshape, no number": (lambda: X.reshape("a"), TypeError, "whole numbers"),
    "reshape, half a number": (lambda: X.reshape(2, 1.5), TypeError, "whole numbers"),
    "transpose, axes": (lambda: X.transpose(0, 0), ArgumentError, "transpose"),
    "transpose, too few": (lambda: X.transpose((0,)), ArgumentError, "transpose"),
    "swapaxes": (lambda: X.swapaxes(0, 2), ShapeError, "axis"),
    "squeeze": (lambda: X.squeeze(0), ShapeError, "axes of length 1"),
    "squeeze, no such axis": (lambda: X.squeeze(5), ShapeError, "axes of length 1"),
    "expand_dims": (lambda: X.expand_dims(4), ShapeError, "axis"),
    "flatten": (lambda: X.flatten(2), ShapeError, "axis"),
    "concatenate nothing": (lambda: concatenate([]), ArgumentError, "at least one"),
    "stack nothing": (lambda: stack([]), ArgumentError, "at least one"),
    "concatenate, shapes": (lambda: concatenate([X, X[0]]), ShapeError, "join"),
    "concatenate, lengths": (lambda: concatenate([X, X[:, :1]]), ShapeError, "join"),
    "concatenate, axis": (lambda: concatenate([X, X], axis=2), IndexError, "axes from -2 to 1"),
    "stack, shapes": (lambda: stack([X, X[0]]), ShapeError, "join"),
    "pad, pairs": (lambda: pad(X, ((1, 1), (1, 1), (1, 1))), ShapeError, "pair"),
    "pad, halves": (lambda: pad(X, 0.5), ShapeError, "whole numbers"),
    "pad, negative": (lambda: pad(X, -1), ArgumentError, "pad"),
    "take_along_axis, range": (
        lambda: take_along_axis(X, [[3], [0]], axis=1),
        IndexRangeError,
        "0 to 2",
    ),
    "take_along_axis, negative": (
        lambda: take_along_axis(X, [[-1], [0]], axis=1),
        IndexRangeError,
        "0 to 2",
    ),
    "take_along_axis, rank": (lambda: take_along_axis(X, [0], axis=1), ShapeError, "2 axes"),
    "take_along_axis, axis": (lambda: take_along_axis(X, [[0]], axis=2), ShapeError, "2 axes"),
    "take_along_axis, lengths": (
        lambda: take_along_axis(X, [[0], [0], [0]], axis=1),
        ShapeError,
        "except along axis 1",
    ),
    "take_along_axis, floats": (
        lambda: take_along_axis(X, [[0.5], [0.0]], axis=1),
        DTypeError,
        "integer",
    ),
    "scatter_add, values": (
        lambda: scatter_add(X, [[0], [1]], [[1.0, 2.0]], axis=1),
        ShapeError,
        "one value for each index",
    ),
    "scatter_add, range": (
        lambda: scatter_add(X, [[0], [3]], [[1.0], [2.0]], axis=1),
        IndexRangeError,
        "0 to 2",
    ),
    "clip, limits": (lambda: X.clip(2, 1), ArgumentError, "low <= high"),
    "NaN to integers": (lambda: tensor([np.nan]).astype(int), ArgumentError, "finite"),
    "infinity to integers": (lambda: tensor([np.inf]).astype("uint8"), ArgumentError, "finite"),
    "subtraction of booleans": (lambda: (X > 1) - (X > 2), TypeError, "sub"),
    "negation of booleans": (lambda: -(X > 1), TypeError, "neg"),
    "gelu": (lambda: F.gelu(X, approximate="erf"), ArgumentError, '"none" or "tanh"'),
    "dropout": (lambda: F.dropout(X, 1.5), ArgumentError, "p: a number from 0 to 1"),
    "dropout, NaN": (lambda: F.dropout(X, float("nan")), ArgumentError, "from 0 to 1"),
    "layer_norm": (lambda: F.layer_norm(X, 2), ShapeError, "normalized_shape"),
    "layer_norm, weight": (lambda: F.layer_norm(X, 3, np.ones(2)), ShapeError, "weight"),
    "layer_norm, bias": (lambda: F.layer_norm(X, 3, None, np.ones(2)), ShapeError, "bias"),
    "mse_loss": (lambda: F.mse_loss(X, X[0]), ShapeError, "never broadcasts"),
    "mse_loss, (N, 1) and (N,)": (lambda: F.mse_loss(X[:, :1], X[:, 0]), ShapeError, "never"),
    "l1_loss": (lambda: F.l1_loss(X, 0.0), ShapeError, "never broadcasts"),
    "huber_loss": (lambda: F.huber_loss(X, X[:1]), ShapeError, "never broadcasts"),
    "huber_loss, delta": (lambda: F.huber_loss(X, X, delta=0), ArgumentError, "delta > 0"),
    "reduction": (lambda: F.mse_loss(X, X, reduction="max"), ArgumentError, '"mean"'),
    "reduction of classes": (
        lambda: F.cross_entropy(X, [0, 1], reduction="max"),
        ArgumentError,
        '"mean"',
    ),
    "cross_entropy, one sample": (lambda: F.cross_entropy(X[0], 1), ShapeError, "single sample"),
    "cross_entropy, shape": (lambda: F.cross_entropy(X, [0]), ShapeError, "targets"),
    "cross_entropy, one-hot": (lambda: F.cross_entropy(X, [[1, 0, 0]] * 2), ShapeError, "one-hot"),
    "cross_entropy, floats": (lambda: F.cross_entropy(X, [0.0, 1.0]), DTypeError, "integer"),
    "cross_entropy, range": (lambda: F.cross_entropy(X, [0, 3]), IndexRangeError, r"3 at \(1,\)"),
    "cross_entropy, negative": (lambda: F.cross_entropy(X, [-1, 0]), IndexRangeError, "-1"),
    "cross_entropy, weight": (
        lambda: F.cross_entropy(X, [0, 1], weight=[1.0, 2.0]),
        ShapeError,
        "classes",
    ),
    "label smoothing": (
        lambda: F.cross_entropy(X, [0, 1], label_smoothing=1.5),
        ArgumentError,
        "label_smoothing",
    ),
    "nll_loss": (lambda: F.nll_loss(X[0], 1), ShapeError, "single sample"),
    "binary_cross_entropy": (
        lambda: F.binary_cross_entropy(X, X),
        ArgumentError,
        "probabilities from 0 to 1",
    ),
    "binary_cross_entropy, NaN": (
        lambda: F.binary_cross_entropy([np.nan], [1.0]),
        ArgumentError,
        "probabilities from 0 to 1",
    ),
    "binary_cross_entropy, weight": (
        lambda: F.binary_cross_entropy([[0.5], [0.5]], [[1.0], [0.0]], weight=[1.0, 2.0]),
        ShapeError,
        "weight that broadcasts",
    ),
    "with logits, pos_weight": (
        lambda: F.binary_cross_entropy_with_logits([[0.5]], [[1.0]], pos_weight=[1.0, 2.0]),
        ShapeError,
        "weight that broadcasts",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_an_error_in_four_parts(name):
    call, kind, text = BAD[name]
    with pytest.raises(kind, match=text) as caught:
        call()
    error = caught.value
    assert isinstance(error, TinyTorchError)
    for part in (error.operation, error.expected, error.got, error.fix):
        assert part
        assert part in str(error)


def test_an_op_error_shows_operands_and_keeps_their_shapes():
    with pytest.raises(ShapeError) as caught:
        _ = X + tensor(np.ones(2))
    assert caught.value.got == "float32 (2, 3), float64 (2,)"
    assert caught.value.shapes == [(2, 3), (2,)]
    with pytest.raises(ShapeError) as caught:
        ops.join(X, 2, None, axis=0)
    assert "float32 (2, 3), 2, None with axis=0" in caught.value.got


def test_the_original_error_is_kept_as_the_cause():
    with pytest.raises(ArgumentError) as caught:
        X.reshape(4)
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_error_of_ones_own_passes_through():
    @op
    def picky(x):
        raise DTypeError("picky", expected="e", got="g", fix="f")

    with pytest.raises(DTypeError, match="picky"):
        picky(X)


def test_two_ops_of_one_name_are_an_error():
    def mul(x):
        return x

    mul.__module__ = "elsewhere"
    with pytest.raises(ArgumentError, match="'mul'"):
        op(mul)


def test_an_error_tells_of_unknown_attributes():
    error = ShapeError("a", expected="b", got="c", fix="d", axis=3)
    assert error.axis == 3
    with pytest.raises(AttributeError, match="ShapeError"):
        _ = error.missing


def test_an_error_passes_between_processes_with_its_values_and_notes():
    error = ShapeError("a", expected="b", got="c", fix="d", axis=3)
    assert pickle.loads(pickle.dumps(error)).axis == 3
    error.add_note("while reading index 7")
    again = pickle.loads(pickle.dumps(error))
    assert again.__notes__ == ["while reading index 7"]
    assert (type(again), str(again)) == (ShapeError, str(error))
