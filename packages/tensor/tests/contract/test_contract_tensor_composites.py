"""Functions made of others, in several steps: parts, order, lengths; and PyTorch's names."""

import math
import sys
from types import ModuleType

import numpy as np
import pytest

X = np.array([[3.0, -1.0, 3.0], [0.5, 2.0, -4.0]])


@pytest.mark.step(6)
@pytest.mark.parametrize(
    ("lengths", "axis", "expected"),
    [
        (2, 1, [X[:, :2], X[:, 2:]]),
        (1, 0, [X[:1], X[1:]]),
        ([1, 2], -1, [X[:, :1], X[:, 1:]]),
        ([0, 3], 1, [X[:, :0], X]),
    ],
)
def test_split(tensor, lengths, axis, expected):
    parts = tensor.split(X, lengths, axis)
    wanted = [part.tolist() for part in expected]
    message = "the length of each part, not their number  [contract: `split`]"
    assert [part.tolist() for part in parts] == wanted, message


@pytest.mark.step(6)
def test_parts_must_add_up(tensor):
    with pytest.raises(tensor.ShapeError):
        tensor.split(X, [1, 1], 1)
    with pytest.raises(tensor.ArgumentError):
        tensor.split(X, 0)


@pytest.mark.step(4)
@pytest.mark.parametrize("k", [-1, 0, 1])
@pytest.mark.parametrize("name", ["tril", "triu"])
def test_triangles(tensor, expect, name, k):
    got = getattr(tensor, name)(np.stack([X, X + 1]), k)
    wanted = getattr(np, name)(np.stack([X, X + 1]), k)
    expect(got, wanted, "k counts diagonals upward from the main one", f"`{name}`")
    with pytest.raises(tensor.ShapeError):
        getattr(tensor, name)(X[0], k)


@pytest.mark.step(5)
@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
def test_logsumexp(tensor, expect, axis):
    got = tensor.logsumexp(X, axis, keepdims=True)
    wanted = np.log(np.exp(X).sum(axis, keepdims=True))
    expect(got, wanted, "the axis, and keepdims", "`logsumexp`", 1e-12)
    big = tensor.logsumexp(np.array([1000.0, 1000.0]))
    expect(big, 1000 + math.log(2), "subtract the maximum first", "`logsumexp`")
    assert tensor.logsumexp(np.array([-math.inf])).item() == -math.inf


@pytest.mark.step(5)
@pytest.mark.parametrize("order", [0, 1, 2, 3, math.inf, -math.inf])
def test_norm(tensor, expect, order):
    wanted = [np.linalg.norm(row, order) for row in X]
    expect(tensor.norm(X, order, axis=1), wanted, f"the norm of order {order}", "`norm`", 1e-6)
    assert tensor.norm(X).item() == pytest.approx(math.sqrt((X * X).sum()))
    with pytest.raises(tensor.ArgumentError):
        tensor.norm(X, "two")


@pytest.mark.step(6)
def test_the_largest_and_where_they_are(tensor):
    row = "`topk`"
    values, indices = tensor.topk(X, 2)
    assert values.tolist() == [[3, 3], [2, 0.5]], f"the largest first  [contract: {row}]"
    assert indices.tolist() == [[0, 2], [1, 0]], f"of equals the first  [contract: {row}]"
    assert indices.dtype == np.int64
    assert tensor.topk(X, 1, axis=0, largest=False).values.tolist() == [[0.5, -1, -4]]
    with pytest.raises(tensor.ShapeError):
        tensor.topk(X, 4)


@pytest.mark.step(6)
@pytest.mark.parametrize(
    ("settings", "expected"),
    [({}, [[1, 0, 2], [2, 0, 1]]), ({"descending": True}, [[0, 2, 1], [1, 0, 2]])],
)
def test_argsort(tensor, ops, settings, expected):
    message = "along the last axis, equals in their order  [contract: `ops.argsort`]"
    assert ops.argsort(X, **settings).tolist() == expected, message
    assert tensor.tensor(X).argsort(**settings).tolist() == expected


