"""Every op of the tensor layer has a derivative that is right to second order, or says it has none.

gradcheck itself is tested here too: it must reject what is planted in each family of ops.
"""

import pytest

from tinytorch.autograd.testing import check_gradients, has_derivative
from tinytorch.tensor import ops
from tinytorch.tensor.testing.cases import CASES


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_gradients_of_case_to_second_order(case):
    check_gradients(case)


def test_every_op_has_a_derivative_or_declares_none():
    own = [one for one in ops.registry() if one.__module__.startswith("tinytorch.tensor.")]
    assert [one.name for one in own if has_derivative(one) != one.differentiable] == []
