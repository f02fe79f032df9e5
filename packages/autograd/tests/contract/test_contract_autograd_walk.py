"""Step 2, the walk: a chain, a diamond, and every result once; with the row of mul alone."""

import pytest

from tinytorch.tensor import GradientError, ShapeError, Tensor, tensor

pytestmark = pytest.mark.step(2)
ROW = "`.backward(...)`"


def test_a_product_gives_each_the_other(autograd, expect):
    x, y = autograd.Variable(3.0), autograd.Variable(5.0)
    gradients = (x * y).backward()
    expect(gradients[x], 5.0, "d(x y)/dx is y", ROW)
    expect(gradients[y], 3.0, "d(x y)/dy is x", ROW)


def test_a_chain_multiplies(autograd, expect):
    x = autograd.Variable(3.0)
    gradients = (x * 2.0 * 5.0).backward()
    expect(gradients[x], 10.0, "the gradient that arrives is handed on, times the row's", ROW)


def test_a_diamond_adds(autograd, expect):
    x = autograd.Variable(3.0)
    y = x * 2.0
    expect((y * y).backward()[x], 24.0, "the second path overwrites the first: they add", ROW)


def test_an_operand_used_twice_adds(autograd, expect):
    x = autograd.Variable(3.0)
    expect((x * x).backward()[x], 6.0, "two gradients arrive at x, and add", ROW)


def test_paths_of_unlike_length_add_before_they_go_on(autograd, expect):
    x = autograd.Variable(2.0)
    y = x * 3.0
    expect((y * y * y * x).backward()[x], 864.0, "a result was undone before all arrived", ROW)


def test_each_result_is_undone_once(autograd, expect):
    x = y = autograd.Variable(1.0)
    for _ in range(60):
        y = y * y
    expect(y.backward()[x], 2.0**60, "each path is walked by itself: 2**60 of them", ROW)


def test_depth_is_no_limit(autograd, expect):
    x = y = autograd.Variable(1.0)
    for _ in range(20_000):
        y = y * 1.0
    expect(y.backward()[x], 1.0, "a walk that calls itself ends at Python's limit", ROW)


def test_a_leaf_goes_backward_to_itself(autograd, expect):
    x = autograd.Variable(2.0)
    expect(x.backward()[x], 1.0, "the gradient of x by x is 1", ROW)


def test_the_gradient_is_kept_in_grad(autograd, expect):
    x = autograd.Variable(3.0)
    (x * x).backward()
    expect(x.grad, 6.0, "backward writes to each leaf's grad", "`.grad`")
    assert type(x.grad) is Tensor, "a gradient is a plain Tensor  [contract: `.grad`]"


def test_grad_adds_up_over_calls(autograd, expect):
    x = autograd.Variable(3.0)
    (x * 2.0).backward()
    second = (x * 5.0).backward()
    expect(x.grad, 7.0, "grad was overwritten: it adds up until it is set to None", "`.grad`")
    expect(second[x], 5.0, "what is returned is this call's alone", ROW)


def test_results_on_the_way_keep_no_gradient(autograd):
    x = autograd.Variable(3.0)
    y = x * 2.0
    (y * y).backward()
    assert y.grad is None, "only leaves keep theirs  [contract: `.grad`]"


def test_the_gradients_that_are_returned_know_their_leaves(autograd):
    x, y, other = (autograd.Variable(n) for n in (1.0, 2.0, 3.0))
    gradients = (x * y).backward()
    assert {id(leaf) for leaf in gradients} == {id(x), id(y)}
    assert len(gradients) == 2
    assert x in gradients
    assert other not in gradients
    assert gradients.get(other) is None
    with pytest.raises(KeyError):
        gradients[other]


def test_plain_tensors_get_none(autograd):
    x, constant = autograd.Variable(3.0), tensor(2.0)
    gradients = (x * constant).backward()
    assert len(gradients) == 1, f"a Tensor is a constant  [contract: {ROW}]"