@pytest.mark.step(8)
def test_kl_div(functional, expect):
    p, q = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[0.25, 0.75], [0.5, 0.5]])
    rows = np.array([(0.5 * np.log(0.5 / q[0])).sum(), math.log(2)])
    for reduction, wanted in (
        ("sum", sum(rows)),
        ("mean", sum(rows) / 4),
        ("batchmean", rows.mean()),
    ):
        got = functional.kl_div(np.log(q), p, reduction)
        expect(got, wanted, "sum of p (log p - log q); 0 log 0 is 0", "`kl_div`", 1e-9)
    got = functional.kl_div(np.log(q[:1]), np.log(p[:1]), "sum", log_target=True)
    expect(got, rows[0], "targets are logarithms", "`kl_div`", 1e-9)


def test_classes_are_drawn_in_proportion(tensor):
    drawn = tensor.random.categorical([1.0, 0.0, 3.0], (20_000,), rng=0).numpy()
    assert drawn.dtype == np.int64
    assert abs((drawn == 2).mean() - 0.75) < 0.02
    assert not (drawn == 1).any()
    assert tensor.random.categorical(np.ones((4, 3)), (2,), rng=0).shape == (2, 4)
    with pytest.raises(tensor.ArgumentError):
        tensor.random.categorical([1.0, -1.0])


def test_pytorchs_names_lead_to_ours(tensor, functional):
    owners = {"torch": [tensor], "F": [functional], "Tensor": [tensor.ones(2)]}
    for name in ("torch.cat", "F.normalize", "Tensor.view"):
        tensor.testing.assert_told(tensor.pytorch.find(name), owners)
    with pytest.raises(AssertionError):
        tensor.testing.assert_told(tensor.pytorch.find("F.pad"), {"F": [tensor]})
    row = tensor.pytorch.find("no such name", "Tensor.view")
    assert isinstance(row, tensor.pytorch.Row)
    assert row in tensor.pytorch.rows("tensor")
    names = dict(vars(tensor))
    exec(tensor.pytorch.given("tensor"), names)
    assert eval(row.ours, names).shape == (3, 2)
    assert (row.name, bool(row.theirs), bool(row.ours)) == ("Tensor.view", True, True)


def test_a_name_that_nobody_has(tensor):
    unknown = tensor.pytorch.unknown
    assert isinstance(unknown("tinytorch.tensor", "cat", "torch"), tensor.NamingError)
    assert type(unknown("tinytorch.tensor", "nobody", "torch")) is AttributeError


def test_a_name_that_is_imported(tensor):
    with pytest.raises(tensor.NameImportError):
        from tinytorch.tensor import cat  # noqa: F401
    assert issubclass(tensor.NameImportError, ImportError)


def test_keywords_of_pytorchs_are_told(tensor, functional):
    names = {"x": tensor.ones(2, 3), "F": functional}
    for call in ("x.sum(dim=0)", "F.softmax(x, dim=0)"):
        tensor.testing.assert_keyword_told(call, names)
    with pytest.raises(AssertionError):
        tensor.testing.assert_keyword_told("dict(dim=1)", names)


def test_keywords_of_pytorchs_are_refused(tensor):
    class Layer(tensor.pytorch.Guided):
        def __init__(self, axis=-1):
            self.axis = axis

    assert Layer(axis=1).axis == 1
    for refused in (Layer, lambda dim: tensor.errors.refuse_foreign("Layer", Layer, {"dim": dim})):
        with pytest.raises(tensor.UsageError) as caught:
            refused(dim=1)
        assert caught.value.operation == "Layer"
    tensor.errors.refuse_foreign("Layer", Layer, {"axis": 1})


def test_a_module_points_to_ours(tensor, monkeypatch):
    mine = ModuleType("mine")
    monkeypatch.setitem(sys.modules, "mine", mine)
    tensor.pytorch.point_out("mine", "torch")
    with pytest.raises(tensor.NamingError):
        _ = mine.cat
    with pytest.raises(tensor.NameImportError):
        exec("from mine import unsqueeze", {})
    with pytest.raises(AttributeError, match="nobody"):
        _ = mine.nobody


def test_a_class_points_to_ours(tensor):
    class Mine:
        pass

    tensor.pytorch.point_out(Mine, "Tensor")
    with pytest.raises(tensor.NamingError):
        _ = Mine().view
    assert "view" not in dir(Mine())
