"""Modules: functions compute, modules hold."""

from tinytorch.autograd.nn import init
from tinytorch.autograd.nn._activations import (
    GELU,
    Flatten,
    Identity,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)
from tinytorch.autograd.nn._containers import ModuleDict, ModuleList, Sequential
from tinytorch.autograd.nn._linear import Embedding, Linear
from tinytorch.autograd.nn._module import Module
from tinytorch.autograd.nn._parameter import Buffer, Parameter
from tinytorch.autograd.nn._regularization import Dropout, LayerNorm
from tinytorch.autograd.nn._watching import evaluation
from tinytorch.tensor import pytorch

__all__ = [
    "GELU",
    "Buffer",
    "Dropout",
    "Embedding",
    "Flatten",
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "evaluation",
    "init",
]

pytorch.point_out(Module, "Module")
pytorch.point_out(__name__, "nn", "F")