def test_the_gradient_that_arrives_may_be_given(autograd, expect):
    x = autograd.Variable([1.0, 2.0])
    gradients = (x * x).backward(tensor([1.0, 10.0]))
    expect(gradients[x], [2.0, 40.0], "gradient= is where the walk begins, in place of 1", ROW)
    expect((x * 3.0).backward([1.0, 1.0])[x], [3.0, 3.0], "a list will do", ROW)


def test_several_elements_want_a_gradient_of_their_shape(autograd):
    x = autograd.Variable([1.0, 2.0])
    with pytest.raises(ShapeError):
        (x * x).backward()
    with pytest.raises(ShapeError):
        (x * x).backward(tensor([1.0]))


def test_one_element_of_any_shape_needs_none(autograd, expect):
    x = autograd.Variable([[2.0]])
    expect((x * x).backward()[x], [[4.0]], "one element: its gradient is 1, in its shape", ROW)


def test_a_row_runs_only_for_operands_that_need_it(autograd):
    from tinytorch.tensor import op

    @op
    def contract_product(x, y):
        return x * y

    def never(g, z, x, y):
        raise AssertionError("y is no Variable: its row need not run")

    autograd.derivative(contract_product, lambda g, z, x, y: g * y, never)
    contract_product(autograd.Variable(2.0), tensor(3.0)).backward()


def test_an_op_without_derivative_is_named(autograd):
    from tinytorch.tensor import op

    @op
    def contract_bare(x):
        return x * 2

    with pytest.raises(GradientError) as caught:
        contract_bare(autograd.Variable(2.0)).backward()
    assert "contract_bare" in str(caught.value), "which op has no row?  [contract: `derivative`]"


def test_rows_get_the_gradient_the_result_the_operands_and_the_settings(autograd, expect):
    from tinytorch.tensor import op

    seen = []

    @op
    def contract_scaled(x, y, *, scale=1.0):
        return x * y * scale

    def row(g, z, x, y, scale=1.0):
        seen.append([float(v.data) for v in (g, z, x)] + [scale])
        return g * y * scale

    autograd.derivative(contract_scaled, row, None)
    x = autograd.Variable(3.0)
    expect(contract_scaled(x, 2.0, scale=5.0).backward(7.0)[x], 70.0, "g y scale", "`derivative`")
    assert seen == [[7.0, 30.0, 3.0, 5.0]], "g, z, x, and scale  [contract: `derivative`]"


def test_none_stands_for_an_operand_without_gradient(autograd):
    from tinytorch.tensor import op

    @op
    def contract_gate(mask, x):
        return mask * x

    autograd.derivative(contract_gate, None, lambda g, z, mask, x: g * mask)
    mask, x = autograd.Variable(2.0), autograd.Variable(3.0)
    gradients = contract_gate(mask, x).backward()
    assert mask not in gradients
    assert gradients[x].item() == 2.0


def test_an_operand_left_out_reaches_the_rows(autograd, expect):
    from tinytorch.tensor import op

    @op
    def contract_affine(x, factor=4.0, shift=None):
        return x * factor if shift is None else x * factor + shift

    autograd.derivative(
        contract_affine,
        lambda g, z, x, factor, shift: g * factor,
        lambda g, z, x, factor, shift: g * x,
        lambda g, z, x, factor, shift: g,
    )
    x = autograd.Variable(3.0)
    expect(contract_affine(x).backward()[x], 4.0, "the op's default is the row's", "`derivative`")
    expect(contract_affine(x, 2.0).backward()[x], 2.0, "factor was given", "`derivative`")


def test_an_op_has_one_derivative(autograd):
    from tinytorch.tensor import ArgumentError, op

    @op
    def contract_twice(x):
        return x * 2

    autograd.derivative(contract_twice, lambda g, z, x: g * 2)
    with pytest.raises(ArgumentError):
        autograd.derivative(contract_twice, lambda g, z, x: g * 3)


def test_values_are_not_changed_by_a_walk(autograd):
    x, y = autograd.Variable([2.0, 3.0]), autograd.Variable([4.0, 5.0])
    z = x * y
    z.backward([1.0, 1.0])
    assert (x.tolist(), y.tolist(), z.tolist()) == ([2.0, 3.0], [4.0, 5.0], [8.0, 15.0])
