"""A Variable's history as text and as a picture."""

import re

import numpy as np
import pytest

from tinytorch.autograd import Variable, graph, nn
from tinytorch.tensor import DTypeError, ones, ops, tensor


def test_text_has_a_line_for_each_leaf_and_op_oldest_first():
    x, w = Variable([[1.0, 2.0]]), nn.Parameter([[3.0, 4.0]])
    y = ops.linear(x, w, None)
    z = (y * y + 2.0).sum(axis=0)
    assert graph.to_text(z, names={"w": w}).splitlines() == [
        "%0 = Variable (1, 2)",
        "%1 = Parameter (1, 2) w",
        "%2 = linear(%0, %1, None) (1, 1)",
        "%3 = mul(%2, %2) (1, 1)",
        "%4 = add(%3, 2.0) (1, 1)",
        "%5 = sum(%4, axis=0, keepdims=False) (1,)",
    ]


def test_arrays_are_shown_by_their_shape():
    x = Variable([1.0, 2.0])
    y = x[np.array([0, 1])] * tensor([1.0, 2.0])
    assert graph.to_text(y).splitlines()[1:] == [
        "%1 = getitem(%0, index=ndarray(2,)) (2,)",
        "%2 = mul(%1, Tensor(2,)) (2,)",
    ]


def test_names_of_what_is_no_part_of_the_graph_are_left_out():
    x = Variable([1.0, 2.0])
    text = graph.to_text(x * 2.0, names={"x": x, "constant": tensor([1.0])})
    assert text.splitlines() == ["%0 = Variable (2,) x", "%1 = mul(%0, 2.0) (2,)"]


def test_a_graph_that_is_used_up_says_so():
    x = Variable(2.0)
    y = x * x
    y.backward()
    assert graph.to_text(y) == "%0 = mul(used up) ()"
    assert "->" not in graph.to_dot(y)


def test_a_leaf_is_its_own_history():
    assert graph.to_text(Variable(2.0)) == "%0 = Variable ()"


def test_dot_draws_boxes_ellipses_and_arrows():
    x = Variable([1.0, 2.0])
    y = (x * x).sum()
    assert graph.to_dot(y, names={"x": x}).splitlines() == [
        "digraph {",
        "  rankdir=LR",
        '  n0 [shape=box, style=filled, fillcolor="#dbe9f6", label="x\\n(2,)"]',
        '  n1 [label="mul"]',
        '  n0 -> n1 [label="(2,)"]',
        '  n0 -> n1 [label="(2,)"]',
        '  n2 [label="sum"]',
        '  n1 -> n2 [label="(2,)"]',
        "}",
    ]
    assert "Variable" in graph.to_dot(y)


def test_a_deep_graph_is_no_problem():
    y = Variable(1.0)
    for _ in range(5_000):
        y = y + 1.0
    assert len(graph.to_text(y).splitlines()) == 5_001


@pytest.mark.parametrize("show", [graph.to_text, graph.to_dot])
def test_a_tensor_has_no_history(show):
    with pytest.raises(DTypeError, match="no_grad"):
        show(tensor(1.0))


def test_a_drawing_has_a_box_for_each_leaf_and_op_and_an_arrow_for_each_operand():
    x, w = Variable([1.0, 2.0]), Variable(3.0)
    drawing = graph.draw((x * w).sum() + x[0] * x[0], names={"w": w, "x": x})
    svg = drawing._repr_svg_()
    assert re.findall(r">(\w+)</text>", svg).count("mul") == 2
    assert svg.count("<rect") == 8
    assert svg.count("marker-end") == 9
    assert ">w</text>" in svg
    assert repr(drawing).startswith("Drawing(8 nodes")


def test_a_drawing_goes_down_from_leaves_to_the_result():
    x = Variable([1.0, 2.0])
    svg = graph.draw(x.exp() * x, names={"x": x}).svg
    tops = dict(re.findall(r'y="(\d+)">(\w+)</text>', svg)[i][::-1] for i in range(3))
    assert int(tops["x"]) < int(tops["exp"]) < int(tops["mul"])


def test_a_drawing_is_written_as_it_is_shown(tmp_path):
    drawing = graph.draw(Variable(2.0) * 3, names={"a<b": Variable(1.0)})
    drawing.save(tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8") == drawing.svg


def test_a_picture_of_a_plain_tensor_is_refused():
    with pytest.raises(DTypeError) as caught:
        graph.draw(ones((2,)))
    assert caught.value.operation == "draw"
