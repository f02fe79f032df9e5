"""The same elements in another arrangement."""

import numpy as np
import pytest

pytestmark = pytest.mark.step(4)
ROW = "`ops`, movement"
X = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        (lambda x: x.reshape(4, 6), X.reshape(4, 6)),
        (lambda x: x.reshape((6, -1)), X.reshape(6, 4)),
        (lambda x: x.T, X.T),
        (lambda x: x.transpose(1, 2, 0), X.transpose(1, 2, 0)),
        (lambda x: x.transpose((-1, 0, 1)), X.transpose(2, 0, 1)),
        (lambda x: x.swapaxes(0, -1), X.swapaxes(0, 2)),
        (lambda x: x.flatten(), X.reshape(-1)),
        (lambda x: x.flatten(1), X.reshape(2, 12)),
        (lambda x: x.expand_dims(1), X[:, None]),
        (lambda x: x.expand_dims(-1), X[..., None]),
        (lambda x: x.expand_dims(0).expand_dims(-1).squeeze(), X),
        (lambda x: x.expand_dims(0).expand_dims(-1).squeeze(-1), X[None]),
        (lambda x: x.expand_dims(0).expand_dims(-1).squeeze([0, 4]), X),
        (lambda x: x.broadcast_to((5, 2, 3, 4)), np.broadcast_to(X, (5, 2, 3, 4))),
    ],
)
def test_methods(tensor, expect, move, expected):
    expect(move(tensor.tensor(X)), expected, "the order of the axes", ROW)


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        (lambda t, x: t.flip(x), X[::-1, ::-1, ::-1]),
        (lambda t, x: t.flip(x, 1), X[:, ::-1]),
        (lambda t, x: t.flip(x, [0, -1]), X[::-1, :, ::-1]),
        (lambda t, x: t.pad(x, 1), np.pad(X, 1)),
        (lambda t, x: t.pad(x, ((1, 0), (0, 2), (0, 0)), 7.0), "padded"),
        (lambda t, x: t.concatenate([x, x]), np.concatenate([X, X])),
        (lambda t, x: t.concatenate([x, x], -1), np.concatenate([X, X], -1)),
        (lambda t, x: t.stack([x, x + 1]), np.stack([X, X + 1])),
        (lambda t, x: t.stack([x, x + 1], axis=-1), np.stack([X, X + 1], -1)),
    ],
)
def test_functions(tensor, expect, move, expected):
    if isinstance(expected, str):
        expected = np.pad(X, ((1, 0), (0, 2), (0, 0)), constant_values=7.0)
    expect(move(tensor, tensor.tensor(X)), expected, "which axis, which side", ROW)


def test_views_share_memory(tensor):
    x = tensor.tensor(X)
    for view in (x.T, x.reshape(24), x.expand_dims(0), x.broadcast_to((2, 2, 3, 4))):
        assert np.shares_memory(view.data, x.data), f"a copy where NumPy has a view [{ROW}]"


@pytest.mark.parametrize(
    "move",
    [
        lambda x: x.reshape(5, 5),
        lambda x: x.transpose(0, 0, 1),
        lambda x: x.swapaxes(0, 3),
        lambda x: x.squeeze(0),
        lambda x: x.expand_dims(5),
        lambda x: x.flatten(3),
        lambda x: x.broadcast_to((2, 3, 5)),
    ],
)
def test_what_does_not_fit_is_an_error_with_four_parts(tensor, move):
    with pytest.raises(tensor.TinyTorchError) as caught:
        move(tensor.tensor(X))
    assert all([caught.value.operation, caught.value.expected, caught.value.got, caught.value.fix])


def test_a_transposition_that_changes_nothing_is_refused(tensor):
    with pytest.raises(tensor.ArgumentError):
        tensor.zeros(2, 3).transpose(0, 1)
