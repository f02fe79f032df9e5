"""What type checkers are told of results is what they are: a Variable makes a Variable.

mypy reads the types (`nox -s types`), pytest compares them with what comes.
"""

from collections.abc import Iterator
from typing import Any, assert_type

import numpy as np
import pytest

from tinytorch.autograd import Variable, hvp, jacobian, nn, no_grad, vjp
from tinytorch.autograd.nn import Buffer, Parameter
from tinytorch.data import TensorDataset
from tinytorch.spatial import AdaptiveAvgPool2d, Conv2d, Dropout2d, MaxPool2d, Upsample
from tinytorch.spatial import functional as images
from tinytorch.tensor import (
    Tensor,
    concatenate,
    einsum,
    flip,
    maximum,
    norm,
    ones,
    ops,
    pad,
    split,
    stack,
    take_along_axis,
    topk,
    where,
)
from tinytorch.tensor import functional as F

array = np.ones((2, 2), np.float32)
tensor, buffer = Tensor(array), Buffer(array)
variable, parameter = Variable(array), Parameter(array)
picture, kernel = ones(1, 1, 2, 2), Parameter(np.ones((1, 1, 1, 1), np.float32))


def of_operators() -> Iterator[tuple[Tensor, type[Tensor]]]:
    yield assert_type(tensor + 1, Tensor), Tensor
    yield assert_type(tensor @ variable, Variable), Variable
    yield assert_type(2 * parameter, Variable), Variable
    yield assert_type(variable - array, Variable), Variable


def of_ops() -> Iterator[tuple[Tensor, type[Tensor]]]:
    yield assert_type(F.relu(tensor), Tensor), Tensor
    yield assert_type(F.relu(array), Any), Tensor
    yield assert_type(F.relu(buffer), Tensor), Tensor
    yield assert_type(F.relu(variable), Variable), Variable
    yield assert_type(F.relu(parameter), Variable), Variable
    yield assert_type(maximum(tensor, parameter), Variable), Variable
    yield assert_type(where(tensor > 0, variable, 0.0), Variable), Variable
    yield assert_type(ops.mul(buffer, parameter), Variable), Variable


def of_tensors() -> Iterator[tuple[Tensor, type[Tensor]]]:
    yield assert_type(norm(tensor), Tensor), Tensor
    yield assert_type(norm(variable), Variable), Variable
    yield assert_type(topk(variable, 1).values, Variable), Variable
    yield assert_type(topk(tensor, 1).values, Tensor), Tensor
    yield assert_type(split(variable, 1)[0], Variable), Variable
    yield assert_type(stack([variable, parameter]), Variable), Variable
    yield assert_type(concatenate([tensor, tensor]), Tensor), Tensor
    yield assert_type(pad(variable, 1), Variable), Variable
    yield assert_type(flip(tensor), Tensor), Tensor
    yield assert_type(einsum("ij,jk", tensor, variable), Variable), Variable
    yield assert_type(variable.argmax(axis=0), Tensor), Tensor
    yield assert_type(variable.argsort(), Tensor), Tensor
    yield assert_type(~(tensor > 0), Tensor), Tensor
    yield assert_type(take_along_axis(variable, [[0, 1]], axis=0), Variable), Variable


def of_functional() -> Iterator[tuple[Tensor, type[Tensor]]]:
    yield assert_type(F.softmax(tensor), Tensor), Tensor
    yield assert_type(F.softmax(array), Any), Tensor
    yield assert_type(F.gelu(parameter), Variable), Variable
    yield assert_type(F.linear(tensor, parameter), Variable), Variable
    yield assert_type(F.layer_norm(tensor, 2, variable[0]), Variable), Variable
    yield assert_type(F.dropout(variable, training=False), Variable), Variable
    yield assert_type(F.mse_loss(variable, tensor), Variable), Variable
    yield assert_type(F.mse_loss(tensor, variable), Variable), Variable
    yield assert_type(F.mse_loss(tensor, array), Tensor), Tensor
    yield assert_type(F.cross_entropy(variable, [0, 1]), Variable), Variable
    yield assert_type(F.cross_entropy(tensor, [0, 1]), Tensor), Tensor
    yield assert_type(F.mean_over(variable.sum(), 2), Variable), Variable
    yield assert_type(F.mean_over(tensor.sum(), 2), Tensor), Tensor


def of_images() -> Iterator[tuple[Tensor, type[Tensor]]]:
    yield assert_type(images.conv2d(picture, kernel), Variable), Variable
    yield assert_type(images.conv2d(picture, picture), Tensor), Tensor
    yield assert_type(images.max_pool2d(kernel, 1), Variable), Variable
    yield assert_type(images.avg_pool2d(picture, 2), Tensor), Tensor
    yield assert_type(images.batch_norm2d(picture, kernel.reshape(1)), Variable), Variable
    yield assert_type(images.upsample(kernel, 2), Variable), Variable


def of_modules() -> Iterator[tuple[Tensor, type[Tensor]]]:
    yield assert_type(nn.ReLU().forward(variable), Variable), Variable
    yield assert_type(nn.Softmax().forward(tensor), Tensor), Tensor
    yield assert_type(nn.Flatten().forward(parameter), Variable), Variable
    yield assert_type(nn.Identity().forward(tensor), Tensor), Tensor
    yield assert_type(nn.Linear(2, 1).forward(tensor), Variable), Variable
    yield assert_type(nn.LayerNorm(2).forward(array), Variable), Variable
    yield assert_type(nn.Embedding(2, 1).forward([0, 1]), Variable), Variable
    yield assert_type(Conv2d(1, 1, 1).forward(picture), Variable), Variable
    yield assert_type(nn.Dropout(0.0).forward(variable), Variable), Variable
    yield assert_type(MaxPool2d(2).forward(picture), Tensor), Tensor
    yield assert_type(AdaptiveAvgPool2d(1).forward(kernel), Variable), Variable
    yield assert_type(Upsample(2).forward(kernel), Variable), Variable
    yield assert_type(Dropout2d(0.0).forward(picture), Tensor), Tensor


@no_grad
def negative(x: Tensor) -> Tensor:
    return -x


@no_grad()
def doubled(x: Tensor) -> Tensor:
    return 2 * x


def of_others() -> Iterator[tuple[Tensor, type[Tensor]]]:
    yield assert_type(negative(variable), Tensor), Tensor
    yield assert_type(doubled(variable), Tensor), Tensor
    yield assert_type(vjp(ops.exp, tensor)[0], Tensor), Tensor
    yield assert_type(jacobian(ops.exp)(tensor), Tensor), Tensor
    yield assert_type(hvp(lambda x: (x**3).sum(), tensor, tensor), Tensor), Tensor
    yield assert_type(TensorDataset(array)[0][0], Tensor), Tensor


OF = [of_operators, of_ops, of_tensors, of_functional, of_images, of_modules, of_others]


@pytest.mark.parametrize("results", OF)
def test_results_have_the_types_that_checkers_are_told(results: Any) -> None:
    for result, kind in results():
        assert type(result) is kind
